"""Forms of changes in which nothing cancels."""

from __future__ import annotations

from collections.abc import Sequence

from modnet import Activation, DenseLayer, FusedLoss, Loss


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
