"""Extrapolated central differences."""

from __future__ import annotations

from collections.abc import Callable

import attrs
from attrs.validators import ge, gt, in_, optional

from modnet import GradientEstimator, Grads, Params, Stream
from modnet_gradients.arrays import get_step
from modnet_gradients.differences import count_cells, differences
from modnet_gradients.steps.stencil import Stencil, check_floats, check_step
from modnet_gradients.structure import EVALUATE, Evaluate, LayerCells

# (4 D(h/2) - D(h)) / 3 with the central difference D(h) = (L(w + h) - L(w - h)) / 2h.
EXTRAPOLATED = Stencil(shifts=(0.5, -0.5, 1, -1), weights=(8, -8, -1, 1), divisor=6)


@attrs.frozen
class Richardson(GradientEstimator):
    """Central differences extrapolated to h = 0: g_i = (4 D_i(h/2) - D_i(h)) / 3 with the central difference D_i.

    Costs 4 evaluations per parameter; the truncation error is of order h⁴ instead of h², so that a larger step can be
    taken, with less round-off: `h` is by default ten times that of central differences, 1e-3 in float64. `evaluate` is
    as for central differences.
    Richardson (1911), "The approximate arithmetical solution by finite differences".

    >>> f = lambda params: float((params["w"] ** 4).sum())
    >>> Richardson()(f, {"w": np.array([1.0, 2.0])}, modnet.Stream(0))["w"].round(9)
    array([ 4., 32.])
    """

    h: float | None = attrs.field(default=None, validator=optional(gt(0)))
    threads: int | None = attrs.field(default=None, validator=optional(ge(1)))
    evaluate: Evaluate | None = attrs.field(default=None, validator=optional(in_(EVALUATE)))

    def __call__(self, objective: Callable[[Params], float], params: Params, stream: Stream) -> Grads:  # noqa: ARG002
        """Return the gradient, of the shape and dtype of each parameter."""
        check_floats(params)
        if self.h is not None:
            check_step(self.h, params, objective)
        return differences(objective, params, EXTRAPOLATED, self._steps(params), self.threads, self.evaluate)

    def count_cells(self, objective: Callable[[Params], float], params: Params) -> tuple[LayerCells, ...]:
        """Return how each layer of a network is evaluated: see central differences."""
        return count_cells(objective, params, EXTRAPOLATED, self._steps(params), self.threads, self.evaluate)

    def _steps(self, params: Params) -> dict[str, float]:
        return {name: self.h or 10 * get_step(value) for name, value in params.items()}

    def evaluations(self, params: Params) -> int:
        """Return 4 for each parameter."""
        return EXTRAPOLATED.evaluations(params)
