"""Against SciPy's special functions, which come from Cephes, Boost and the like."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import special

import modnet

EPS = 2.0**-52
a_few = arrays(np.float64, (3, 5), elements=st.floats(-1e4, 1e4))
moderate = arrays(np.float64, (3, 5), elements=st.floats(-30, 30))
axes = st.sampled_from([0, 1])


def near(found: np.ndarray, expected: np.ndarray, ulps: float) -> None:
    """Assert equality to some units of rounding, of the value itself or of 1 where it is smaller."""
    np.testing.assert_allclose(found, expected, rtol=ulps * EPS, atol=ulps * EPS)


# name -> the function, and its derivative.
FUNCTIONS = {
    "elu": (
        lambda a: np.where(a > 0, a, special.expm1(np.minimum(a, 0))),
        lambda a: np.where(a > 0, 1.0, np.exp(np.minimum(a, 0))),
    ),
    "gelu": (
        lambda a: a * special.ndtr(a),
        lambda a: special.ndtr(a) + a * np.exp(-a * a / 2) / np.sqrt(2 * np.pi),
    ),
    "sigmoid": (special.expit, lambda a: special.expit(a) * special.expit(-a)),
    "softplus": (lambda a: -special.log_expit(-a), special.expit),
    "swish": (
        lambda a: a * special.expit(a),
        lambda a: special.expit(a) * (1 + a * special.expit(-a)),
    ),
    "tanh": (lambda a: 2 * special.expit(2 * a) - 1, lambda a: 4 * special.expit(2 * a) * special.expit(-2 * a)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@given(a=a_few)
def test_activations(name, a):
    near(modnet.activation(name)(a), FUNCTIONS[name][0](a), ulps=4)


@pytest.mark.parametrize("name", FUNCTIONS)
@given(a=a_few)
def test_their_derivatives(name, a):
    activation = modnet.activation(name)
    near(activation.backward(a, activation(a), np.ones_like(a)), FUNCTIONS[name][1](a), ulps=4)


@given(a=a_few, axis=axes)
def test_softmax(a, axis):
    near(modnet.activation("softmax")(a, axis=axis), special.softmax(a, axis=axis), ulps=4)


@given(a=a_few, axis=axes)
def test_the_fused_cross_entropy_of_each_class_is_its_log_softmax(a, axis):
    fused = modnet.loss("cross-entropy", eps=0).fused(modnet.activation("softmax"))
    shape = np.delete(a.shape, axis)
    found = [-fused(a, np.full(shape, c), axis=axis)[0] for c in range(a.shape[axis])]
    near(np.stack(found, axis=axis), special.log_softmax(a, axis=axis), ulps=4)


@given(a=moderate, b=moderate, axis=axes)
def test_the_cross_entropy_of_probabilities(a, b, axis):
    y, t = special.softmax(a, axis=axis), special.softmax(b, axis=axis)
    expected = -special.xlogy(t, y).sum(axis=axis)
    near(modnet.loss("cross-entropy", eps=0)(y, t, axis=axis), expected, ulps=8)
    fused = modnet.loss("cross-entropy", eps=0).fused(modnet.activation("softmax"))
    near(fused(np.log(y), t, axis=axis)[0], expected, ulps=64)  # the logarithm's rounding, times up to 60


@given(a=moderate, b=moderate)
def test_the_cross_entropy_is_the_entropy_and_the_divergence(a, b):
    y, t = special.softmax(a, axis=-1), special.softmax(b, axis=-1)
    expected = special.entr(t).sum(axis=-1) + special.rel_entr(t, y).sum(axis=-1)
    near(modnet.loss("cross-entropy", eps=0)(y, t), expected, ulps=64)
