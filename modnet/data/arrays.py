"""Rows and labels of any kind as arrays that fit together."""

from __future__ import annotations

import math
from typing import Any, Literal

import attrs
import numpy as np

from modnet.data.labels import check_classes, join_labels, to_float64, to_indices, to_label_array, to_labels
from modnet.data.samples import find_mapping, release, split_into_blocks
from modnet.errors import DataError
from modnet.types import Array

PIXEL_COLUMNS = 16
PIXEL_MAXIMUM = 255


@attrs.frozen(eq=False)
class Rows:
    """Rows `x` (M, D), and the labels (N,) of those that are chosen, or of all."""

    x: Array
    labels: Array
    chosen: Array | None = None


def to_rows(x: Any, labels: Any, part: str, classes: tuple[Any, ...] | None = None) -> Rows:
    """Return rows as (N, D) with labels (N,), integers or text; raises DataError where they do not fit.

    Where `classes` are given, each label becomes its place among them.
    """
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
            row += block.start
            raise DataError(
                f"{part} row {row + 1}, feature {column + 1}: expected a finite number, found {x[row, column]}"
            )
        release(find_mapping(x))
    return Rows(x, labels)


def check_fit(rows: Rows, test: Rows) -> None:
    """Raise DataError where training and test rows differ in features, or there are no training rows."""
    if test.x.shape[1] != rows.x.shape[1]:
        raise DataError(f"training rows have {rows.x.shape[1]} features, test rows {test.x.shape[1]}")
    if not len(rows.labels):
        raise DataError("no training rows")


def encode_labels(rows: Rows, test: Rows, known: tuple[Any, ...] | None) -> tuple[tuple[Any, ...], Array]:
    """Return the classes, and the class indices (N,) int64 of the training rows and then of the test rows.

    Where classes are known, labels are their indices already.
    """
    labels = join_labels(rows.labels, test.labels)
    if known is not None:
        return known, labels
    found, indices = np.unique(labels, return_inverse=True)
    classes = tuple(found.tolist())
    check_classes(classes)
    return classes, indices.astype(np.int64)


def choose_scale(rows: Rows, scale: float | Literal["auto"]) -> float:
    """Return the number that features are divided by: `scale`, or for "auto" the inferred one; raises DataError."""
    given: Any = scale  # whatever the annotation says
    if isinstance(given, str) and given == "auto":
        return _infer_scale(rows.x, rows.chosen)
    if not isinstance(given, (int, float, np.integer, np.floating)) or not 0 < given < math.inf:
        raise DataError(f"features are divided by a number > 0, or by 'auto', not {given!r:.80}")
    return float(given)


def _infer_scale(x: Array, chosen: Array | None) -> float:
    """Return 255 where the chosen rows are evidently pixels, otherwise 1."""
    if x.shape[1] < PIXEL_COLUMNS or x.dtype.kind == "b":
        return 1.0
    largest = 0.0
    count = len(x) if chosen is None else len(chosen)
    for block in split_into_blocks(count, x.shape[1]):
        part = x[block] if chosen is None else x[chosen[block]]
        largest = max(largest, float(part.max()))
        if part.min() < 0 or largest > PIXEL_MAXIMUM or (part.dtype.kind == "f" and (part != np.trunc(part)).any()):
            return 1.0
        release(find_mapping(x))
    return float(PIXEL_MAXIMUM) if largest > PIXEL_MAXIMUM // 2 else 1.0


def _to_array(rows: Any, part: str) -> Array:
    if np.ma.is_masked(rows):  # NumPy alone would take what is behind the mask
        row, *column = np.argwhere(np.ma.getmaskarray(rows))[0]
        raise DataError(f"{part} row {row + 1}, feature {(column or [0])[0] + 1}: a missing value (masked)")
    try:
        return np.asarray(rows)
    except ValueError:
        raise DataError(f"{part} rows are of different lengths") from None
