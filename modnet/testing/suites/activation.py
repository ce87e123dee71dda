"""Checks of activations."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import attrs
import numpy as np
from attrs.validators import ge, instance_of

import modnet
from modnet.compose.plugins import get_host
from modnet.interfaces import Activation
from modnet.randomness import Stream
from modnet.testing.checks import Inputs, SkippedError, Suite, catch_error
from modnet.testing.gradcheck.parts import judge_activation
from modnet.testing.gradcheck.smoothness import find_roughness
from modnet.testing.report import Report
from modnet.testing.suites.shared import DTYPES, NO_DERIVATIVE, add_for_arrays, add_other_arrays, add_shared
from modnet.types import Array

NO_STANDARD = "it does not claim to be a standard function"
NOT_ELEMENTWISE = "it does not claim to be elementwise"
NO_PROMISE = "it does not promise to be smooth"
FAR = 64  # pre-activations up to here are tried for kinks


@attrs.frozen
class Subject:
    """An activation, and where it can be called."""

    part: Activation
    width: int = attrs.field(default=4, validator=[instance_of(int), ge(1)])
    largest: float = attrs.field(default=1e4, validator=instance_of((int, float)))

    def draw(self, *shape: int, dtype: str = "float64") -> Array:
        """Return pre-activations of both signs, some of them far from 0, of this shape and as many units."""
        draw = Stream(0, ("activation", *shape)).generator()
        return (3 * draw.standard_normal((*shape, self.width))).astype(dtype)


SUITE = Suite("activation", Subject, use="--activation $name --iterations 200")


def check_activation(part: object, *, width: int = 4, largest: float = 1e4, raises: bool = True) -> Report:
    """Check an activation: an instance, a name, or a function.

    `width` is the number of units that it is called with, `largest` the magnitude up to which its outputs must be
    finite. Returns a report; raises ConformanceError, an AssertionError with all of its text, where the part does not
    pass, unless `raises` is False.
    """
    __tracebackhide__ = True
    return SUITE.run(part, width=width, largest=largest, raises=raises)


def batches(subject: Subject) -> list[Inputs]:
    """Return pre-activations of three samples."""
    return [{"a": subject.draw(3)}]


def shapes(subject: Subject) -> Iterator[Inputs]:
    """Return pre-activations of every shape and dtype."""
    for dtype in DTYPES:
        for shape in ((), (1,), (3,), (2, 3)):
            yield {"a": subject.draw(*shape, dtype=dtype)}


def with_derivative(subject: Subject) -> Array:
    """Return pre-activations for one that has a derivative; raises SkippedError for any other."""
    if choose_calls(subject) is call_forward:
        raise SkippedError(NO_DERIVATIVE)
    return subject.draw(3)


def shared_cases(subject: Subject) -> list[Inputs]:
    """Return the inputs of the shared probes."""
    return [{"use": choose_calls(subject), "inputs": {"a": subject.draw(3)}, "other": {"a": subject.draw(2)}}]


def choose_calls(subject: Subject) -> Callable[..., Any]:
    """Return the function that calls an activation and, if it has one, its derivative."""
    error = catch_error(call_both, subject.part, {"a": subject.draw(3)})
    return call_forward if isinstance(error, modnet.NoDerivativeError) else call_both  # checks find any other error


def call_forward(part: Any, a: Any) -> Any:
    """Call an activation."""
    return [part(a)]


def call_both(part: Any, a: Any) -> Any:
    """Call an activation, and its derivative."""
    return [z := part(a), part.backward(a, z, np.ones_like(a))]


@SUITE.check(shapes)
def shape_and_dtype(part: Any, a: Any) -> None:
    """The outputs have the shape and the dtype of the input, float64 or float32, whatever the number of axes."""
    z = part(a)
    assert (z.shape, z.dtype) == (a.shape, a.dtype), f"{a.dtype} {a.shape} gives {z.dtype} {z.shape}"


@SUITE.check(lambda subject: [{"a": subject.draw(5)}])
def rows(part: Any, a: Any) -> None:
    """A batch gives what its rows give one by one."""
    np.testing.assert_allclose(part(a), np.stack([part(row) for row in a]), rtol=1e-9, atol=1e-9)


@SUITE.check(lambda subject: [{"a": subject.draw(2, 3), "axis": axis} for axis in (0, 1, -2)])
def axis(part: Any, a: Any, axis: int) -> None:
    """Along another axis it gives what it gives along the last one."""
    z = part(np.moveaxis(a, -1, axis), axis=axis)
    np.testing.assert_allclose(np.moveaxis(z, axis, -1), part(a), rtol=1e-9, atol=1e-9)


@SUITE.check(
    lambda subject: [{"use": choose_calls(subject), "a": subject.draw(3)[:0].astype(dtype)} for dtype in DTYPES]
)
def empty(part: Any, use: Any, a: Any) -> None:
    """A batch of no samples gives no outputs, and no derivatives, of the same dtype."""
    for z in use(part, a):
        assert (z.shape, z.dtype) == (a.shape, a.dtype), f"{a.dtype} {a.shape} gives {z.dtype} {z.shape}"


@SUITE.check(batches)
def layout(part: Any, a: Any) -> None:
    """The memory layout does not matter: reversed, every other row, column by column."""
    for view in (a[::-1], a[::2], np.asfortranarray(a)):
        np.testing.assert_allclose(part(view), part(np.ascontiguousarray(view)), rtol=1e-9, atol=1e-9)


@SUITE.check(lambda subject: [{"use": choose_calls(subject), "a": a} for a in large(subject)])
def finite(part: Any, use: Any, a: Any) -> None:
    """Outputs and derivatives are finite for large inputs of either sign."""
    for values in use(part, a):
        assert np.isfinite(values).all(), f"{values[~np.isfinite(values)][0]} comes of {np.abs(a).max()}"


def large(subject: Subject) -> Iterator[Array]:
    """Yield large pre-activations: all alike, both signs beside each other."""
    for dtype in DTYPES:
        signs = np.array([[1.0], [-1.0]]) * np.ones(subject.width)
        yield (subject.largest * signs).astype(dtype)
        yield (subject.largest * signs * (-1.0) ** np.arange(subject.width)).astype(dtype)


@SUITE.check(lambda subject: [{"a": with_derivative(subject)}], NO_DERIVATIVE)
def derivative(part: Any, a: Any) -> None:
    """`backward` returns the derivative, as a Taylor-remainder test judges it."""
    verdict = judge_activation(part, a, Stream(0))
    assert not (verdict and verdict.is_failure), verdict.explanation


@SUITE.check(lambda subject: [{"a": with_derivative(subject).astype(dtype)} for dtype in DTYPES], NO_DERIVATIVE)
def backward(part: Any, a: Any) -> None:
    """`backward` keeps shape and dtype, and treats rows and axes alike."""
    z = part(a)
    dz = 1 + z * z
    da = part.backward(a, z, dz)
    assert (da.shape, da.dtype) == (a.shape, a.dtype), f"{a.dtype} {a.shape} gives {da.dtype} {da.shape}"
    alone = [part.backward(*arrays) for arrays in zip(a, z, dz, strict=True)]
    np.testing.assert_allclose(da, np.stack(alone), rtol=1e-4, atol=1e-5)
    turned = part.backward(a.T.copy(), z.T.copy(), dz.T.copy(), axis=0)
    np.testing.assert_allclose(da, turned.T, rtol=1e-4, atol=1e-5)


@SUITE.check(lambda subject: batches(subject) if subject.part.elementwise else skip(NOT_ELEMENTWISE), NOT_ELEMENTWISE)
def elementwise(part: Any, a: Any) -> None:
    """If it claims to be elementwise, no output depends on another input."""
    z = part(a)
    for index in np.ndindex(a.shape):
        moved = a.copy()
        moved[index] += 1
        others = ~np.isclose(part(moved), z, rtol=1e-9, atol=1e-9)
        others[index] = False
        assert not others.any(), f"input {index} changes output {tuple(int(i) for i in np.argwhere(others)[0])}"


def moved_cases(subject: Subject) -> Iterator[Inputs]:
    """Yield pre-activations (units, 1, 1 or 2) and moves (1 or units, 1 or 2, 1 or 2), large and small."""
    for dtype in DTYPES:
        a = subject.draw(2).T[:, np.newaxis].round(1)
        for size in (2.0, 16.0, 0.125, 2.0**-10, 2.0**-25):
            da = size * subject.draw(2, 2).T.round(1)
            for some, moves in ((a[..., :1], da[:1, :1, :1]), (a, da[:1]), (a, da)):
                yield {"a": some.astype(dtype), "da": moves.astype(dtype)}


@SUITE.check(moved_cases)
def change(part: Any, a: Any, da: Any) -> None:
    """`change` gives what evaluating and subtracting gives; it broadcasts, and writes to nothing that it was given."""
    z = part(a, axis=0)
    for values in (a, z, da):
        values.flags.writeable = False
    moved = a + da
    expected, found = part(moved, axis=0) - z, part.change(a, z, da, axis=0)
    assert (found.shape, found.dtype) == (moved.shape, a.dtype), (
        f"{a.dtype} {moved.shape} gives {found.dtype} {found.shape}"
    )
    rounding = 100 * np.finfo(a.dtype).eps * (1 + np.abs(moved).max() + np.abs(z).max() + np.abs(expected).max())
    np.testing.assert_allclose(found, expected, rtol=0, atol=rounding)
    turned = part.change(*(np.moveaxis(values, 0, -1) for values in (a, z, da)))
    np.testing.assert_allclose(np.moveaxis(turned, -1, 0), found, rtol=0, atol=rounding)


def between_kinks(subject: Subject) -> Iterator[Inputs]:
    """Yield what lies between two kinks, along each of the units that it depends on; raises SkippedError."""
    kinks = subject.part.kinks
    if kinks is None:
        raise SkippedError(NO_PROMISE)
    far = min(subject.largest, FAR if subject.part.elementwise else FAR // 4)
    edges = [-far, *sorted({float(kink) for kink in kinks if -far < kink < far}), far]
    a = np.zeros(1) if subject.part.elementwise else subject.draw()
    for unit in range(len(a)):
        for low, high in pairwise(edges):
            yield {"a": a, "unit": unit, "low": low, "high": high}


@SUITE.check(between_kinks, NO_PROMISE)
def kinks(part: Any, a: Any, unit: int, low: float, high: float) -> None:
    """If it promises to be smooth, or to have kinks at some places alone, its values follow polynomials in between."""

    def outputs(places: Any) -> Any:
        moved = np.where(np.arange(len(a))[:, np.newaxis] == unit, places, a[:, np.newaxis])
        return part(moved, axis=0).T

    place = find_roughness(outputs, low, high)
    promised = f"promises kinks at {part.kinks} alone: add the place, or kinks = None promises nothing"
    assert place is None, f"it is not smooth to rounding near a = {place:.6g}, and {promised}"


@SUITE.check(
    lambda subject: [{"a": subject.draw(3), "standard": standard_function(subject.part)}],
    NO_STANDARD,
)
def standard(part: Any, a: Any, standard: Any) -> None:
    """If it claims to compute a standard function, it computes exactly that."""
    np.testing.assert_allclose(part(a), standard(a), rtol=1e-9, atol=1e-12)


@SUITE.check(lambda subject: [{"width": subject.width}])
def network(part: Any, width: int) -> None:
    """A network with it has a finite gradient, by central differences and by backpropagation."""
    net = modnet.TwoLayerNet(3, width, 2, hidden=part, weight_init_std=0.5, seed=0)
    x, t = np.linspace(-1, 1, 15).reshape(5, 3), np.arange(5) % 2
    for estimator in ("central-difference", "backpropagation"):
        for name, gradient in net.gradient(x, t, estimator).items():
            assert np.isfinite(gradient).all(), f"{estimator} gives {gradient[~np.isfinite(gradient)][0]} in {name}"


def skip(reason: str) -> list[Inputs]:
    """Raise SkippedError."""
    raise SkippedError(reason)


def standard_function(part: Activation) -> Activation:
    """Return the registered function that an activation claims to compute; raises SkippedError where it claims none."""
    if not part.computes or part.computes not in get_host().registry.names("activation"):
        raise SkippedError(NO_STANDARD)
    try:
        return modnet.activation(part.computes)
    except modnet.SettingError:  # one that has a setting without a default is no standard
        raise SkippedError(NO_STANDARD) from None


def call_any(part: Any, a: Any, dz: Any) -> Any:
    """Call all methods of an activation that it has, on arrays of any library."""
    z = part(a)
    found = [z, part.change(a, z, dz)]
    with contextlib.suppress(modnet.NoDerivativeError):
        found.append(part.backward(a, z, dz))
    return found


add_for_arrays(SUITE, shared_cases)
add_other_arrays(
    SUITE, lambda subject: [{"call": call_any, "inputs": {"a": subject.draw(3), "dz": subject.draw(4)[1:]}}]
)
add_shared(SUITE, shared_cases)
