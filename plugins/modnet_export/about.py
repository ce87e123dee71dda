"""Metadata of an exported model."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

import modnet

KEY = "modnet"
"""The name under which it stands in a file's metadata, as JSON."""


def describe_model(model: Any) -> dict[str, Any]:
    """Return all that is known of a trained model but its parameters, as plain values of JSON; no path is among them.

    `modnet.Network(**about["network"])` makes a network of the same layers, which takes the parameters.
    """
    network = model.network
    layers = [describe_part(place.layer.activation or place.layer) for place in network.placed]
    found = {
        "version": modnet.__version__,
        "classes": list(model.classes),
        "features": list(model.feature_names),
        "scale": model.scale,
        "network": {"layers": layers, "shape": list(network.shape), "dtype": str(network.dtype)},
        "loss": describe_part(network.loss_function),
    }
    if model.preparation:
        found["preparation"] = model.preparation.to_dict()
    if model.target_scale:
        found["targets"] = {key: list(getattr(model.target_scale, key)) for key in ("mean", "deviation")}
    return found


def describe_part(part: object) -> dict[str, Any]:
    """Return the table of a part's name and settings, as `modnet.Network` takes that of a layer.

    >>> describe_part(modnet.activation("leaky-relu", slope=0.1))
    {'name': 'leaky-relu', 'slope': 0.1}
    """
    own = {name: getattr(part, name, None) for name in inspect.signature(type(part)).parameters}
    return {"name": modnet.find_name(part), **{name: _to_plain(value) for name, value in own.items()}}


def _to_plain(value: Any) -> Any:
    match value:
        case None | bool() | int() | str() | float():
            return value
        case list() | tuple():
            return [_to_plain(each) for each in value]
        case dict():
            return {str(key): _to_plain(each) for key, each in value.items()}
        case np.generic() | np.ndarray():
            return value.tolist()
    return describe_part(value)
