"""Choice of a table's label by names and first rows."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any, final

import attrs
import numpy as np

from modnet import Array, DataError
from modnet_data.table.columns import Column, Columns, Value

SOME = 10  # rows, in which labels repeat
MOST = 6  # ways to read a file that an error names

NUMBER_LIKE = re.compile(
    r"[$€£¥₩]\s*[+-]?\d[\d.,]*|[+-]?\d[\d.,]*\s*[%$€£¥₩°]"
    r"|\d{1,4}([-/.])\d{1,2}\1\d{1,4}([ T].*)?|\d{1,2}:\d\d(:\d\d.*)?"
)
"""Amounts of money, percentages, dates and times."""


@final
@attrs.frozen
class LabelChoice:
    """Choice of the label's column among some columns, by their names and the first rows."""

    table: Columns
    among: Sequence[int]
    left_out: tuple[Column, ...]
    """The setting `leave_out`."""
    listed: bool
    """True where the features are listed, and so no others can be in the way."""
    is_regression: bool = False
    """True where the label is a number to be predicted."""

    @cached_property
    def values(self) -> dict[int, Sequence[Value]]:
        """The values of each column in the first rows."""
        columns = list(zip(*self.table.first_rows(), strict=True)) or [()] * self.table.count
        return {i: columns[i] for i in self.among}

    def infer(self) -> int | None:
        """Return the one column that is named as a label is, or else the only one that could be a label, or None.

        A single letter, as y, may be a coordinate: see `_last_letter`. A column that is constant in the first rows is a
        label only if it is named so. So is one of numbers in the middle, where there are many: ages, not classes;
        and one of dates, times or amounts.
        """
        if self._named:
            return self._named[0] if len(self._named) == 1 else None
        if self.is_regression:
            return None
        if len(self.candidates) == 1:
            only = self.candidates[0]
            values = self.values[only]
            many = len({*values}) > SOME and only not in {self.among[0], self.among[-1]} and not _is_text(values)
            odd = many or _is_mixed(values) or all(NUMBER_LIKE.fullmatch(str(each)) for each in _present(values))
            return only if len({*values}) > 1 and not odd else None
        return self._last_letter()

    def _last_letter(self) -> int | None:
        """Return the last column if it is the only one named y or t, unless text could be the label, or x is beside it.

        With x and a third column, y is a coordinate or the label; with x alone, it is the label.
        """
        last, names = self.among[-1], [name.lower() for name in self.table.names or ()]
        if self.table.find_labels(self.among, letters=True) != [last] or last not in self.candidates:
            return None
        in_doubt = any(_is_text(self.values[i]) for i in self.candidates) or ("x" in names and len(names) > 2)
        return None if in_doubt else last

    @cached_property
    def candidates(self) -> list[int]:
        """The columns that could be the label, the likeliest first: few values, at an end of the table."""
        found = [i for i in self.among if _may_be_label(self.values[i])]
        few = [i for i in self.among if len(self.values[i]) < SOME and _are_classes(self.values[i])]
        ends = {*found[:1], *found[-1:]}
        return sorted(found or few, key=lambda column: (*self._unlikeliness(column), column not in ends, column))

    def question(self) -> DataError:
        """Return the error that asks for the label, with the settings that would read the file.

        Numbers in another notation are asked about before: they would be left out as text.
        """
        for i in self.among:
            if not are_numbers(self.values[i]) and (error := self.table.notation_error(i)):
                return error
        if self.is_regression:
            return self._question_of_number()
        groups = [group for group in self._one_hot_ends if self._leaves_features(group)]
        within = {i for group in groups for i in group}
        choices = [*groups, *([i] for i in self.candidates if i not in within and self._leaves_features([i]))]
        if choices:
            others = f", of {len(choices):,} that it could be" * (len(choices) > MOST)
            ways = [self._settings_for(choice) for choice in choices[:MOST]]
            return self.table.error(f"which column is the label{others}?", advice=ways)
        what = "expected text or whole numbers that repeat"
        return self.table.error(f"which column is the label? none could be it by the first rows: {what}")

    def _question_of_number(self) -> DataError:
        """Return the error that asks for the label of a regression: a column of numbers, the last one first."""
        numbers = [i for i in self._named or self.among if are_numbers(self.values[i]) and self._leaves_features([i])]
        ways = [self._settings_for([i]) for i in [*numbers[-1:], *numbers[:-1]][:MOST]]
        return self.table.error("which column is the label, the number to be predicted?", advice=ways)

    @cached_property
    def _named(self) -> list[int]:
        return self.table.find_labels(self.among)

    @cached_property
    def _one_hot_ends(self) -> list[list[int]]:
        """The columns at the end or the beginning of the table that are one-hot in the first rows.

        Columns of zeros beside them may be classes that come later: with them, they are another group.
        """
        count = self.table.count
        flags = [_flags(self.values.get(i, ())) for i in range(count)]
        groups = []
        for columns in (range(count - 1, -1, -1), range(count)):
            size = _one_hot_size([flags[i] for i in columns])
            zeros = 0
            while size and size + zeros < count and _is_zero(flags[columns[size + zeros]]):
                zeros += 1
            groups += [sorted(columns[:end]) for end in sorted({size, size + zeros}) if size]
        return groups

    @cached_property
    def _readable(self) -> frozenset[int]:
        """The columns that can be features: of numbers, or of text."""
        return frozenset(i for i in self.among if self.table.is_named(i) and self._is_plain(i))

    def _is_plain(self, column: int) -> bool:
        return column in self.table.text or are_numbers(self.values[column])

    def _leaves_features(self, labels: Sequence[int]) -> bool:
        return self.listed or bool(self._readable.difference(labels))

    def _settings_for(self, labels: Sequence[int]) -> dict[str, Any]:
        """Return the settings that read the file with these labels."""
        name_of = self.table.name_of
        way: dict[str, Any] = {"label": name_of(labels[0]) if len(labels) == 1 else [*map(name_of, labels)]}
        if _is_mixed(self.values[labels[0]]) and not self.is_regression:
            way["text_labels"] = True
        unreadable = [i for i in self.among if i not in labels and i not in self._readable]
        if unreadable and not self.listed:
            way["leave_out"] = [*self.left_out, *map(name_of, unreadable)]
        return way

    def _unlikeliness(self, column: int) -> tuple[object, ...]:
        """Return the key by which the likeliest label comes first."""
        values = _present(self.values[column])
        distinct = len({*values})
        is_end = column in {0, self.table.count - 1} and (len(values) < SOME or 2 * distinct <= len(values))
        named = column in self._named
        return not named, _is_mixed(values), distinct < 2, len(values) < len(self.values[column]), not is_end, distinct


