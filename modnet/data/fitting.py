"""Fitting of prepared columns to training rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, Self

import attrs
import numpy as np
from attrs.validators import instance_of

from modnet.data.columns import (
    STATISTICS,
    Column,
    EncodingError,
    PreparationSettings,
    describe_column,
    find_column,
    find_impute,
    to_words,
)
from modnet.data.labels import to_float64
from modnet.errors import DataError
from modnet.text import quote
from modnet.types import Array

MOST_WORDS = 50  # of a column that is encoded without being asked for
GATHERED = 2**24  # numbers of some columns that are held at once
Blocks = Callable[[], Iterable[Array]]


@attrs.frozen
class PreparedColumn:
    """A raw column, and all that was learned to prepare it."""

    name: str = attrs.field(default="", validator=instance_of(str))
    words: tuple[str, ...] | None = attrs.field(default=None, converter=to_words)
    """The words of the training rows, or None for numbers."""
    encode: Literal["one-hot", "ordinal"] | None = None
    """A column for each word, or one with the place of the word among `words`."""
    fill: float | str | None = None
    """The value in place of a missing one; None refuses it."""
    indicator: bool = attrs.field(default=False, validator=instance_of(bool))
    """True adds a column of 0 and 1 that says where a value is missing."""
    mean: float = 0.0
    """The number that is subtracted."""
    deviation: float = 1.0
    """The divisor of the difference; 0 for a constant column, which becomes 0."""

    def __attrs_post_init__(self) -> None:
        kind = None if self.words is None else "one-hot or ordinal"
        fill = float if self.words is None else str
        is_one = (
            (self.encode is None if kind is None else self.encode in {"one-hot", "ordinal"})
            and (self.fill is None or (isinstance(self.fill, fill) and self.fill not in {math.inf, -math.inf}))
            and all(type(each) is float and math.isfinite(each) for each in (self.mean, self.deviation))
            and self.deviation >= 0
        )
        if not is_one:
            raise ValueError(f"the column {self.name!r} is prepared in a way that is unknown")

    @property
    def fill_number(self) -> float:
        """The number in place of a missing value, or the place of a word, or NaN."""
        if isinstance(self.fill, str):
            return float(find_places(np.zeros(1), (self.fill,), self.words or ())[0])
        return math.nan if self.fill is None else self.fill


def find_places(codes: Array, words: Sequence[str], own: Sequence[str]) -> Array:
    """Return the places of words in a column's own ones, by their codes; -1 for unknown words, NaN for missing ones."""
    known = {word: place for place, word in enumerate(own)}
    table = np.array([known.get(word, -1) for word in words] or [-1], np.float64)
    lacking = np.isnan(codes)
    return np.where(lacking, math.nan, table[np.where(lacking, 0, codes).astype(np.intp)])


@attrs.frozen
class Rows:
    """Raw rows and their weights, read block by block; rows without weight are left out."""

    table: Blocks
    weights: Array | None = None

    def __iter__(self) -> Iterator[tuple[Array, Array]]:
        start = 0
        for block in self.table():
            rows = to_float64(np.asarray(block))
            weights = np.ones(len(rows)) if self.weights is None else self.weights[start : start + len(rows)]
            start += len(rows)
            yield (rows, weights) if (weights > 0).all() else (rows[weights > 0], weights[weights > 0])


def fit_columns(rows: Rows, columns: Sequence[Column], settings: PreparationSettings) -> tuple[PreparedColumn, ...]:
    """Return what is learned of each column; raises DataError where that is not possible, or has to be asked for."""
    survey = _Survey.create(rows, columns)
    found = _encode(columns, survey, settings)
    found = _impute(found, rows, columns, survey, settings)
    return _standardize(found, rows, columns, survey, settings)


@attrs.frozen
class _Survey:
    """The ranges, words and gaps of columns, from a first reading of rows."""

    rows: int
    low: Array
    high: Array
    lacks: Array
    """True for columns that lack a value."""
    counts: list[Array]
    """Of a column of text, the weight of each word."""

    @classmethod
    def create(cls, rows: Rows, columns: Sequence[Column]) -> Self:
        low = high = np.full(len(columns), math.nan)
        lacks, number = np.zeros(len(columns), bool), 0
        counts = [np.zeros(len(column.words or ())) for column in columns]
        for block, weights in rows:
            number += len(block)
            lacking = np.isnan(block)
            lacks |= lacking.any(axis=0)
            low = np.fmin(low, np.fmin.reduce(block, axis=0, initial=math.nan))
            high = np.fmax(high, np.fmax.reduce(block, axis=0, initial=math.nan))
            for j, count in enumerate(counts):
                if len(count):
                    there = ~lacking[:, j]
                    count += np.bincount(block[there, j].astype(np.intp), weights[there], minlength=len(count))
        return cls(number, low, high, lacks, counts)


