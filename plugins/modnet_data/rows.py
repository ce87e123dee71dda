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
    path: Path, rows: Any, labels: Any | None, features: int, source: PreparationSettings
) -> tuple[Array, Array | None]:
    """Return raw rows to predict as floats (N, features), and their labels (N,) or None, once checked.

    Missing values stay NaN where the source imputes.
    """
    known = labels is not None
    none = np.zeros(len(rows) if np.ndim(rows) else 0, np.int64)
    encode = source.encode if isinstance(source.encode, dict) else "one-hot"
    impute, task = None if source.impute is None else 0.0, source.task if known else None
    settings: dict[str, Any] = {"scale": 1.0, "test_fraction": 0.0, "encode": encode, "impute": impute, "task": task}
    data = data_set(path, (rows, labels if known else none), **settings)
    if (found := data.train.table.shape[1]) != features:
        raise DataError(f"{path}: rows of {found} features, expected {features}", path=path)
    laid_out, wanted = ([n for n in shape if n > 1] for shape in (data.shape, source.shape or ()))
    if min(len(data.shape), len(source.shape or ())) > 1 and laid_out != wanted:
        raise DataError(f"{path}: samples of shape {data.shape}, expected {source.shape}, or rows", path=path)
    if any(column.words is not None for column in data.columns):
        what = "text in an array, whose words no network can be given: save the rows as a CSV or Parquet file"
        raise DataError(f"{path}: {what}", path=path)
    x = data.train.unscaled(slice(None)).astype(np.float64, copy=False)
    if known and not data.classes:
        return x, np.asarray(labels, np.float64)
    return x, np.array(data.classes)[data.train.t] if known else None
