"""Noise on the outputs of layers, and the gradient that follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from modnet import Array, GradientError, Grads, NoDerivativeError, Objective, Params, Stream, default_step
from modnet_gradients.directions import Draw
from modnet_gradients.layered import Link, make_links

Noise = Mapping[int, Array]


def links_of_network(objective: Callable[[Params], float], params: Params, name: str) -> tuple[Link, ...]:
    """Return all layers of a network but the activation at its end, at its parameters and batch.

    Raises NoDerivativeError where the objective is a plain function, and GradientError where it has no layers.
    """
    if not isinstance(objective, Objective):
        what = f"{name} needs a network's objective, this one is a plain function"
        raise NoDerivativeError(f"{what}: spsa takes any function and costs as little")
    if not objective.placed:
        what = f"{name} needs layers at their places, the objective {type(objective).__name__} has none"
        raise GradientError(f"{what}: choose spsa")
    return make_links(objective, params)


def average_along(
    links: Sequence[Link], stream: Stream, draw: Draw, count: int, slopes: Callable[[Noise], Array]
) -> Grads:
    """Return the gradient from the mean over `count` draws of noise times the slope of the mean loss along it.

    `slopes` returns the slope (N,) of each sample's share in the mean loss. A sample's noise is multiplied by its own;
    before a layer that couples samples by the sum of all, as it moves the losses of others, too.
    """
    apart = max((i + 1 for i, link in enumerate(links) if link.couples), default=0)
    noisy = [i for i, link in enumerate(links) if link.place.params]
    total: dict[int, Array] = {}
    for k in range(count):
        noise = {i: _draw(links[i], stream.child(k, links[i].place.index), draw) for i in noisy}
        found = slopes(noise) / count
        for i, moved in noise.items():
            by = found.sum() if i + 1 < apart else found.reshape(-1, *[1] * (moved.ndim - 1))
            share = moved * by.astype(moved.dtype)
            total[i] = total[i] + share if k else share
    grads: dict[str, Array] = {}
    for i, dz in total.items():
        own = _find_gradients(links[i], dz)
        grads |= {links[i].place.name(name): value for name, value in own.items()}
    return grads


def find_shares(objective: Objective) -> Array:
    """Return the share (N,) of each sample in the mean loss."""
    if objective.weights is None:
        return np.full(len(objective.x), 1 / len(objective.x), objective.x.dtype)
    shares: Array = objective.weights / (objective.weights.sum() or 1.0)
    return shares


def _draw(link: Link, stream: Stream, draw: Draw) -> Array:
    return draw(stream.generator(), link.z.shape).astype(link.z.dtype, copy=False)


def _find_gradients(link: Link, dz: Array) -> Grads:
    """Return the gradient by a layer's parameters from that by its outputs: its own, or else central differences."""
    try:
        return link.place.layer.gradients(link.own, link.x, link.z, link.memo, dz)
    except NoDerivativeError:
        return {param.name: _measure(link, param.name, dz) for param in link.place.params}


def _measure(link: Link, name: str, dz: Array) -> Array:
    value = np.array(link.own[name])
    h, found = default_step(value.dtype), np.empty_like(value)
    for index in np.ndindex(value.shape):
        ends = []
        for move in (h, -h):
            moved = value.copy()
            moved[index] += move
            ends.append(link.run({**link.own, name: moved}))
        found[index] = np.sum(dz * (ends[0] - ends[1])) / (2 * h)
    return found
