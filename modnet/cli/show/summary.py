"""Summary of a data set: counts, ranges and repeated rows, in one pass."""

from __future__ import annotations

from typing import final

import attrs
import numpy as np
from modnet_figures.contents import find_image

from modnet.data.dataset import Dataset
from modnet.types import Array

FEW = 20
"""Up to so many features, the different values of each are counted."""

MOST_VALUES = 1000  # different values of a feature that are counted
MOST_ROWS = 200_000  # samples that are compared with each other


@attrs.frozen(eq=False, kw_only=True)
class Summary:
    """The content of a data set: an entry for each class, or for each feature over all samples, unscaled."""

    counts: dict[str, Array]
    """The samples of each class, by the name of their part."""
    minimum: Array
    maximum: Array
    mean: Array
    deviation: Array
    whole_mean: float
    whole_deviation: float
    distinct: tuple[int | None, ...]
    """The number of different values of each of few features, None where more than `MOST_VALUES`; () for many."""
    repeated: int | None
    """The number of samples with the features of an earlier one in their part; None where samples are too many."""
    shared: int | None
    """The number of samples of other parts with the features of a training sample."""
    size: int
    """The bytes that the features take in their own dtype."""
    side: int | None
    """The side of square grey images, where the samples seem to be some."""

    @property
    def all_counts(self) -> Array:
        """The samples of each class in all parts together."""
        total: Array = np.sum(list(self.counts.values()), axis=0)
        return total

    @property
    def constant(self) -> int:
        """The number of features with one value only."""
        return int((self.minimum == self.maximum).sum())


def as_one_class(data: Dataset) -> Dataset:
    """Return a regression's data set as one of a single class, whose samples are shown and counted as any others."""
    if data.classes:
        return data
    parts = {name: attrs.evolve(part, t=np.zeros(len(part), np.int64)) for name, part in data.parts.items()}
    return attrs.evolve(data.with_parts(parts), classes=("all",))


def summarize(data: Dataset) -> Summary:
    """Return the summary of a data set. Features are read once, block by block, so they need not fit into memory.

    >>> data = Dataset.from_arrays(([[1, 5], [3, 5], [1, 5]], ["b", "a", "b"]), test_fraction=0)
    >>> summary = summarize(data)
    >>> summary.mean.round(2), summary.counts["train"], summary.distinct, summary.repeated
    (array([1.67, 5.  ]), array([1, 2]), (2, 1), 1)
    """
    parts = tuple(data.parts.values())
    columns = data.train.table.shape[1]
    moments, hashes = _Moments(columns), list[Array]()
    values: list[Array | None] = [np.empty(0)] * columns if columns <= FEW else []
    compared = sum(map(len, parts)) <= MOST_ROWS
    common = np.result_type(*(part.table for part in parts))
    for part in parts:
        rows: list[int] = []
        for block in part.blocks():
            x = part.unscaled(block)
            moments.add(x)
            values = [_merge(found, x[:, j]) for j, found in enumerate(values)]
            if compared:
                rows += [hash(row.tobytes()) for row in x.astype(common, copy=False)]
        hashes.append(np.array(rows, np.int64))
    mean, deviation, whole_mean, whole_deviation = moments.result()
    return Summary(
        counts={name: np.bincount(part.t, minlength=len(data.classes)) for name, part in data.parts.items()},
        minimum=moments.minimum,
        maximum=moments.maximum,
        mean=mean,
        deviation=deviation,
        whole_mean=whole_mean,
        whole_deviation=whole_deviation,
        distinct=tuple(None if found is None else len(found) for found in values),
        repeated=sum(len(rows) - len(np.unique(rows)) for rows in hashes) if compared else None,
        shared=sum(int(np.isin(rows, hashes[0]).sum()) for rows in hashes[1:]) if compared else None,
        size=sum(len(part) * columns * part.table.dtype.itemsize for part in parts),
        side=_find_image_side(data, moments.minimum),
    )


def _merge(found: Array | None, values: Array) -> Array | None:
    """Return the different values so far, None where they are too many."""
    both = None if found is None else np.union1d(found, values[values == values])
    return both if both is not None and len(both) <= MOST_VALUES else None


def _find_image_side(data: Dataset, minimum: Array) -> int | None:
    """Return the side of square grey images, where samples are, or seem to be, some."""
    channels, height, width = find_image(data, minimum) or (0, 0, 0)
    return height if channels == 1 and height == width else None


@final
class _Moments:
    """The range, mean and spread of each feature, block by block, as Chan, Golub and LeVeque merge them.

    A sum of squares, less the square of the sum, would lose a small spread about a large mean.
    """

    def __init__(self, features: int) -> None:
        self.minimum, self.maximum = np.full((2, features), np.nan)
        self._count, self._mean, self._squares = np.zeros((3, features))

    @np.errstate(over="ignore", invalid="ignore")
    def add(self, block: Array) -> None:
        x = block.astype(np.float64)
        self.minimum = np.fmin(self.minimum, np.fmin.reduce(block, axis=0).astype(np.float64))
        self.maximum = np.fmax(self.maximum, np.fmax.reduce(block, axis=0).astype(np.float64))
        count = np.full(x.shape[1], float(len(x)))
        if block.dtype.kind == "f" and (lacks := np.isnan(x)).any():
            count -= lacks.sum(axis=0)
            mean = np.where(lacks, 0, x).sum(axis=0) / np.maximum(count, 1)
            x = np.where(lacks, mean, x)
        mean = x.mean(axis=0)
        x -= mean
        x *= x
        total = np.maximum(self._count + count, 1)
        gap = mean - self._mean
        self._squares += x.sum(axis=0) + gap * gap * (self._count * count / total)
        self._mean += gap * (count / total)
        self._count += count

    @np.errstate(over="ignore", invalid="ignore")
    def result(self) -> tuple[Array, Array, float, float]:
        """Return mean and standard deviation of each feature, and those of all numbers together."""
        variance = np.where(self._count > 0, self._squares / np.maximum(self._count, 1), np.nan)
        whole_mean = self._mean.mean()
        whole_variance = variance.mean() + np.square(self._mean - whole_mean).mean()
        return self._mean, np.sqrt(variance), float(whole_mean), float(np.sqrt(whole_variance))
