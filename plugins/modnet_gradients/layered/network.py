"""Layers of a network's objective, and their gradients."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from array_api_compat import array_namespace

from modnet import Array, GradientError, Grads, NoDerivativeError, Objective, Params
from modnet_gradients.arrays import copy_array, get_step
from modnet_gradients.layered.chain import Link, make_links


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


def find_gradients(link: Link, dz: Array) -> Grads:
    """Return the gradient by a layer's parameters from that by its outputs: its own, or else central differences."""
    try:
        return link.place.layer.gradients(link.own, link.x, link.z, link.memo, dz)
    except NoDerivativeError:
        return {param.name: _measure(link, param.name, dz) for param in link.place.params}


def _measure(link: Link, name: str, dz: Array) -> Array:
    value, xp = copy_array(link.own[name]), array_namespace(dz)
    h, found = get_step(value), copy_array(value)
    for index in np.ndindex(value.shape):
        ends = []
        for move in (h, -h):
            moved = copy_array(value)
            moved[index] += move
            ends.append(link.run({**link.own, name: moved}))
        found[index] = xp.sum(dz * (ends[0] - ends[1])) / (2 * h)
    return found
