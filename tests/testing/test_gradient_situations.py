"""Situations of gradient checks, and the words of their verdicts."""

from __future__ import annotations

import itertools
import re
from typing import Any

import numpy as np
import pytest

import modnet
from modnet.testing.gradcheck.taylor import find_kinks, judge

RNG = np.random.default_rng(0)
X, T = RNG.normal(size=(6, 4)), np.arange(6) % 3
SMOOTH = ("sigmoid", "tanh", "softplus", "swish", "gelu", "elu", "identity", "softmax")


def check(hidden: Any = "tanh", x: Any = X, t: Any = T, estimators: Any = (), **network: Any) -> modnet.GradientCheck:
    """Check a small network; `gradient` and `std` go where they belong."""
    options = {"gradient": network.pop("gradient")} if "gradient" in network else {}
    net = modnet.Network((x.shape[1], 5, 3), hidden=hidden, **{"weight_init_std": "xavier", **network})
    return modnet.check_gradient(net, x, t, estimators=estimators, **options)


FIRST = X @ modnet.Network((4, 5, 3), weight_init_std="xavier").params["W1"]  # pre-activations of the first layer


def tanh(_: Any, a: Any, axis: int = -1) -> Any:
    return np.tanh(a)


def slope(_: Any, a: Any, z: Any, dz: Any, axis: int = -1) -> Any:
    return dz * (1 - z * z)


def activation(call: Any = tanh, backward: Any = slope, **more: Any) -> modnet.Activation:
    """Return an activation named Mine of these functions; without `backward` for None."""
    own = {"backward": backward} if backward else {}
    return type("Mine", (modnet.Activation,), {"__call__": call, "elementwise": True, **own, **more})()


def in_place(_: Any, a: Any, axis: int = -1) -> Any:
    np.tanh(a, out=a)
    return a


def halves(_: Any, a: Any, axis: int = -1) -> Any:
    a *= 0.5
    return np.tanh(a)


def writes_dz(_: Any, a: Any, z: Any, dz: Any, axis: int = -1) -> Any:
    dz *= 1 - z * z
    return dz


def writes_a_and_z(_: Any, a: Any, z: Any, dz: Any, axis: int = -1) -> Any:
    a += 1
    z *= z
    return dz * (1 - z)


class Mask(modnet.Activation):
    elementwise = True

    def __call__(self, a: Any, axis: int = -1) -> Any:
        self.mask = a > 0
        return a * self.mask

    def backward(self, a: Any, z: Any, dz: Any, axis: int = -1) -> Any:
        return dz * self.mask


class Buffer(modnet.Activation):
    elementwise = True

    def __call__(self, a: Any, axis: int = -1) -> Any:
        self.kept = getattr(self, "kept", {})
        return np.tanh(a, out=self.kept.setdefault(a.shape, np.empty(a.shape)))

    backward = slope


