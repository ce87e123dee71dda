"""Data sets and rows to predict, from the arrays of a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np

from modnet import Array, DataError, Dataset, PreparationSettings

EXACT = 2**53
"""Up to it, float64 tells whole numbers apart."""


def file_path(path: Path | None, source: str) -> Path:
    """Return the path that a file source was given; raises DataError where it was given none."""
    if path is None:
        raise DataError(f"the source {source!r} reads files: give it one")
    return Path(path)


def data_set(path: Path, train: tuple[Any, Any], test: tuple[Any, Any] | None = None, **settings: Any) -> Dataset:
    """Return the data set of these rows, as `Dataset.from_arrays` does; a DataError names the file."""
    try:
        return Dataset.from_arrays(train, test, **settings)
    except DataError as error:
        raise DataError(f"{path}: {error}", path=path) from None


def preparation_of(source: PreparationSettings) -> dict[str, Any]:
    """Return the settings of preparation that a source has, as keywords of `Dataset.from_arrays`."""
    return {field.name: getattr(source, field.name) for field in attrs.fields(PreparationSettings)}


def flat_rows(
    path: Path, rows: Any, labels: Any | None, features: int, task: str | None = None
) -> tuple[Array, Array | None]:
    """Return rows to predict as floats (N, features), unscaled, and their labels (N,) or None, once checked."""
    known = labels is not None
    none = np.zeros(len(rows) if np.ndim(rows) else 0, np.int64)
    data = data_set(path, (rows, labels if known else none), scale=1.0, test_fraction=0.0, task=task if known else None)
    if data.features != features:
        raise DataError(f"{path}: rows of {data.features} features, expected {features}", path=path)
    if known and not data.classes:
        return data.train.x, np.asarray(labels, np.float64)
    return data.train.x, np.array(data.classes)[data.train.t] if known else None
