"""Checks of losses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import attrs
import numpy as np
from attrs.validators import ge, instance_of, optional

import modnet
from modnet.compose.adapters import adapt
from modnet.compose.parts import make_part
from modnet.compose.plugins import get_host
from modnet.interfaces import Activation, FusedLoss, Loss
from modnet.randomness import Stream
from modnet.testing.checks import Inputs, SkippedError, Suite, catch_error
from modnet.testing.gradcheck.parts import judge_loss
from modnet.testing.gradcheck.smoothness import find_roughness
from modnet.testing.report import Report
from modnet.testing.suites.shared import DTYPES, NO_DERIVATIVE, add_for_arrays, add_other_arrays, add_shared
from modnet.types import Array

NO_PROMISE = "it does not promise to be smooth"
NOT_FUSED = "it knows no fused form with any activation that is registered"
OF_VALUES = "it is for regression: its targets are values, not classes"


@attrs.frozen
class Subject:
    """A loss, for how many outputs it is called, and the activation that they come from."""

    part: Loss
    classes: int = attrs.field(default=4, validator=[instance_of(int), ge(1)])
    output: Activation | None = None
    """None where the loss takes probabilities."""
    largest: float | None = attrs.field(default=None, validator=optional(instance_of((int, float))))

    @property
    def is_single(self) -> bool:
        """True where its one output tells two classes apart."""
        return self.part.is_binary and self.classes == 1

    def outputs(self, *shape: int, dtype: str = "float64") -> Array:
        """Return outputs of this shape along the last axis: probabilities, where no activation is given."""
        if self.output is None:
            return self.shares(*shape, dtype=dtype)
        return np.asarray(self.output(self._draw(*shape).astype(dtype)))

    def shares(self, *shape: int, dtype: str = "float64") -> Array:
        """Return probabilities of this shape along the last axis, which are dense targets of any loss."""
        raised = np.exp(self._draw(*shape))
        total = 1 + raised if self.is_single else raised.sum(axis=-1, keepdims=True)
        return np.asarray((raised / total).astype(dtype))

    def _draw(self, *shape: int) -> Array:
        return np.asarray(Stream(0, ("outputs", *shape)).generator().standard_normal((*shape, self.classes)))

    def indices(self, *shape: int) -> Array:
        """Return class indices of this shape."""
        numbers = np.arange(int(np.prod(shape)), dtype=np.int64).reshape(shape) ** 2 + 1
        return np.asarray(numbers % (2 if self.is_single else self.classes))

    def targets(self, *shape: int, dtype: str = "float64") -> list[Array]:
        """Return targets of both kinds, class indices and dense; of a regression there are no classes."""
        dense = np.asarray(self.shares(*shape, dtype=dtype)[::-1].copy() if shape else self.shares(dtype=dtype))
        return [dense] if self.part.task == "regression" else [self.indices(*shape), dense]


def create_subject(part: Loss, *, output: object = None, **options: Any) -> Subject:
    """Return the subject; `output` is whatever is accepted as an activation."""
    return Subject(part, output=None if output is None else make_part("activation", output), **options)


SUITE = Suite("loss", create_subject)


def check_loss(
    part: object, *, classes: int = 4, output: object = None, largest: float | None = None, raises: bool = True
) -> Report:
    """Check a loss: an instance, a name, or a function.

    `classes` is the number of outputs that it is called with. They are probabilities, or come from the activation
    `output`, for a loss of scores or rates. A fused form must be finite for pre-activations up to `largest`, by default
    1e4. Returns a report; raises ConformanceError, an AssertionError with all of its text, where the part does not
    pass, unless `raises` is False.
    """
    __tracebackhide__ = True
    return SUITE.run(part, classes=classes, output=output, largest=largest, raises=raises)


def batches(subject: Subject) -> list[Inputs]:
    """Return three samples with class indices, and with dense targets."""
    return [{"y": subject.outputs(3), "t": t} for t in subject.targets(3)]


def shapes(subject: Subject) -> Iterator[Inputs]:
    """Return outputs and targets of every shape and dtype."""
    for dtype in DTYPES:
        for shape in ((), (1,), (3,), (2, 3)):
            for t in subject.targets(*shape, dtype=dtype):
                yield {"y": subject.outputs(*shape, dtype=dtype), "t": t}


def differentiable(subject: Subject) -> Subject:
    """Return the loss that has a derivative; raises SkippedError for any other."""
    if choose_calls(subject) is call_forward:
        raise SkippedError(NO_DERIVATIVE)
    return subject


def derivable(subject: Subject) -> Iterator[Inputs]:
    """Yield pre-activations and targets where a derivative is judged; raises SkippedError where there is none."""
    differentiable(subject)
    for t in subject.targets(3):
        yield {"a": 2 * np.log(subject.shares(3)) + 1, "t": t, **list_given(output=subject.output)}


def partners(subject: Subject) -> list[Activation]:
    """Return the activations that it knows a fused form with; raises SkippedError where there are none."""
    found = find_partners(subject)
    if not found:
        raise SkippedError(NOT_FUSED)
    return found


def find_partners(subject: Subject) -> list[Activation]:
    """Return the activations that it knows a fused form with."""
    found = [activation for name in get_host().registry.names("activation") if (activation := _default(name))]
    found = [subject.output] if subject.output else found
    return [activation for activation in found if subject.part.fused(activation) is not None]


def _default(name: str) -> Activation | None:
    try:
        return modnet.activation(name)
    except modnet.SettingError:  # one that has a setting without a default
        return None


def shared_cases(subject: Subject) -> list[Inputs]:
    """Return the inputs of the shared probes."""
    other = {"y": subject.outputs(2), "t": subject.targets(2)[0]}
    return [{"use": choose_calls(subject), "inputs": inputs, "other": other} for inputs in batches(subject)]


def choose_calls(subject: Subject) -> Callable[..., Any]:
    """Return the function that calls a loss and, if it has one, its derivative."""
    error = catch_error(call_both, subject.part, batches(subject)[0])
    return call_forward if isinstance(error, modnet.NoDerivativeError) else call_both  # checks find any other error


def call_forward(part: Any, y: Any, t: Any) -> Any:
    """Call a loss."""
    return [part(y, t)]


def call_both(part: Any, y: Any, t: Any) -> Any:
    """Call a loss, and its derivative."""
    return [part(y, t), part.backward(y, t)]


@SUITE.check(shapes)
def one_per_sample(part: Any, y: Any, t: Any) -> None:
    """There is one value for each sample, of the outputs' dtype, whatever the number of axes."""
    losses = np.asarray(part(y, t))
    assert (losses.shape, losses.dtype) == (y.shape[:-1], y.dtype), (
        f"{y.dtype} {y.shape} gives {losses.dtype} {losses.shape}"
    )


