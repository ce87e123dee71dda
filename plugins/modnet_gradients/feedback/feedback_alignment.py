"""Feedback alignment."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import ClassVar, Literal

import attrs
from attrs.validators import gt, optional

from modnet import (
    Array,
    GradientError,
    GradientEstimator,
    Grads,
    NoDerivativeError,
    Objective,
    Params,
    State,
    Stream,
)
from modnet_gradients.feedback.passes import draw_matrix, find_weights, layers_with_feedback, pass_back
from modnet_gradients.layered import Link, links_of_network


@attrs.frozen
class FeedbackAlignment(GradientEstimator):
    """Backpropagation with fixed random weights B in the backward pass: dz_in = (B da) f'(a_in), and not (W da).

    The last layer has its exact gradient; what comes before learns because the forward weights W come to lie along
    B. It is a direction, not the gradient. B has the shape of W, and is drawn in the first estimate of a run, from
    which on it is the estimator's state. Costs what backpropagation does. Biases, and layers without weights, have
    their exact derivatives; a layer's outputs must be linear in its weights, which maxout's are not.

    The entries of B are normal with the standard deviation `std`, by default 1 / (s sqrt(n)) for a layer whose outputs
    sum up n inputs, and the slope s of the activation before it, 0.01 at least: 4 / sqrt(n) with sigmoid. Needs a
    network's objective.
    Lillicrap, Cownden, Tweed and Akerman (2016), "Random synaptic feedback weights support error backpropagation for
    deep learning".

    >>> net = modnet.TwoLayerNet(3, 4, 2, weight_init_std=0.5, seed=0)
    >>> grads = net.gradient(np.ones((1, 3)), np.array([1]), FeedbackAlignment())
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
        """Return the direction, and the matrices by the names of the weights: those of `state`, or new ones.

        Raises GradientError where a layer is not linear in its weights, or has no backward.
        """
        links = links_of_network(objective, params, "feedback-alignment")
        assert isinstance(objective, Objective)  # noqa: S101 - the links have seen to it
        matrices = state or self._draw(links, stream, objective.weights)

        def deliver(link: Link, dz: Array) -> Array:
            own = {**link.own, **{name: matrices[link.place.name(name)] for name in find_weights(link)}}
            try:
                return link.place.layer.backward(own, link.x, link.z, link.memo, dz)
            except NoDerivativeError:
                raise GradientError(f"{link.place.label} has no backward: choose direct-feedback-alignment") from None

        return pass_back(objective.output_error(params), links, deliver), matrices

    def _draw(self, links: Sequence[Link], stream: Stream, weights: Array | None) -> dict[str, Array]:
        matrices = {}
        for at in layers_with_feedback(links):
            place = links[at].place
            for param in place.params:
                if param.name not in find_weights(links[at]):
                    continue
                if not param.linear:
                    what = f"{place.label} is not linear in its weights, as feedback alignment needs it to be"
                    raise GradientError(f"{what}: choose direct-feedback-alignment")
                name, value = place.name(param.name), links[at].own[param.name]
                inputs = param.fan_in or math.prod(value.shape) // param.shape[param.channel_axis or 0]
                matrices[name] = draw_matrix(
                    links, at, param.shape, inputs, self.std, stream.child(param.name), weights
                )
        return matrices
