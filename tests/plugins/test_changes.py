"""Changes without cancellation of the built-in activations and losses, against mpmath.

The bounds are in units of the dtype's rounding. For moves up to 1 they are in proportion to the move, whatever the
values; for larger ones a change is as exact as evaluating and subtracting.
"""

from __future__ import annotations

from itertools import product

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import modnet
from modnet.compose.plugins import get_host

DIGITS = 50
MOVE_BOUND = 6.0  # in |da|: 4.6 was seen, with the gelu
CHANGE_BOUND = 3.0  # in 1 and in the change itself: 2.4 was seen
ACTIVATIONS = {name: modnet.activation(name) for name in get_host().registry.names("activation")}
ACTIVATIONS |= {
    "elu(1.5)": modnet.activation("elu", alpha=1.5),
    "gelu(approximate)": modnet.activation("gelu", approximate=True),
    "leaky-relu(0.25)": modnet.activation("leaky-relu", slope=0.25),
    "swish(2)": modnet.activation("swish", beta=2.0),
}
LOSSES = {name: modnet.loss(name) for name in get_host().registry.names("loss")}
LOSSES |= {
    "cross-entropy(eps=0)": modnet.loss("cross-entropy", eps=0),
    "cross-entropy(eps=0.1)": modnet.loss("cross-entropy", eps=0.1),
    "cross-entropy(eps=2)": modnet.loss("cross-entropy", eps=2),
    "huber(0.1)": modnet.loss("huber", delta=0.1),
}
FUSED = {
    label: (loss, loss.fused(modnet.activation("sigmoid" if loss.is_binary else "softmax")))
    for label, loss in LOSSES.items()
    if loss.fused(modnet.activation("sigmoid" if loss.is_binary else "softmax"))
}
each_dtype = pytest.mark.parametrize("dtype", [np.float64, np.float32])
each_kind_of_target = pytest.mark.parametrize("kind", ["indices", "one-hot", "probabilities"])


def logistic(a):
    return 1 / (1 + mpmath.exp(-a))


SCALE = mpmath.mpf(float(np.sqrt(2 / np.pi)))
EXACT = {
    "elu": lambda a: a if a > 0 else mpmath.expm1(a),
    "elu(1.5)": lambda a: a if a > 0 else 1.5 * mpmath.expm1(a),
    "gelu": lambda a: a * mpmath.erfc(-a / mpmath.sqrt(2)) / 2,
    "gelu(approximate)": lambda a: a * logistic(2 * SCALE * (a + mpmath.mpf(0.044715) * a**3)),
    "identity": lambda a: a,
    "leaky-relu": lambda a: a if a > 0 else mpmath.mpf(0.01) * a,
    "leaky-relu(0.25)": lambda a: a if a > 0 else a / 4,
    "relu": lambda a: max(a, mpmath.mpf(0)),
    "sigmoid": logistic,
    "softplus": lambda a: mpmath.log1p(mpmath.exp(a)),
    "step": lambda a: mpmath.mpf(1 if a > 0 else 0),
    "swish": lambda a: a * logistic(a),
    "swish(2)": lambda a: a * logistic(2 * a),
    "tanh": mpmath.tanh,
}


def exact(values) -> list:
    return [mpmath.mpf(float(value)) for value in np.ravel(values)]


