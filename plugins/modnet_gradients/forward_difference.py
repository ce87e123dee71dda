"""Forward differences."""

from __future__ import annotations

from collections.abc import Callable

import attrs
from attrs.validators import ge, gt, in_, optional

from modnet import GradientEstimator, Grads, Params, Stream
from modnet_gradients.arrays import get_eps
from modnet_gradients.differences import count_cells, differences
from modnet_gradients.steps.stencil import Stencil, check_step
from modnet_gradients.structure import EVALUATE, Evaluate, LayerCells

FORWARD = Stencil(shifts=(1,), weights=(1,), divisor=1, centre=-1)


@attrs.frozen
class ForwardDifference(GradientEstimator):
    """Forward differences by each parameter: g_i = (L(w + h e_i) - L(w)) / h.

    Costs one evaluation per parameter and one more, half as many as central differences. The truncation error is of
    order h, the round-off error of order eps |L| / h; of a network whose parts all have an exact `change` it is of
    order eps |g|, whatever h. `h` is by default the square root of eps, which balances the first two: 1.5e-8 in
    float64. `evaluate` is as for central differences. Nocedal and Wright, "Numerical Optimization", eq. 8.1 and 8.6.

    >>> f = lambda params: float((params["w"] ** 2).sum())
    >>> ForwardDifference(h=1e-3)(f, {"w": np.array([3.0, 4.0])}, modnet.Stream(0))["w"].round(6)
    array([6.001, 8.001])
    """

    h: float | None = attrs.field(default=None, validator=optional(gt(0)))
    threads: int | None = attrs.field(default=None, validator=optional(ge(1)))
    evaluate: Evaluate | None = attrs.field(default=None, validator=optional(in_(EVALUATE)))

    def __call__(self, objective: Callable[[Params], float], params: Params, stream: Stream) -> Grads:  # noqa: ARG002
        """Return the gradient, of the shape and dtype of each parameter."""
        if self.h is not None:
            check_step(self.h, params, objective)
        return differences(objective, params, FORWARD, self._steps(params), self.threads, self.evaluate)

    def count_cells(self, objective: Callable[[Params], float], params: Params) -> tuple[LayerCells, ...]:
        """Return how each layer of a network is evaluated: see central differences."""
        return count_cells(objective, params, FORWARD, self._steps(params), self.threads, self.evaluate)

    def _steps(self, params: Params) -> dict[str, float]:
        return {name: self.h or get_eps(value) ** 0.5 for name, value in params.items()}

    def evaluations(self, params: Params) -> int:
        """Return 1 for each parameter, and 1."""
        return FORWARD.evaluations(params)
