"""Random splits of rows into a training and a test part."""

from __future__ import annotations

import numpy as np

from modnet.errors import DataError
from modnet.randomness import Stream
from modnet.types import Array


def split_rows(labels: Array, fraction: float, seed: int, stratified: bool) -> tuple[Array, Array]:
    """Return the indices of the training and of the test rows, both in their order; raises DataError."""
    if not 0 <= fraction < 1:
        raise DataError(f"the test fraction must be >= 0 and < 1: {fraction}")
    order = Stream(seed, ("test split",)).generator().permutation(len(labels))
    count = round(fraction * len(labels))
    places = np.arange(count)
    if stratified and count:
        # Class by class, every so many-th row: each class has its share to within one row.
        order = order[np.argsort(labels[order], kind="stable")]
        places = ((places + 0.5) * (len(labels) / count)).astype(np.int64)
    return np.sort(np.delete(order, places)), np.sort(order[places])
