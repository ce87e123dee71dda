"""Rows of Parquet and Arrow files in blocks, with mistakes by row and column."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from modnet import Array, DataError, MissingExtraError
from modnet.cached import Facts, Put
from modnet.files import printable, reading, tell_progress
from modnet_data.arrays.raw import check_packed
from modnet_data.rows import EXACT
from modnet_data.table.columns import Columns, quote
from modnet_data.table.missing import Missing
from modnet_data.table.plan import Plan

PARQUET = b"PAR1"
NUMBERS = 2**22  # that are read in one go
UINT8 = np.iinfo(np.uint8)
INDEX = "__index_level_"  # so begin the names of the columns in which pandas saves its row index


@attrs.frozen
class ArrowTable:
    """An open file: its columns, and its rows some at a time."""

    path: Path
    names: tuple[str, ...]
    types: tuple[Any, ...]
    rows: int
    batches: Callable[[Sequence[str]], Iterator[Any]]
    """Yields record batches of the columns of these names."""

    @property
    def columns(self) -> Columns:
        """The columns as those of any other table."""
        text = frozenset(i for i, kind in enumerate(self.types) if _is_text(kind))
        return Columns(self.path, self.names, len(self.names), text)


def pyarrow(path: Path) -> Any:
    """Return pyarrow, which is an extra and loaded when it is needed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise MissingExtraError(f"{path}: a Parquet or Arrow file", "parquet") from None
    return pyarrow


@contextmanager
def open_table(path: Path) -> Iterator[ArrowTable]:
    """Open a Parquet or an Arrow file, whichever it is; raises DataError where it is neither, or damaged."""
    pa = pyarrow(path)
    with reading(path):
        with path.open("rb") as file:
            head = file.read(len(PARQUET))
        what = "a Parquet" if head == PARQUET else "an Arrow"
        try:
            with _parquet(pa, path) if head == PARQUET else _arrow(pa, path) as columns:
                if twice := [name for name in columns.names if columns.names.count(name) > 1]:
                    raise DataError(f"{path}: two columns are named {quote(twice[0])}", path=path)
                yield columns
        except (pa.ArrowException, OSError) as error:
            if isinstance(error, MemoryError):
                raise
            lines = str(error).splitlines() or [type(error).__name__]
            raise DataError(f"{path}: cannot be read as {what} file: {printable(lines[0], 200)}", path=path) from None


