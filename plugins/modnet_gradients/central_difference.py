"""Central differences."""

from __future__ import annotations

from collections.abc import Callable

import attrs
from attrs.validators import ge, gt, optional

from modnet import GradientEstimator, Grads, Params, Stream
from modnet_gradients.stencil import Stencil, check_step, differences

CENTRAL = Stencil(shifts=(1, -1), weights=(1, -1), divisor=2)


@attrs.frozen
class CentralDifference(GradientEstimator):
    """Central differences by each parameter: g_i = (L(w + h e_i) - L(w - h e_i)) / 2h.

    No derivative of anything is used. Costs 2 evaluations per parameter; of a network's objective only what changes is
    evaluated, about a thousand times faster and as exact. The truncation error is of order h², the round-off error of
    order eps |L| / h.

    `h` is by default the book's 1e-4 in float64, 0.0049 in float32. `threads` is by default the number of
    cores; the result is the same for any number.
    Saitoh, "Deep Learning from Scratch", eq. 4.4 and chapter 4.4.2.

    >>> f = lambda params: float((params["w"] ** 2).sum())
    >>> CentralDifference()(f, {"w": np.array([3.0, 4.0])}, modnet.Stream(0))["w"].round(6)
    array([6., 8.])
    """

    h: float | None = attrs.field(default=None, validator=optional(gt(0)))
    threads: int | None = attrs.field(default=None, validator=optional(ge(1)))

    def __call__(self, objective: Callable[[Params], float], params: Params, stream: Stream) -> Grads:  # noqa: ARG002
        """Return the gradient, of the shape and dtype of each parameter; the parameters stay as they are."""
        if self.h is not None:
            check_step(self.h, params)
        return differences(objective, params, CENTRAL, self.h, self.threads)

    def evaluations(self, params: Params) -> int:
        """Return 2 for each parameter."""
        return CENTRAL.evaluations(params)
