"""Validation of the values that parts return."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from modnet.errors import PluginError
from modnet.types import Array, Grads, Params, State


def validate_array(values: Any, shape: tuple[int, ...], part: object) -> Array:
    """Return the value that a part returned; raises PluginError where it is no array of that shape.

    >>> validate_array(0.5, (2,), modnet.loss("mean-squared-error"))
    Traceback (most recent call last):
        ...
    modnet.errors.PluginError: MeanSquaredError() returned a float: an array of shape (2,) is expected
    """
    if getattr(values, "shape", None) != shape:
        raise _describe(part, values, f"an array of shape {shape} is expected")
    array: Array = values
    return array


def validate_gradient(grads: Any, params: Params, estimator: object) -> Grads:
    """Return an estimator's gradient, in the parameters' dtypes.

    Raises PluginError where it is no array for each parameter, of its shape.
    """
    if not isinstance(grads, Mapping) or grads.keys() != params.keys():
        raise _describe(estimator, grads, f"an array for each of {', '.join(params)} is expected")
    for name, value in params.items():
        if getattr(grads[name], "shape", None) != value.shape:
            raise _describe(estimator, grads[name], f"an array of the shape of {name}, {value.shape}, is expected")
    return _convert(grads, params, estimator)


def validate_step(result: Any, params: Params, optimizer: object) -> tuple[Params, State]:
    """Return an optimizer's new parameters, in the dtypes of the given ones, and its state.

    Raises PluginError where a step returned something else.
    """
    if not isinstance(result, tuple) or len(result) != 2:
        raise _describe(optimizer, result, "new parameters and a state are expected")
    new, state = result
    if not isinstance(new, Mapping) or new.keys() != params.keys():
        raise _describe(optimizer, new, f"a mapping of {', '.join(params)} is expected before the state")
    return _convert(new, params, optimizer), state


def _convert(values: Mapping[str, Array], params: Params, part: object) -> Mapping[str, Array]:
    """Return values in the parameters' dtypes: a single float64 would make float64 of all that follows."""
    if all(getattr(values[name], "dtype", None) == value.dtype for name, value in params.items()):
        return values
    found = {name: np.asarray(values[name]) for name in params}
    if wrong := [name for name in found if not np.can_cast(found[name].dtype, params[name].dtype, "same_kind")]:
        raise PluginError(f"{part!r} returned {wrong[0]} as {found[wrong[0]].dtype}", "real numbers are expected")
    return {name: value.astype(params[name].dtype, copy=False) for name, value in found.items()}


def _describe(part: object, value: Any, expected: str) -> PluginError:
    name = type(value).__name__
    what = f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
    if isinstance(value, Mapping):
        what += f" of {', '.join(map(str, value))}" if value else " of nothing"
    elif getattr(value, "shape", ()):
        what = f"an array of shape {value.shape}"
    return PluginError(f"{part!r} returned {what}", expected)
