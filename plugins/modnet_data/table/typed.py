"""Tables whose columns have types: numbers, truth values, or text."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import attrs
import numpy as np

from modnet import Array
from modnet_data.rows import EXACT
from modnet_data.table.columns import Columns, Value

FIRST = 100  # rows, by which columns are judged
MOST_WORDS = 2**16  # of a column of text, that are read at once


@attrs.frozen
class Values:
    """A column's values (N,), which of them are missing if any are, and the words that it numbers if it is of text."""

    values: Array
    """Of text these are int32 numbers of `words`; what is missing is 0."""
    missing: Array | None = None
    words: tuple[str, ...] = ()


@attrs.frozen
class TypedTable:
    """A table: its columns, and its rows some at a time."""

    path: Path
    names: tuple[str, ...]
    types: tuple[str, ...]
    """The names of their types, printable."""
    kinds: tuple[np.dtype | Literal["text"] | None, ...]
    """The dtypes of numbers and truth values, "text", or None for other types."""
    rows: int
    """As a file declares them, 0 where it does not."""
    blocks: Callable[..., Iterator[list[Values]]]
    """Yields some rows at a time of the columns of these numbers, all of them, or so many as the second argument says.

    Raises DataError where a file is damaged.
    """

    @property
    def columns(self) -> Columns:
        """The columns as those of any other table."""
        text = frozenset(i for i, kind in enumerate(self.kinds) if kind == "text")
        return TypedColumns(self.path, self.names, len(self.names), text, self._first_values)

    def first_cells(self, most: int) -> list[tuple[str, str, list[Any]]]:
        """Return the name of each column, its type if it cannot be read, and its first cells, of all about so many."""
        values = self._first_values(min(MOST_WORDS, max(FIRST, most // max(len(self.names), 1))))
        found = list[tuple[str, str, list[Any]]]()
        for name, type_, kind, column in zip(self.names, self.types, self.kinds, values, strict=True):
            cells = [None if cell is None else bool(cell) for cell in column] if kind == np.bool_ else list(column)
            found.append((name, "" if kind else type_, cells if kind else []))
        return found

    def _first_values(self, rows: int = FIRST) -> list[Sequence[Value]]:
        """Return the first values of each column."""
        known = [i for i, kind in enumerate(self.kinds) if kind is not None]
        blocks = [*self.blocks(known, rows)] if known else []  # one, or none where there are no rows
        values = dict(zip(known, map(_to_values, blocks[0]), strict=True)) if blocks else {}
        rows = len(next(iter(values.values()), ()))
        return [values.get(i, [math.nan] * rows) for i in range(len(self.names))]


@attrs.frozen
class TypedColumns(Columns):
    """The columns of a table with types."""

    first_values: Callable[[], Sequence[Sequence[Value]]]

    def first_rows(self) -> Sequence[Sequence[Value]]:
        """Return the first rows, by which columns are judged."""
        return [*zip(*self.first_values(), strict=True)]


def _to_values(column: Values) -> list[Value]:
    """Return the values of a column as those of any table: whole numbers that no float holds are NaN."""
    lacks = np.zeros(len(column.values), bool) if column.missing is None else column.missing
    if column.words:
        return [None if lack else column.words[i] for i, lack in zip(column.values.tolist(), lacks, strict=True)]
    numbers = [math.nan if abs(value) > EXACT else float(value) for value in column.values.tolist()]
    lacks = lacks | (column.values != column.values)  # NaN is missing, too
    return [None if lack else value for lack, value in zip(lacks, numbers, strict=True)]