def fails(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError("no")


def refuses(_: Any, a: Any, axis: int = -1) -> Any:
    if np.abs(a).max() > np.abs(FIRST).max() + 0.05:
        raise ValueError("out of its domain")
    return np.tanh(a)


# An activation, and what its verdict says.
ACTIVATIONS = {
    "its call writes into its input": (activation(in_place), "wrong", "calling it writes into a, which it was given"),
    "and has no backward": (activation(in_place, None), "wrong", "calling it writes into a"),
    "its call changes its input": (activation(halves), "wrong", "calling it writes into a"),
    "backward writes into dz": (activation(backward=writes_dz), "wrong", "backward writes into dz, which it was given"),
    "backward writes into others": (activation(backward=writes_a_and_z), "wrong", "backward writes into a and z"),
    "its result is its next call's": (Buffer(), "wrong", "returns an array that its next call overwrites"),
    "it keeps something": (Mask(), "not deterministic", "let it keep nothing between calls, and use a, z, dz alone"),
    "backward returns nothing": (activation(backward=lambda *_, **__: None), "wrong", "backward returns a NoneType"),
    "backward returns a list": (activation(backward=lambda *_, **__: [1.0]), "wrong", "backward returns a list"),
    "backward returns objects": (
        activation(backward=lambda s, a, z, dz, axis=-1: dz.astype(object)),
        "wrong", "backward returns an array of object"),
    "backward returns complex numbers": (
        activation(backward=lambda s, a, z, dz, axis=-1: dz * (1 - z * z + 0j)),
        "wrong", "backward returns an array of complex"),
    "backward returns another shape": (
        activation(backward=lambda s, a, z, dz, axis=-1: dz[:, :1]),
        "wrong", "backward returns shape (6, 1), not (6, 5)"),
    "backward raises": (activation(backward=fails), "wrong", "backward raises ZeroDivisionError: no ("),
    "it mixes units": (
        activation(lambda s, a, axis=-1: np.tanh(a - a.mean(axis=-1, keepdims=True)), None),
        "wrong", "it says it is elementwise, but its outputs differ by up to"),
    "it returns another dtype": (
        activation(lambda s, a, axis=-1: np.tanh(a).astype(np.float32)), "correct", "returns float32 for float64"),
    "it returns its input": (activation(lambda s, a, axis=-1: a, lambda s, a, z, dz, axis=-1: dz),
        "correct", "confirm it"),
    "it returns a view": (
        activation(lambda s, a, axis=-1: np.repeat(np.tanh(a), 2, axis=-1)[..., ::2]), "correct", "confirm it"),
    "it returns columns first": (
        activation(lambda s, a, axis=-1: np.asfortranarray(np.tanh(a))), "correct", "confirm it"),
    "it refuses inputs that the batch does not have": (activation(refuses), "correct", "confirm it"),
    "its change is wrong": (
        activation(change=lambda s, a, z, da, axis=-1: 1.5 * (np.tanh(a + da) - z)), "wrong", "differences rely on it"),
    "its change is wrong, and it is smooth": (
        activation(change=lambda s, a, z, da, axis=-1: 1.5 * (np.tanh(a + da) - z), kinks=()),
        "wrong", "differences rely on it"),
    "its change returns nothing": (activation(change=lambda *_, **__: None), "wrong", "change returns a NoneType"),
    "its change has another shape": (
        activation(change=lambda s, a, z, da, axis=-1: a), "wrong", "change returns shape (5, 1, 6), not (5, 2, 6)"),
    "its change raises": (activation(change=fails), "wrong", "change raises ZeroDivisionError: no ("),
    "its change writes": (
        activation(change=lambda s, a, z, da, axis=-1: np.tanh(np.add(a, da, out=da)) - z),
        "wrong", "change writes into da"),
}  # fmt: skip


@pytest.mark.parametrize("situation", ACTIVATIONS)
def test_what_an_activation_does_is_said(situation: str) -> None:
    part, word, words = ACTIVATIONS[situation]
    found = check(part)
    verdicts = [verdict for verdict in found.verdicts if "Mine" in verdict.part or type(part).__name__ in verdict.part]
    assert [(v.layer, words in v.explanation) for v in verdicts if v.verdict == word] == [(1, True)], str(found)
    assert found.passed == (word == "correct")


def test_the_reason_of_an_estimators_error_is_the_part_that_is_at_fault() -> None:
    names = ("backpropagation", "central-difference")
    found = check(activation(in_place, None), estimators=names)
    assert all("activation Mine() of layer 1" in row.reason for row in found.estimators)
    assert "central-difference: it fails because of the activation Mine() of layer 1: see its verdict" in str(found)
    twice = check(activation(backward=lambda s, a, z, dz, axis=-1: 2 * slope(s, a, z, dz)), estimators=names)
    assert [row.reason for row in twice.estimators] == [
        "its error comes from the activation Mine() of layer 1: see its verdict",
        "",
    ]
    change = check(ACTIVATIONS["its change is wrong"][0], estimators=names)
    assert [row.reason[:45] for row in change.estimators] == ["", "its error comes from the change of activation"]


@pytest.mark.parametrize("kinks", [None, ()])
def test_a_gradient_by_differences_names_the_part_whose_change_has_another_shape(kinks: Any) -> None:
    for change, words in (
        (lambda *_, **__: None, "the change of the activation Mine.. of layer 1 returns a NoneType"),
        (
            lambda s, a, z, da, axis=-1: da[:, :1] + a,
            "the change of the activation Mine.. of layer 1 returns .[35], 1, ",
        ),
    ):
        net = modnet.Network((4, 5, 3), hidden=activation(change=change, kinks=kinks), weight_init_std="xavier")
        with pytest.raises(modnet.PluginError, match=words):
            net.gradient(X, T, "central-difference")


class Squares(modnet.Loss):
    """The sum of squares, with one thing that it does."""

    task = None

    def __init__(self, does: str) -> None:
        self.does = does

    def __call__(self, y: Any, t: Any, axis: int = -1) -> Any:
        if self.does == "writes y":
            y -= modnet.one_hot(t, y, axis)
            return (y**2).sum(axis=axis)
        losses = ((y - modnet.one_hot(t, y, axis)) ** 2).sum(axis=axis)
        if self.does == "writes t":
            t[...] = 0
        return losses

    def backward(self, y: Any, t: Any, axis: int = -1) -> Any:
        dy = 2 * (y - modnet.one_hot(t, y, axis))
        if self.does == "backward writes t":
            t[...] = 0
        return dy

    def change(self, y: Any, t: Any, dy: Any, axis: int = -1) -> Any:
        return super().change(y, t, dy, axis) * (2 if self.does == "change" else 1)


@pytest.mark.parametrize(
    ("does", "words"),
    [
        ("writes y", "calling it writes into y"),
        ("writes t", "calling it writes into t"),
        ("backward writes t", "backward writes into t"),
        ("change", "differences rely on it"),
    ],
)
def test_what_a_loss_does_is_said_and_the_callers_targets_stay(does: str, words: str) -> None:
    t = T.copy()
    found = check(t=t, loss=Squares(does), output="identity", estimators=["backpropagation", "central-difference"])
    (wrong,) = (verdict for verdict in found.verdicts[:-1] if verdict.is_failure)
    assert words in wrong.explanation
    np.testing.assert_array_equal(t, T)


class Fused(modnet.FusedLoss):
    """The book's form with the softmax, with one thing that it does."""

    def __init__(self, does: str) -> None:
        self.does = does

    def __call__(self, a: Any, t: Any, axis: int = -1) -> tuple[Any, Any]:
        y = modnet.activation("softmax")(a, axis)
        losses = -np.log((modnet.one_hot(t, y, axis) * y).sum(axis=axis))
        if self.does == "writes a":
            a[...] = 0
        return losses, y**2 if self.does == "outputs" else y

    def losses(self, a: Any, t: Any, axis: int = -1, *, overwrite_a: bool = False) -> Any:
        losses = self(a, t, axis)[0]
        if self.does == "losses write":
            a[...] = 0
        return losses + (self.does == "losses")

    def backward(self, a: Any, y: Any, t: Any, axis: int = -1) -> Any:
        da = y - modnet.one_hot(t, y, axis)
        if self.does == "backward writes y":
            y[...] = 0
        return da


class Entropy(modnet.Loss):
    def __init__(self, does: str) -> None:
        self.does = does

    def __call__(self, y: Any, t: Any, axis: int = -1) -> Any:
        return -np.log((modnet.one_hot(t, y, axis) * y).sum(axis=axis))

    def fused(self, activation: Any) -> Any:
        return Fused(self.does) if activation.computes == "softmax" else None


@pytest.mark.parametrize(
    ("does", "words"),
    [
        ("writes a", "calling it writes into a"),
        ("outputs", "its fused form gives outputs that differ by"),
        ("losses", "differences rely on it"),
        ("losses write", "losses writes into a"),
        ("backward writes y", "backward writes into y"),
    ],
)
def test_what_a_fused_form_does_is_said(does: str, words: str) -> None:
    found = check(loss=Entropy(does))
    (wrong,) = (verdict for verdict in found.verdicts[:-1] if verdict.is_failure)
    assert words in wrong.explanation
    assert check(loss=Entropy("")).passed


def writes_parameters(objective: Any, params: Any, stream: Any) -> Any:
    grads = objective.backward(params)
    params["W1"] += 1
    return grads


def test_an_estimator_that_writes_into_the_parameters_is_named_and_they_stay() -> None:
    net = modnet.Network((4, 5, 3), seed=1)
    before = {name: value.copy() for name, value in net.params.items()}
    found = modnet.check_gradient(net, X, T, estimators=[writes_parameters], gradient=writes_parameters)
    assert "it writes into W1, which it was given" in found.estimators[0].problem
    assert "it writes into W1, which it was given" in found.verdicts[-1].explanation
    assert not found.passed
    np.testing.assert_equal(net.params, before)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"x": np.where(X[3, 2] == X, np.nan, X)}, modnet.DataError, "input 2 of sample 3 of the batch is nan"),
        ({"x": np.where(X[0, 0] == X, np.inf, X)}, modnet.DataError, "input 0 of sample 0 of the batch is inf"),
        ({"x": X * 1e39, "dtype": "float32"}, modnet.DataError, "of the batch is -?inf in float32"),
        ({"t": np.full((6, 3), np.nan)}, modnet.DataError, "target 0 of sample 0 of the batch is nan"),
        ({"x": X * 1e307, "weight_init_std": 100.0}, modnet.GradientError, "layer 1, .* overflows in float64"),
        ({"t": np.full((6, 3), 1e200), "loss": "mean-squared-error", "output": "identity"}, modnet.GradientError,
         "MeanSquaredError.* is inf, for finite outputs up to .* and targets up to 1e.200: scale targets"),
        ({"hidden": activation(lambda s, a, axis=-1: np.log(a))}, modnet.GradientError,
         "the activation Mine.. of layer 1 gives nan for the finite pre-activation"),
        ({"hidden": activation(lambda s, a, axis=-1: np.tanh(a).astype(object))}, modnet.PluginError,
         "the activation Mine.. of layer 1 returns an array of object"),
        ({"hidden": activation(lambda s, a, axis=-1: 0.5)}, modnet.PluginError, "of layer 1 returns a float"),
        ({"hidden": activation(lambda s, a, axis=-1: np.tanh(a).view(np.matrix))}, modnet.PluginError,
         "of layer 1 returns a matrix"),
    ],
)  # fmt: skip
def test_what_is_not_finite_or_no_array_is_named_with_its_place(change: Any, error: Any, words: str) -> None:
    with np.errstate(all="ignore"), pytest.raises(error) as raised:
        check(**change)
    assert re.search(words, str(raised.value)), str(raised.value)


