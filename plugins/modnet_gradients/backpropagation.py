"""Backpropagation."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from modnet import GradientEstimator, Grads, NoDerivativeError, Objective, Params, Stream


@attrs.frozen
class Backpropagation(GradientEstimator):
    """The gradient by the chain rule, from each part's own `backward`.

    Costs about two forward passes. For a part without a `backward` the central difference of that part alone is taken;
    everything else stays exact. Needs a network's objective. Rumelhart, Hinton and Williams (1986), "Learning
    representations by back-propagating errors".

    >>> net = modnet.TwoLayerNet(3, 4, 2, seed=0)
    >>> grads = net.gradient(np.ones((1, 3)), np.array([1]), Backpropagation())
    >>> grads["b2"].round(4)
    array([ 0.4965, -0.4965])
    """

    def __call__(self, objective: Callable[[Params], float], params: Params, stream: Stream) -> Grads:  # noqa: ARG002
        """Return the gradient; raises NoDerivativeError where the objective is a plain function."""
        if not isinstance(objective, Objective):
            raise NoDerivativeError(
                "backpropagation needs a network's objective, this one is a plain function: "
                "central-difference takes any function"
            )
        return objective.backward(params)