def _present(values: Sequence[Value]) -> list[float | str]:
    return [value for value in values if value is not None]


def _is_text(values: Sequence[Value]) -> bool:
    return all(isinstance(value, str) for value in _present(values))


def _is_mixed(values: Sequence[Value]) -> bool:
    return any(isinstance(value, str) for value in values) and not _is_text(values)


def _may_be_label(values: Sequence[Value]) -> bool:
    """Say whether a column's first values are text or whole numbers of which some come again."""
    distinct, count = len({*_present(values)}), len(_present(values))
    if not _are_classes(values):
        return False
    # Persons' names hardly repeat; ages and counts may be classes, though there are many of them.
    return 10 * distinct <= 9 * count if not _is_text(values) else count < SOME or 2 * distinct <= count


def _are_classes(values: Sequence[Value]) -> bool:
    """Say whether a column's first values are text and whole numbers."""
    present = _present(values)
    return bool(present) and all(isinstance(value, str) or value.is_integer() for value in present)


def are_numbers(values: Sequence[Value]) -> bool:
    """Say whether a column's first values are numbers, but for a few: these are mistakes, which reading finds.

    >>> are_numbers([1.0, None, 2.0]), are_numbers([1.0, 2.0, "x"]), are_numbers([1.0, "x", "y"]), are_numbers([None])
    (True, True, False, False)
    """
    numbers = [value for value in values if isinstance(value, float) and math.isfinite(value)]
    others = len(_present(values)) - len(numbers)
    return bool(numbers) and (others <= 1 or SOME * others <= len(numbers))


def _flags(values: Sequence[Value]) -> Array | None:
    """Return values that are all 0 or 1, or None."""
    return np.array(values, np.int64) if values and {*values} <= {0.0, 1.0} else None


def _one_hot_size(flags: Sequence[Array | None]) -> int:
    """Return how many of some columns, from the first on, are one-hot, two classes or more; 0 where none are."""
    total = np.zeros(1, np.int64)
    for i, flag in enumerate(flags):
        if flag is None or (total + flag > 1).any():
            return 0
        total = total + flag
        if i and (total == 1).all():
            return i + 1 if not _is_zero(flag) and (flag == 0).any() else 0
    return 0


def _is_zero(flags: Array | None) -> bool:
    return flags is not None and not flags.any()
