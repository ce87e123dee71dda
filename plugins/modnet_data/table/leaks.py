"""Features of a table that give its label away."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from modnet import Array, DataError, Samples
from modnet_data.table.columns import Column, Columns, list_names

FEWEST = 10  # rows
PER_CLASS = 3  # rows for each class
BITS = 4  # by which rows fall into classes in more ways than there are columns, so that none of these does so by chance
SAMPLE = 1000  # rows

INDEX_NAME = re.compile(
    r".*(id|index|idx|no\.?|nr\.?|num(ber)?|nummer|#|번호|순번|連番|番号|序号)|row|unnamed: \d+", re.IGNORECASE
)
"""The names under which programs save row numbers."""


@attrs.frozen
class Features:
    """The features of a table by its columns, and what else is known of it."""

    table: Columns
    columns: tuple[int, ...]
    labels: tuple[int, ...]
    left_out: tuple[Column, ...]
    """The setting `leave_out`."""
    dropped: int
    """Rows that were left out for missing values."""
    text: frozenset[int] = frozenset()
    """The columns of text, whose words are numbered as they come."""

    def describe_leak(self, found: Sequence[int]) -> str:
        """Say that some of the features give the label away."""
        table, columns = self.table, [self.columns[j] for j in found]
        label = f"the label ({table.column(self.labels[0])})" if len(self.labels) == 1 else "the label"
        if len(columns) == 1:
            return f"{table.column(columns[0])} gives {label} away: each of its values stands for one class"
        names = list_names([str(table.name_of(i)) for i in columns])
        return f"columns {names} give {label} away: together they stand for its classes"

    def refusal(self, found: Sequence[int], problem: str) -> DataError:
        """Return the error of columns that should be no features, with the advice to leave them out."""
        table, columns = self.table, [self.columns[j] for j in found]
        keep = "to keep it all the same, list the features"
        advice: dict[str, Any] = {"leave_out": [*self.left_out, *map(table.name_of, columns)]}
        if len(columns) == len(self.columns):
            keep, advice = "no other feature is there", {"features": [*map(table.name_of, columns)]}
        return table.error(f"{problem} ({keep})", column=columns[0], advice=[advice])


def refuse_leaks(features: Features, x: Array, t: Array) -> None:
    """Raise DataError where columns of the features x (n, columns) give the labels t (n,) away, or number the rows.

    A column does so whose values correspond to the classes one to one, columns of 0 and 1 that a class determines and
    that tell all classes apart, and the other columns of a one-hot group to which the label belongs. The advice is to
    leave them out. No column is suspected in a table of a few rows. Of a long table, a sample of rows clears most
    columns at once.
    """
    if len(x) < FEWEST or not (t != t[0]).any():
        return
    if t.dtype.kind == "f":  # numbers to be predicted, not classes
        _refuse_same_numbers(features, Samples(x, t))
        return
    table, rows = Samples(x, t), _sample_rows(t)  # a mapped file is not kept in memory
    sample = table.unscaled(rows), t[rows]
    if found := _copies(table, *sample) or _group_of_label(features, table, *sample):
        raise features.refusal(found, features.describe_leak(found))
    if len(features.columns) > 1 and (index := _row_numbers(features, table)) is not None:
        raise features.refusal([index], f"{features.table.column(features.columns[index])} counts the rows")


def _refuse_same_numbers(features: Features, table: Samples) -> None:
    """Raise DataError where a feature is the very number that is to be predicted, or numbers the rows."""
    targets = table.t.reshape(len(table), -1)
    same = np.ones((table.features, targets.shape[1]), bool)
    for block in table.blocks():
        same &= (table.unscaled(block)[:, :, None] == targets[block][:, None, :]).all(axis=0)
        if not same.any():
            break
    if (found := [int(j) for j in np.flatnonzero(same.any(axis=1))]) and len(found) < len(features.columns):
        raise features.refusal(found, f"{features.table.column(features.columns[found[0]])} is the label itself")
    if len(features.columns) > 1 and (index := _row_numbers(features, table)) is not None:
        raise features.refusal([index], f"{features.table.column(features.columns[index])} counts the rows")


def _sample_rows(t: Array) -> Array:
    """Return the indices of some rows from all over the table, of more than one class."""
    spread = np.linspace(0, len(t) - 1, min(SAMPLE, len(t))).astype(np.int64)
    return np.union1d(spread, [np.argmax(t != t[0])])


def _copies(table: Samples, x: Array, t: Array) -> list[int]:
    """Return the features that correspond to the classes one to one, alone or, if they are 0 and 1, together.

    `x` and `t` are those of the sample.
    """
    columns = _find_determined(x, t)
    if not len(columns):
        return []
    _, first, index, sizes = np.unique(table.t, return_index=True, return_inverse=True, return_counts=True)
    if _may_be_chance(sizes, table.features):
        return []
    values = table.unscaled(first)[:, columns]
    holds = np.ones(len(columns), bool)
    for block in table.blocks():
        holds &= (table.unscaled(block)[:, columns] == values[index[block]]).all(axis=0)
        if not holds.any():
            return []
    columns, values = columns[holds], values[:, holds]
    found = (np.diff(np.sort(values, axis=0), axis=0) != 0).all(axis=0)
    flags = ((values == 0) | (values == 1)).all(axis=0)
    if len(np.unique(values[:, flags], axis=0)) == len(first):
        found |= flags
    return [int(j) for j in columns[found]]


def _may_be_chance(sizes: Array, columns: int) -> bool:
    """Say whether one of so many columns may go with classes of these sizes by chance."""
    rows, classes = int(sizes.sum()), len(sizes)
    others = rows - int(sizes.max())  # an outlier in a column may well be the only row of a class
    if rows < PER_CLASS * classes or others < (PER_CLASS - 1) * (classes - 1):
        return True
    ways = math.lgamma(rows + 1) - sum(math.lgamma(size + 1) for size in sizes.tolist())
    return ways < math.log(columns) + BITS * math.log(2)


def _find_determined(x: Array, t: Array) -> Array:
    """Return the columns whose value depends on the class alone, and is not always the same."""
    order = np.argsort(t, kind="stable")
    x, t = x[order], t[order]
    differs = (x[1:] != x[:-1])[t[1:] == t[:-1]].any(axis=0)
    return np.flatnonzero(~differs & (x != x[0]).any(axis=0))


def _group_of_label(features: Features, table: Samples, x: Array, t: Array) -> list[int]:
    """Return the features beside a label of 0 and 1 that are one-hot together with it; x and t are the sample's."""
    if len(features.labels) != 1 or t.dtype.kind not in "biuf" or not _are_flags(t):
        return []
    before, after = (_flags_beside(features, x, step) for step in (-1, 1))
    sums_before, sums_after = (_running_sums(x, columns) for columns in (before, after))
    sizes = {sums.tobytes(): size for size, sums in reversed([*enumerate(sums_after)])}
    for size, sums in enumerate(sums_before):
        other = sizes.get((1 - t.astype(np.int64) - sums).tobytes())  # as many columns after make it one-hot
        if other is not None and size + other > 1:
            group = [*before[:size], *after[:other]]
            return group if _is_one_hot(table, group) else []
    return []


