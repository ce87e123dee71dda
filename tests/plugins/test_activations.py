"""The built-in activations: values, warnings, settings, other array libraries."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import modnet
from modnet.compose.plugins import get_host

NAMES = get_host().registry.names("activation")
DEFAULTS = {name: modnet.activation(name) for name in NAMES}
VARIANTS = {
    "gelu(approximate)": modnet.activation("gelu", approximate=True),
    "leaky-relu(0.3)": modnet.activation("leaky-relu", slope=0.3),
    "elu(2)": modnet.activation("elu", alpha=2.0),
    "swish(3)": modnet.activation("swish", beta=3.0),
}
ALL = DEFAULTS | VARIANTS
SMOOTH = {k: f for k, f in ALL.items() if type(f).backward is not modnet.Activation.backward}
EPS = {np.float64: 2.0**-52, np.float32: 2.0**-23}

each = pytest.mark.parametrize("activation", ALL.values(), ids=ALL)
each_smooth = pytest.mark.parametrize("activation", SMOOTH.values(), ids=SMOOTH)
each_elementwise = pytest.mark.parametrize(
    "activation", [f for f in ALL.values() if f.elementwise], ids=[k for k, f in ALL.items() if f.elementwise]
)
each_dtype = pytest.mark.parametrize("dtype", [np.float64, np.float32])

batches = arrays(
    st.sampled_from([np.float64, np.float32]),
    array_shapes(min_dims=1, max_dims=3, max_side=5),
    elements=st.floats(-1e4, 1e4, width=32),
)
LARGE = np.array([[-1e4, 1e4, 0.0, -0.0], [1e4, 1e4, 1e4, 1e4], [-1e4, -1e4, -1e4, -1e4]])


def draw(*shape: int, seed: int = 0, dtype: type = np.float64) -> np.ndarray:
    values = 3 * np.random.default_rng(seed).standard_normal(shape)
    return values.astype(dtype)


def near(found: object, expected: np.ndarray, ulps: float = 8) -> None:
    """Assert equality but for rounding: sums along another axis are taken in another order."""
    found, eps = np.asarray(found), EPS[expected.dtype.type]
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=ulps * eps, atol=ulps * eps)


@each
@given(a=batches)
@example(a=LARGE)
@example(a=LARGE.astype(np.float32))
def test_finite_numbers_give_finite_numbers_without_a_warning(activation, a):
    with np.errstate(all="raise", under="ignore"):
        z = activation(a)
        da = activation.backward(a, z, np.ones_like(a)) if activation in SMOOTH.values() else z
    assert np.isfinite(z).all()
    assert np.isfinite(da).all()


@each
def test_an_input_that_is_not_a_number_is_not_hidden_unless_the_output_is_a_class(activation):
    a = np.array([np.nan, 1.0])
    hidden = not np.isnan(activation(a)).any()
    assert hidden == (activation == modnet.activation("step"))


@each
@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
def test_any_axis_equals_the_last_one_moved_there_to_rounding(activation, axis):
    a, dz = draw(3, 4, 5), draw(3, 4, 5, seed=1)
    moved, dz_moved = np.moveaxis(a, axis, -1), np.moveaxis(dz, axis, -1)
    z, z_moved = activation(a, axis=axis), activation(moved)
    near(z, np.moveaxis(z_moved, -1, axis))
    if activation in SMOOTH.values():
        da = activation.backward(moved, z_moved, dz_moved)
        near(activation.backward(a, z, dz, axis=axis), np.moveaxis(da, -1, axis), ulps=32)


@each
@each_dtype
def test_a_batch_equals_its_rows_one_by_one_to_rounding(activation, dtype):
    a = draw(7, 5, dtype=dtype)
    near(activation(a), np.stack([activation(row) for row in a]))


@each_smooth
@pytest.mark.parametrize("axis", [0, -1])
def test_the_backward_pass_agrees_with_central_differences(activation, axis):
    a, dz = draw(4, 5), draw(4, 5, seed=1)
    expected = modnet.numerical_gradient(lambda a: (dz * activation(a, axis=axis)).sum(), a, h=1e-5)
    found = activation.backward(a, activation(a, axis=axis), dz, axis=axis)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-9)


@each_smooth
@given(factor=st.floats(-8, 8))
def test_the_backward_pass_is_linear(activation, factor):
    a, dz = draw(3, 4), draw(3, 4, seed=1)
    z = activation(a)
    found, expected = activation.backward(a, z, factor * dz), factor * activation.backward(a, z, dz)
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-13)


@each
def test_what_is_returned_is_no_view_of_what_was_given(activation):
    a, dz = draw(4, 5), draw(4, 5, seed=1)
    z = activation(a)
    assert not np.shares_memory(z, a)
    if activation in SMOOTH.values():
        da = activation.backward(a, z, dz)
        assert not any(np.shares_memory(da, given) for given in (a, z, dz))


@each_elementwise
@each_dtype
def test_an_elementwise_one_takes_a_single_number(activation, dtype):
    a = np.asarray(0.75, dtype=dtype)
    z = activation(a)
    assert (z.shape, z.dtype) == ((), dtype)
    near(z, activation(a.reshape(1))[0])


def test_all_claim_to_be_elementwise_but_the_softmax():
    assert [name for name, activation in ALL.items() if not activation.elementwise] == ["softmax"]


@pytest.mark.parametrize("name", [k for k in ALL if k not in SMOOTH])
def test_one_without_a_backward_says_so(name):
    a = draw(2, 3)
    with pytest.raises(modnet.NoDerivativeError, match=f"the activation {name} has no backward"):
        ALL[name].backward(a, ALL[name](a), a)


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        (modnet.activation("relu"), 0.0),
        (modnet.activation("leaky-relu", slope=0.25), 0.25),
        (modnet.activation("elu", alpha=2.0), 2.0),
    ],
    ids=["relu", "leaky-relu", "elu"],
)
def test_the_derivative_at_the_kink_is_the_stated_one(activation, expected):
    kink = np.array([0.0, -0.0])
    found = activation.backward(kink, activation(kink), np.array([1.0, 1.0]))
    assert found.tolist() == [expected, expected]


def test_the_step_is_up_only_above_zero():
    above = np.nextafter(0.0, 1.0)
    assert modnet.activation("step")(np.array([-1.0, -0.0, 0.0, above, 1.0])).tolist() == [0, 0, 0, 1, 1]


@each_dtype
def test_the_exact_gelu_takes_every_finite_number(dtype):
    largest = np.finfo(dtype).max
    a = np.array([-largest, largest])
    with np.errstate(all="raise", under="ignore"):
        z = ALL["gelu"](a)
        da = ALL["gelu"].backward(a, z, np.ones_like(a))
    assert z.tolist() == [0, largest]
    assert da.tolist() == [0, 1]


@given(a=batches, shift=st.floats(-100, 100, width=32))
def test_the_softmax_sums_to_one_and_does_not_see_a_shift(a, shift):
    a, eps = a.astype(np.float64), 2.0**-52
    softmax = modnet.activation("softmax")
    z = softmax(a)
    assert ((z >= 0) & (z <= 1)).all()
    np.testing.assert_allclose(z.sum(axis=-1), 1, rtol=8 * eps)
    np.testing.assert_allclose(softmax(a + shift), z, rtol=0, atol=4e4 * eps)  # a + shift is rounded


@given(a=batches)
def test_the_sigmoid_is_the_softmax_of_two(a):
    a = a.astype(np.float64)
    two = modnet.activation("softmax")(np.stack([a, np.zeros_like(a)]), axis=0)[0]
    np.testing.assert_allclose(modnet.activation("sigmoid")(a), two, rtol=0, atol=4 * 2.0**-52)


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("leaky-relu", {"slope": -0.1}, "'slope' must be >= 0: -0.1"),
        ("leaky-relu", {"slope": float("nan")}, "'slope' must be >= 0: nan"),
        ("elu", {"alpha": 0.0}, "'alpha' must be > 0: 0.0"),
        ("swish", {"beta": -1.0}, "'beta' must be >= 0: -1.0"),
        ("gelu", {"approximate": "tanh"}, "'approximate' must be true or false, not 'tanh'"),
        ("relu", {"slope": 0.1}, "unknown setting 'slope'"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_in_words(name, settings, words):
    with pytest.raises(modnet.SettingError) as caught:
        modnet.activation(name, **settings)
    assert words in str(caught.value)


def test_a_class_itself_refuses_a_setting_that_cannot_be():
    with pytest.raises(TypeError, match="'approximate' must be"):
        type(ALL["gelu"])(approximate="none")
