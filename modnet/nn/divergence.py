"""Likely causes of a loss that is not finite."""

from __future__ import annotations

import numpy as np

from modnet.interfaces import name_of
from modnet.nn.network import NetworkObjective
from modnet.types import Params

LARGE = 1e6  # output, that no probability or standardized target has


def explain_divergence(objective: NetworkObjective, params: Params) -> str:
    """Return the likely cause of a loss that is not finite, and what to try."""
    if not np.isfinite(objective.x).all():
        return "the batch holds values that are not finite: check the data"
    for name, value in params.items():
        if not np.isfinite(value).all():
            return f"the last step made {name} infinite: try a smaller learning rate"
    trace = objective.trace(params)
    outputs = (*trace.inputs[1:], trace.output)
    for layer, a, z in zip(objective.layers, trace.pre_activations, outputs, strict=True):
        if not np.isfinite(a).all():
            return f"layer {layer.number} overflows: try a smaller learning rate or smaller initial weights"
        if not np.isfinite(z).all():
            largest = float(np.abs(a).max())
            return (
                f"the activation {name_of(layer.activation)} of layer {layer.number} gives {z[~np.isfinite(z)][0]} for "
                f"pre-activations up to {largest:.3g}: try a smaller learning rate"
            )
    if (largest := float(np.abs(trace.output).max())) > LARGE:
        return f"the outputs reach {largest:.3g}: try a smaller learning rate"
    return (
        f"the loss {name_of(objective.loss_function)} is not finite for finite outputs, an output of 0 where the "
        "target is 1 for instance: try a smaller learning rate or a larger eps"
    )