@SUITE.check(batches)
def rows(part: Any, y: Any, t: Any) -> None:
    """A batch gives what its samples give one by one."""
    alone = [part(y[i], np.asarray(t[i])) for i in range(len(y))]
    np.testing.assert_allclose(part(y, t), alone, rtol=1e-9, atol=1e-9)


@SUITE.check(
    lambda subject: [
        {"y": subject.outputs(2, 3), "t": t, "axis": axis} for axis in (0, 1, -2) for t in subject.targets(2, 3)
    ]
)
def axis(part: Any, y: Any, t: Any, axis: int) -> None:
    """Along another axis it gives what it gives along the last one."""
    turned = np.moveaxis(t, -1, axis) if t.ndim == y.ndim else t
    found = part(np.moveaxis(y, -1, axis), turned, axis=axis)
    np.testing.assert_allclose(found, part(y, t), rtol=1e-9, atol=1e-9)


def of_classes(subject: Subject) -> list[Inputs]:
    """Return class indices of any integer type; raises SkippedError for a loss of values."""
    if subject.part.task == "regression":
        raise SkippedError(OF_VALUES)
    return [{"y": subject.outputs(3), "t": subject.indices(3).astype(dtype)} for dtype in ("int64", "int32", "uint8")]


@SUITE.check(of_classes, OF_VALUES)
def targets(part: Any, y: Any, t: Any) -> None:
    """Class indices, of any integer type, and one-hot rows are the same target."""
    n = y.shape[-1]
    dense = np.eye(max(n, 1 + part.is_binary))[t][..., -n:]  # of one output, those of the second class
    np.testing.assert_allclose(part(y, t), part(y, dense), rtol=1e-9, atol=1e-9)


