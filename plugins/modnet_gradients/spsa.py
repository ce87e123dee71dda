"""Simultaneous perturbation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
from attrs.validators import ge, gt, optional

from modnet import GradientError, GradientEstimator, Grads, Params, Stream
from modnet_gradients.arrays import get_step, is_other
from modnet_gradients.directions import Direction, central_slope, mean_along, signs
from modnet_gradients.steps.stencil import check_floats, check_step


@attrs.frozen
class Spsa(GradientEstimator):
    """Central differences along random directions of -1s and 1s: g = 1/k sum_j (L(w + h d_j) - L(w - h d_j)) / 2h d_j.

    Costs 2 k evaluations for k `directions`, however many parameters there are. Unbiased up to order h²; but for n
    parameters the squared error is about (n - 1) / k times the squared gradient, so that steps must be small.
    Directions are drawn anew wherever they are needed and never held, and so is the gradient: a mapping that makes each
    array when it is asked for. Memory for the largest array is enough, and `descend` moves the parameters in place,
    so that there is one copy of them. `h` is by default 1e-4 in float64, 0.0049 in float32.
    Spall (1992), "Multivariate stochastic approximation using a simultaneous perturbation gradient approximation";
    Malladi et al. (2023), "Fine-tuning language models with just forward passes", algorithm 1.

    >>> f = lambda params: float((params["w"] ** 2).sum())
    >>> Spsa(directions=1)(f, {"w": np.array([3.0, 4.0])}, modnet.Stream(0))["w"].round(6)
    array([14., 14.])
    >>> Spsa(directions=10_000)(f, {"w": np.array([3.0, 4.0])}, modnet.Stream(0))["w"].round(1)
    array([6., 8.])
    """

    h: float | None = attrs.field(default=None, validator=optional(gt(0)))
    directions: int = attrs.field(default=10, validator=ge(1))

    def __call__(self, objective: Callable[[Params], float], params: Params, stream: Stream) -> Grads:
        """Return the estimate, of the shape and dtype of each parameter; the parameters stay as they are."""
        check_floats(params)
        if self.h is not None:
            check_step(self.h, params)
        # One step for all parameters, as one difference is shared among them: that of the coarsest dtype.
        h = self.h or max(get_step(value) for value in params.values())

        def slope(direction: Direction) -> float:
            return central_slope(objective, direction, h)

        return mean_along(params, stream, signs, self.directions, slope)

    def descend(self, objective: Callable[[Params], float], params: Params, stream: Stream, lr: float) -> None:
        """Move the parameters themselves one step downhill, w <- w - lr g, each array in its own place.

        The arrays are written to, to the same bits as those that `sgd` returns; beside them there is memory for two
        like the largest. An exception in the middle leaves some of them moved. Malladi et al. (2023), algorithm 1,
        without the rounding that moves to and fro leave in the parameters. Raises GradientError where an array cannot
        be written to.

        >>> params = {"w": np.array([3.0, 4.0])}
        >>> Spsa(directions=1).descend(lambda p: float((p["w"] ** 2).sum()), params, modnet.Stream(0), lr=0.1)
        >>> params["w"].round(6)
        array([1.6, 2.6])
        """
        given: Mapping[str, Any] = params
        for name, value in given.items():
            if not (value.flags.writeable if isinstance(value, np.ndarray) else is_other(value)):
                what = f"descend writes into the parameters, and {name} is no array that can be written to"
                raise GradientError(f"{what}: hand in copies")
        grads = self(objective, params, stream)
        for name, value in params.items():
            step = grads[name]
            step *= -lr
            place: Any = value
            place += step

    def evaluations(self, params: Params) -> int:  # noqa: ARG002 - however many there are
        """Return 2 for each direction."""
        return 2 * self.directions
