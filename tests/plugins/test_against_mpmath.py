"""Against mpmath with 50 digits: how exact each function is, in units of rounding.

Points are drawn at magnitudes from 1e-6 to 1e4. The bounds are on |found - true| / max(1, |true|), in units of the
dtype's eps; the largest ones seen are 0.9 for a function and 1.4 for a derivative.
"""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

import modnet

DIGITS = 50
FUNCTION_BOUND, DERIVATIVE_BOUND = 2.0, 2.0
each_dtype = pytest.mark.parametrize("dtype", [np.float64, np.float32])


def sigmoid(a):
    return 1 / (1 + mpmath.exp(-a))


def normal(a):
    return mpmath.erfc(-a / mpmath.sqrt(2)) / 2


def approximate_gelu(a):
    return a / 2 * (1 + mpmath.tanh(mpmath.sqrt(2 / mpmath.pi) * (a + mpmath.mpf(0.044715) * a**3)))


def approximate_gelu_slope(a):
    root, cubic = mpmath.sqrt(2 / mpmath.pi), mpmath.mpf(0.044715)
    x = root * (a + cubic * a**3)
    return (1 + mpmath.tanh(x)) / 2 + a / 2 * mpmath.sech(x) ** 2 * root * (1 + 3 * cubic * a * a)


# Label -> the activation, the function, its derivative.
FUNCTIONS = {
    "elu(1.5)": (
        modnet.activation("elu", alpha=1.5),
        lambda a: a if a > 0 else 1.5 * mpmath.expm1(a),
        lambda a: mpmath.mpf(1) if a > 0 else 1.5 * mpmath.exp(a),
    ),
    "gelu": (modnet.activation("gelu"), lambda a: a * normal(a), lambda a: normal(a) + a * mpmath.npdf(a)),
    "gelu(approximate)": (
        modnet.activation("gelu", approximate=True),
        approximate_gelu,
        approximate_gelu_slope,
    ),
    "leaky-relu(0.25)": (
        modnet.activation("leaky-relu", slope=0.25),
        lambda a: a if a > 0 else a / 4,
        lambda a: mpmath.mpf(1 if a > 0 else 0.25),
    ),
    "sigmoid": (modnet.activation("sigmoid"), sigmoid, lambda a: sigmoid(a) * sigmoid(-a)),
    "softplus": (modnet.activation("softplus"), lambda a: mpmath.log1p(mpmath.exp(a)), sigmoid),
    "swish": (
        modnet.activation("swish"),
        lambda a: a * sigmoid(a),
        lambda a: sigmoid(a) * (1 + a * sigmoid(-a)),
    ),
    "swish(2)": (
        modnet.activation("swish", beta=2.0),
        lambda a: a * sigmoid(2 * a),
        lambda a: sigmoid(2 * a) * (1 + 2 * a * sigmoid(-2 * a)),
    ),
    "tanh": (modnet.activation("tanh"), mpmath.tanh, lambda a: mpmath.sech(a) ** 2),
}
each = pytest.mark.parametrize("row", FUNCTIONS.values(), ids=FUNCTIONS)


def points(dtype: type) -> np.ndarray:
    rng = np.random.default_rng(0)
    drawn = [size * rng.uniform(-1, 1, 200) for size in (1e-6, 1, 10, 40, 1e4)]
    return np.concatenate([*drawn, [0.0, 1e4, -1e4]]).astype(dtype)


def exactly(function, values: np.ndarray) -> list:
    with mpmath.workdps(DIGITS):
        return [mpmath.mpf(function(mpmath.mpf(float(value)))) for value in values]


def errors(found: np.ndarray, exact: list, relative: bool = False) -> np.ndarray:
    """Return the errors in units of rounding: of the value, or of 1 where it is smaller and not `relative`."""
    eps = float(np.finfo(found.dtype).eps)
    with mpmath.workdps(DIGITS):
        return np.array(
            [
                float(abs(mpmath.mpf(float(z)) - e) / (abs(e) if relative else max(1, abs(e)))) / eps
                for z, e in zip(found.ravel(), exact, strict=True)
            ]
        )


@each
@each_dtype
def test_functions_are_exact_to_rounding(row, dtype):
    activation, function, _ = row
    a = points(dtype)
    assert errors(activation(a), exactly(function, a)).max() <= FUNCTION_BOUND


@each
@each_dtype
def test_derivatives_are_exact_to_rounding(row, dtype):
    activation, _, derivative = row
    a = points(dtype)
    found = activation.backward(a, activation(a), np.ones_like(a))
    assert errors(found, exactly(derivative, a)).max() <= DERIVATIVE_BOUND


@pytest.mark.parametrize("label", ["sigmoid", "softplus", "swish", "tanh", "elu(1.5)"])
@each_dtype
def test_small_values_have_no_larger_relative_error(label, dtype):
    activation, function, _ = FUNCTIONS[label]
    a = points(dtype)
    a = a[(np.abs(a) > 1e-12) & (a > -80)]  # beyond, float32 has no normal numbers for exp(a)
    assert errors(activation(a), exactly(function, a), relative=True).max() <= FUNCTION_BOUND


def test_the_tail_of_the_gelu_keeps_its_relative_error_near_zero():
    a = np.linspace(-37, 37, 501)
    a = a[a != 0]
    found = errors(modnet.activation("gelu")(a), exactly(lambda a: a * normal(a), a), relative=True)
    # exp(-a²/2) magnifies the rounding of its argument by a²/2: nothing else is lost.
    assert (found <= 3 + np.minimum(a, 0) ** 2 / 2).all()


def test_the_approximate_gelu_is_as_near_as_its_docstring_says():
    a = np.linspace(-6, 6, 4001)
    off = np.abs(modnet.activation("gelu", approximate=True)(a) - modnet.activation("gelu")(a)).max()
    assert 4e-4 < off < 5e-4


@each_dtype
def test_the_softmax_is_exact_to_rounding(dtype):
    a = np.stack([points(dtype)[k : k + 10] for k in range(0, 1000, 10)])
    found = modnet.activation("softmax")(a)
    for row, z in zip(a, found, strict=True):
        with mpmath.workdps(DIGITS):
            powers = [mpmath.exp(mpmath.mpf(float(value))) for value in row]
            exact = [power / sum(powers) for power in powers]
        # a - max a is rounded: in the worst case by half a unit of 1e4, where its exponential is not 0.
        assert errors(z, exact).max() <= 8


@each_dtype
def test_the_fused_cross_entropy_is_exact_to_rounding(dtype):
    a = np.stack([points(dtype)[k : k + 10] for k in range(0, 1000, 10)])
    t = np.arange(100) % 10
    fused = modnet.loss("cross-entropy", eps=0).fused(modnet.activation("softmax"))
    with mpmath.workdps(DIGITS):
        rows = [[mpmath.mpf(float(value)) for value in row] for row in a]
        exact = [mpmath.log(sum(map(mpmath.exp, row))) - row[c] for row, c in zip(rows, t, strict=True)]
    assert errors(fused(a, t)[0], exact).max() <= 4


@each_dtype
def test_the_mean_squared_error_is_exact_to_rounding(dtype):
    y = points(dtype)[:1000].reshape(100, 10)
    t = y[::-1].copy()
    with mpmath.workdps(DIGITS):
        squares = [(mpmath.mpf(float(a)) - mpmath.mpf(float(b))) ** 2 for a, b in zip(y.flat, t.flat, strict=True)]
        exact = [sum(squares[k : k + 10]) / 10 for k in range(0, 1000, 10)]
    assert errors(modnet.loss("mean-squared-error")(y, t), exact).max() <= 4