@SUITE.check(
    lambda subject: [
        {"use": choose_calls(subject), "y": inputs["y"][:0], "t": inputs["t"][:0]} for inputs in batches(subject)
    ]
)
def empty(part: Any, use: Any, y: Any, t: Any) -> None:
    """A batch of no samples has no losses, and no derivatives."""
    shapes = [np.shape(values) for values in use(part, y, t)]
    assert shapes == [(0,), y.shape][: len(shapes)], f"it gives shapes {shapes}"


def list_given(**options: Any) -> Inputs:
    """Return the options that are given; examples show no others."""
    return {name: value for name, value in options.items() if value is not None}


def certain_cases(subject: Subject) -> Iterator[Inputs]:
    """Yield outputs that are certain, right and wrong."""
    for wrong in (0, 1):
        yield {"classes": subject.classes, "wrong": wrong}


@SUITE.check(
    lambda subject: [
        {"use": choose_calls(subject), **case, "dtype": dtype, **list_given(output=subject.output)}
        for dtype in DTYPES
        for case in certain_cases(subject)
    ]
)
def certain(part: Any, use: Any, classes: int, wrong: int, dtype: str, output: Any = None) -> None:
    """Loss and derivative are finite where the outputs are certain, right or wrong."""
    t = np.roll(np.arange(max(classes, 1 + part.is_binary)), wrong)
    y = np.eye(len(t), dtype=dtype)[:, -classes:]
    y = output(80 * y - 40) if output else y  # 40 is enough, and overflows nowhere
    for values in use(part, y, np.eye(len(t), dtype=dtype)[t] if part.task == "regression" else t):
        assert np.isfinite(values).all(), (
            f"{values[~np.isfinite(values)][0]} comes of {y[0]} and {t[0]}; if its outputs are never such, name the "
            "activation that they come from: output=NAME"
        )


@SUITE.check(derivable, NO_DERIVATIVE)
def derivative(part: Any, a: Any, t: Any, output: Any = None) -> None:
    """`backward` returns the derivative of each sample's loss, as a Taylor-remainder test judges it."""
    plain: Any = adapt("activation", output.__call__) if output else modnet.activation("sigmoid")
    verdict = judge_loss(part, plain, a, t, Stream(0))
    assert not (verdict and verdict.is_failure), verdict.explanation


