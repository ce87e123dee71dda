"""Rows and labels of any kind as arrays that fit together."""

from __future__ import annotations

import math
from typing import Any

import attrs
import numpy as np

from modnet.data.labels import check_classes, to_float64, to_indices, to_label_array, to_labels
from modnet.data.samples import Samples, describe_part, find_mapping, release, split_into_blocks
from modnet.errors import DataError
from modnet.randomness import Stream
from modnet.types import Array

PIXEL_COLUMNS = 16
PIXEL_MAXIMUM = 255


def to_samples(given: Any, name: str, classes: tuple[Any, ...] | None) -> Samples:
    """Return a part that is given as (rows, labels): rows (N, D), and labels (N,), integers or text, for targets.

    Where `classes` are given, each label becomes its place among them. Raises DataError.
    """
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise DataError(f"{name!r} must be a pair (rows, labels), not a {type(given).__name__}")
    (x, labels), part = given, describe_part(name)
    x, labels = _to_array(x, part), to_label_array(labels, part)
    labels = to_labels(labels, part) if classes is None else to_indices(labels, classes, part)
    if x.ndim == 0 or x.dtype.kind not in "buif":
        problem = f"{part} rows: expected numbers of shape (N, features), found {x.dtype} of shape {x.shape}"
        remedy = "; where all are numbers, make them so by astype(float)" if x.ndim and x.dtype.kind in "OUS" else ""
        raise DataError(problem + remedy)
    if labels.ndim != 1 or len(labels) != len(x):
        raise DataError(f"{part}: {len(x)} rows need {len(x)} labels, found labels of shape {labels.shape}")
    features = math.prod(x.shape[1:])
    if not features:
        raise DataError(f"{part} rows have no features: their shape is {x.shape}")
    x = np.array(x.reshape(len(x), features), order="C", copy=True if x.flags.writeable else None)
    for block in split_into_blocks(len(x), features) if x.dtype.kind == "f" else ():
        finite = np.isfinite(to_float64(x[block]))
        if not finite.all():
            row, column = np.argwhere(~finite)[0]
            wrong = x[block][row, column]
            where = f"{part} row {block.start + row + 1}, feature {column + 1}"
            raise DataError(f"{where}: expected a finite number, found {wrong}")
        release(find_mapping(x))
    return Samples(x, labels, is_finite=True)


def split_samples(samples: Samples, fraction: Any, seed: int, stratified: bool) -> tuple[Samples, Samples]:
    """Return the training and the test samples, both in their order; raises DataError."""
    if not isinstance(fraction, (int, float, np.integer, np.floating)) or not 0 <= fraction < 1:
        raise DataError(f"the test fraction must be >= 0 and < 1: {fraction!r:.80}")
    labels = samples.t
    count = round(fraction * len(labels))
    if not count:
        return samples, attrs.evolve(samples, x=samples.table[:0], t=labels[:0])
    order = Stream(seed, ("test split",)).generator().permutation(len(labels))
    places = np.arange(count)
    if stratified:
        # Class by class, every so many-th row: each class has its share to within one row.
        order = order[np.argsort(labels[order], kind="stable")]
        places = ((places + 0.5) * (len(labels) / count)).astype(np.int64)
    train, test = np.sort(np.delete(order, places)), np.sort(order[places])
    return attrs.evolve(samples, t=labels[train], chosen=train), attrs.evolve(samples, t=labels[test], chosen=test)


def encode_labels(train: Array, test: Array) -> tuple[tuple[Any, ...], Array]:
    """Return the classes, and the class indices (N,) int64 of the training rows and then of the test rows."""
    words = {"b": "truth values", "i": "numbers", "U": "text"}
    if train.dtype.kind != test.dtype.kind and len(test):
        raise DataError(f"training labels are {words[train.dtype.kind]}, test labels {words[test.dtype.kind]}")
    found, indices = np.unique(np.concatenate([train, test]) if len(test) else train, return_inverse=True)
    classes = tuple(found.tolist())
    check_classes(classes)
    return classes, indices.astype(np.int64)


def choose_scale(samples: Samples, given: Any) -> float:
    """Return the number that features are divided by, for "auto" the inferred one; raises DataError."""
    if isinstance(given, str) and given == "auto":
        return _infer_scale(samples)
    if not isinstance(given, (int, float, np.integer, np.floating)) or not 0 < given < math.inf:
        raise DataError(f"features are divided by a number > 0, or by 'auto', not {given!r:.80}")
    return float(given)


def _infer_scale(samples: Samples) -> float:
    """Return 255 where the samples are evidently pixels, otherwise 1."""
    if samples.features < PIXEL_COLUMNS or samples.table.dtype.kind == "b":
        return 1.0
    largest = 0.0
    for block in samples.blocks():
        part = samples.unscaled(block)
        largest = max(largest, float(part.max()))
        if part.min() < 0 or largest > PIXEL_MAXIMUM or (part.dtype.kind == "f" and (part != np.trunc(part)).any()):
            return 1.0
    return float(PIXEL_MAXIMUM) if largest > PIXEL_MAXIMUM // 2 else 1.0


def _to_array(rows: Any, part: str) -> Array:
    if np.ma.is_masked(rows):  # NumPy alone would take what is behind the mask
        row, *column = np.argwhere(np.ma.getmaskarray(rows))[0]
        raise DataError(f"{part} row {row + 1}, feature {(column or [0])[0] + 1}: a missing value (masked)")
    try:
        return np.asarray(rows)
    except ValueError:
        raise DataError(f"{part} rows are of different lengths") from None
