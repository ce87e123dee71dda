"""Difference formulas, and the steps that they can be taken with."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np

from modnet import Array, GradientError, Objective, Params, PrecisionWarning
from modnet_gradients.arrays import copy_array, count_numbers, get_dtype, get_eps, get_step, is_other
from modnet_gradients.forms import is_exact


@attrs.frozen
class Stencil:
    """A difference formula: (sum_s weights[s] L(w + shifts[s] h) + centre L(w)) / (divisor h), its real part."""

    shifts: tuple[complex, ...]
    weights: tuple[complex, ...]
    divisor: float
    centre: float = 0.0

    def evaluations(self, params: Params) -> int:
        """Return the number of evaluations of the loss for a gradient, as a black box."""
        return len(self.shifts) * sum(count_numbers(value) for value in params.values()) + bool(self.centre)


def of_copies(objective: Callable[[Params], float]) -> Callable[[Params], float]:
    """Return a function that hands `objective` copies of the parameters: any function may write to them, or keep them.

    A network's objective does neither, and is returned as it is.
    """
    if isinstance(objective, Objective):
        return objective
    return lambda params: objective({name: copy_array(value) for name, value in params.items()})


def check_floats(params: Params) -> None:
    """Refuse parameters that are no arrays of floats, such as integers: their moves would be rounded off."""
    for name, given in params.items():
        value: Any = given
        is_array = isinstance(value, (np.ndarray, np.generic)) or is_other(value)
        if not is_array or get_dtype(value).kind != "f":
            what = f"of {get_dtype(value)}" if is_array else f"a {type(value).__name__}"
            raise GradientError(f"parameter {name} is {what}: pass an array of floats, np.array(..., float)")


def check_step(h: float, params: Params, objective: Callable[[Params], float] | None = None) -> None:
    """Refuse a real step that vanishes in the dtype, and warn of one that leaves little of a difference.

    Nothing cancels in a network whose parts all have an exact `change`: of it there is no warning.
    """
    check_floats(params)
    exact = isinstance(objective, Objective) and is_exact(objective)
    for name, value in params.items():
        eps, dtype = get_eps(value), get_dtype(value)
        if h <= eps:
            raise GradientError(
                f"{name} is {dtype}, in which h={h:g} vanishes beside 1: use float64, or h={_good(value)} or so"
            )
        if h < eps**0.5 and not exact:
            warnings.warn(
                f"h={h:g} in {dtype}: rounding alone moves each entry of the gradient by about "
                f"{eps / h:.1e} of the loss; with h={_good(value)} it is {eps / get_step(value):.1e}",
                PrecisionWarning,
                stacklevel=3,
            )
            return


def _good(value: Array) -> str:
    return f"{get_step(value):.2g}"
