"""Settings of parts as nested parameters of an estimator: `optimizer__lr`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import attrs
import numpy as np

import modnet

KINDS = (
    modnet.Activation,
    modnet.Callback,
    modnet.GradientEstimator,
    modnet.Layer,
    modnet.Loss,
    modnet.Metric,
    modnet.Optimizer,
)


def make_layer(name: str, **settings: Any) -> Any:
    """Return the layer or the activation of a name."""
    try:
        return modnet.layer(name, **settings)
    except modnet.UnknownNameError:
        return modnet.activation(name, **settings)


MAKERS: Mapping[str, Callable[..., Any]] = {
    "activation": modnet.activation,
    "output": modnet.activation,
    "layers": make_layer,
    "loss": modnet.loss,
    "gradient": modnet.gradient,
    "optimizer": modnet.optimizer,
    "callbacks": modnet.callback,
    "metrics": modnet.metric,
}
"""The parameters that are parts or lists of parts, each with the function that makes a part of its name."""


def make_parts(parameter: str, value: Any) -> Any:
    """Return the part that a name stands for, or a list of names, and pairs of names and settings; others as they are.

    So are names that cannot be made into parts: `fit` says why.
    """
    make = MAKERS.get(parameter)
    if make is None:
        return value
    with suppress(modnet.ModnetError, ValueError, TypeError):
        if isinstance(value, str):
            return make(value)
        if isinstance(value, (list, tuple)) and len(value) == 2 and isinstance(value[1], Mapping):
            return make(value[0], **value[1])
    return type(value)(make_parts(parameter, each) for each in value) if type(value) in {list, tuple} else value


def is_part(value: object) -> bool:
    """Say whether a value is a part, or another object whose settings are known, such as a schedule."""
    return isinstance(value, KINDS) or attrs.has(type(value))


def get_settings(part: Any) -> dict[str, Any]:
    """Return the settings of a part by the names that its class takes them by."""
    if attrs.has(type(part)):
        return {field.alias: getattr(part, field.name) for field in attrs.fields(type(part)) if field.init}
    return {name: vars(part)[name] for name in inspect.signature(type(part)).parameters if name in vars(part)}


def list_nested(prefix: str, value: Any) -> dict[str, Any]:
    """Return the settings of a part, of the parts in it and of those in a list, each by its path: `optimizer__lr`."""
    found: dict[str, Any] = {}
    if is_part(value):
        for name, item in get_settings(value).items():
            found |= {f"{prefix}__{name}": item, **list_nested(f"{prefix}__{name}", item)}
    elif isinstance(value, (list, tuple)):
        for place, item in enumerate(value):
            found |= list_nested(f"{prefix}__{place}", item)
    return found


def replace_nested(value: Any, path: str, new: object) -> Any:
    """Return a part, or a list of parts, with another value at a path of names and places in lists: `0__patience`.

    Numbers of NumPy become Python's, which leave float32 as it is. Raises ValueError for a path that leads nowhere.
    """
    key, _, rest = path.partition("__")
    is_list = isinstance(value, (list, tuple))
    items = {str(place): item for place, item in enumerate(value)} if is_list else {}
    items |= get_settings(value) if is_part(value) else {}
    if key not in items:
        raise ValueError(f"{value!r} has no setting {key!r}: available: {', '.join(items) or 'none'}")
    plain = new.item() if isinstance(new, np.generic) else new
    changed = {**items, key: replace_nested(items[key], rest, plain) if rest else plain}
    return type(value)(changed.values()) if is_list else type(value)(**changed)
