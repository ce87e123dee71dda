"""Forward pass of a check: parts on copies, every value finite."""

from __future__ import annotations

from typing import Any

import numpy as np

from modnet.errors import DataError, GradientError, PluginError
from modnet.nn.objective import NetworkObjective
from modnet.testing.gradcheck.conduct import MisconductError, check_array
from modnet.types import Array, Params


def find_pre_activations(objective: NetworkObjective, params: Params) -> list[Array]:
    """Return each layer's pre-activations (N, outputs); parts are called with copies, whatever they do to them.

    Raises DataError where the batch holds a value that is not finite, GradientError where a parameter does, or where
    a part or an overflow makes one, and PluginError where a part returns no array of real numbers: each with the place.
    """
    _check_batch(objective)
    for name, value in params.items():
        if place := find_place(value):
            index = ", ".join(map(str, place))
            raise GradientError(f"the parameter {name}[{index}] is {value[place]}: a gradient needs finite parameters")
    z, found = objective.x, []
    with np.errstate(all="ignore"):
        for layer in objective.layers:
            a = z @ params[layer.weight] + params[layer.bias]
            if place := find_place(a):
                raise GradientError(_describe_overflow(layer.number, place, z))
            found.append(a)
            z = _check(
                f"the activation {layer.activation!r} of layer {layer.number}", layer.activation(a.copy()), a.shape
            )
            if place := find_place(z):
                what = f"the activation {layer.activation!r} of layer {layer.number} gives {z[place]} for the finite"
                where = f"pre-activation {a[place]:.4g}, sample {place[0]}, unit {place[1]}"
                raise GradientError(f"{what} {where}: correct it, or keep its inputs where it is defined")
        _check_losses(objective, a, z)
    return found


def _check_batch(objective: NetworkObjective) -> None:
    for what, values in (("input", objective.x), ("target", objective.t)):
        if place := find_place(values):
            of = f"{what} {place[1]} of sample {place[0]}" if len(place) > 1 else f"the {what} of sample {place[0]}"
            remedy = "leave the sample out, or replace the value"
            raise DataError(f"{of} of the batch is {values[place]} in {values.dtype}: {remedy}")


def _check_losses(objective: NetworkObjective, a: Array, z: Array) -> None:
    loss, t = objective.loss_function, objective.t
    losses = loss(z.copy(), t.copy()) if objective.fused is None else objective.fused(a.copy(), t.copy())[0]
    losses = _check(f"the loss {loss!r}", losses, z.shape[:1])
    if place := find_place(losses):
        i = place[0]
        what = f"the loss {loss!r} of sample {i} is {losses[i]}, for finite outputs up to {np.abs(z[i]).max():.3g}"
        targets = f" and targets up to {np.abs(t[i]).max():.3g}" if t.ndim > 1 else f" and the class {t[i]}"
        raise GradientError(f"{what}{targets}: scale targets and inputs to about 1, or correct the loss")


def _check(part: str, found: Any, shape: tuple[int, ...]) -> Array:
    try:
        return check_array(part, found, shape)
    except MisconductError as error:
        raise PluginError(str(error)) from error


def find_place(values: Array) -> tuple[int, ...]:
    """Return the index of the first value that is not finite; () where all are."""
    wrong = np.argwhere(~np.isfinite(values))
    return tuple(int(i) for i in wrong[0]) if len(wrong) else ()


def _describe_overflow(number: int, place: tuple[int, ...], z: Array) -> str:
    what = f"the pre-activation of layer {number}, sample {place[0]}, unit {place[1]}, overflows in {z.dtype}"
    return f"{what}, for inputs up to {np.abs(z).max():.3g}: scale the data, or start from smaller weights"