def test_a_parameter_that_is_not_finite_is_named() -> None:
    net = modnet.Network((4, 5, 3), seed=1)
    net.params["b2"][1] = np.nan
    with pytest.raises(modnet.GradientError, match=r"the parameter b2\[1\] is nan"):
        modnet.check_gradient(net, X, T, estimators=[])


def test_an_estimator_that_gives_nan_is_named_with_the_place() -> None:
    def gives_nan(objective: Any, params: Any, stream: Any) -> Any:
        return {
            name: np.where(np.arange(value.size).reshape(value.shape) == 1, np.nan, 0) for name, value in params.items()
        }

    found = check(estimators=[gives_nan], gradient=gives_nan)
    assert found.estimators[0].problem == "its gradient is nan at W1[0, 1]"
    assert (found.verdicts[-1].verdict, found.passed) == ("wrong", False)


SCALES = {
    "pixels": RNG.integers(0, 256, (6, 20)).astype(float),
    "a million": 1e6 * RNG.normal(size=(6, 20)),
    "a millionth": 1e-6 * RNG.normal(size=(6, 20)),
    "constant": np.full((6, 20), 7.3),
    "zero": np.zeros((6, 20)),
    "one sample": RNG.normal(size=(1, 20)),
    "out of all proportion": 1e200 * RNG.normal(size=(6, 20)),
}


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_nothing_smooth_is_said_to_be_wrong_or_to_have_a_kink_whatever_the_inputs(scale: str, dtype: str) -> None:
    x = SCALES[scale]
    for k, hidden in enumerate(SMOOTH):
        std = (0.01, 10.0)[k // 4]
        ends: Any = {"output": "identity", "loss": "mean-squared-error"} if k % 3 else {}
        if scale == "out of all proportion":
            dtype, std, ends = "float64", 1.0, {}
        t = np.arange(len(x)) % 3 if not ends else (1e9, 1e-9)[k % 2] * RNG.normal(size=(len(x), 3))
        found = check(hidden, x, t, ["central-difference"], weight_init_std=std, dtype=dtype, **ends)
        assert {verdict.verdict for verdict in found.verdicts} <= {"correct", "too noisy"}, str(found)
        assert "kink" not in str(found)
        (row,) = found.estimators
        assert row.error <= 1e-3 or row.reason, str(found)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("hidden", ["relu", "leaky-relu"])
def test_at_true_kinks_nothing_is_wrong_and_the_kink_is_named(hidden: str, dtype: str) -> None:
    for x in (np.zeros((6, 4)), 1e-6 * X, np.where(X > 0, 0.0, 1.0)):
        found = check(hidden, x, estimators=["central-difference"], dtype=dtype, weight_init_std=0.01)
        assert found.passed, str(found)
        assert found.estimators[0].error < 1e-3 or found.estimators[0].kinks or found.estimators[0].reason
    assert check(hidden, np.zeros((6, 4)), dtype=dtype).verdicts[0].verdict == "kink"


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_slope_near_a_kink_is_never_called_wrong_where_it_is_right(dtype: str) -> None:
    number = np.dtype(dtype).type
    for exponent, side, offset in itertools.product(range(10), (-1, 1), (0.0, 2.3)):
        a = number(side * 3.3 * 10.0**-exponent)

        def relu(s: float, a: Any = a, offset: Any = offset) -> Any:
            return np.array([number(offset) + max(a + number(s), number(0))])

        assert judge(relu, np.array([float(a > 0)]), np.abs([a]), dtype).verdict[0] != "wrong"
        assert judge(relu, np.array([1.3]), np.abs([a]), dtype).verdict[0] != "correct"


@pytest.mark.parametrize("name", [name for name in SMOOTH if name != "softmax"])
def test_no_kink_is_found_in_what_is_smooth(name: str) -> None:
    a = RNG.normal(size=200)
    for scale, width in itertools.product(10.0 ** np.arange(-8, 9, 4), 10.0 ** np.arange(-7, 4)):
        assert np.isnan(find_kinks(modnet.activation(name), scale * a - width, scale * a + width)).all()


@pytest.mark.parametrize("place", [0.0, 1.0, -6.0])
def test_every_kink_is_found_however_long_the_interval(place: float) -> None:
    for width in 10.0 ** np.arange(-4, 4):
        low = place - width * RNG.uniform(0.02, 0.98, 100)
        for f in (lambda a: np.maximum(a - place, 0) + 1, lambda a: (a > place) * 1.0):
            np.testing.assert_allclose(find_kinks(f, low, low + width), place, atol=1e-7 * max(width, 1))


@pytest.mark.parametrize(
    ("scale", "words"),
    [(1e3, "its step h = 0.0001 is too large here, it moves pre-activations by up to"), (1.0, "")],
)
def test_a_step_that_is_too_large_for_the_inputs_is_said(scale: float, words: str) -> None:
    (row,) = check(x=scale * X, estimators=["central-difference"], weight_init_std=0.01).estimators
    assert row.reason.startswith(words)
    assert bool(row.reason) == bool(words)


def test_one_that_promises_a_direction_only_has_that_reason() -> None:
    class Signs(modnet.GradientEstimator):
        promises = "direction"

        def __call__(self, objective: Any, params: Any, stream: Any) -> Any:
            return {name: np.sign(value) for name, value in objective.backward(params).items()}

    class Twice(modnet.GradientEstimator):
        def __call__(self, objective: Any, params: Any, stream: Any) -> Any:
            return {name: 2 * value for name, value in objective.backward(params).items()}

    direction, unexplained = check(estimators=[Signs(), Twice()]).estimators
    assert direction.reason.startswith("it promises a direction only")
    assert "modnet.testing.check_gradient_estimator tests it alone" in unexplained.reason
