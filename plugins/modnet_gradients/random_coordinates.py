"""Central differences by some of the parameters."""

from __future__ import annotations

import math
from collections.abc import Callable

import attrs
import numpy as np
from attrs.validators import ge, gt, optional

from modnet import Array, GradientError, GradientEstimator, Grads, Params, Stream, match_array
from modnet_gradients.arrays import copy_array, count_numbers, get_dtype, get_step
from modnet_gradients.steps.stencil import check_floats, check_step, of_copies


@attrs.frozen
class RandomCoordinates(GradientEstimator):
    """Central differences by k of the n parameters, drawn uniformly without replacement; the other entries are 0.

    g_i = n/k (L(w + h e_i) - L(w - h e_i)) / 2h for the k that were drawn: with the factor n/k the expectation is the
    gradient (up to order h²), and the squared error about n/k - 1 times the squared gradient. With `rescale=False` the
    factor is left out, as in coordinate descent. Costs 2 k evaluations; k is the setting `coordinates`, or n where
    there are fewer. `h` is by default 1e-4 in float64, 0.0049 in float32.
    Nesterov (2012), "Efficiency of coordinate descent methods on huge-scale optimization problems",
    the method RCDM, which moves one at a time.

    >>> f = lambda params: float((params["w"] ** 2).sum())
    >>> RandomCoordinates(coordinates=1)(f, {"w": np.array([3.0, 4.0])}, modnet.Stream(0))["w"].round(6)
    array([ 0., 16.])
    """

    coordinates: int = attrs.field(default=100, validator=ge(1))
    h: float | None = attrs.field(default=None, validator=optional(gt(0)))
    rescale: bool = True

    def __call__(self, objective: Callable[[Params], float], params: Params, stream: Stream) -> Grads:
        """Return the estimate, of the shape and dtype of each parameter; the parameters stay as they are."""
        check_floats(params)
        if self.h is not None:
            check_step(self.h, params)
        n, k = _size(params), self._count(params)
        objective = of_copies(objective)
        drawn = np.sort(stream.generator().choice(n, k, replace=False, shuffle=False))
        factor = n / k if self.rescale and k else 1.0
        grads: dict[str, Array] = {}
        start = 0
        for name, value in params.items():
            size = count_numbers(value)
            first, last = np.searchsorted(drawn, (start, start + size))
            grads[name] = self._differences(objective, params, name, drawn[first:last] - start, factor)
            start += size
        return grads

    def evaluations(self, params: Params) -> int:
        """Return 2 for each parameter drawn."""
        return 2 * self._count(params)

    def _count(self, params: Params) -> int:
        """Return the number of parameters drawn."""
        return min(self.coordinates, _size(params))

    def _differences(
        self, objective: Callable[[Params], float], params: Params, name: str, entries: Array, factor: float
    ) -> Array:
        value = params[name]
        gradient: Array = np.zeros(value.shape, get_dtype(value))
        h, point = self.h or get_step(value), copy_array(value) if len(entries) else value
        for entry in entries:
            index = tuple(map(int, np.unravel_index(entry, value.shape)))
            losses = []
            for move in (h, -h):
                point[index] = value[index] + move
                # A mapping of its own for each evaluation: an objective may remember its argument.
                losses.append(float(objective({**params, name: point})))
            point[index] = value[index]
            slope = (losses[0] - losses[1]) / (2 * h)
            if not math.isfinite(slope):
                place = f"{name}[{', '.join(map(str, index))}]" if index else name
                raise GradientError(f"the loss is {losses[0]} and {losses[1]} where {place} is moved by {h:g} and back")
            gradient[index] = factor * slope
        return match_array(gradient, value)


def _size(params: Params) -> int:
    return sum(count_numbers(value) for value in params.values())
