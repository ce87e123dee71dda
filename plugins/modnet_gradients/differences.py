"""The gradient of any objective by a difference formula."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from array_api_compat import array_namespace

from modnet import Array, GradientError, Grads, Objective, Params, match_array
from modnet_gradients.arrays import as_numpy, copy_array, get_dtype, get_step, is_other, to_number
from modnet_gradients.layered import gradient_and_cells
from modnet_gradients.steps.stencil import Stencil, check_floats, of_copies
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
    each dtype's own, `default_step`. A network's are computed by NumPy, whatever library its arrays are of. Raises
    GradientError where a loss is not finite.
    """
    check_floats(params)
    steps = _steps(params, h)
    if isinstance(objective, Objective):
        with as_numpy(objective, params) as moved:
            found = gradient_and_cells(*moved, stencil, steps, threads, evaluate)[0]
        return {name: match_array(found[name], value) for name, value in params.items()}
    objective = of_copies(objective)
    centre = stencil.centre * to_number(objective(params)) if stencil.centre else 0.0
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
    steps = _steps(params, h)
    with as_numpy(objective, params) as moved:
        return gradient_and_cells(*moved, stencil, steps, threads, evaluate)[1]


def _steps(params: Params, h: float | Mapping[str, float] | None) -> dict[str, float]:
    return {
        name: get_step(value) if h is None else h[name] if isinstance(h, Mapping) else h
        for name, value in params.items()
    }


def _black_box(
    objective: Callable[[Params], float], params: Params, name: str, stencil: Stencil, h: float, centre: complex
) -> Array:
    value, point = params[name], _to_point(params[name], stencil)
    start = copy_array(point) if is_other(value) else value
    gradient = np.empty(value.shape, get_dtype(value))
    for index in np.ndindex(value.shape):
        moved: complex = centre
        for shift, weight in zip(stencil.shifts, stencil.weights, strict=True):
            point[index] = start[index] + shift * h
            # A mapping of its own for each evaluation: an objective may remember its argument.
            moved = moved + weight * to_number(objective({**params, name: point}))
        point[index] = start[index]
        gradient[index] = np.real(moved) / (stencil.divisor * h)
        if not np.isfinite(gradient[index]):
            place = "".join(f"[{', '.join(map(str, index))}]" if index else "")
            raise GradientError(f"the loss is {moved} where {name}{place} is moved by {h:g}: try another h")
    return match_array(gradient, value)


def _to_point(value: Array, stencil: Stencil) -> Array:
    """Return a copy of a parameter that the stencil's moves can be written to, complex where these are."""
    if not is_other(value):
        return np.array(value, dtype=np.result_type(value.dtype, *(type(s) for s in stencil.shifts), np.float16))
    xp = array_namespace(value)
    if not any(isinstance(shift, complex) for shift in stencil.shifts):
        return copy_array(value)
    point: Array = xp.astype(value, xp.complex64 if value.dtype == xp.float32 else xp.complex128)
    return point
