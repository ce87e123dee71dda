"""Counts and ranges of a data set, and the samples to show."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import islice, pairwise, zip_longest

import attrs
import numpy as np

from modnet import Array, Dataset, Samples, Shape

BINS = 24
PIXELS = 16  # columns, at least, that are taken for images where they are alike
BRIGHTEST = 255.0


@attrs.frozen(eq=False, kw_only=True)
class Contents:
    """The content of a data set: an entry for each class, or for each column of all parts, as the source had them."""

    counts: dict[str, Array]
    """The samples of each class, by the name of their part; of a regression all are of one."""
    low: Array
    high: Array
    is_whole: Array
    """True for columns of whole numbers."""
    image: Shape | None
    """The shape (channels, H, W) of images, where samples are, or seem to be, some."""

    @property
    def all_counts(self) -> Array:
        """The samples of each class in all parts together."""
        total: Array = np.sum(list(self.counts.values()), axis=0)
        return total

    @classmethod
    def from_dataset(cls, data: Dataset) -> Contents:
        """Return the contents, read block by block: features need not fit into memory."""
        columns = data.train.table.shape[1]
        low, high, is_whole = np.full(columns, np.nan), np.full(columns, np.nan), np.ones(columns, np.bool_)
        for part in data.parts.values():
            for block in part.blocks():
                x = part.unscaled(block)
                low = np.fmin(low, np.fmin.reduce(x, axis=0).astype(np.float64))
                high = np.fmax(high, np.fmax.reduce(x, axis=0).astype(np.float64))
                if x.dtype.kind == "f":
                    is_whole &= ((x == np.trunc(x)) | np.isnan(x)).all(axis=0)
        counts = {name: np.bincount(class_indices(data, part), minlength=max(1, len(data.classes)))
                  for name, part in data.parts.items()}  # fmt: skip
        return cls(counts=counts, low=low, high=high, is_whole=is_whole, image=find_image(data, low))


def class_indices(data: Dataset, part: Samples) -> Array:
    """Return the class index of each sample of a part; 0 of a regression."""
    return part.t if data.classes else np.zeros(len(part), np.int64)


def find_image(data: Dataset, low: Array) -> Shape | None:
    """Return (channels, H, W) of samples that are images, or seem to be: a square number of columns that are alike."""
    if len(data.shape) == 3 and math.prod(data.shape) == len(low):
        return data.shape if data.shape[0] in {1, 3} else None
    side = math.isqrt(len(low))
    if side * side != len(low) or len(low) < PIXELS or any(column.words for column in data.train.columns):
        return None
    if len({re.sub(r"\d+", "", name) for name in data.feature_names}) > 1:  # "pixel1", "pixel2" are alike
        return None
    alike = 2 * np.count_nonzero(low == low.min()) > len(low)  # black somewhere, in most of them
    return (1, side, side) if alike or data.scale == BRIGHTEST else None


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


def choose_bin_edges(contents: Contents, column: int) -> Array:
    """Return the edges of the bins into which a column's values fall; few whole numbers get a bin each."""
    low, high = contents.low[column], contents.high[column]
    if low == high:
        half = max(0.5, abs(low) / 2)  # where numbers are large, 0.5 is nothing
        return np.array([low - half, low + half])
    if contents.is_whole[column] and high - low + 1 <= BINS:
        return np.linspace(low - 0.5, high + 0.5, int(high - low) + 2)
    return np.linspace(low, high, min(BINS, 5 + math.isqrt(int(contents.all_counts.sum()))))


def count_histograms(data: Dataset, columns: Sequence[int], edges: Sequence[Array]) -> list[Array]:
    """Return, for each of some columns, the samples of each class between its edges: counts (classes, bins).

    Samples of all parts are counted, block by block.
    """
    classes = max(1, len(data.classes))
    counts = [np.zeros((classes, len(some) - 1), np.int64) for some in edges]
    for part in data.parts.values():
        indices = class_indices(data, part)
        for block in part.blocks():
            x, t = part.unscaled(block), indices[block]
            for j, some, count in zip(columns, edges, counts, strict=True):
                there = x[:, j] == x[:, j]
                places = t[there] * count.shape[1] + np.searchsorted(some[1:-1], x[there, j], side="right")
                count += np.bincount(places, minlength=count.size).reshape(count.shape)
    return counts
