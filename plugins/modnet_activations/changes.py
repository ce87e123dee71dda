"""Changes of functions without cancellation, shared by the activations."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from array_api_compat import array_namespace, is_numpy_namespace

from modnet import Array


def logistic(a: Array) -> Array:
    """Return 1 / (1 + exp(-a)).

    With arrays of other libraries nothing overflows on the way, as autodiff would make nan of it.
    """
    xp = array_namespace(a)
    if is_numpy_namespace(xp):
        with np.errstate(over="ignore"):  # 1 / (1 + inf) is the 0 that is meant
            return 1.0 / (1.0 + xp.exp(-a))
    is_negative = a < 0
    power = xp.exp(xp.where(is_negative, a, -a))
    share = 1.0 / (1.0 + power)
    return xp.where(is_negative, power * share, share)


def logistic_change(a: Array, da: Array) -> Array:
    """Return s(a + da) - s(a) for the logistic function s: w s (1 - s) / (1 + s w) with w = exp(da) - 1.

    That is w / (A + B w) with B = 1 + exp(a) and A = B (1 + exp(-a)). Only the last three operations are on arrays
    larger than `a` and `da`.
    """
    xp = array_namespace(a, da)
    most = math.log(_largest(a)) - 10  # beyond, A overflows
    power = xp.exp(xp.minimum(xp.maximum(a, -most), most))
    slope = power + 1.0
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):  # where `da` is large
        w = xp.expm1(da)
        change = slope * w
        change += slope + slope / power
        change = np.divide(w, change, out=change) if isinstance(change, np.ndarray) else w / change
    is_beyond = (a < -most) | (a > most)
    if xp.any(is_beyond):
        change = xp.where(is_beyond, _large_logistic_change(a, da), change)
    return replace_large(change, da, 1.0, lambda: _large_logistic_change(a, da))


def _large_logistic_change(a: Array, da: Array) -> Array:
    """Return the same as s(a + da) s(-a) (1 - exp(-da)), or with all signs turned where `da` is negative."""
    xp = array_namespace(a, da)
    sign = xp.where(da < 0, -xp.ones_like(da), xp.ones_like(da))
    return -sign * logistic(sign * (a + da)) * logistic(-sign * a) * xp.expm1(-sign * da)


def rectified_change(a: Array, da: Array) -> Array:
    """Return max(a + da, 0) - max(a, 0), where `a` has both signs: `da` itself where nothing is cut off."""
    xp = array_namespace(a, da)
    positive = xp.maximum(a, 0.0)
    return xp.maximum(da + (a - positive), -positive)


def remaining_change(a: Array, da: Array) -> Array:
    """Return min(a + da, 0) - min(a, 0), the part of `da` that `rectified_change` leaves."""
    xp = array_namespace(a, da)
    negative = xp.minimum(a, 0.0)
    return xp.minimum(da + (a - negative), -negative)


def product_change(a: Array, da: Array, factor: Array, factor_change: Array) -> Array:
    """Return the change of `a * factor`: da factor + (a + da) factor_change."""
    return da * factor + (a + da) * factor_change


def replace_large(change: Array, da: Array, most: float, otherwise: Callable[[], Array]) -> Array:
    """Return `change` with the values of `otherwise()` where `da` is not within `most` of 0."""
    xp = array_namespace(change, da)
    if da.size == 0 or (xp.max(da) <= most and xp.min(da) >= -most):
        return change
    return xp.where((da <= most) & (da >= -most), change, otherwise())


def _largest(a: Array) -> float:
    return float(np.finfo(str(a.dtype).rpartition(".")[2]).max)
