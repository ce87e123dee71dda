"""Fingerprints of data."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import attrs
import numpy as np

from modnet.data.dataset import Dataset
from modnet.data.samples import Samples, describe_part
from modnet.types import Array

BLOCK = 2**20  # numbers in one go; another count would make other fingerprints


def data_fingerprint(data: Dataset) -> dict[str, Any]:
    """Return the identity of a data set: counts, the divisor, and the SHA-256 of each part.

    It goes by numbers and their order, not by the file they were read from: the same samples have the same fingerprint
    as CSV and as a pickle, as bytes and as float64.
    """
    parts = {describe_part(name): samples for name, samples in data.parts.items()}
    digests: dict[str, str] = {}
    for kind, samples in parts.items():
        digests[f"{kind} features"] = _features_sha256(samples)
        digests[f"{kind} labels"] = sha256(samples.t.astype("<i8" if data.classes else "<f8").tobytes()).hexdigest()
        if samples.weights is not None:
            digests[f"{kind} weights"] = sha256(samples.weights.astype("<f8").tobytes()).hexdigest()
        if samples.soft is not None:
            digests[f"{kind} soft targets"] = sha256(samples.soft.astype("<f8").tobytes()).hexdigest()
    if data.target_scale:
        digests["scale of the targets"] = sha256(json.dumps(attrs.asdict(data.target_scale)).encode()).hexdigest()
    return {
        **{f"{kind} rows": len(samples) for kind, samples in parts.items()},
        "features": data.features,
        "classes": len(data.classes),
        "divisor": data.scale,
        **digests,
        **({"preparation": data.preparation.digest} if data.preparation else {}),
        "names of the classes": sha256(json.dumps(data.classes, default=str).encode()).hexdigest(),
    }


def _features_sha256(samples: Samples) -> str:
    digest = sha256()
    rows = max(1, BLOCK // samples.features)
    for start in range(0, len(samples), rows):
        form, numbers = _to_canonical(samples.unscaled(slice(start, start + rows)))
        digest.update(form)
        digest.update(numbers.data)
    return digest.hexdigest()


def _to_canonical(x: Array) -> tuple[bytes, Array]:
    """Return the form of numbers that is the same for any dtype, bytes where they are, else float64; its name first."""
    if x.dtype != np.uint8:
        numbers = np.ascontiguousarray(x, dtype="<f8")
        with np.errstate(invalid="ignore"):
            x = numbers.astype(np.uint8)
        if (x != numbers).any() or np.signbit(numbers).any():
            return b"f8", numbers
    return b"u1", np.ascontiguousarray(x)