def _flags_beside(features: Features, x: Array, step: int) -> list[int]:
    """Return the features of 0 and 1 next to the label, from there on."""
    places = {column: j for j, column in enumerate(features.columns)}
    found: list[int] = []
    column = features.labels[0] + step
    while column in places and column not in features.text and _are_flags(x[:, places[column]]):
        found.append(places[column])
        column += step
    return found


def _running_sums(x: Array, columns: Sequence[int]) -> list[Array]:
    """Return the sums over none of some columns, the first, the first two, and so on."""
    sums = np.cumsum(x[:, columns].T, axis=0, dtype=np.int64)
    return [np.zeros(len(x), np.int64), *sums]


def _is_one_hot(table: Samples, group: list[int]) -> bool:
    blocks = ((table.unscaled(block)[:, group], table.t[block]) for block in table.blocks())
    return all(_are_flags(flags) and (flags.sum(axis=1) + label == 1).all() for flags, label in blocks)


def _are_flags(values: Array) -> bool:
    return bool(((values == 0) | (values == 1)).all())


def _row_numbers(features: Features, table: Samples) -> int | None:
    """Return the feature that numbers the rows, or None.

    One without a gap does so where the rows lie class by class, or it is named so, or begins a table without names.
    One with gaps, as rows were taken out, has to be both.
    """
    first, last = table.unscaled([0, len(table) - 1]).astype(np.float64)
    with np.errstate(over="ignore"):
        missing = last - first - (len(table) - 1)
    is_number = np.array([column not in features.text for column in features.columns])
    candidates = np.flatnonzero((missing >= 0) & (first % 1 == 0) & is_number)
    if not len(candidates):
        return None
    t = table.t
    changes = np.count_nonzero(t[1:] != t[:-1])
    are_classes = t.dtype.kind != "f"
    by_class = are_classes and len(t) >= PER_CLASS * (changes + 1) and changes + 1 == len(np.unique(t))
    for j in map(int, candidates):
        column, names = features.columns[j], features.table.names
        named = bool(INDEX_NAME.fullmatch(names[column])) if names else column == 0
        if missing[j] <= features.dropped:
            suspect = by_class or (named and first[j] <= 1 + missing[j])
        else:
            suspect = by_class and named
        if suspect and _counts_up(table, j):
            return j
    return None


def _counts_up(table: Samples, j: int) -> bool:
    """Say whether a column's values are whole numbers, each larger than the one before."""
    before = np.array([-np.inf])
    for block in table.blocks():
        values = table.unscaled(block)[:, j].astype(np.float64)
        if not (np.diff(values, prepend=before) > 0).all() or (values % 1).any():
            return False
        before = values[-1:]
    return True
