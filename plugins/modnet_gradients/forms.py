"""Parts' own forms of changes: in which nothing cancels, and of the right shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from modnet import Activation, Array, DenseLayer, FusedLoss, Loss, PluginError


def has_exact_changes(layers: Sequence[DenseLayer], loss: Loss) -> bool:
    """Return whether the last `layers` of a network, or none, and its loss have forms of changes of their own."""
    activations = [layer.activation for layer in layers]
    fused = loss.fused(activations[-1]) if activations else None
    if fused is not None:
        activations.pop()
        exact = type(fused).change is not FusedLoss.change
    else:
        exact = type(loss).change is not Loss.change
    return exact and all(type(activation).change is not Activation.change for activation in activations)


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