@SUITE.check(lambda subject: shapes(differentiable(subject)), NO_DERIVATIVE)
def backward(part: Any, y: Any, t: Any) -> None:
    """`backward` keeps the outputs' shape and dtype, and treats samples, kinds of target and axes alike."""
    dy = part.backward(y, t)
    assert (dy.shape, dy.dtype) == (y.shape, y.dtype), f"{y.dtype} {y.shape} gives {dy.dtype} {dy.shape}"
    alone = [part.backward(y[i], np.asarray(t[i])) for i in np.ndindex(y.shape[:-1])]
    np.testing.assert_allclose(dy, np.reshape(alone, y.shape), rtol=1e-4, atol=1e-5)
    dense = t if t.ndim == y.ndim else np.eye(max(y.shape[-1], 1 + part.is_binary))[t][..., -y.shape[-1] :]
    np.testing.assert_allclose(dy, part.backward(y, dense), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(dy, part.backward(y.T.copy(), t.T.copy(), axis=0).T, rtol=1e-4, atol=1e-5)


def moved_cases(subject: Subject) -> Iterator[Inputs]:
    """Yield outputs (classes, 1, 1 or 2), targets of both kinds, and moves (classes, 2, 1 or 2), small enough."""
    for dtype in DTYPES:
        y = (subject.outputs(2).T[:, np.newaxis] + (0 if subject.output else 0.01)).round(2)
        shares = (subject.shares(2, 2).T - 0.25).round(2)
        dense = subject.shares(1, 2).transpose(2, 0, 1)[..., ::-1].round(2).astype(dtype)
        for t in (dense,) if subject.part.task == "regression" else (subject.indices(1, 2), dense):
            for size, n in product((1.0, 2.0**-10, 2.0**-25), (1, 2)):
                dy = (size * y * shares).round(12)
                yield {"y": y[..., :n].astype(dtype), "t": t[..., :n], "dy": dy[..., :n].astype(dtype)}


@SUITE.check(moved_cases)
def change(part: Any, y: Any, t: Any, dy: Any) -> None:
    """`change` gives what evaluating and subtracting gives; it broadcasts, and writes to nothing that it was given."""
    check_change(part, (y, t, dy), Loss.change(part, y, t, dy, axis=0), part(y, t, axis=0))


def check_change(form: Any, arrays: Any, expected: Any, losses: Any) -> None:
    """Check the change of a loss or a fused form, whose arguments are `arrays` with the classes first."""
    for values in arrays:
        values.flags.writeable = False
    found = form.change(*arrays, axis=0)
    kind = expected.shape, expected.dtype
    assert (found.shape, found.dtype) == kind, f"expected {kind}, found {(found.shape, found.dtype)}"
    rounding = 100 * np.finfo(found.dtype).eps * (1 + np.abs(losses).max() + np.abs(expected).max())
    np.testing.assert_allclose(found, expected, rtol=0, atol=rounding)
    turned = [np.moveaxis(values, 0, -1) if values.ndim == arrays[0].ndim else values for values in arrays]
    np.testing.assert_allclose(form.change(*turned), found, rtol=0, atol=rounding)


@SUITE.check(
    lambda subject: [
        {"activation": activation, "a": 4 * inputs["y"], "t": inputs["t"], "da": size * inputs["dy"]}
        for activation in partners(subject)
        for inputs in moved_cases(subject)
        for size in (1, 100)
    ],
    NOT_FUSED,
)
def fused_change(part: Any, activation: Any, a: Any, t: Any, da: Any) -> None:
    """A fused form's `change` and `changes_along` give what evaluating and subtracting gives, and write to nothing."""
    form = part.fused(activation)
    losses, y = form(a, t, axis=0)
    directions, steps = da[:, 0] - da[:, 1], np.stack([da[0], da[-1], a[0] - a[-1] + da[0]])[: da.shape[2]]
    directions.flags.writeable = steps.flags.writeable = False
    expected = FusedLoss.changes_along(form, a, y, t, directions, steps)
    check_change(form, (a, y, t, da), FusedLoss.change(form, a, y, t, da, axis=0), losses)
    found = form.changes_along(a, y, t, directions, steps)
    kind = found.shape, found.dtype
    assert kind == (steps.shape, a.dtype), f"{a.dtype} {steps.shape} gives {kind}"
    rounding = 100 * np.finfo(a.dtype).eps * (1 + np.abs(losses).max() + np.abs(expected).max())
    np.testing.assert_allclose(found, expected, rtol=0, atol=rounding)


def lines(subject: Subject) -> Iterator[Inputs]:
    """Yield outputs and directions to go from them, also from pre-activations; raises SkippedError."""
    if not subject.part.smooth:
        raise SkippedError(NO_PROMISE)
    for t in subject.targets():
        y, direction = 0.1 + 0.8 * subject.shares(), np.cos(np.arange(subject.classes) + 1.0)
        if subject.output:  # within the signs of its outputs
            some = subject.outputs()
            yield {"activation": None, "y": some, "direction": direction * np.abs(some), "t": t, "far": 0.9}
        else:
            room = float((np.minimum(y, 1 - y) / np.abs(direction)).min()) * 0.9
            yield {"activation": None, "y": y, "direction": direction, "t": t, "far": room}
            if subject.part.task != "classification":
                yield {"activation": None, "y": y, "direction": direction, "t": t, "far": 16.0}
        for activation in find_partners(subject):
            yield {"activation": activation, "y": np.log(y), "direction": direction, "t": t, "far": 16.0}


@SUITE.check(lines, NO_PROMISE)
def smooth(part: Any, activation: Any, y: Any, direction: Any, t: Any, far: float) -> None:
    """If it promises to be smooth, its values along a line follow polynomials, those of its fused forms too."""
    losses = part.fused(activation).losses if activation else part

    def along(places: Any) -> Any:
        return losses(
            y[:, np.newaxis] + direction[:, np.newaxis] * places,
            np.repeat(t[..., np.newaxis], len(places), axis=-1),
            axis=0,
        )[:, np.newaxis]

    place = find_roughness(along, -far, far)
    advice = (
        ', or task = "classification", if its outputs are probabilities'
        if activation is None and part.task != "classification"
        else ""
    )
    assert place is None, f"it is not smooth to rounding near {y + place * direction}: let smooth be False{advice}"


@SUITE.check(
    lambda subject: [
        {"activation": activation, "a": 4 * np.log(subject.shares(3)), "t": t}
        for activation in partners(subject)
        for t in subject.targets(3)
    ],
    NOT_FUSED,
)
def fused(part: Any, activation: Any, a: Any, t: Any) -> None:
    """The fused form gives the loss and the derivative that activation and loss give one after the other."""
    form, y = part.fused(activation), activation(a)
    losses, outputs = form(a, t)
    np.testing.assert_allclose(outputs, y, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(losses, part(y, t), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(form.losses(a.copy(), t, overwrite_a=True), losses, rtol=1e-9, atol=1e-9)
    try:
        da = activation.backward(a, y, part.backward(y, t))
    except modnet.NoDerivativeError:  # of the fused form alone there is one
        verdict = judge_loss(part, activation, a, t, Stream(0))
        assert not (verdict and verdict.is_failure), verdict.explanation
    else:
        np.testing.assert_allclose(form.backward(a, y, t), da, rtol=1e-6, atol=1e-9)


@SUITE.check(
    lambda subject: [
        {"activation": activation, **case, **list_given(largest=subject.largest)}
        for activation in partners(subject)
        for case in certain_cases(subject)
    ],
    NOT_FUSED,
)
def fused_finite(part: Any, activation: Any, classes: int, wrong: int, largest: float = 1e4) -> None:
    """The fused form and its derivative are finite for large pre-activations, right or wrong."""
    t = np.roll(np.arange(max(classes, 1 + part.is_binary)), wrong)
    a = largest * np.eye(len(t))[:, -classes:]
    t = np.eye(len(t))[t] if part.task == "regression" else t
    form = part.fused(activation)
    losses, y = form(a, t)
    assert np.isfinite(losses).all(), f"the loss is {losses[~np.isfinite(losses)][0]}"
    assert np.isfinite(form.backward(a, y, t)).all(), "its derivative is not finite"


@SUITE.check(
    lambda subject: [
        {"activation": activation, "a": 4 * np.log(inputs["y"]), "t": inputs["t"]}
        for activation in partners(subject)
        for plain in (attrs.evolve(subject, output=None),)
        for inputs in [*shapes(plain), *({"y": i["y"][:0], "t": i["t"][:0]} for i in batches(plain))]
    ],
    NOT_FUSED,
)
def fused_arrays(part: Any, activation: Any, a: Any, t: Any) -> None:
    """The fused form keeps shape and dtype, takes any axis and no samples, and writes to nothing it was given."""
    a.flags.writeable = t.flags.writeable = False
    form = part.fused(activation)
    losses, y = form(a, t)
    y.flags.writeable = False
    da = form.backward(a, y, t)
    found = [(values.shape, values.dtype) for values in (losses, y, da)]
    assert found == [(a.shape[:-1], a.dtype), *[(a.shape, a.dtype)] * 2], f"{a.dtype} {a.shape} gives {found}"
    np.testing.assert_allclose(form(a.T, t.T, axis=0)[0].T, losses, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(form.backward(a.T, y.T, t.T, axis=0).T, da, rtol=1e-4, atol=1e-5)


@SUITE.check(
    lambda subject: [
        {
            "output": subject.output or modnet.activation("softmax"),
            "classes": subject.classes,
            "t": subject.targets(5)[0],
        }
    ]
)
def network(part: Any, output: Any, classes: int, t: Any) -> None:
    """A network with it has a finite gradient, by central differences and by backpropagation."""
    net = modnet.TwoLayerNet(3, 4, classes, output=output, loss=part, weight_init_std=0.5, seed=0)
    x = np.linspace(-1, 1, 3 * len(t)).reshape(-1, 3)
    for estimator in ("central-difference", "backpropagation"):
        for name, gradient in net.gradient(x, t, estimator).items():
            assert np.isfinite(gradient).all(), f"{estimator} gives {gradient[~np.isfinite(gradient)][0]} in {name}"


def calls_of_any(subject: Subject) -> list[Inputs]:
    """Return the inputs of the probe of other libraries' arrays."""
    return [{"call": choose_calls(subject), "inputs": inputs} for inputs in batches(subject)]


add_for_arrays(SUITE, shared_cases)
add_other_arrays(SUITE, calls_of_any)
add_shared(SUITE, shared_cases)
