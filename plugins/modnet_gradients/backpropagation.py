"""Backpropagation."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from modnet import GradientEstimator, Grads, NoDerivativeError, Objective, Params, Stream


@attrs.frozen
class Backpropagation(GradientEstimator):
    """The exact gradient by the chain rule, from each part's own `backward`.

    Costs about two forward passes. Needs an objective with a way back: one of a network, all parts of which have a
    `backward`. Rumelhart, Hinton and Williams (1986), "Learning representations by back-propagating errors".

    >>> net = modnet.TwoLayerNet(3, 4, 2, seed=0)
    >>> grads = net.gradient(np.ones((1, 3)), np.array([1]), Backpropagation())
    >>> grads["b2"].round(4)
    array([ 0.4965, -0.4965])
    """

    def __call__(self, objective: Callable[[Params], float], params: Params, stream: Stream) -> Grads:  # noqa: ARG002
        """Return the gradient; raises NoDerivativeError where there is no way back, and says what to use instead."""
        if not isinstance(objective, Objective):
            raise NoDerivativeError(f"{_NOT_POSSIBLE}: it needs a network's objective, this one is a plain function")
        try:
            return objective.backward(params)
        except NoDerivativeError as error:
            raise NoDerivativeError(f"{_NOT_POSSIBLE}: {error}") from None


_NOT_POSSIBLE = "backpropagation is not possible here (central-difference needs no derivative)"
