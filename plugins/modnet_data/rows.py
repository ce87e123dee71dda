"""Data sets and rows to predict, from the arrays of a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import attrs
import numpy as np

from modnet import Array, DataError, Dataset

EXACT = 2**53
"""Up to it, float64 tells whole numbers apart."""

Pair = tuple[Any, Any]


def file_path(path: Path | None, source: str) -> Path:
    """Return the path that a file source was given; raises DataError where it was given none."""
    if path is None:
        raise DataError(f"the source {source!r} reads files: give it one")
    return Path(path)


def data_set(
    path: Path,
    train: Pair,
    test: Pair | None,
    scale: float | Literal["auto"],
    test_fraction: float,
    split_seed: int,
    inferred: Mapping[str, Any] | None = None,
    *,
    stratified: bool = False,
    feature_names: tuple[str, ...] = (),
) -> Dataset:
    """Return the data set of these rows, with the settings that were `inferred`; a DataError names the file."""
    try:
        data = Dataset.from_arrays(
            train, test, scale=scale, test_fraction=test_fraction, split_seed=split_seed, stratified=stratified
        )
    except DataError as error:
        raise DataError(f"{path}: {error}", path=path) from None
    return attrs.evolve(data, settings={**data.settings, **(inferred or {})}, feature_names=feature_names)


def flat_rows(path: Path, rows: Any, labels: Any | None, features: int) -> tuple[Array, Array | None]:
    """Return rows to predict as floats (N, features), unscaled, and their labels (N,) or None, once checked."""
    known = labels is not None
    none = np.zeros(len(rows) if np.ndim(rows) else 0, np.int64)
    data = data_set(path, (rows, labels if known else none), None, 1.0, 0.0, 0)
    if data.features != features:
        raise DataError(f"{path}: rows of {data.features} features, expected {features}", path=path)
    return data.train.x, np.array(data.classes)[data.train.t] if known else None
