"""Slopes of a network's values along a direction of its parameters."""

from __future__ import annotations

from collections.abc import Sequence

from array_api_compat import array_namespace

from modnet import Activation, Array, Layer, NoDerivativeError, Param
from modnet_gradients.arrays import find_largest, get_eps, get_step
from modnet_gradients.directions import Direction
from modnet_gradients.layered.chain import EVERYTHING, Link


def find_tangents(links: Sequence[Link], direction: Direction) -> Array:
    """Return the slopes (N, outputs) of what the last layer before the activation at the end returns.

    They are carried from layer to layer, with what each layer's own parameters add.
    """
    dz: Array | None = None
    for link in links:
        shares = [] if dz is None else [carry_forwards(link, dz)]
        shares += [_by_param(link, param, direction[link.place.name(param.name)]) for param in link.place.params]
        if shares:
            dz = sum(shares[1:], start=shares[0])
    return array_namespace(links[-1].z).zeros_like(links[-1].z) if dz is None else dz


def carry_forwards(link: Link, dx: Array) -> Array:
    """Return the slopes of a layer's outputs where those of its inputs are `dx`."""
    layer = link.place.layer
    if layer.elementwise:  # then back and forth are the same factors
        try:
            return layer.backward(link.own, link.x, link.z, link.memo, dx)
        except NoDerivativeError:
            pass
    # The largest entry is moved by the step that suits the dtype, whatever the scale of `dx`: of each sample, where
    # these are apart. Nothing cancels in a change of the layer's own, so that its step may be as small as it likes.
    coupled = layer.couples_samples and link.mode == "train"
    xp = array_namespace(dx)
    largest = xp.max(xp.abs(dx), axis=tuple(range(0 if coupled else 1, dx.ndim)), keepdims=True)
    own = type(layer.activation or layer).change not in {Layer.change, Activation.change}
    h = get_eps(dx) ** 0.5 if own else get_step(dx)
    move = dx / xp.where(largest > 0, largest, xp.ones_like(largest)) * h
    changes, _ = link.change(xp.stack([move, -move]), EVERYTHING)
    scale = xp.reshape(largest, (largest.shape[0], *[1] * (link.z.ndim - 1))) / (2 * h)
    slopes: Array = (changes[0, ...] - changes[1, ...]) * scale
    return slopes


def _by_param(link: Link, param: Param, direction: Array) -> Array:
    """Return the slopes of a layer's outputs along a direction of one of its parameters."""
    value, name = link.own[param.name], param.name
    largest = find_largest(direction)
    if not largest:
        nothing: Array = array_namespace(link.z).zeros_like(link.z)
        return nothing
    if param.linear:
        return link.run({**link.own, name: value + direction}) - link.z
    h = get_step(value) / largest
    above, below = (link.run({**link.own, name: value + step * direction}) for step in (h, -h))
    return (above - below) / (2 * h)
