"""The likely cause of a loss that is not finite."""

from __future__ import annotations

import numpy as np

from modnet import Objective, Params, find_name, to_numpy

LARGE = 1e6  # output, that no probability or standardized target has


def explain_divergence(objective: Objective, params: Params) -> str:
    """Return the likely cause of a loss that is not finite, and what to try.

    >>> net = modnet.TwoLayerNet(2, 2, 2)
    >>> objective = net.objective(np.ones((1, 2)), np.array([0]))
    >>> explain_divergence(objective, {**net.params, "b1": np.array([0, np.inf])})
    'the last step made b1 infinite: try a smaller learning rate'
    """
    if not np.isfinite(to_numpy(objective.x)).all():
        return "the batch holds values that are not finite: check the data"
    for name, value in params.items():
        if not np.isfinite(to_numpy(value)).all():
            return f"the last step made {name} infinite: try a smaller learning rate"
    trace = objective.trace(params)
    *values, output = map(to_numpy, (*trace.values, trace.output))
    for place, x, z in zip(objective.placed, values, (*values[1:], output), strict=True):
        if np.isfinite(z).all():
            continue
        activation = place.layer.activation
        if activation is None:
            return f"{place.label} overflows: try a smaller learning rate or smaller initial weights"
        gives = f"the activation {find_name(activation)} of {place.label} gives"
        found = f"{z[~np.isfinite(z)][0]} for pre-activations up to {float(np.abs(x).max()):.3g}"
        return f"{gives} {found}: try a smaller learning rate"
    if (largest := float(np.abs(output).max())) > LARGE:
        return f"the outputs reach {largest:.3g}: try a smaller learning rate"
    return (
        f"the loss {find_name(objective.loss_function)} is not finite for finite outputs, an output of 0 where the "
        "target is 1 for instance: try a smaller learning rate or a larger eps"
    )
