"""Preparation of columns, applied to raw rows."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from hashlib import sha256
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Self

import attrs
import numpy as np
from attrs.validators import in_, instance_of

from modnet.data.columns import Column, check_are_numbers, describe_column
from modnet.errors import DataError
from modnet.text import format_count, format_error, list_some, printable, quote
from modnet.types import Array

if TYPE_CHECKING:
    import modnet

HUGE = 2.0**1000  # the difference of numbers with such a deviation may be infinite


@attrs.frozen
class PreparedColumn(Column):
    """A raw column with the words of the training rows, and all that was learned to prepare it."""

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
        encodings, fill = ({None}, float) if self.words is None else ({"one-hot", "ordinal"}, str)
        is_filled = self.fill is None or (type(self.fill) is fill and self.fill not in {math.inf, -math.inf})
        are_numbers = all(type(each) is float and math.isfinite(each) for each in (self.mean, self.deviation))
        if self.encode not in encodings or not is_filled or not are_numbers or self.deviation < 0:
            raise ValueError(f"the column {self.name!r} is prepared in a way that is unknown")

    @property
    def fill_number(self) -> float:
        """The number in place of a missing value, or the place of a word, or NaN."""
        if isinstance(self.fill, str):
            return float(find_places(np.zeros(1), (self.fill,), self.words or ())[0])
        return math.nan if self.fill is None else self.fill


@attrs.frozen
class Preparation:
    """A way to make features from a raw table, learned from training rows.

    >>> columns = [modnet.Column("age"), modnet.Column("sex", ("f", "m"))]
    >>> preparation = modnet.Preparation.fit(np.array([[1.0, 0], [3.0, 1], [1.0, 0], [3.0, 1]]), columns)
    >>> preparation.feature_names
    ('age', 'sex=f', 'sex=m')
    >>> preparation.transform([[3, 1], [2, 0]])
    array([[1., 0., 1.],
           [0., 1., 0.]])
    >>> preparation.describe_unseen([np.array([[3.0, 0]])], [columns[0], modnet.Column("sex", ("x",))])
    ["sex: 1 row has a word that the training rows lack, 'x': it becomes zeros"]
    """

    columns: tuple[PreparedColumn, ...] = attrs.field(repr=lambda columns: f"<{len(columns)} columns>")
    unseen: Literal["zeros", "refuse"] = attrs.field(default="zeros", validator=in_(["zeros", "refuse"]))

    @classmethod
    def fit(
        cls,
        table: Array | Callable[[], Iterable[Array]],
        columns: Sequence[Column] = (),
        settings: modnet.PreparationSettings | None = None,
        weights: Array | None = None,
    ) -> Preparation:
        """Return the preparation that is learned from the rows of a raw table (N, columns), weighted by `weights` (N,).

        A table that is not in memory is given as a function that begins to read it, block by block. Raises DataError.
        """
        learn: Callable[..., Preparation] = import_module(
            "modnet_datasets.preparation"
        ).fit_preparation  # not of the core
        return learn(table, columns, settings, weights)

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the features, in their order."""
        return tuple(name for names in self._names for name in names)

    @property
    def features(self) -> int:
        """The number of features."""
        return len(self.feature_names)

    @cached_property
    def _names(self) -> list[list[str]]:
        """The names of the features that each column becomes."""
        found = []
        for place, column in enumerate(self.columns, start=1):
            name = column.name or f"feature {place}"
            names = [f"{name}={word}" for word in column.words or ()] if column.encode == "one-hot" else [name]
            found.append([*names, f"{name} is missing"] if column.indicator else names)
        return found

    def transform(self, table: Any, columns: Sequence[Column] | None = None) -> Array:
        """Return the features (N, D) float64 of raw rows (N, columns).

        Without `columns` their codes are places among the words of the preparation, otherwise among those of `columns`.
        Raises DataError for a missing value that is not imputed, and for a word that was not seen where it is refused.
        """
        to_reals: Callable[..., Array] = import_module("modnet_datasets.tensors").to_reals  # not of the core
        numbers = to_reals(table, "raw rows must be numbers in rows of one length")
        lacking = np.isnan(numbers)
        columns = columns or self.columns
        check_are_numbers(self.columns, columns)
        for j, column in enumerate(self.columns):
            if column.words is not None:
                numbers[:, j] = self._find_places(j, numbers[:, j], columns[j].words or ())
        mean, deviation, fill = self._numbers
        if lacking.any():
            numbers = np.where(lacking, fill, numbers)
        if np.isnan(numbers).any():
            row, place = np.argwhere(np.isnan(numbers))[0]
            where = describe_column(self.columns[place].name, place)
            raise DataError(f"row {row + 1}, {where}: a missing value, and no 'impute'")
        with np.errstate(over="ignore", invalid="ignore"):  # a constant column becomes 0, however far another number is
            half = np.where(deviation > HUGE, 0.5, 1.0)  # the difference of huge numbers may be none
            numbers = (numbers * half - mean * half) / np.where(deviation == 0, np.inf, deviation * half)
        numbers = np.nan_to_num(numbers, copy=False)
        is_plain = not any(column.encode == "one-hot" or column.indicator for column in self.columns)
        return numbers if is_plain else self._spread(numbers, lacking)

    def _spread(self, numbers: Array, lacking: Array) -> Array:
        """Return the features of columns, of which some become several."""
        found, start = np.zeros((len(numbers), self.features)), 0
        for j, (column, names) in enumerate(zip(self.columns, self._names, strict=True)):
            if column.encode == "one-hot":
                rows = np.flatnonzero(numbers[:, j] >= 0)
                found[rows, start + numbers[rows, j].astype(np.intp)] = 1
            else:
                found[:, start] = numbers[:, j]
            start += len(names)
            if column.indicator:
                found[:, start - 1] = lacking[:, j]
        return found

    @cached_property
    def _numbers(self) -> tuple[Array, Array, Array]:
        """The mean and the deviation of each column, and the number in place of a missing value."""
        rows = [(column.mean, column.deviation, column.fill_number) for column in self.columns]
        mean, deviation, fill = np.array(rows, np.float64).T
        return mean, deviation, fill

    def _find_places(self, j: int, codes: Array, words: Sequence[str]) -> Array:
        """Return the place of each word among those of a column, -1 for one that training has not seen."""
        column = self.columns[j]
        places = find_places(codes, words, column.words or ())
        if (column.encode == "ordinal" or self.unseen == "refuse") and (places < 0).any():
            row = int(np.argmax(places < 0))
            where = f"row {row + 1}, {describe_column(column.name, j)}"
            raise DataError(f"{where}: the training rows have no word {quote(words[int(codes[row])])}")
        return places

    def describe_unseen(self, blocks: Iterable[Array], columns: Sequence[Column]) -> list[str]:
        """Return a note on each column of raw rows, in blocks (N, columns), with words that the training rows lack."""
        text = [j for j, column in enumerate(self.columns) if columns and column.words is not None]
        counts = {j: np.zeros(len(columns[j].words or ()), np.int64) for j in text}
        for block in blocks if text else ():
            for j, count in counts.items():
                codes = block[:, j]
                count += np.bincount(codes[~np.isnan(codes)].astype(np.intp), minlength=len(count))
        notes = []
        for j, count in counts.items():
            known, name = self.columns[j].words or (), printable(self.columns[j].name, 40) or f"feature {j + 1}"
            there = zip(columns[j].words or (), count.tolist(), strict=True)
            if unseen := {word: number for word, number in there if number and word not in known}:
                number, words = sum(unseen.values()), list_some(map(quote, unseen), 3)
                rows = format_count(number, "row has", "rows have")
                doubt = "; no row has a known one: is it the column of the training rows?"
                doubt = doubt if 1 < number == count.sum() else ""
                notes.append(f"{name}: {rows} a word that the training rows lack, {words}: it becomes zeros{doubt}")
        return notes

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values of JSON."""
        defaults = attrs.asdict(PreparedColumn())
        columns = [attrs.asdict(column, filter=lambda f, v: v != defaults[f.name]) for column in self.columns]
        return {"columns": json.loads(json.dumps(columns)), "unseen": self.unseen}

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of all that it holds."""
        return sha256(json.dumps(self.to_dict()).encode()).hexdigest()

    @classmethod
    def from_dict(cls, table: object) -> Self:
        """Return the preparation that `to_dict` gave; raises DataError where it cannot be one."""
        try:
            given: Any = table
            return cls(tuple(PreparedColumn(**each) for each in given["columns"]), given["unseen"])
        except (TypeError, ValueError, KeyError, IndexError) as error:
            raise DataError(f"not a preparation of columns: {format_error(error)}") from None


def find_places(codes: Array, words: Sequence[str], own: Sequence[str]) -> Array:
    """Return the places of words in a column's own ones, by their codes; -1 for unknown words, NaN for missing ones."""
    known = {word: place for place, word in enumerate(own)}
    table = np.array([known.get(word, -1) for word in words] or [-1], np.float64)
    lacking = np.isnan(codes)
    return np.where(lacking, math.nan, table[np.where(lacking, 0, codes).astype(np.intp)])
