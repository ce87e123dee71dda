"""Backward passes in which fixed random matrices take the place of weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from array_api_compat import array_namespace

from modnet import Array, GradientError, Grads, NoDerivativeError, Stream, is_weight, match_array, to_numpy
from modnet_gradients.arrays import get_dtype, get_step
from modnet_gradients.layered import Link, find_gradients

LEAST_SLOPE = 0.01
Deliver = Callable[[Link, Array], Array]


def pass_back(error: Array, links: Sequence[Link], deliver: Deliver) -> Grads:
    """Return a gradient as by the chain rule, but that `deliver` takes the error past each layer with weights.

    It takes the layer and the error at its outputs, and returns that at its inputs. All other layers pass the error
    by their exact derivatives, and each layer has that by its own parameters.
    """
    dz, grads = error, dict[str, Array]()
    last = next(i for i, link in enumerate(links) if link.place.params)
    for link in reversed(links[last:]):
        if link.place.params:
            grads |= {link.place.name(name): value for name, value in find_gradients(link, dz).items()}
        if link is not links[last]:
            dz = deliver(link, dz) if find_weights(link) else _pass_through(link, dz)
    return grads


def find_weights(link: Link) -> list[str]:
    """Return the names of a layer's weights, among its own."""
    return [param.name for param in link.place.params if is_weight(param.name)]


def layers_with_feedback(links: Sequence[Link]) -> list[int]:
    """Return where layers with weights are that the error has to pass: all but the first layer with parameters."""
    first = next(i for i, link in enumerate(links) if link.place.params)
    return [i for i, link in enumerate(links) if i > first and find_weights(link)]


def draw_matrix(
    links: Sequence[Link],
    at: int,
    shape: tuple[int, ...],
    inputs: int,
    std: float | None,
    stream: Stream,
    weights: Array | None,
) -> Array:
    """Return normal numbers for the layer at a place, of the deviation `std`; `weights` are those of samples, (N,).

    By default this is 1 / (s sqrt(n)) for the sum over n `inputs` that each output of the layer is, where s is the root
    mean square of the slopes of the activations between it and the layer with weights before it: so the error keeps
    about the size that the chain rule gives it with weights that keep the size of the activations. A slope below 0.01,
    as in saturation, counts as that: the entries would be huge once it grows. One of 0, which lets no error past,
    counts as 1.
    """
    link = links[at]
    deviation = 1 / (_find_slope(links, at, weights) * math.sqrt(inputs)) if std is None else std
    drawn = stream.child(link.place.index).generator().standard_normal(shape) * deviation
    return match_array(drawn, link.x)


def _find_slope(links: Sequence[Link], at: int, weights: Array | None) -> float:
    """Return the root mean square slope of the elementwise activations before a layer, up to one with parameters.

    It is 0.01 at least, and 1 where it is none.
    """
    slope: Array = np.ones((), get_dtype(links[at].x))
    for link in reversed(links[:at]):
        if link.place.params:
            break
        if link.place.layer.activation is not None and link.place.layer.elementwise:
            ones: Array = array_namespace(link.z).ones_like(link.z)
            squares = np.square(to_numpy(_pass_through(link, ones)))
            if weights is not None and to_numpy(weights).any():
                squares = np.average(squares, axis=0, weights=to_numpy(weights))
            slope = slope * math.sqrt(float(np.mean(squares)))
    return max(float(slope), LEAST_SLOPE) if slope else 1.0


def _pass_through(link: Link, dz: Array) -> Array:
    """Return the derivative by a layer's inputs; raises GradientError where the layer has none."""
    layer = link.place.layer
    try:
        return layer.backward(link.own, link.x, link.z, link.memo, dz)
    except NoDerivativeError:
        if not layer.elementwise:
            what = f"{link.place.label} has no backward and is not elementwise"
            raise GradientError(f"{what}: choose node-perturbation, which takes any layer") from None
    h = get_step(link.x)
    above, below = (layer.forward(link.own, link.x + step, link.mode, link.stream)[0] for step in (h, -h))
    slope: Array = (above - below) / (2 * h)
    return dz * slope
