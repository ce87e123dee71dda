"""Noise on the outputs of layers, and the gradient that follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from array_api_compat import array_namespace

from modnet import Array, Grads, Objective, Stream, match_array
from modnet_gradients.directions import Draw
from modnet_gradients.layered import Link, find_gradients

Noise = Mapping[int, Array]


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
            xp = array_namespace(found)
            by = xp.sum(found) if i + 1 < apart else found[(..., *[None] * (moved.ndim - 1))]
            share = moved * xp.astype(by, moved.dtype)
            total[i] = total[i] + share if k else share
    grads: dict[str, Array] = {}
    for i, dz in total.items():
        own = find_gradients(links[i], dz)
        grads |= {links[i].place.name(name): value for name, value in own.items()}
    return grads


def find_shares(objective: Objective) -> Array:
    """Return the share (N,) of each sample in the mean loss."""
    weights, samples = objective.weights, objective.x.shape[0]
    if weights is None:
        return match_array(np.full(samples, 1 / samples), objective.x)
    shares: Array = weights / (float(array_namespace(weights).sum(weights)) or 1.0)
    return shares


def _draw(link: Link, stream: Stream, draw: Draw) -> Array:
    return match_array(draw(stream.generator(), tuple(link.z.shape)), link.z)
