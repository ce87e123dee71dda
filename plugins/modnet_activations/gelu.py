"""The Gaussian error linear unit."""

from __future__ import annotations

import math
from typing import ClassVar

import attrs
import numpy as np
from array_api_compat import array_namespace, is_numpy_namespace
from attrs.validators import instance_of

from modnet import Activation, Array
from modnet_activations.changes import logistic, logistic_change, product_change, rectified_change, replace_large


@attrs.frozen
class Gelu(Activation):
    """The Gaussian error linear unit: z = a Φ(a), with the standard normal distribution Φ.

    The default is exact to rounding, as PyTorch's and ONNX's default is. With `approximate` it is the
    approximation of the literature, a / 2 (1 + tanh x) with x = √(2/π) (a + 0.044715 a³), which is off by up
    to 5e-4 and costs less. Hendrycks and Gimpel (2016), "Gaussian error linear units".

    >>> Gelu()(np.array([-1e4, -1.0, 0.0, 1.0])).round(4)
    array([-0.    , -0.1587,  0.    ,  0.8413])
    >>> Gelu(approximate=True)(np.array([-1e4, -1.0, 0.0, 1.0])).round(4)
    array([-0.    , -0.1588,  0.    ,  0.8412])
    """

    approximate: bool = attrs.field(default=False, validator=instance_of(bool))

    elementwise: ClassVar[bool] = True
    kinks: ClassVar[tuple[float, ...] | None] = ()

    def __call__(self, a: Array, axis: int = -1) -> Array:  # noqa: ARG002 - elementwise
        """Return z, of the shape and dtype of `a`."""
        return a * (_logistic(a) if self.approximate else _normal(a)[0])

    def backward(self, a: Array, z: Array, dz: Array, axis: int = -1) -> Array:  # noqa: ARG002 - elementwise
        """Return da = dz (Φ(a) + a φ(a)), with the density φ; approximately if so set."""
        if self.approximate:
            slope = 2 * _SCALE + 6 * _SCALE * _CUBIC * (a * a)
            return dz * (_logistic(a) + z * _logistic(-a) * slope)
        distribution, density = _normal(a)
        return dz * (distribution + a * density)

    def change(self, a: Array, z: Array, da: Array, axis: int = -1) -> Array:  # noqa: ARG002 - elementwise
        """Return the change of z: for small `da` the Taylor series, or da s + (a + da) ds of a logistic function s."""
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):  # where `da` is large
            change = _logistic_form(a, da) if self.approximate else _taylor_series(a, da)
        return replace_large(change, da, _SMALL, lambda: rectified_change(a, da) + (self._dent(a + da) - self._dent(a)))

    def _dent(self, a: Array) -> Array:
        """Return what the function is more than max(a, 0)."""
        size = array_namespace(a).abs(a)
        return -size * (_logistic(-size) if self.approximate else _normal(-size)[0])


_SCALE, _CUBIC = math.sqrt(2 / math.pi), 0.044715


def _logistic(a: Array) -> Array:
    """Return (1 + tanh x) / 2 as 1 / (1 + exp(-2x)), in which nothing cancels."""
    xp, x = array_namespace(a), a * (-2 * _SCALE - 2 * _SCALE * _CUBIC * (a * a))
    if not is_numpy_namespace(xp):
        return logistic(-x)
    with np.errstate(over="ignore"):  # 1 / (1 + inf) is the 0 that is meant
        return 1.0 / (1.0 + xp.exp(x))


def _logistic_form(a: Array, da: Array) -> Array:
    """Return the change of the approximation, from that of its logistic function of 2x."""
    xp = array_namespace(a, da)
    u = xp.minimum(xp.maximum(a, -_BEYOND), _BEYOND)
    x = 2 * _SCALE * u * (1.0 + _CUBIC * (u * u))
    dx = 2 * _SCALE * da * (1.0 + _CUBIC * (3.0 * u * (u + da) + da * da))
    return product_change(a, da, _logistic(a), logistic_change(x, dx))


_SMALL = 1 / 16  # up to here so many terms of the series are exact to rounding
_TERMS = 11


def _taylor_series(a: Array, da: Array) -> Array:
    """Return sum_n f_n da^n / n!, with the derivatives f_n of the exact function."""
    distribution, density = _normal(a)
    terms = [
        distribution + a * density
    ]  # f_n = a g_n + n g_(n-1), where g_n is the n-th derivative of the distribution
    before, now = density, -a * density
    for n in range(2, _TERMS + 1):
        terms.append((a * now + n * before) / math.factorial(n))
        before, now = now, -a * now - (n - 1) * before
    change = da * terms[-1]
    for term in terms[-2::-1]:
        change += term
        change *= da
    return change


def _normal(a: Array) -> tuple[Array, Array]:
    """Return the standard normal distribution and density at a; the array API standard has no erf."""
    xp = array_namespace(a)
    u = xp.minimum(xp.abs(a), _BEYOND)
    power = xp.exp(-0.5 * (u * u))
    tail = power * (_polynomial(_NUMERATOR, u) / _polynomial(_DENOMINATOR, u))
    return xp.where(a < 0, tail, 1.0 - tail), power / math.sqrt(2 * math.pi)


def _polynomial(coefficients: tuple[float, ...], u: Array) -> Array:
    """Return sum_k c_k u^k by Horner's rule."""
    value = coefficients[-1] * u
    if not is_numpy_namespace(array_namespace(u)):  # autodiff keeps what stands in a product
        for c in coefficients[-2:0:-1]:
            value = (value + c) * u
        return value + coefficients[0]
    for c in coefficients[-2:0:-1]:
        value += c  # in place: `value` is nobody else's
        value *= u
    value += coefficients[0]
    return value


# (1 - Φ(u)) / exp(-u²/2), a multiple of Mills' ratio, as a rational function for u >= 0. It agrees with the
# true ratio at 22 points, u = 3.5 (1 + t) / (1 - t) for the Chebyshev points t = cos((2i + 1) π / 44), solved
# with 80 digits. Its relative error is below 6e-17; with positive coefficients only, no rounding error is
# magnified.
_NUMERATOR = (
    0.5,
    0.8509201558677936,
    0.7157853162088873,
    0.3854550897575051,
    0.14592206823380713,
    0.04041897339378923,
    0.00828885841382678,
    0.0012448676602258607,
    0.00013162753648561845,
    8.919641261869862e-06,
    2.983583337901719e-07,
)
_DENOMINATOR = (
    1.0,
    2.4997248725384527,
    2.9260625144711057,
    2.1216693677540928,
    1.061490738241009,
    0.38589706412912633,
    0.10439104558969209,
    0.021105532421931562,
    0.00314277870028614,
    0.00033068917811030684,
    2.2358224986568365e-05,
    7.478734354502387e-07,
)
_BEYOND = 40.0  # where the tail is 0 even in float64
