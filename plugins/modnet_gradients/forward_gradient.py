"""The forward gradient."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np
from attrs.validators import ge

from modnet import (
    Activation,
    Array,
    GradientEstimator,
    Grads,
    NoDerivativeError,
    Objective,
    Params,
    Stream,
    default_step,
)
from modnet_gradients.directions import Direction, mean_along, normal
from modnet_gradients.layered import find_tangents, make_links


@attrs.frozen
class ForwardGradient(GradientEstimator):
    """Exact slopes along random normal directions, by differentiating forwards: g = 1/k sum_j (grad L . v_j) v_j.

    The slope of each layer's values is carried along with the values, da = dz_in W + z_in V + v_b and dz = f'(a) da,
    and nothing goes back through the layers. Costs one forward pass of slopes for each of the k `directions`, about as
    much as one evaluation; the loss itself is not evaluated, beyond the one forward pass that training makes anyway.
    Unbiased; for n parameters the squared error is about (n + 1) / k times the squared gradient.

    f'(a) is an elementwise activation's own `backward`; of another activation, or one without, the central difference
    along da is taken. So it is of other layers. Needs a network's objective.
    Baydin, Pearlmutter, Syme, Wood and Torr (2022), "Gradients without backpropagation", definition 1 and algorithm 1.

    >>> net = modnet.TwoLayerNet(3, 4, 2, seed=0)
    >>> grads = net.gradient(np.ones((1, 3)), np.array([1]), ForwardGradient(directions=10_000))
    >>> grads["b2"].round(1)
    array([ 0.5, -0.5])
    """

    directions: int = attrs.field(default=10, validator=ge(1))

    def __call__(self, objective: Callable[[Params], float], params: Params, stream: Stream) -> Grads:
        """Return the estimate; raises NoDerivativeError where the objective is a plain function."""
        if not isinstance(objective, Objective):
            raise NoDerivativeError(
                "forward-gradient needs a network's objective, this one is a plain function: "
                "spsa takes any function and costs as little"
            )

        is_dense = objective.dense_tail(params)[0] == 0
        links = () if is_dense else make_links(objective, params)

        def slope(direction: Direction) -> float:
            if is_dense:
                return _slope(objective, params, direction)
            return float(np.sum(objective.output_error(params) * find_tangents(links, direction)))

        return mean_along(params, stream, normal, self.directions, slope)


def _slope(objective: Objective, params: Params, direction: Direction) -> float:
    trace = objective.trace(params)
    da = dz = np.empty(0)
    for k, layer in enumerate(objective.layers):
        da = trace.inputs[k] @ direction[layer.weight] + direction[layer.bias]
        if k:
            da += dz @ params[layer.weight]
        if k + 1 < len(objective.layers):
            dz = _forwards(layer.activation, trace.pre_activations[k], trace.inputs[k + 1], da)
    return float(np.sum(objective.output_error(params) * da))


def _forwards(activation: Activation, a: Array, z: Array, da: Array) -> Array:
    """Return the slope of the outputs `z` where that of the pre-activations `a` is `da`."""
    if activation.elementwise:  # then back and forth are the same factors
        try:
            return activation.backward(a, z, da)
        except NoDerivativeError:
            pass
    # A sample's largest entry is moved by the step that suits the dtype, whatever the scale of `da`.
    largest = np.abs(da).max(axis=-1, keepdims=True)
    h = default_step(a.dtype)
    move = da / np.where(largest > 0, largest, 1) * h
    dz: Array = (activation(a + move) - activation(a - move)) * (largest / (2 * h))
    return dz
