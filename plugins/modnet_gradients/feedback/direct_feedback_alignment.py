"""Direct feedback alignment."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar, Literal

import attrs
from array_api_compat import array_namespace
from attrs.validators import gt, optional

from modnet import Array, GradientEstimator, Grads, Objective, Params, State, Stream
from modnet_gradients.feedback.passes import draw_matrix, layers_with_feedback, pass_back
from modnet_gradients.layered import Link, links_of_network


@attrs.frozen
class DirectFeedbackAlignment(GradientEstimator):
    """The error at the outputs for each layer by a fixed random matrix B of its own: dz = (B e) f'(a).

    No error comes from layer to layer, so that all could learn at once. The last layer has its exact gradient, and for
    the others it is a direction that forward weights come to agree with. B e arrives at the inputs of each layer with
    weights, of any kind, but the first; on from there to the layer with weights before it go exact derivatives. B
    (outputs, inputs of the layer) is drawn in the first estimate of a run, from which on it is the estimator's state.
    Costs at most what backpropagation does.

    The entries of B are normal with the standard deviation `std`, by default 1 / (s sqrt(n)) for n inputs of the layer,
    and the slope s of the activation before it, 0.01 at least: 4 / sqrt(n) with sigmoid. Needs a network's objective.
    Nøkland (2016), "Direct feedback alignment provides learning in deep neural networks".

    >>> net = modnet.TwoLayerNet(3, 4, 2, weight_init_std=0.5, seed=0)
    >>> grads = net.gradient(np.ones((1, 3)), np.array([1]), DirectFeedbackAlignment())
    >>> exact = net.gradient(np.ones((1, 3)), np.array([1]))
    >>> np.allclose(grads["W2"], exact["W2"]), np.allclose(grads["W1"], exact["W1"])
    (True, False)
    """

    promises: ClassVar[Literal["gradient", "direction"]] = "direction"
    std: float | None = attrs.field(default=None, validator=optional(gt(0)))

    def __call__(self, objective: Callable[[Params], float], params: Params, stream: Stream) -> Grads:
        """Return the direction with matrices drawn anew; raises NoDerivativeError for a plain function."""
        return self.estimate(objective, params, stream, self.init(params, stream))[0]

    def init(self, params: Params, stream: Stream) -> State:  # noqa: ARG002 - the layers are not known yet
        """Return no matrices: the first estimate draws them, as it has the layers."""
        return {}

    def estimate(
        self, objective: Callable[[Params], float], params: Params, stream: Stream, state: State
    ) -> tuple[Grads, State]:
        """Return the direction, and a matrix for each layer, by its number: those of `state`, or new ones.

        Raises GradientError where a layer without weights has no backward.
        """
        links = links_of_network(objective, params, "direct-feedback-alignment")
        assert isinstance(objective, Objective)  # noqa: S101 - the links have seen to it
        error = objective.output_error(params)
        matrices = dict(state)
        if not matrices:
            for at in layers_with_feedback(links):
                place, inputs = links[at].place, math.prod(links[at].place.inputs)
                drawn = draw_matrix(links, at, (error.shape[1], inputs), inputs, self.std, stream, objective.weights)
                matrices[f"layer {place.index}"] = drawn

        def deliver(link: Link, dz: Array) -> Array:  # noqa: ARG001 - that of the next layer counts for nothing
            rows = error @ matrices[f"layer {link.place.index}"]
            delivered: Array = array_namespace(rows).reshape(rows, link.x.shape)
            return delivered

        return pass_back(error, links, deliver), matrices
