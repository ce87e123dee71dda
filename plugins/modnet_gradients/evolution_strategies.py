"""Evolution strategies."""

from __future__ import annotations

from collections.abc import Callable

import attrs
from attrs.validators import ge, gt

from modnet import GradientError, GradientEstimator, Grads, Params, Stream
from modnet_gradients.arrays import get_dtype, get_eps
from modnet_gradients.directions import Direction, central_slope, mean_along, normal
from modnet_gradients.steps.stencil import check_floats


@attrs.frozen
class EvolutionStrategies(GradientEstimator):
    """Mirrored normal perturbations: g = 1 / (2 k sigma) sum_j e_j (L(w + sigma e_j) - L(w - sigma e_j)).

    Costs 2 k evaluations for k pairs, the `directions`. Estimates the gradient of L smoothed by noise of the standard
    deviation `sigma`, which is there even where L has steps; for L itself it is unbiased up to order sigma². For n
    parameters the squared error is about (n + 1) / k times the squared gradient. Memory is as little as with `spsa`.
    Salimans et al. (2017), "Evolution strategies as a scalable alternative to reinforcement learning", algorithm 1,
    with the mirrored sampling described there.

    >>> f = lambda params: float((params["w"] ** 2).sum())
    >>> EvolutionStrategies(directions=10_000)(f, {"w": np.array([3.0, 4.0])}, modnet.Stream(0))["w"].round(1)
    array([5.8, 7.9])
    """

    sigma: float = attrs.field(default=0.01, validator=gt(0))
    directions: int = attrs.field(default=10, validator=ge(1))

    def __call__(self, objective: Callable[[Params], float], params: Params, stream: Stream) -> Grads:
        """Return the estimate, of the shape and dtype of each parameter; the parameters stay as they are."""
        check_floats(params)
        for name, value in params.items():
            if self.sigma <= get_eps(value):
                raise GradientError(f"{name} is {get_dtype(value)}, in which sigma={self.sigma:g} vanishes beside 1")

        def slope(direction: Direction) -> float:
            return central_slope(objective, direction, self.sigma)

        return mean_along(params, stream, normal, self.directions, slope)

    def evaluations(self, params: Params) -> int:  # noqa: ARG002 - however many there are
        """Return 2 for each pair."""
        return 2 * self.directions