def _encode(columns: Sequence[Column], survey: _Survey, settings: PreparationSettings) -> list[PreparedColumn]:
    """Return the columns with the words that the rows have, or the given order of all words."""
    given = settings.encode
    listed = {find_column(key, columns, "encode"): how for key, how in given.items()} if isinstance(given, dict) else {}
    found, unclear = [], []
    for j, column in enumerate(columns):
        if column.words is None:
            found.append(PreparedColumn(column.name))
            continue
        seen = tuple(word for word, count in zip(column.words, survey.counts[j], strict=True) if count)
        how = listed.get(j, None if isinstance(given, dict) else given)
        if how is None or (how == "auto" and (len(seen) > MOST_WORDS or 2 * len(seen) > survey.rows)):
            unclear.append(j)
        elif not isinstance(how, str):
            _check_order(columns, j, how)
            found.append(PreparedColumn(column.name, how, "ordinal"))
            continue
        found.append(PreparedColumn(column.name, seen, "one-hot"))
    if unclear:
        first, names = unclear[0], [column.name or str(j) for j, column in enumerate(columns)]
        what = f"has {np.count_nonzero(survey.counts[first]):,} words in {survey.rows:,} rows"
        others = f", as has {len(unclear) - 1} more of text" if unclear[1:] else ""
        ways = {names[j]: "one-hot" for j, column in enumerate(columns) if column.words is not None}
        known = {names[j]: how for j, how in listed.items()}
        problem = f"{describe_column(columns[first].name, first)} is text that nothing encodes ({what}{others})"
        raise EncodingError(problem, unclear, {**ways, **known})
    return found


def _check_order(columns: Sequence[Column], j: int, order: Sequence[str]) -> None:
    """Raise DataError where a column has a word that the given order of its words lacks."""
    for word in columns[j].words or ():
        if word not in order:
            problem = (
                f"{describe_column(columns[j].name, j)} has the word {quote(word)}, which the order in 'encode' lacks"
            )
            raise DataError(f"{problem}: put it where it belongs")


