"""The columns of a table, by name and by number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import attrs

from modnet import DataError
from modnet.files import printable, quote

LABEL_NAMES = frozenset(
    {"label", "labels", "class", "classes", "target", "targets"} | {"species", "variety", "category", "digit", "y", "t"}
)

Value = float | str | None
"""A cell as far as it is understood: a number, text, None where the value is missing, and NaN for anything else."""

Column = str | int
"""A column as a setting gives it: its name, its number from 0, "first" or "last"."""


class UnlabelledError(DataError):
    """A file that should hold another part has all columns of the training file but the label."""

    def __init__(self, message: str, path: Path, part: str = "test") -> None:
        super().__init__(message, path=path, advice=[{part: ""}])
        self.problem = message


@attrs.frozen
class Columns:
    """The columns of a file's table."""

    path: Path
    names: tuple[str, ...] | None
    """The columns' names, or None where they have none."""
    count: int
    text: frozenset[int]
    """The columns that have text in the first rows, and no number."""
    empty: frozenset[int] = attrs.field(default=frozenset(), kw_only=True)
    """The last columns, where they are without a name and empty in every row."""

    def first_rows(self) -> Sequence[Sequence[Value]]:
        """Return the first rows, by which columns are judged; none where the kind of table does not show them."""
        return ()

    def column(self, index: int) -> str:
        """Return a column's number, counted from 1, and its name."""
        return f"column {index + 1}" + (f" ({quote(self.names[index])})" if self.names and self.names[index] else "")

    def error(
        self,
        problem: str,
        place: str = "",
        *,
        line: int | None = None,
        column: int | None = None,
        advice: Sequence[Mapping[str, Any]] = (),
    ) -> DataError:
        """Return the error of a problem in the file, at a `place` in words; `column` is an index, from 0.

        `advice` are settings that would each mend it; the message ends with them.
        """
        name = self.names[column] if self.names and column is not None and column < self.count else None
        number = None if column is None else column + 1
        message = f"{self.path}{place}: {problem}"
        return DataError(message, path=self.path, line=line, column=number, column_name=name, advice=advice)

    def column_error(self, column: int, problem: str, advice: Sequence[Mapping[str, Any]] = ()) -> DataError:
        """Return the error of a column: "path: column 3 ('x') ..."."""
        return self.error(f"{self.column(column)} {problem}", column=column, advice=advice)

    def notation_error(self, column: int) -> DataError | None:  # noqa: ARG002 - other tables know more
        """Return the error of a column that seems to be text, but holds numbers in another notation, or None."""
        return None

    def header_error(self, problem: str, column: int, advice: Sequence[Mapping[str, Any]] = ()) -> DataError:
        """Return the error of a column's name."""
        return self.error(problem, column=column, advice=advice)

    def name_of(self, index: int) -> Column:
        """Return what a setting calls a column: its name, or its number from 0."""
        return self.names[index] if self.names and self.names[index] else index

    def find(self, column: Column) -> int | None:
        """Return the index of a column by its name, its number from 0, "first" or "last"; None where there is none."""
        if isinstance(column, str):
            if self.names and column in self.names:
                return self.names.index(column)
            wanted = column.strip()
            if self.names and wanted in self.names:
                return self.names.index(wanted)
            places = {"first": 0, "last": max((i for i in range(self.count) if i not in self.empty), default=0)}
            column = places.get(wanted, int(wanted) if wanted.isdecimal() else self.count)
        return column % self.count if -self.count <= column < self.count else None

    def index_of(self, column: Column) -> int:
        """Return the index of a column; raises DataError where there is none."""
        if (index := self.find(column)) is not None:
            return index
        if self.names is None:
            found = f"without a header, columns are numbered from 0 to {self.count - 1}"
            raise self.error(f"no column {column!r}: {found}")
        near = get_close_matches(str(column), self.names, n=1)
        hint = f", did you mean {near[0]!r}?" if near else ""
        raise self.error(f"no column {column!r}{hint}; available: {list_names(self.names)}")

    def rename(self, column: Column) -> Column:
        """Return a column of the settings as its name, or its number from 0; raises DataError where there is none."""
        return self.name_of(self.index_of(column))

    def find_labels(self, among: Iterable[int], letters: bool = False) -> list[int]:
        """Return the columns that are named as a label is: by a word, or else by a single letter."""
        names = self.names or [""] * self.count
        return [i for i in among if names[i].lower() in LABEL_NAMES and (len(names[i]) == 1) == letters]

    def is_named(self, index: int) -> bool:
        """Say whether a column has a name, or needs none."""
        return not self.names or bool(self.names[index])

    def explain_single(self) -> str:
        """Say why there may be one column only, where that can be guessed."""
        return ""

    def explain_unnamed(self, index: int) -> str:  # noqa: ARG002 - other tables know more
        """Say why a column may have no name, where that can be guessed."""
        return ""


def list_names(names: Sequence[str]) -> str:
    """Return column names in a row, only the first and last of many.

    >>> list_names([f"pixel{i}" for i in range(784)])
    'pixel0, pixel1, pixel2, pixel3, pixel4, pixel5, ..., pixel783'
    """
    names = [printable(name, 40) for name in names]
    return ", ".join(names if len(names) <= 12 else [*names[:6], "...", names[-1]])
