"""The built-in losses: values, fused forms, warnings, settings, other array libraries."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import modnet
from modnet.compose.plugins import get_host

NAMES = get_host().registry.names("loss")
ALL = {name: modnet.loss(name) for name in NAMES} | {
    "cross-entropy(eps=0)": modnet.loss("cross-entropy", eps=0),
    "cross-entropy(eps=0.1)": modnet.loss("cross-entropy", eps=0.1),
}
SMOOTH = {k: f for k, f in ALL.items() if type(f).backward is not modnet.Loss.backward}
ACTIVATIONS = {name: modnet.activation(name) for name in get_host().registry.names("activation")}
FUSED = {
    f"{k} after {name}": (loss, activation)
    for k, loss in ALL.items()
    for name, activation in ACTIVATIONS.items()
    if loss.fused(activation) is not None
}
SOFTMAX = ACTIVATIONS["softmax"]
CROSS_ENTROPY, EXACT_CROSS_ENTROPY = ALL["cross-entropy"], ALL["cross-entropy(eps=0)"]
EPS = {np.float64: 2.0**-52, np.float32: 2.0**-23}

each = pytest.mark.parametrize("loss", ALL.values(), ids=ALL)
each_fused = pytest.mark.parametrize(("loss", "activation"), FUSED.values(), ids=FUSED)
each_dtype = pytest.mark.parametrize("dtype", [np.float64, np.float32])
each_kind_of_target = pytest.mark.parametrize("kind", ["indices", "one-hot", "probabilities"])

logits = arrays(np.float64, (3, 4), elements=st.floats(-20, 20))
huge_logits = arrays(np.float64, (3, 4), elements=st.floats(-1e4, 1e4))


def draw(*shape: int, seed: int = 0, dtype: type = np.float64) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def outputs(*shape: int, seed: int = 0, dtype: type = np.float64) -> np.ndarray:
    """Probabilities along the last axis, which every loss can take."""
    return SOFTMAX(draw(*shape, seed=seed, dtype=dtype))


def targets(kind: str, y: np.ndarray) -> np.ndarray:
    """Targets for outputs `y` with the classes along the last axis."""
    if kind == "probabilities":
        return outputs(*y.shape, seed=7, dtype=y.dtype.type)
    indices = np.random.default_rng(8).integers(0, y.shape[-1], y.shape[:-1])
    return indices if kind == "indices" else np.eye(y.shape[-1], dtype=y.dtype)[indices]


def near(found: object, expected: np.ndarray, ulps: float = 8) -> None:
    """Assert equality but for rounding: sums along another axis are taken in another order."""
    found, eps = np.asarray(found), EPS[expected.dtype.type]
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=ulps * eps, atol=ulps * eps)


@each
@pytest.mark.parametrize("integer", [np.int64, np.int32, np.uint8])
def test_class_indices_and_one_hot_rows_are_the_same_target_to_rounding(loss, integer):
    y = outputs(6, 4)
    indices = targets("indices", y).astype(integer)
    near(loss(y, indices), loss(y, targets("one-hot", y)))
    if loss in SMOOTH.values():
        near(loss.backward(y, indices), loss.backward(y, targets("one-hot", y)))


@each
@each_kind_of_target
@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
def test_any_axis_equals_the_last_one_moved_there_to_rounding(loss, kind, axis):
    y = outputs(3, 4, 5)
    t = targets(kind, y)
    y_there = np.moveaxis(y, -1, axis)
    t_there = t if kind == "indices" else np.moveaxis(t, -1, axis)
    near(loss(y_there, t_there, axis=axis), loss(y, t))
    if loss in SMOOTH.values():
        there = loss.backward(y_there, t_there, axis=axis)
        near(np.moveaxis(there, axis, -1), loss.backward(y, t))


@each
@each_kind_of_target
def test_a_batch_equals_its_samples_one_by_one_to_rounding(loss, kind):
    y = outputs(6, 4)
    t = targets(kind, y)
    near(loss(y, t), np.array([loss(y[i], np.asarray(t[i])) for i in range(6)]))
    if loss in SMOOTH.values():
        near(loss.backward(y, t), np.array([loss.backward(y[i], np.asarray(t[i])) for i in range(6)]))


@pytest.mark.parametrize("loss", SMOOTH.values(), ids=SMOOTH)
@each_kind_of_target
@pytest.mark.parametrize("axis", [0, -1])
def test_the_backward_pass_agrees_with_central_differences(loss, kind, axis):
    y = outputs(5, 5)
    t = targets(kind, y)
    expected = modnet.numerical_gradient(lambda y: loss(y, t, axis=axis).sum(), y, h=1e-6)
    np.testing.assert_allclose(loss.backward(y, t, axis=axis), expected, rtol=1e-6, atol=1e-8)


@each
def test_a_network_minimises_the_mean_over_the_batch(loss):
    net, x = modnet.TwoLayerNet(3, 5, 4, loss=loss, weight_init_std=1.0, seed=0), draw(6, 3)
    t = np.array([0, 1, 2, 3, 0, 1])
    assert net.loss(x, t) == pytest.approx(loss(net.predict(x), t).sum() / 6, rel=1e-14)


@each
def test_what_is_returned_is_no_view_of_what_was_given(loss):
    y = outputs(6, 4)
    t = targets("probabilities", y)
    for found in (loss(y, t), loss.backward(y, t)):
        assert not np.shares_memory(found, y)
        assert not np.shares_memory(found, t)


@pytest.mark.parametrize("name", NAMES)
@each_dtype
def test_certain_outputs_right_or_wrong_are_finite_without_a_warning(name, dtype):
    loss, y = modnet.loss(name), np.eye(4, dtype=dtype)
    with np.errstate(all="raise"):
        right, wrong = loss(y, np.arange(4)), loss(y, (np.arange(4) + 1) % 4)
        assert np.isfinite(loss.backward(y, (np.arange(4) + 1) % 4)).all()
    assert np.isfinite(wrong).all()
    assert (wrong > right).all()
    np.testing.assert_allclose(right, 0, atol=2e-7)


@pytest.mark.parametrize("name", NAMES)
@given(a=logits, b=logits)
def test_no_outputs_do_better_than_the_targets_themselves(name, a, b):
    loss, y, t = modnet.loss(name), SOFTMAX(a), SOFTMAX(b)
    assert (loss(y, t) >= loss(t, t) - 1e-6).all()  # eps moves the cross entropy's minimum by about 1e-7


def test_the_mean_squared_error_is_the_mean_over_the_outputs():
    y, t = np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]]), np.array([[1.0, 0.0, 0.0], [3.0, 0.0, 0.0]])
    loss = modnet.loss("mean-squared-error")
    assert loss(y, t).tolist() == [(0 + 4 + 9) / 3, 9 / 3]
    near(loss.backward(y, t), np.array([[0, 4, 6], [-6, 0, 0]]) / 3)


def test_the_book_halves_the_sum_instead():
    # Saitoh, chapter 4.2.1: the two sample outputs for the digit 2, and their errors as printed there.
    t = np.eye(10)[2]
    likely = np.array([0.1, 0.05, 0.6, 0.0, 0.05, 0.1, 0.0, 0.1, 0.0, 0.0])
    unlikely = np.array([0.1, 0.05, 0.1, 0.0, 0.05, 0.1, 0.0, 0.6, 0.0, 0.0])
    loss = modnet.loss("mean-squared-error")
    assert loss(likely, t) * 10 / 2 == pytest.approx(0.0975)
    assert loss(unlikely, t) * 10 / 2 == pytest.approx(0.5975)


@given(y=huge_logits, t=huge_logits)
def test_the_mean_squared_error_is_finite_at_large_magnitudes_and_symmetric(y, t):
    loss = modnet.loss("mean-squared-error")
    with np.errstate(all="raise", under="ignore"):
        assert np.isfinite(loss(y, t)).all()
        assert np.array_equal(loss(y, t), loss(t, y))
        assert (loss(y, t) >= 0).all()


@pytest.mark.parametrize("eps", [0.0, 1e-7, 0.1])
def test_the_cross_entropy_adds_eps_to_the_probability(eps):
    loss, y = modnet.loss("cross-entropy", eps=eps), np.array([[0.25, 0.75], [0.5, 0.5]])
    near(loss(y, np.array([0, 1])), -np.log(np.array([0.25, 0.5]) + eps))
    near(loss.backward(y, np.array([0, 1])), np.array([[-1 / (0.25 + eps), 0], [0, -1 / (0.5 + eps)]]))


def test_without_eps_a_class_with_target_zero_counts_for_nothing():
    y, t = np.array([[1.0, 0.0]]), np.array([[1.0, 0.0]])
    with np.errstate(all="raise"):
        assert EXACT_CROSS_ENTROPY(y, t).tolist() == [0.0]
        assert EXACT_CROSS_ENTROPY.backward(y, t).tolist() == [[-1.0, 0.0]]


def test_the_cross_entropy_knows_a_fused_form_with_the_softmax_alone():
    assert CROSS_ENTROPY.fused(ACTIVATIONS["sigmoid"]) is None
    assert CROSS_ENTROPY.fused(SOFTMAX) is not None


def check_fused(loss, activation, a, t, axis=-1):
    fused = loss.fused(activation)
    losses, y = fused(a, t, axis=axis)
    expected_y = activation(a, axis=axis)
    np.testing.assert_allclose(y, expected_y, rtol=1e-15)
    # What rounding takes off 1 - y is lost to the binary loss of y, and kept by the fused form.
    lost = EPS[np.float64] / (1 - expected_y).min() if loss.is_binary else 0.0
    np.testing.assert_allclose(losses, loss(expected_y, t, axis=axis), rtol=1e-12, atol=1e-14 + lost)
    dy = loss.backward(expected_y, t, axis=axis)
    expected_da = activation.backward(a, expected_y, dy, axis=axis)
    np.testing.assert_allclose(fused.backward(a, y, t, axis=axis), expected_da, rtol=1e-12, atol=1e-14)


@each_fused
@each_kind_of_target
@given(a=logits)
def test_the_fused_form_agrees_with_the_two_parts(loss, activation, kind, a):
    check_fused(loss, activation, a, targets(kind, a))


@each_fused
@each_kind_of_target
@pytest.mark.parametrize("axis", [0, 1, 2, -2])
def test_the_fused_form_agrees_with_the_two_parts_along_any_axis(loss, activation, kind, axis):
    a = draw(3, 4, 5)
    t = targets(kind, a)
    t = t if kind == "indices" else np.moveaxis(t, -1, axis)
    check_fused(loss, activation, np.moveaxis(a, -1, axis), t, axis)


@each_fused
@each_kind_of_target
def test_the_backward_pass_of_the_fused_form_agrees_with_central_differences(loss, activation, kind):
    a = draw(5, 4)
    t, fused = targets(kind, a), loss.fused(activation)
    expected = modnet.numerical_gradient(lambda a: fused(a, t)[0].sum(), a, h=1e-5)
    np.testing.assert_allclose(fused.backward(a, fused(a, t)[1], t), expected, rtol=1e-8, atol=1e-9)


@each_fused
def test_the_fused_form_takes_targets_that_do_not_sum_to_one(loss, activation):
    check_fused(loss, activation, draw(5, 4), np.abs(draw(5, 4, seed=3)))


@each_fused
@each_kind_of_target
@given(a=huge_logits)
def test_the_fused_form_is_finite_at_large_magnitudes_without_a_warning(loss, activation, kind, a):
    t, fused = targets(kind, a), loss.fused(activation)
    with np.errstate(all="raise", under="ignore"):
        losses, y = fused(a, t)
        da = fused.backward(a, y, t)
    assert np.isfinite(losses).all()
    assert np.isfinite(da).all()


def test_the_exact_fused_form_still_learns_where_the_probability_is_zero():
    a, t = np.array([[0.0, 1e4]]), np.array([0])
    losses, y = EXACT_CROSS_ENTROPY.fused(SOFTMAX)(a, t)
    assert losses.tolist() == [1e4]
    assert EXACT_CROSS_ENTROPY.fused(SOFTMAX).backward(a, y, t).tolist() == [[-1.0, 1.0]]


@pytest.mark.parametrize("eps", [-1e-7, float("nan")])
def test_a_setting_that_cannot_be_is_refused_in_words(eps):
    with pytest.raises(modnet.SettingError, match=f"'eps' must be >= 0: {eps}"):
        modnet.loss("cross-entropy", eps=eps)
