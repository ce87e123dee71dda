"""Activity-perturbed forward gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs
from array_api_compat import array_namespace
from attrs.validators import ge

from modnet import Array, GradientEstimator, Grads, Objective, Params, Stream
from modnet_gradients.directions import normal
from modnet_gradients.layered import Link, carry_forwards, links_of_network
from modnet_gradients.nodes.noise import Noise, average_along


@attrs.frozen
class ActivityPerturbation(GradientEstimator):
    """The forward gradient by activities: da = (dL/da . v) v for normal v, and for the weights the product x da.

    All pre-activations are moved at once, along another v for each sample n; the slope of its own loss is carried
    forwards through the layers, exact as in `forward-gradient`, and nothing goes back through them. The mean over k
    `directions` is the derivative by a layer's outputs, from which the layer's own `gradients` have that by its
    weights: of a dense layer one product. Costs k forward passes of slopes of what follows the first layer with
    parameters. Unbiased; the squared error of da_n is (u + 1) / k times its square for u units, where that of
    `forward-gradient` goes by the number of parameters.

    Before a layer that couples samples, as batch normalization does, the loss of the whole batch takes the place of
    L_n. Needs a network's objective. Ren, Kornblith, Liao and Hinton (2023), "Scaling forward gradient with local
    losses", chapter 3.2; the losses of single layers and groups that they add are parts of another network.

    >>> net = modnet.TwoLayerNet(3, 4, 2, seed=0)
    >>> grads = net.gradient(np.ones((1, 3)), np.array([1]), ActivityPerturbation(directions=10_000))
    >>> grads["b2"].round(1)
    array([ 0.5, -0.5])
    """

    directions: int = attrs.field(default=10, validator=ge(1))

    def __call__(self, objective: Callable[[Params], float], params: Params, stream: Stream) -> Grads:
        """Return the estimate; raises NoDerivativeError where the objective is a plain function."""
        links = links_of_network(objective, params, "activity-perturbation")
        assert isinstance(objective, Objective)  # noqa: S101 - the links have seen to it
        error = objective.output_error(params)

        def find_slopes(noise: Noise) -> Array:
            slopes: Array = array_namespace(error).sum(error * _carry(links, noise), axis=1)
            return slopes

        return average_along(links, stream, normal, self.directions, find_slopes)


def _carry(links: Sequence[Link], noise: Noise) -> Array:
    """Return the slopes (N, outputs) of what the last layer before the activation at the end returns."""
    dz: Array | None = None
    for i, link in enumerate(links):
        if dz is not None:
            dz = carry_forwards(link, dz)
        if i in noise:
            dz = noise[i] if dz is None else dz + noise[i]
    return array_namespace(links[-1].z).zeros_like(links[-1].z) if dz is None else dz
