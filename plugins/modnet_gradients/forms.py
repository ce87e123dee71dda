"""Parts' own forms of changes: in which nothing cancels, and of the right shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from modnet import Activation, Array, FusedLoss, Layer, Loss, Objective, PluginError


def is_exact(objective: Objective) -> bool:
    """Return whether all layers of an objective and its loss have forms of changes of their own."""
    if not objective.placed:
        return has_exact_changes([layer.activation for layer in objective.layers], objective.loss_function)
    layers = [place.layer for place in objective.placed]
    activations = [layer.activation for layer in layers if layer.activation is not None]
    own = all(type(layer).change is not Layer.change for layer in layers[:-1])
    return own and has_exact_changes(activations, objective.loss_function)


def has_exact_changes(activations: Sequence[Activation], loss: Loss) -> bool:
    """Return whether the last `activations` of a network, or none, and its loss have forms of changes of their own."""
    hidden = list(activations)
    fused = loss.fused(hidden[-1]) if hidden else None
    if fused is not None:
        hidden.pop()
        exact = type(fused).change is not FusedLoss.change
    else:
        exact = type(loss).change is not Loss.change
    return exact and all(type(activation).change is not Activation.change for activation in hidden)


def check_shape(change: Callable[..., Array], part: str, axes: int = 0) -> Callable[..., Array]:
    """Return a part's change, which raises PluginError where it returns no array of the shape of the moved values.

    The shape of the moves alone will do: a change may be the move itself. `part` is its name; of a loss this is the
    shape without the first `axes`.
    """

    def call(values: Array, *given: Array, axis: int = 0) -> Array:
        found = change(values, *given, axis=axis)
        shape = np.broadcast(values, given[-1]).shape[axes:]
        if getattr(found, "shape", None) not in {shape, given[-1].shape[axes:]}:
            returned = getattr(found, "shape", None) or f"a {type(found).__name__}"
            raise PluginError(f"the change of the {part} returns {returned}", f"an array of shape {shape} is expected")
        return found

    return call
