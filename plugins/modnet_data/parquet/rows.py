"""Rows of Parquet and Arrow files in blocks, with mistakes by row and column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from modnet import Array, DataError
from modnet.cached import Facts, Put
from modnet.files import tell_progress
from modnet.text import format_size
from modnet_data.arrays.raw import RATIO
from modnet_data.parquet.table import ArrowTable, Column
from modnet_data.rows import EXACT
from modnet_data.table.columns import Columns
from modnet_data.table.missing import Missing
from modnet_data.table.plan import Plan

LABEL = np.dtype(np.int64)  # of an index of a class
UNPACKED = 2**28
"""Bytes of rows that a file of any size may hold; more only if they are no more than `RATIO` times its size."""
UINT8 = np.iinfo(np.uint8)
INDEX = "__index_level_"  # so begin the names of the columns in which pandas saves its row index


def convert(table: ArrowTable, plan: Plan[Columns], put: Put) -> Facts:
    """Put a file's features "x" and its labels "t", block by block, and count missing values.

    Raises DataError with the first mistake.
    """
    dtypes = _check_types(table, plan)
    each = sum(dtype.itemsize for dtype in dtypes) + LABEL.itemsize
    most = max(UNPACKED, RATIO * table.path.stat().st_size) // each
    _check_rows(table, table.rows, most)
    gaps, first, found = Missing(), 0, 0
    classes: dict[str, int] = {}
    for columns in table.blocks((*plan.features, *plan.labels)):
        x, t = _Block(plan, first, columns, np.result_type(*dtypes), classes).read(gaps)
        if len(x):
            put("x", x)
            if plan.labels:
                put("t", t)
        found += len(x)
        first += len(columns[0].values)
        _check_rows(table, first, most)
        tell_progress(table.path, first, table.rows)
    if not found:
        raise plan.table.error("no rows" + " without a missing value" * bool(gaps.dropped))
    return {"classes": list(classes), **attrs.asdict(gaps)}


def _check_rows(table: ArrowTable, rows: int, most: int) -> None:
    """Raise DataError where a file has more rows than its size lets one expect: an accident, or an attack."""
    if rows > most:
        what = f"more than {most:,} rows in {format_size(table.path.stat().st_size)}"
        hint = "if that is meant, save it as an Arrow file that is not compressed"
        raise table.columns.error(f"{what}: {hint}")


def _check_types(table: ArrowTable, plan: Plan[Columns]) -> list[np.dtype[Any]]:
    """Return the dtypes of the features; raises DataError where a column has values of another type."""
    for i in plan.labels:
        wanted = "text or whole numbers" if len(plan.labels) == 1 else "0 and 1"
        if table.kinds[i] is None or (table.kinds[i] == "text" and len(plan.labels) > 1):
            raise plan.table.column_error(i, f"is of type {table.types[i]}, expected a label of {wanted}")
    found = []
    for i in plan.features:
        dtype = table.kinds[i]
        if not isinstance(dtype, np.dtype):
            what = f"is of type {table.types[i]}, expected numbers"
            raise plan.table.column_error(i, what, [{"leave_out": [table.names[i]]}])
        found.append(dtype)
    return found


@attrs.frozen
class _Block:
    """Some rows of a file."""

    plan: Plan[Columns]
    first: int
    columns: Sequence[Column]
    dtype: np.dtype[Any]
    classes: dict[str, int]
    """The index of each label of text that was found so far; new ones are added."""

    def read(self, gaps: Missing) -> tuple[Array, Array]:
        """Return features and labels, rows with missing values dropped or filled in; raises DataError."""
        plan = self.plan
        x, lacks = self._features()
        labels, no_label = self._labels()
        if plan.missing == "refuse":
            self._refuse(lacks, 0)
        if plan.missing != "drop":
            self._refuse(no_label[:, None], len(plan.features))
        rows = np.arange(len(x))
        if plan.missing == "drop":
            rows = np.flatnonzero(~(lacks.any(axis=1) | no_label))
            gaps.dropped += len(x) - len(rows)
            self._count(gaps, np.column_stack([lacks, no_label]))
        elif not isinstance(plan.missing, str) and lacks.any():
            x = _fill(x, lacks, plan.missing)
            gaps.filled += int(lacks.sum())
            self._count(gaps, lacks)
        if len(rows) < len(x):
            x, labels = x[rows], labels[rows]
        self._check_finite(x, rows)
        return self._to_dtype(x, rows), self._to_indices(labels) if plan.words else labels

    def _features(self) -> tuple[Array, Array]:
        """Return the features, and which of them are missing."""
        x = np.empty((len(self.columns[0].values), len(self.plan.features)), self.dtype)
        lacks = np.zeros(x.shape, bool)
        for j in range(x.shape[1]):
            values, lacking = self._column(j)
            self._check_exact(values, j)
            x[:, j] = values
            if lacking is not None:
                lacks[:, j] = lacking
        return x, lacks

    def _count(self, gaps: Missing, lacks: Array) -> None:
        for j in np.flatnonzero(lacks.any(axis=0)):
            gaps.count(self.plan.table, (*self.plan.features, *self.plan.labels)[j], int(lacks[:, j].sum()))

    def _column(self, j: int) -> tuple[Array, Array | None]:
        """Return a column's values, and which are missing."""
        values, lacking = self.columns[j].values, self.columns[j].missing
        if values.dtype.kind == "f" and self.plan.missing != "refuse" and (nan := np.isnan(values)).any():
            lacking = nan if lacking is None else lacking | nan
        return values, lacking

    def _labels(self) -> tuple[Array, Array]:
        """Return the labels, of one column or of several that are one-hot, and which rows have none."""
        count, rows = len(self.plan.features), len(self.columns[0].values)
        found = [self._column(count + i) for i in range(len(self.plan.labels))]
        lacking = np.zeros(rows, bool)
        for _, some in found:
            lacking |= False if some is None else some
        if not found:
            return np.empty((rows, 0)), lacking
        if len(found) == 1:
            return found[0][0], lacking
        ones = np.stack([values for values, _ in found], axis=1)
        wrong = ((ones != 0) & (ones != 1)).any(axis=1) | (ones.sum(axis=1) != 1)
        if (wrong & ~lacking).any():
            what = "the one-hot columns from here on are not one 1 and otherwise 0"
            raise self._error(int(np.argmax(wrong & ~lacking)), count, what)
        return ones.argmax(axis=1), lacking

    def _to_indices(self, labels: Array) -> Array:
        """Return class indices of labels that number the words of a block."""
        words, classes = self.columns[-1].words, self.classes
        used, places = np.unique(labels, return_inverse=True)
        return np.array([classes.setdefault(words[i], len(classes)) for i in used], LABEL)[places]

    def _error(self, row: int, j: int, problem: str) -> DataError:
        """Return the error of a value in one of the columns that are read."""
        table, column = self.plan.table, (*self.plan.features, *self.plan.labels)[j]
        return table.error(problem, f", row {self.first + row + 1}, {table.column(column)}", column=column)

    def _refuse(self, lacks: Array, start: int) -> None:
        if lacks.any():
            row, j = np.argwhere(lacks)[0]
            raise self._error(row, start + j, f"a missing value; missing = 'drop'{', or a number' * (not start)}")

    def _check_exact(self, values: Array, j: int) -> None:
        if values.dtype.kind not in "iu" or values.dtype.itemsize < 8:
            return
        if (wrong := (values > EXACT) | (values < -EXACT)).any():
            row = int(np.argmax(wrong))
            hint = "is it an identifier? leave_out that column"
            what = f"{values[row]} has more digits than a float64 can hold; {hint}"
            raise self._error(row, j, what)

    def _check_finite(self, x: Array, rows: Array) -> None:
        if x.dtype.kind == "f" and (wrong := ~np.isfinite(x)).any():
            row, j = np.argwhere(wrong)[0]
            hint = "; missing values: missing = 'drop', or a number" if np.isnan(x[row, j]) else ""
            raise self._error(rows[row], j, f"expected a finite number, found {x[row, j]}{hint}")

    def _to_dtype(self, x: Array, rows: Array) -> Array:
        """Return features in the dtype that is asked for; raises DataError where uint8 does not hold them."""
        if self.plan.dtype is None or x.dtype == self.plan.dtype:
            return x
        if self.plan.dtype == np.uint8 and (wrong := (x < UINT8.min) | (x > UINT8.max) | (x != np.trunc(x))).any():
            row, j = np.argwhere(wrong)[0]
            what = f"expected a whole number from 0 to 255 (uint8), found {x[row, j]}"
            raise self._error(rows[row], j, what)
        return x.astype(self.plan.dtype)


def _fill(x: Array, lacks: Array, filling: float) -> Array:
    """Return features with a number in place of what is missing, in a dtype that holds both."""
    whole = float(filling).is_integer() and abs(filling) < EXACT
    x = x.astype(np.result_type(x.dtype, np.min_scalar_type(int(filling)) if whole else np.float64))
    x[lacks] = filling
    return x
