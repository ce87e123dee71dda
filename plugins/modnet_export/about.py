"""What an exported model says of itself."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

import modnet

KEY = "modnet"
"""The name under which it stands in a file's metadata, as JSON."""


def describe_model(model: Any) -> dict[str, Any]:
    """Return all that is known of a trained model but its parameters, as plain values of JSON; no path is among them.

    `modnet.Network(**about["network"])` makes the network again.
    """
    network = model.network
    layers = [describe_part(place.layer.activation or place.layer) for place in network.placed]
    loss, shape = describe_part(network.loss_function), list(network.shape)
    found = {
        "version": modnet.__version__,
        "classes": list(model.classes),
        "features": list(model.feature_names),
        "scale": model.scale,
        "network": {"layers": layers, "shape": shape, "loss": loss, "dtype": str(network.dtype)},
    }
    if model.preparation:
        found["preparation"] = model.preparation.to_dict()
    if model.target_scale:
        found["targets"] = {key: list(getattr(model.target_scale, key)) for key in ("mean", "deviation")}
    return found


def describe_part(part: object) -> list[Any]:
    """Return a part's name and settings, as `modnet.Network` takes them.

    >>> describe_part(modnet.activation("leaky-relu", slope=0.1))
    ['leaky-relu', {'slope': 0.1}]
    """
    own = {name: getattr(part, name, None) for name in inspect.signature(type(part)).parameters}
    return [modnet.find_name(part), {name: _to_plain(value) for name, value in own.items()}]


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
