"""The gradient of any objective by a difference formula."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from modnet import Array, GradientError, Grads, Objective, Params, default_step
from modnet_gradients.layered import gradient_and_cells
from modnet_gradients.stencil import Stencil, check_floats, of_copies
from modnet_gradients.structure import Evaluate, LayerCells


def differences(
    objective: Callable[[Params], float],
    params: Params,
    stencil: Stencil,
    h: float | Mapping[str, float] | None = None,
    threads: int | None = None,
    evaluate: Evaluate | None = None,
) -> Grads:
    """Return a gradient by differences: from the objective's structure, or with any other function as a black box.

    `evaluate` says where a network's loss is evaluated, at a few nodes (None, too) or at every move; `h` is by default
    each dtype's own, `default_step`. Raises GradientError where a loss is not finite.
    """
    check_floats(params)
    steps = _steps(params, h)
    if isinstance(objective, Objective):
        return gradient_and_cells(objective, params, stencil, steps, threads, evaluate)[0]
    objective = of_copies(objective)
    centre = stencil.centre * objective(params) if stencil.centre else 0.0
    return {name: _black_box(objective, params, name, stencil, steps[name], centre) for name in params}


def count_cells(
    objective: Callable[[Params], float],
    params: Params,
    stencil: Stencil,
    h: float | Mapping[str, float] | None,
    threads: int | None,
    evaluate: Evaluate | None,
) -> tuple[LayerCells, ...]:
    """Return how `differences` evaluates each layer, and how many of its cells fall back to every move.

    Raises GradientError for a plain function, which has no cells.
    """
    if not isinstance(objective, Objective):
        raise GradientError("a plain function has no cells: hand in a network's objective, net.objective(x, t)")
    return gradient_and_cells(objective, params, stencil, _steps(params, h), threads, evaluate)[1]


def _steps(params: Params, h: float | Mapping[str, float] | None) -> dict[str, float]:
    return {
        name: default_step(np.asarray(value).dtype) if h is None else h[name] if isinstance(h, Mapping) else h
        for name, value in params.items()
    }


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
            # A mapping of its own for each evaluation: an objective may remember its argument.
            moved = moved + weight * objective({**params, name: point})
        point[index] = value[index]
        gradient[index] = np.real(moved) / (stencil.divisor * h)
        if not np.isfinite(gradient[index]):
            place = "".join(f"[{', '.join(map(str, index))}]" if index else "")
            raise GradientError(f"the loss is {moved} where {name}{place} is moved by {h:g}: try another h")
    return gradient
