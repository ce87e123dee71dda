"""Summary of a data set: counts, ranges and repeated rows, in one pass."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import islice, pairwise, zip_longest
from typing import final

import attrs
import numpy as np

from modnet.data.dataset import Dataset
from modnet.data.rows import PIXEL_COLUMNS, PIXEL_MAXIMUM
from modnet.types import Array

FEW = 20
"""Up to so many features, the different values of each are counted."""

MOST_VALUES = 1000  # different values of a feature that are counted
MOST_ROWS = 200_000  # samples that are compared with each other
BINS = 24


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


def find_first_of_each(t: Array, classes: int, most: int) -> list[Array]:
    """Return for each class the indices of its first samples, `most` of them or as many as there are.

    >>> find_first_of_each(np.array([1, 0, 1, 1]), 3, 2)
    [array([1]), array([0, 2]), array([], dtype=int64)]
    """
    order = np.argsort(t, kind="stable")
    bounds = np.searchsorted(t[order], np.arange(classes + 1))
    return [order[start : min(end, start + most)] for start, end in pairwise(bounds)]


def pick_varied(t: Array, classes: int, count: int) -> Array:
    """Return the indices of `count` samples: the first of each class, then the second of each, and so on.

    >>> pick_varied(np.array([1, 1, 1, 0, 0]), 2, 3)
    array([3, 0, 4])
    """
    each = find_first_of_each(t, classes, count)
    found = (i for turn in zip_longest(*each) for i in turn if i is not None)
    return np.array(list(islice(found, count)), np.int64)


def find_most_frequent(counts: Array, most: int) -> Array:
    """Return the indices of all classes, if they are no more than `most`; otherwise of the most frequent ones.

    >>> find_most_frequent(np.array([3, 5, 9, 5]), 2), find_most_frequent(np.array([3, 5]), 2)
    (array([2, 1]), array([0, 1]))
    """
    return np.arange(len(counts)) if len(counts) <= most else np.argsort(-counts, kind="stable")[:most]


def choose_bin_edges(summary: Summary, feature: int) -> Array:
    """Return the edges of the bins into which a feature's values fall; few whole numbers get a bin each."""
    low, high = summary.minimum[feature], summary.maximum[feature]
    distinct = summary.distinct[feature] if summary.distinct else None
    if low == high:
        half = max(0.5, abs(low) / 2)  # where numbers are large, 0.5 is nothing
        return np.array([low - half, low + half])
    whole = low == np.trunc(low) and high == np.trunc(high) and distinct is not None
    if whole and distinct <= high - low + 1 <= BINS:
        return np.linspace(low - 0.5, high + 0.5, int(high - low) + 2)
    samples = int(summary.all_counts.sum())
    return np.linspace(low, high, min(BINS, 5 + math.isqrt(samples)))


def count_histograms(data: Dataset, features: Sequence[int], edges: Sequence[Array]) -> list[Array]:
    """Return, for each of some features, the samples of each class between its edges: counts (classes, bins).

    Samples of all parts are counted, block by block.
    """
    classes = len(data.classes)
    counts = [np.zeros((classes, len(some) - 1), np.int64) for some in edges]
    for part in data.parts.values():
        for block in part.blocks():
            x, t = part.unscaled(block), part.t[block]
            for j, some, count in zip(features, edges, counts, strict=True):
                there = x[:, j] == x[:, j]
                places = t[there] * count.shape[1] + np.searchsorted(some[1:-1], x[there, j], side="right")
                count += np.bincount(places, minlength=count.size).reshape(count.shape)
    return counts


def resample(image: Array, height: int, width: int) -> Array:
    """Return an image (H, W) in another size: each new pixel is the mean over its area.

    >>> resample(np.array([[0.0, 4.0], [2.0, 6.0]]), 1, 2)
    array([[1., 5.]])
    """
    return _compute_overlaps(image.shape[0], height) @ image @ _compute_overlaps(image.shape[1], width).T


def _compute_overlaps(size: int, wanted: int) -> Array:
    """Return the share of each of `size` old pixels in a line in each of the `wanted` new ones."""
    edges, places = np.linspace(0, size, wanted + 1), np.arange(size)
    overlap = np.minimum(edges[1:, None], places + 1) - np.maximum(edges[:-1, None], places)
    shares: Array = overlap.clip(0) * (wanted / size)
    return shares


def _find_image_side(data: Dataset, minimum: Array) -> int | None:
    """Return the side of square images, if samples seem to be some: a square number of features that are alike."""
    columns = data.train.table.shape[1]
    side = math.isqrt(columns)
    if side * side != columns or columns < PIXEL_COLUMNS or any(column.words for column in data.train.columns):
        return None
    if len({re.sub(r"\d+", "", name) for name in data.feature_names}) > 1:  # "pixel1", "pixel2" are alike
        return None
    alike = 2 * np.count_nonzero(minimum == minimum.min()) > columns  # black somewhere, in most of them
    return side if alike or data.scale == PIXEL_MAXIMUM else None


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
