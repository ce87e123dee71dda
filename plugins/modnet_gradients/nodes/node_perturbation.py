"""Node perturbation."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import attrs
import numpy as np
from array_api_compat import array_namespace
from attrs.validators import ge, gt, optional

from modnet import (
    Array,
    GradientError,
    GradientEstimator,
    Grads,
    Objective,
    Params,
    PrecisionWarning,
    Stream,
    to_numpy,
)
from modnet_gradients.arrays import find_largest, get_dtype, get_eps, get_step
from modnet_gradients.directions import advise_finite, signs
from modnet_gradients.layered import Link, links_of_network
from modnet_gradients.nodes.noise import Noise, average_along, find_shares
from modnet_gradients.steps.stencil import check_step

LOST = 0.1  # of a move, by rounding, is warned about


@attrs.frozen
class NodePerturbation(GradientEstimator):
    """Noise on pre-activations: with d of -1s and 1s, da = (L(a + h d) - L(a - h d)) / 2h d, and the gradient x da.

    All outputs of layers with parameters are moved at once, by other noise for each sample n, whose own loss L_n says
    what to make of it: the mean over k `directions` of da_n is the derivative by its pre-activations, up to order h².
    What it is for the weights follows from the inputs x of a dense layer by one product, of another layer by its own
    `gradients`. Costs 2 k evaluations of what follows the first such layer, and no derivative of an activation or of
    the loss. The squared error of da_n is (u - 1) / k times its square for u units, where that of `spsa`, which asks
    for nothing but the loss, goes by the number of parameters.

    Before a layer that couples samples, as batch normalization does, the loss of the whole batch takes the place of
    L_n. `h` is by default 1e-4 in float64, 0.0049 in float32. Needs a network's objective.
    Widrow and Lehr (1990), "30 years of adaptive neural networks", Madaline rule III; Werfel, Xie and Seung (2005),
    "Learning curves for stochastic gradient descent in linear feedforward networks", which draw normal noise.

    >>> net = modnet.TwoLayerNet(3, 4, 2, seed=0)
    >>> grads = net.gradient(np.ones((1, 3)), np.array([1]), NodePerturbation(directions=1000))
    >>> grads["b2"].round(1)
    array([ 0.5, -0.5])
    """

    h: float | None = attrs.field(default=None, validator=optional(gt(0)))
    directions: int = attrs.field(default=10, validator=ge(1))

    def __call__(self, objective: Callable[[Params], float], params: Params, stream: Stream) -> Grads:
        """Return the estimate; raises NoDerivativeError where the objective is a plain function."""
        if self.h is not None:
            check_step(self.h, params)
        links = links_of_network(objective, params, "node-perturbation")
        assert isinstance(objective, Objective)  # noqa: S101 - the links have seen to it
        h, shares = self.h or get_step(objective.x), find_shares(objective)

        def find_slopes(noise: Noise) -> Array:
            above, below = (_evaluate(objective, links, noise, step) for step in (h, -h))
            slopes: Array = (above - below) / (2 * h) * shares
            xp = array_namespace(slopes)
            if not xp.all(xp.isfinite(slopes)):
                n = int(np.flatnonzero(~np.isfinite(to_numpy(slopes)))[0])
                losses = f"{to_numpy(above)[n]} and {to_numpy(below)[n]}"
                what = f"the loss of sample {n} is {losses} where pre-activations are moved by {h:g}"
                raise GradientError(f"{what} and back: {advise_finite(objective, params, 'h')}")
            return slopes

        grads = average_along(links, stream, signs, self.directions, find_slopes)
        _warn_of_rounding(links, h)
        return grads

    def evaluations(self, params: Params) -> int:  # noqa: ARG002 - however many there are
        """Return 2 for each direction."""
        return 2 * self.directions


def _warn_of_rounding(links: Sequence[Link], h: float) -> None:
    """Warn of pre-activations beside which little is left of a move by h."""
    for link in links:
        dtype = get_dtype(link.z)
        if link.place.params and get_eps(link.z) * find_largest(link.z) > LOST * h:
            what = f"{link.place.label} has pre-activations so large that {dtype} rounds a move of h={h:.2g} off"
            warnings.warn(f"{what}: scale the features, or choose a larger h", PrecisionWarning, stacklevel=3)
            return


def _evaluate(objective: Objective, links: Sequence[Link], noise: Noise, step: float) -> Array:
    """Return the loss of each sample (N,) where the outputs of layers are moved by `step` times noise."""
    z: Array | None = None
    for i, link in enumerate(links):
        if z is not None:
            z = link.place.layer.forward(link.own, z, link.mode, link.stream)[0]
        if i in noise:
            z = (link.z if z is None else z) + step * noise[i]
    assert z is not None  # noqa: S101 - a network has parameters
    loss, activation = objective.loss_function, objective.placed[-1].layer.activation
    assert activation is not None  # noqa: S101 - every network ends with one
    fused = loss.fused(activation)
    return loss(activation(z), objective.t) if fused is None else fused.losses(z, objective.t)
