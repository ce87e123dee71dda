"""Random splits of rows into a training and a test part."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from modnet.data.samples import Samples
from modnet.errors import DataError
from modnet.randomness import Stream


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
