"""Checks of samples, classes and names of features."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from modnet.data.labels import check_classes, to_float64
from modnet.data.samples import Samples
from modnet.errors import DataError
from modnet.types import Array


def check_samples(part: object, name: str, features: int | None, classes: int) -> int:
    """Return the number of features of a part; raises DataError where it is another one than that of other parts.

    Likewise where rows have other than finite numbers, or not the index of a class each. What is known of them is not
    read again: whole numbers are finite, and `Samples.is_finite` says so of others.
    """
    if not isinstance(part, Samples):
        raise DataError(f"the {name} samples are a {type(part).__name__}, not modnet.Samples")
    _check_shape(part, name, features)
    if not _is_within(part.t, classes):
        raise DataError(f"a target of the {name} rows is not the index of a class, from 0 to {classes - 1}")
    if part.table.dtype.kind == "f" and not part.is_finite:
        for block in part.blocks():
            if not np.isfinite(to_float64(part.unscaled(block))).all():
                raise DataError(f"a number in the {name} rows is not finite")
    return part.features


def _check_shape(part: Samples, name: str, features: int | None) -> None:
    # Whatever the annotations say: others made it.
    x: Any = part.table
    t: Any = part.t
    is_table = isinstance(x, np.ndarray) and x.dtype.kind in "buif" and x.ndim == 2 and x.shape[1] > 0
    if not is_table or x.shape[1] != (features or x.shape[1]):
        raise DataError(f"{name} rows are {_describe(x)}, not numbers of shape (N, {features or 'features'})")
    rows: Any = np.asarray(part.chosen) if part.chosen is not None else x
    if rows is not x and not (rows.ndim == 1 and rows.dtype.kind in "iu" and _is_within(rows, len(x))):
        raise DataError(f"the chosen {name} rows are {_describe(rows)}, not indices of {len(x)} rows")
    if not isinstance(t, np.ndarray) or t.dtype != np.int64 or t.shape != (len(rows),):
        raise DataError(f"{name} targets are {_describe(t)}, not int64 of shape {(len(rows),)}")
    if not 0 < part.scale < math.inf:
        raise DataError(f"{name} rows are divided by a number > 0, not {part.scale}")


def _is_within(indices: Array, count: int) -> bool:
    return not len(indices) or bool(0 <= indices.min() <= indices.max() < count)


def check_labels(classes: Sequence[Any]) -> None:
    """Raise DataError where the labels of classes are none, are there twice, or look alike."""
    if not isinstance(classes, (tuple, list)) or not classes:
        raise DataError(f"classes must be a tuple of labels, not {classes!r}")
    odd = [name for name in classes if not isinstance(name, (str, int, float))]
    if odd:
        raise DataError(f"classes must be text or numbers, not {odd[0]!r}")
    if len({str(name) for name in classes}) != len(classes):
        raise DataError(f"classes are there twice: {classes}")
    check_classes(tuple(classes))


def check_feature_names(names: Sequence[str], features: int) -> None:
    """Raise DataError where the names of features are not as many different texts, or none at all."""
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise DataError(f"the names of features must be texts: {names!r:.200}")
    if len(names) not in {0, features}:
        raise DataError(f"{len(names)} names of {features} features")
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise DataError(f"two features have the name {twice[0]!r}")


def _describe(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} of shape {value.shape}"
    return f"a {type(value).__name__}"