@contextmanager
def _parquet(pa: Any, path: Path) -> Iterator[ArrowTable]:
    with pa.parquet.ParquetFile(path) as file:
        schema = file.schema_arrow

        def batches(names: Sequence[str]) -> Iterator[Any]:
            yield from file.iter_batches(max(1, NUMBERS // len(names)), columns=names, use_threads=False)

        yield ArrowTable(path, tuple(schema.names), tuple(schema.types), file.metadata.num_rows, batches)


@contextmanager
def _arrow(pa: Any, path: Path) -> Iterator[ArrowTable]:
    with pa.memory_map(str(path)) as mapped, pa.ipc.open_file(mapped) as file:

        def batches(names: Sequence[str]) -> Iterator[Any]:
            size = max(1, NUMBERS // len(names))
            for i in range(file.num_record_batches):
                batch = file.get_batch(i).select(names)
                batch.validate()
                for start in range(0, batch.num_rows, size):
                    yield batch.slice(start, size)

        # Only the batches know how many rows there are; they take no more memory than the size of the file.
        yield ArrowTable(path, tuple(file.schema.names), tuple(file.schema.types), 0, batches)


def convert(table: ArrowTable, plan: Plan[Columns], put: Put) -> Facts:
    """Put a file's features "x" and its labels "t", block by block, and count missing values.

    Raises DataError with the first mistake.
    """
    kinds = _check_types(table, plan)
    check_packed(f"{table.path}:", table.rows * sum(kind.itemsize for kind in kinds), table.path.stat().st_size)
    names = [table.names[i] for i in (*plan.features, *plan.labels)]
    gaps, first, found = Missing(), 0, 0
    for batch in table.batches(names):
        x, t = _Block(plan, first, batch, np.result_type(*kinds)).read(gaps)
        if len(x):
            put("x", x)
            if plan.labels:
                put("t", t)
        found += len(x)
        first += batch.num_rows
        tell_progress(table.path, first, table.rows)
    if not found:
        raise plan.table.error("no rows" + " without a missing value" * bool(gaps.dropped))
    return attrs.asdict(gaps)


def _check_types(table: ArrowTable, plan: Plan[Columns]) -> list[np.dtype[Any]]:
    """Return the dtypes of the features; raises DataError where a column has values of another type."""
    for i in plan.labels:
        if not (_is_text(table.types[i]) or _dtype(table.types[i])):
            what = f"is of type {table.types[i]}, expected a label of text or whole numbers"
            raise plan.table.column_error(i, what)
    found = []
    for i in plan.features:
        dtype = _dtype(table.types[i])
        if dtype is None:
            hint = f"leave it out: leave_out = [{quote(table.names[i])}]"
            what = f"is of type {printable(str(table.types[i]), 60)}, expected numbers; {hint}"
            raise plan.table.column_error(i, what)
        found.append(dtype)
    return found


def _is_text(kind: Any) -> bool:
    return str(getattr(kind, "value_type", kind)) in {"string", "large_string", "string_view"} and (
        str(kind).startswith("dictionary") or not hasattr(kind, "value_type")
    )


def _dtype(kind: Any) -> np.dtype[Any] | None:
    """Return the dtype of a column of numbers or truth values, None where it is of another type."""
    names = {"bool": "bool", "halffloat": "float16", "float": "float32", "double": "float64"}
    name = names.get(str(kind), str(kind))
    whole = name.removeprefix("u").startswith("int") and name.removeprefix("u").removeprefix("int").isdecimal()
    return np.dtype(name) if name in names.values() or whole else None


@attrs.frozen
class _Block:
    """Some rows of a file."""

    plan: Plan[Columns]
    first: int
    batch: Any
    dtype: np.dtype[Any]

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
        return self._to_dtype(x, rows), labels

    def _features(self) -> tuple[Array, Array]:
        """Return the features, and which of them are missing."""
        x = np.empty((self.batch.num_rows, len(self.plan.features)), self.dtype)
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
        column = self.batch.column(j)
        if hasattr(column, "dictionary_decode"):
            column = column.dictionary_decode()
        lacking = None
        if column.null_count:
            lacking = column.is_null().to_numpy(zero_copy_only=False)
            text, bools = _is_text(column.type), str(column.type) == "bool"
            column = column.fill_null("" if text else False if bools else 0)
        values: Array = column.to_numpy(zero_copy_only=False)
        if values.dtype.kind == "f" and self.plan.missing != "refuse" and (nan := np.isnan(values)).any():
            lacking = nan if lacking is None else lacking | nan
        return values, lacking

    def _labels(self) -> tuple[Array, Array]:
        """Return the labels, of one column or of several that are one-hot, and which rows have none."""
        count, rows = len(self.plan.features), self.batch.num_rows
        found = [self._column(count + i) for i in range(len(self.plan.labels))]
        lacking = np.zeros(rows, bool)
        for _, some in found:
            lacking |= False if some is None else some
        if not found:
            return np.empty((rows, 0)), lacking
        if len(found) == 1:
            values = found[0][0]
            return values.astype(str) if values.dtype.kind == "O" else values, lacking
        ones = np.stack([values for values, _ in found], axis=1)
        wrong = ((ones != 0) & (ones != 1)).any(axis=1) | (ones.sum(axis=1) != 1)
        if (wrong & ~lacking).any():
            what = "the one-hot columns from here on are not one 1 and otherwise 0"
            raise self._error(int(np.argmax(wrong & ~lacking)), count, what)
        return ones.argmax(axis=1), lacking

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
