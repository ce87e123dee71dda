"""Random splits of rows into a training and a test part."""

from __future__ import annotations

from typing import Any

import numpy as np

from modnet.data.arrays import Rows
from modnet.errors import DataError
from modnet.randomness import Stream


def split_rows(rows: Rows, fraction: float, seed: int, stratified: bool) -> tuple[Rows, Rows]:
    """Return the training and the test rows, both in their order; raises DataError."""
    given: Any = fraction  # whatever the annotation says
    if not isinstance(given, (int, float, np.integer, np.floating)) or not 0 <= given < 1:
        raise DataError(f"the test fraction must be >= 0 and < 1: {fraction!r:.80}")
    labels = rows.labels
    count = round(fraction * len(labels))
    if not count:
        return rows, Rows(rows.x[:0], labels[:0])
    order = Stream(seed, ("test split",)).generator().permutation(len(labels))
    places = np.arange(count)
    if stratified:
        # Class by class, every so many-th row: each class has its share to within one row.
        order = order[np.argsort(labels[order], kind="stable")]
        places = ((places + 0.5) * (len(labels) / count)).astype(np.int64)
    train, test = np.sort(np.delete(order, places)), np.sort(order[places])
    return Rows(rows.x, labels[train], train), Rows(rows.x, labels[test], test)