def _impute(
    found: list[PreparedColumn],
    rows: Rows,
    columns: Sequence[Column],
    survey: _Survey,
    settings: PreparationSettings,
) -> list[PreparedColumn]:
    """Return the columns with what stands for their missing values, but for means of numbers."""
    ways = find_impute(settings, columns)
    for j, (column, way) in enumerate(zip(found, ways, strict=True)):
        if way is None:
            if survey.lacks[j]:
                raise DataError(f"{describe_column(column.name, j)}: a missing value: set 'impute', or leave it out")
            continue
        if way in STATISTICS and math.isnan(survey.low[j]):
            raise DataError(
                f"{describe_column(column.name, j)} has no value at all: leave it out, or impute a given one"
            )
        column = attrs.evolve(column, indicator=settings.missing_indicator and bool(survey.lacks[j]))
        if column.words is not None:
            word = _most_frequent(columns[j], survey.counts[j]) if way == "most-frequent" else str(way)
            found[j] = _fill_with(word, column, j, is_used=bool(survey.lacks[j]))
        else:
            found[j] = attrs.evolve(column, fill=math.nan if isinstance(way, str) else float(way))
    gathered = [j for j, column in enumerate(found) if column.words is None and ways[j] in STATISTICS[1:]]
    size = max(1, GATHERED // max(1, survey.rows))
    for start in range(0, len(gathered), size):
        some = gathered[start : start + size]
        blocks = [(block[:, some], weights) for block, weights in rows]
        values, weights = (np.concatenate(each) for each in zip(*blocks, strict=True))
        for j, column in zip(some, values.T, strict=True):
            there = ~np.isnan(column)
            middle = _median if ways[j] == "median" else _mode
            found[j] = attrs.evolve(found[j], fill=middle(column[there], weights[there]))
    return found


def _fill_with(word: str, column: PreparedColumn, j: int, *, is_used: bool) -> PreparedColumn:
    """Return a column of text with the word for a missing value, which may be one of its own."""
    words = column.words or ()
    if word not in words and column.encode == "ordinal":
        raise DataError(
            f"{describe_column(column.name, j)}: 'impute' is no word of the order in 'encode': {quote(word)}"
        )
    return attrs.evolve(column, words=(*words, word) if is_used and word not in words else words, fill=word)


def _most_frequent(column: Column, counts: Array) -> str:
    """Return the most frequent word, of several the first in the alphabet."""
    return min(word for word, count in zip(column.words or (), counts, strict=True) if count == counts.max())


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


def _standardize(
    found: list[PreparedColumn],
    rows: Rows,
    columns: Sequence[Column],
    survey: _Survey,
    settings: PreparationSettings,
) -> tuple[PreparedColumn, ...]:
    """Return the columns with what is subtracted and divided by, and with means for missing values."""
    wanted, scale = settings.standardize, 1.0 if settings.scale == "auto" else float(settings.scale)
    if isinstance(wanted, tuple):
        chosen = {find_column(key, columns, "standardize") for key in wanted}
    else:
        chosen = (
            set(range(len(columns))) if wanted is True or (wanted == "auto" and settings.scale == "auto") else set()
        )
    if odd := [j for j in chosen if found[j].encode == "one-hot" and isinstance(wanted, tuple)]:
        raise DataError(f"{describe_column(columns[odd[0]].name, odd[0])} is one-hot: take it out of 'standardize'")
    means, deviations, fills = _measure(found, rows, columns, survey)
    for j, column in enumerate(found):
        if column.encode == "one-hot":
            continue
        if isinstance(column.fill, float) and math.isnan(column.fill):
            column = attrs.evolve(column, fill=float(fills[j]))
        if j in chosen:
            column = attrs.evolve(column, mean=float(means[j]), deviation=float(deviations[j]))
        elif column.words is None:
            column = attrs.evolve(column, deviation=scale)
        found[j] = column
    return tuple(found)


def _measure(
    found: Sequence[PreparedColumn], rows: Rows, columns: Sequence[Column], survey: _Survey
) -> tuple[Array, Array, Array]:
    """Return mean and deviation of each imputed column, and the mean of the values that are there."""
    low, high = survey.low.copy(), survey.high.copy()
    ordinal = [j for j, column in enumerate(found) if column.encode == "ordinal"]
    for j in ordinal:
        places = find_places(np.flatnonzero(survey.counts[j]), columns[j].words or (), found[j].words or ())
        low[j], high[j] = min(places, default=0), max(places, default=0)
    fills = np.array([column.fill_number for column in found])
    fills[~survey.lacks] = math.nan
    low, high = np.fmin(low, fills), np.fmax(high, fills)
    # A power of 2 brings each column near to 1: sums of huge numbers are finite, squares of tiny ones are not 0.
    factor = np.ldexp(1.0, -np.clip(np.frexp(np.fmax(abs(low), abs(high)))[1], -1000, 1024))

    def read() -> Iterator[tuple[Array, Array, Array]]:
        for block, weights in rows:
            x = block.copy()
            for j in ordinal:
                x[:, j] = find_places(x[:, j], columns[j].words or (), found[j].words or ())
            there = ~np.isnan(x)
            yield np.where(there, x * factor - low * factor, 0), there, weights[:, None]

    total, lacking, mean, square = (np.zeros(len(found)) for _ in range(4))
    for x, there, weights in read():
        total += (weights * there).sum(axis=0)
        lacking += (weights * ~there).sum(axis=0)
        mean += (weights * x).sum(axis=0)
    mean = mean / np.fmax(total, np.finfo(float).tiny)
    for x, there, weights in read():
        square += (weights * np.where(there, x - mean, 0) ** 2).sum(axis=0)
    fill = np.where(np.isnan(fills), mean, fills * factor - low * factor)
    whole = (total * mean + lacking * fill) / (total + lacking)
    square += total * (mean - whole) ** 2 + lacking * (fill - whole) ** 2
    deviation = np.where(low == high, 0.0, np.sqrt(square / (total + lacking)) / factor)
    means = (np.clip((each + low * factor) / factor, low, high) for each in (whole, mean))
    return next(means), deviation, next(means)