def magnitudes(seed: int, sizes: tuple[float, ...], count: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.concatenate([size * rng.uniform(-1, 1, count) for size in sizes])


@pytest.mark.parametrize("label", EXACT)
@each_dtype
def test_the_change_of_an_activation_is_exact_to_the_rounding_of_its_move(label, dtype):
    activation, function, eps = ACTIVATIONS[label], EXACT[label], float(np.finfo(dtype).eps)
    a = np.concatenate([magnitudes(0, (1e-5, 1, 10, 100, 1e4), 12), [0.0]]).astype(dtype)
    da = magnitudes(1, (1e-12, 1e-6, 1e-3, 0.1, 2, 50, 1e4), 4).astype(dtype)[:, np.newaxis]
    found = activation.change(a[np.newaxis], activation(a)[np.newaxis], da, axis=0)
    assert (found.shape, found.dtype) == ((len(da), len(a)), dtype)
    with mpmath.workdps(DIGITS):
        for (i, move), (j, place) in product(enumerate(exact(da)), enumerate(exact(a))):
            change = function(place + move) - function(place)
            error = abs(mpmath.mpf(float(found[i, j])) - change) / eps
            if label == "step":
                assert error == 0
            elif abs(move) <= 1:
                assert error <= MOVE_BOUND * abs(move), (place, move)
            else:
                assert error <= CHANGE_BOUND * max(1, abs(change)), (place, move)


def test_a_saturated_sigmoid_still_changes():
    a, da = np.array([40.0]), np.array([1e-4])
    sigmoid, tanh = ACTIVATIONS["sigmoid"], ACTIVATIONS["tanh"]
    assert sigmoid.change(a, sigmoid(a), da)[0] == pytest.approx(np.exp(-40) * -np.expm1(-1e-4), rel=1e-14)
    assert tanh.change(a, tanh(a), da)[0] == pytest.approx(2 * np.exp(-80) * -np.expm1(-2e-4), rel=1e-14)


@each_dtype
def test_the_change_of_a_softmax_is_exact_to_the_rounding_of_its_move(dtype):
    softmax, eps = ACTIVATIONS["softmax"], float(np.finfo(dtype).eps)
    for size, step in product((1, 10, 100), (1e-8, 1e-3, 0.5, 20)):
        a = magnitudes(2, (size,), 5).astype(dtype)
        da = magnitudes(3, (step,), 5).astype(dtype)
        found = softmax.change(a, softmax(a), da)
        with mpmath.workdps(DIGITS):
            before, after = (
                [mpmath.exp(v) for v in row] for row in (exact(a), map(sum, zip(exact(a), exact(da), strict=True)))
            )
            for z, e, moved in zip(found, before, after, strict=True):
                change = moved / sum(after) - e / sum(before)
                # The softmax itself is off by the rounding of a - max a.
                assert abs(mpmath.mpf(float(z)) - change) <= (8 + 2 * size) * eps * min(1, step)


def exact_loss(loss, a: list, t: list):
    if loss.is_binary:
        return sum(mpmath.log1p(mpmath.exp(v)) - k * v for v, k in zip(a, t, strict=True)) / len(a)
    total = sum(map(mpmath.exp, a))
    terms = zip(a, t, strict=True)
    return -sum(k * mpmath.log(mpmath.exp(v) / total + mpmath.mpf(loss.eps)) for v, k in terms if k)


def logits(size: float, dtype: type) -> np.ndarray:
    """Logits (5, 8) of which every other column is sure of its class, column number modulo 5."""
    a = magnitudes(4, (size,), 40).reshape(5, 8)
    a[np.arange(0, 8, 2) % 5, np.arange(0, 8, 2)] += 2 * size
    return a.astype(dtype)


def targets(kind: str, dtype: type) -> np.ndarray:
    indices = np.arange(8) % 5
    if kind == "probabilities":
        return ACTIVATIONS["softmax"](magnitudes(5, (1,), 40).reshape(5, 8), axis=0).astype(dtype)
    return indices if kind == "indices" else np.eye(5, dtype=dtype)[:, indices]


@pytest.mark.parametrize("label", FUSED)
@each_dtype
@each_kind_of_target
def test_a_fused_loss_is_off_by_the_rounding_of_itself_and_not_of_1(label, dtype, kind):
    loss, form = FUSED[label]
    eps, t = float(np.finfo(dtype).eps), targets(kind, dtype)
    for size in (1, 5, 15, 1e3):
        a = logits(size, dtype)
        found = [form(a, t, axis=0)[0], form.losses(a.copy(), t, axis=0, overwrite_a=True)]
        with mpmath.workdps(500):  # of a loss of 1e-400
            dense = np.eye(5)[:, t] if kind == "indices" else t
            for losses, n in product(found, range(8)):
                expected = exact_loss(loss, exact(a[:, n]), exact(dense[:, n]))
                # exp(a - max a) is off by the rounding of its argument; eps is taken off the sum of the others.
                bound = (
                    (3 + min(size, 100)) * abs(expected)
                    + 2 * getattr(loss, "eps", 0)
                    + float(np.finfo(dtype).tiny) / eps
                )
                assert abs(mpmath.mpf(float(losses[n])) - expected) <= bound * eps, (size, n)


@pytest.mark.parametrize("label", FUSED)
@each_dtype
@each_kind_of_target
def test_the_change_of_a_fused_loss_is_exact_to_the_rounding_of_its_move(label, dtype, kind):
    loss, form = FUSED[label]
    eps, t = float(np.finfo(dtype).eps), targets(kind, dtype)
    dense = np.eye(5)[:, t] if kind == "indices" else t
    for size, step in product((1, 10, 100), (1e-8, 1e-4, 1e-2, 2, 50)):
        a, da = logits(size, dtype), magnitudes(6, (step,), 80).reshape(5, 2, 8).astype(dtype)
        y = form(a, t, axis=0)[1]
        found = form.change(a[:, np.newaxis], y[:, np.newaxis], t[..., np.newaxis, :], da, axis=0)
        assert (found.shape, found.dtype) == ((2, 8), dtype)
        with mpmath.workdps(DIGITS):
            for m, n in product(range(2), range(8)):
                before, target, moves = exact(a[:, n]), exact(dense[:, n]), exact(da[:, m, n])
                moved = [v + d for v, d in zip(before, moves, strict=True)]
                values = exact_loss(loss, moved, target), exact_loss(loss, before, target)
                # Larger ones are evaluated: exp(a - max a) is off by the rounding of its argument.
                bound = 8 * step if step < 1 else (8 + size) * max(1, *map(abs, values))
                assert abs(mpmath.mpf(float(found[m, n])) - (values[0] - values[1])) <= bound * eps, (size, step)


def test_the_gradient_of_a_sure_net_has_its_own_rounding_error_and_not_that_of_1():
    for label, (_, form) in FUSED.items():
        a, t = np.array([[37.0, -3.0, 1.0]]), np.array([0])
        t = np.array([[1.0, 0.0, 1.0]]) if "binary" in label else t
        da = form.backward(a, form(a, t)[1], t)
        assert da[0, 0] < 0
        if "binary" in label:
            assert da[0, 0] * 3 == pytest.approx(-np.exp(-37), rel=1e-14)
        else:
            assert da.sum() == pytest.approx(0, abs=1e-15 * abs(da[0, 0]))


def test_the_loss_is_finite_where_the_right_class_is_far_below_the_largest_logit():
    a, t = np.array([[1e4, -1e4, 0.0], [1e300, -1e300, 0.0]]), np.array([1, 1])
    for eps, expected in ((1e-7, -np.log(1e-7)), (0, [2e4, 2e300])):
        form = modnet.loss("cross-entropy", eps=eps).fused(ACTIVATIONS["softmax"])
        with np.errstate(all="raise", under="ignore"):
            np.testing.assert_allclose(form(a, t)[0], expected, rtol=1e-14)
            np.testing.assert_allclose(form.losses(a.copy(), t, overwrite_a=True), expected, rtol=1e-14)


moves = st.floats(-1e4, 1e4) | st.floats(-1e-3, 1e-3)


@each_kind_of_target
def test_the_cross_entropy_changes_exactly_where_a_sure_output_falls_to_0(kind):
    loss, y, dy = modnet.loss("cross-entropy"), np.array([[1.0], [0.0]], "f4"), np.array([[-1.0], [1.0]], "f4")
    t = np.array([0]) if kind == "indices" else np.array([[1.0], [0.0]], "f4")
    found = loss.change(y, t, dy, axis=0)
    np.testing.assert_allclose(found, loss(y + dy, t, axis=0) - loss(y, t, axis=0), rtol=1e-6)


@pytest.mark.parametrize("label", ACTIVATIONS)
@given(a=arrays(np.float64, (3, 1, 4), elements=moves), da=arrays(np.float64, (1, 2, 4), elements=moves))
def test_a_change_agrees_with_evaluating_and_subtracting_at_all_magnitudes(label, a, da):
    activation = ACTIVATIONS[label]
    z = activation(a, axis=0)
    with np.errstate(all="raise", under="ignore"):
        found = activation.change(a, z, da, axis=0)
    expected = activation(a + da, axis=0) - z
    sizes = np.abs(a) + np.abs(da) + 1
    np.testing.assert_array_less(np.abs(found - expected), 1e-14 * (sizes if label != "softmax" else sizes.max()))


@pytest.mark.parametrize("label", LOSSES)
@each_kind_of_target
@given(y=arrays(np.float64, (4, 1, 3), elements=moves), dy=arrays(np.float64, (4, 2, 3), elements=moves))
def test_a_loss_changes_as_evaluating_and_subtracting_says_at_all_magnitudes(label, kind, y, dy):
    loss, t = LOSSES[label], targets(kind, np.float64)
    t = t[np.newaxis, :3] if kind == "indices" else t[:4, np.newaxis, :3]
    if loss.task == "classification":
        y, dy = 1 / (1 + np.exp(np.clip(y, -20, 20))), np.clip(dy, -1e-10, 1e-10)
    found = loss.change(y, t, dy, axis=0)
    np.testing.assert_allclose(found, modnet.Loss.change(loss, y, t, dy, axis=0), rtol=1e-9, atol=1e-6)
