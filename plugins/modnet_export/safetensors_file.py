"""Parameters as safetensors, with a JSON of settings."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from safetensors.numpy import save

from modnet_export.about import KEY, describe_model


def write_safetensors(model: Any) -> bytes:
    """Return the parameters and buffers of a trained model; its settings are JSON in the metadata, under "modnet"."""
    # It writes the bytes of an array in whatever order they lie in memory, and reads them row by row.
    arrays = {name: np.ascontiguousarray(value) for name, value in model.network.arrays.items()}
    return bytes(save(arrays, {KEY: json.dumps(describe_model(model))}))
