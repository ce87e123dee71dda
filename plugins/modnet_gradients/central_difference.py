"""Central differences."""

from __future__ import annotations

from collections.abc import Callable

import attrs
from attrs.validators import gt

from modnet import Array, GradientEstimator, Grads, Params, Stream, numerical_gradient


@attrs.frozen
class CentralDifference(GradientEstimator):
    """Central differences, one parameter after the other: g_i = (L(w + h e_i) - L(w - h e_i)) / 2h.

    Takes any objective for a black box and needs no derivative of anything. Costs 2 evaluations per parameter; the
    truncation error is of order h², the round-off error of order eps |L| / h.
    Saitoh, "Deep Learning from Scratch", eq. 4.4 and chapter 4.4.2.

    >>> f = lambda params: float((params["w"] ** 2).sum())
    >>> CentralDifference()(f, {"w": np.array([3.0, 4.0])}, modnet.Stream(0))["w"].round(6)
    array([6., 8.])
    """

    h: float = attrs.field(default=1e-4, validator=gt(0))

    def __call__(self, objective: Callable[[Params], float], params: Params, stream: Stream) -> Grads:  # noqa: ARG002
        """Return the gradient, of the shape and dtype of each parameter; the parameters stay as they are."""

        def along(name: str) -> Callable[[Array], float]:
            return lambda value: objective({**params, name: value})

        return {name: numerical_gradient(along(name), value, self.h) for name, value in params.items()}
