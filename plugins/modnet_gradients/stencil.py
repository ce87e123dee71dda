"""Difference formulas, and the gradient of any objective by one of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

import attrs
import numpy as np

from modnet import Array, GradientError, Grads, Objective, Params, PrecisionWarning, default_step
from modnet_gradients.structure import structured_gradient


@attrs.frozen
class Stencil:
    """A difference formula: (sum_s weights[s] L(w + shifts[s] h) + centre L(w)) / (divisor h), its real part."""

    shifts: tuple[complex, ...]
    weights: tuple[complex, ...]
    divisor: float
    centre: float = 0.0

    def evaluations(self, params: Params) -> int:
        """Return how many evaluations of the loss a gradient costs, taken as a black box."""
        return len(self.shifts) * sum(int(np.size(value)) for value in params.values()) + bool(self.centre)


def differences(
    objective: Callable[[Params], float],
    params: Params,
    stencil: Stencil,
    h: float | Mapping[str, float] | None = None,
    threads: int | None = None,
) -> Grads:
    """Return a gradient by differences: from the objective's structure, or with any other function as a black box.

    `h` is by default each dtype's own, `default_step`. Raises GradientError where a loss is not finite.
    """
    steps = {
        name: default_step(np.asarray(value).dtype) if h is None else h[name] if isinstance(h, Mapping) else h
        for name, value in params.items()
    }
    if isinstance(objective, Objective):
        return structured_gradient(objective, params, stencil, steps, threads)
    centre = stencil.centre * objective(params) if stencil.centre else 0.0
    return {name: _black_box(objective, params, name, stencil, steps[name], centre) for name in params}


def check_step(h: float, params: Params) -> None:
    """Refuse a real step that vanishes in the dtype, and warn of one that leaves little of a difference."""
    for name, value in params.items():
        eps = float(np.finfo(value.dtype).eps)
        if h <= eps:
            raise GradientError(
                f"{name} is {value.dtype}, in which h={h:g} vanishes beside 1: use float64, or h={_good(value)} or so"
            )
        if h < eps**0.5:
            warnings.warn(
                f"h={h:g} in {value.dtype}: rounding alone moves each entry of the gradient by about "
                f"{eps / h:.1e} of the loss; with h={_good(value)} it is {eps / default_step(value.dtype):.1e}",
                PrecisionWarning,
                stacklevel=3,
            )
            return


def _good(value: Array) -> str:
    return f"{default_step(value.dtype):.2g}"


def _black_box(
    objective: Callable[[Params], float], params: Params, name: str, stencil: Stencil, h: float, centre: complex
) -> Array:
    value = params[name]
    point: Array = np.array(value, dtype=np.result_type(value.dtype, *(type(s) for s in stencil.shifts), np.float16))
    gradient = np.empty(value.shape, value.dtype)
    for index in np.ndindex(value.shape):
        moved: complex = centre
        for shift, weight in zip(stencil.shifts, stencil.weights, strict=True):
            point[index] = value[index] + shift * h
            # A mapping of its own for each evaluation: an objective may remember what it was given.
            moved = moved + weight * objective({**params, name: point})
        point[index] = value[index]
        gradient[index] = np.real(moved) / (stencil.divisor * h)
        if not np.isfinite(gradient[index]):
            place = "".join(f"[{', '.join(map(str, index))}]" if index else "")
            raise GradientError(f"the loss is {moved} where {name}{place} is moved by {h:g}: try another h")
    return gradient
