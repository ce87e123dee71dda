"""Preparation of columns, learned from training rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence

import attrs
import numpy as np

from modnet import Array, Column, DataError, Preparation
from modnet.data import PreparedColumn, describe_column, find_places, to_float64
from modnet.text import quote
from modnet_datasets.settings import STATISTICS, PreparationSettings, find_column, find_impute
from modnet_datasets.tensors import to_reals

MOST_WORDS = 50  # of a column that is encoded without being asked for
GATHERED = 2**24  # numbers of some columns that are held at once
Blocks = Callable[[], Iterable[Array]]


def fit_preparation(
    table: Array | Blocks, columns: Sequence[Column], settings: PreparationSettings | None, weights: Array | None
) -> Preparation:
    """Return the preparation that is learned from the rows of a raw table, as `modnet.Preparation.fit` does."""
    settings = settings or PreparationSettings()
    if not callable(table):
        whole = to_reals(table, "raw rows must be numbers in rows of one length")
        table, columns = (lambda: [whole]), columns or [Column()] * whole.shape[1]
    fit = _Fit(table, weights, columns, settings)
    return Preparation(tuple(fit.standardize(fit.impute(fit.encode()))), settings.unseen)


class _Fit:
    """Columns on their way from raw rows to what is learned of them; rows without weight are left out."""

    def __init__(
        self, table: Blocks, weights: Array | None, columns: Sequence[Column], settings: PreparationSettings
    ) -> None:
        self.table, self.weights, self.columns, self.settings = table, weights, columns, settings
        self.count, self.total = 0, 0.0
        self.low = self.high = np.full(len(columns), math.nan)
        self.lacks = np.zeros(len(columns), bool)  # true for columns that lack a value
        self.counts = [np.zeros(len(column.words or ())) for column in columns]  # the weight of each word
        for block, weights in self._read():
            self.count += len(block)
            self.total += float(weights.sum())
            lacking = np.isnan(block)
            self.lacks |= lacking.any(axis=0)
            self.low = np.fmin(self.low, np.fmin.reduce(block, axis=0, initial=math.nan))
            self.high = np.fmax(self.high, np.fmax.reduce(block, axis=0, initial=math.nan))
            for j, count in enumerate(self.counts):
                if len(count):
                    there = ~lacking[:, j]
                    count += np.bincount(block[there, j].astype(np.intp), weights[there], minlength=len(count))

    def _read(self) -> Iterator[tuple[Array, Array]]:
        """Yield rows and their weights, block by block."""
        start = 0
        for block in self.table():
            rows = to_float64(np.asarray(block))
            weights = np.ones(len(rows)) if self.weights is None else self.weights[start : start + len(rows)]
            start += len(rows)
            yield (rows, weights) if (weights > 0).all() else (rows[weights > 0], weights[weights > 0])

    def encode(self) -> list[PreparedColumn]:
        """Return the columns with the words that the rows have, or the given order of all words."""
        given, found = self.settings.encode, list[PreparedColumn]()
        ordered = given if isinstance(given, dict) else {}
        listed = {find_column(key, self.columns, "encode"): how for key, how in ordered.items()}
        text = {c.name or str(j): listed.get(j, "one-hot") for j, c in enumerate(self.columns) if c.words is not None}
        for j, column in enumerate(self.columns):
            how, where = listed.get(j) if isinstance(given, dict) else given, describe_column(column.name, j)
            if column.words is None:
                found.append(PreparedColumn(column.name))
            elif isinstance(how, (tuple, list)):
                how = tuple(map(str, how))  # numbers, too
                if lost := [word for word in column.words if word not in how]:
                    problem = f"has the word {quote(lost[0])}, which the order in 'encode' lacks"
                    raise DataError(f"{where} {problem}: put it where it belongs")
                found.append(PreparedColumn(column.name, how, "ordinal"))
            else:
                seen = tuple(word for word, count in zip(column.words, self.counts[j], strict=True) if count)
                is_many = len(seen) > MOST_WORDS or 2 * len(seen) > self.count
                if how is None or (how == "auto" and is_many):
                    what = f"is text that nothing encodes ({len(seen):,} words in {self.count:,} rows)"
                    raise DataError(f"{where} {what}: leave it out, or set 'encode'", advice=[{"encode": text}])
                found.append(PreparedColumn(column.name, seen, "one-hot"))
        return found

    def impute(self, found: list[PreparedColumn]) -> list[PreparedColumn]:
        """Return the columns with what stands for their missing values."""
        ways, gathered = find_impute(self.settings, self.columns), []
        for j, (column, way) in enumerate(zip(found, ways, strict=True)):
            lacks, words, where = bool(self.lacks[j]), column.words, describe_column(column.name, j)
            if way is None and lacks:
                raise DataError(f"{where}: a missing value: set 'impute', or leave it out")
            if way in STATISTICS and math.isnan(self.low[j]):
                raise DataError(f"{where} has no value at all: leave it out, or impute a given one")
            column = attrs.evolve(column, indicator=self.settings.missing_indicator and lacks and way is not None)
            if way is not None and words is None:
                gathered += [j] if isinstance(way, str) else []
                found[j] = attrs.evolve(column, fill=0.0 if isinstance(way, str) else float(way))
            elif way is not None and words is not None:
                counts, known = self.counts[j], self.columns[j].words or ()
                frequent = [word for word, count in zip(known, counts, strict=True) if count == counts.max()]
                word = min(frequent) if way == "most-frequent" else str(way)
                if word not in words and column.encode == "ordinal":
                    raise DataError(f"{where}: 'impute' is no word of the order in 'encode': {quote(word)}")
                words = (*words, word) if lacks and word not in words else words
                found[j] = attrs.evolve(column, words=words, fill=word)
        for j, values, weights in self._gather(gathered):
            found[j] = attrs.evolve(found[j], fill=_STATISTICS[str(ways[j])](values, weights))
        return found

    def _gather(self, columns: Sequence[int]) -> Iterator[tuple[int, Array, Array]]:
        """Yield the values of some columns that are there, with their weights."""
        size = max(1, GATHERED // max(1, self.count))
        for start in range(0, len(columns), size):
            some = list(columns[start : start + size])
            blocks = [(block[:, some], weights) for block, weights in self._read()]
            values, weights = (np.concatenate(each) for each in zip(*blocks, strict=True))
            for j, column in zip(some, values.T, strict=True):
                there = ~np.isnan(column)
                yield j, column[there], weights[there]

    def standardize(self, found: list[PreparedColumn]) -> list[PreparedColumn]:
        """Return the columns with what is subtracted and divided by."""
        wanted, scale = self.settings.standardize, self.settings.scale
        chosen = {j for j, column in enumerate(found) if column.encode != "one-hot"}
        if isinstance(wanted, tuple):
            listed = {find_column(key, self.columns, "standardize") for key in wanted}
            if odd := sorted(listed - chosen):
                where = describe_column(found[odd[0]].name, odd[0])
                raise DataError(f"{where} is one-hot: take it out of 'standardize'")
            chosen = listed
        elif wanted is False or (wanted == "auto" and scale != "auto"):
            chosen = set()
        if scale != "auto":
            found = [attrs.evolve(c, deviation=float(scale)) if c.words is None else c for c in found]
        if chosen:
            means, deviations = self._measure(found)
            for j in chosen:
                found[j] = attrs.evolve(found[j], mean=float(means[j]), deviation=float(deviations[j]))
        return found

    def _measure(self, found: Sequence[PreparedColumn]) -> tuple[Array, Array]:
        """Return mean and deviation of each imputed column."""
        low, high = self.low.copy(), self.high.copy()
        fills = np.array([column.fill_number for column in found])
        places = {j: (self.columns[j].words or (), c.words or ()) for j, c in enumerate(found) if c.encode == "ordinal"}
        for j, words in places.items():
            seen = find_places(np.flatnonzero(self.counts[j]), *words)
            low[j], high[j] = min(seen, default=0), max(seen, default=0)
        low, high = np.where(self.lacks, [np.fmin(low, fills), np.fmax(high, fills)], [low, high])
        # A power of 2 brings each column near to 1: sums of huge numbers are finite, squares of tiny ones are not 0.
        factor = np.ldexp(1.0, -np.clip(np.frexp(np.fmax(abs(low), abs(high)))[1], -1000, 1024))

        def read() -> Iterator[tuple[Array, Array]]:
            for block, weights in self._read():
                x = block.copy()
                for j, words in places.items():
                    x[:, j] = find_places(x[:, j], *words)
                yield np.where(np.isnan(x), fills, x) * factor - low * factor, weights[:, None]

        mean = sum((weights * x).sum(axis=0) for x, weights in read()) / self.total
        square = sum((weights * (x - mean) ** 2).sum(axis=0) for x, weights in read())
        deviation = np.where(low == high, 0.0, np.sqrt(square / self.total) / factor)
        return np.clip((mean + low * factor) / factor, low, high), deviation


def _mean(values: Array, weights: Array) -> float:
    largest = abs(values).max() or 1.0  # huge numbers may have no sum
    return float(np.average(values / largest, weights=weights) * largest)


def _mode(values: Array, weights: Array) -> float:
    """Return the most frequent number, of several the lowest."""
    found, places = np.unique(values, return_inverse=True)
    return float(found[np.bincount(places, weights).argmax()])


def _median(values: Array, weights: Array) -> float:
    """Return the median: half of the weight lies on either side of it."""
    order = np.argsort(values, kind="stable")
    values, below = values[order], np.cumsum(weights[order])
    place = int(np.searchsorted(below, below[-1] / 2))
    is_between = below[place] == below[-1] / 2 and place + 1 < len(values)
    return float(values[place] / 2 + values[place + 1] / 2 if is_between else values[place])


_STATISTICS = {"mean": _mean, "median": _median, "most-frequent": _mode}
