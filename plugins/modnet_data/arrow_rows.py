"""Parquet and Arrow files as blocks of rows: features, labels, and what is wrong by row and column."""

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
from modnet_data.csv_careful import Missing, Plan
from modnet_data.csv_cells import EXACT, shown
from modnet_data.csv_layout import Layout
from modnet_data.csv_text import Dialect
from modnet_data.raw_arrays import check_packed

PARQUET = b"PAR1"
NUMBERS = 2**22  # that are read in one go
UINT8 = np.iinfo(np.uint8)
INDEX = "__index_level_"  # so begin the names of the columns in which pandas saves its row index


@attrs.frozen
class Columns:
    """The columns of an open file, and its rows some at a time."""

    path: Path
    names: tuple[str, ...]
    types: tuple[Any, ...]
    rows: int
    batches: Callable[[Sequence[str]], Iterator[Any]]
    """Yields record batches of the columns of these names."""

    def layout(self) -> Layout:
        """Return the columns as those of any other table."""
        text = frozenset(i for i, kind in enumerate(self.types) if _is_text(kind))
        return Layout(self.path, Dialect(",", ".", None, ""), self.names, len(self.names), 1, 1, text, ())


def pyarrow(path: Path) -> Any:
    """Return pyarrow, which is an extra and loaded when it is needed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise MissingExtraError(f"{path}: a Parquet or Arrow file", "parquet") from None
    return pyarrow


@contextmanager
def opened_columns(path: Path) -> Iterator[Columns]:
    """Open a Parquet or an Arrow file, whichever it is; raises DataError where it is neither, or damaged."""
    pa = pyarrow(path)
    with reading(path):
        with path.open("rb") as file:
            head = file.read(len(PARQUET))
        what = "Parquet" if head == PARQUET else "Arrow"
        try:
            with _parquet(pa, path) if head == PARQUET else _arrow(pa, path) as columns:
                if twice := [name for name in columns.names if columns.names.count(name) > 1]:
                    raise DataError(f"{path}: two columns are named {shown(twice[0])}")
                yield columns
        except (pa.ArrowException, OSError) as error:
            if isinstance(error, MemoryError):
                raise
            lines = str(error).splitlines() or [type(error).__name__]
            raise DataError(f"{path}: a damaged {what} file, or none: {printable(lines[0], 200)}") from None


@contextmanager
def _parquet(pa: Any, path: Path) -> Iterator[Columns]:
    with pa.parquet.ParquetFile(path) as file:
        schema = file.schema_arrow

        def batches(names: Sequence[str]) -> Iterator[Any]:
            yield from file.iter_batches(max(1, NUMBERS // len(names)), columns=names, use_threads=False)

        yield Columns(path, tuple(schema.names), tuple(schema.types), file.metadata.num_rows, batches)


@contextmanager
def _arrow(pa: Any, path: Path) -> Iterator[Columns]:
    with pa.memory_map(str(path)) as mapped, pa.ipc.open_file(mapped) as file:

        def batches(names: Sequence[str]) -> Iterator[Any]:
            size = max(1, NUMBERS // len(names))
            for i in range(file.num_record_batches):
                batch = file.get_batch(i).select(names)
                batch.validate()
                for start in range(0, batch.num_rows, size):
                    yield batch.slice(start, size)

        # How many rows there are is told by the batches alone; what they take cannot be more than the file tells.
        yield Columns(path, tuple(file.schema.names), tuple(file.schema.types), 0, batches)


def convert(columns: Columns, plan: Plan, put: Put) -> Facts:
    """Put a file's features "x" and its labels "t", block by block, and return what became of missing values.

    Raises DataError with the first mistake.
    """
    kinds = _checked(columns, plan)
    check_packed(f"{columns.path}:", columns.rows * sum(kind.itemsize for kind in kinds), columns.path.stat().st_size)
    names = [columns.names[i] for i in (*plan.features, *plan.labels)]
    gaps, first, found = Missing(), 0, 0
    for batch in columns.batches(names):
        block = _Block(plan, first, batch, np.result_type(*kinds))
        x, t = block.read(gaps)
        if len(x):
            put("x", x)
            if plan.labels:
                put("t", t)
        found += len(x)
        first += batch.num_rows
        tell_progress(columns.path, first, columns.rows)
    if not found:
        raise DataError(f"{columns.path}: no rows" + " without a missing value" * bool(gaps.dropped))
    return attrs.asdict(gaps)


def _checked(columns: Columns, plan: Plan) -> list[np.dtype[Any]]:
    """Return the dtypes of the features; raises DataError where a column has values of another type."""
    for i in plan.labels:
        if not (_is_text(columns.types[i]) or _dtype(columns.types[i])):
            what = f"is of type {columns.types[i]}, expected a label of text or whole numbers"
            raise DataError(f"{columns.path}: {plan.layout.column(i)} {what}")
    found = []
    for i in plan.features:
        name, dtype = columns.names[i], _dtype(columns.types[i])
        if dtype is None:
            hint = f"leave it out: leave_out = [{shown(name)}]"
            what = f"is of type {printable(str(columns.types[i]), 60)}, expected numbers; {hint}"
            raise DataError(f"{columns.path}: {plan.layout.column(i)} {what}")
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

    plan: Plan
    first: int
    batch: Any
    dtype: np.dtype[Any]

    def read(self, gaps: Missing) -> tuple[Array, Array]:
        """Return features and labels, rows with missing values dropped or filled in; raises DataError."""
        plan, rows = self.plan, self.batch.num_rows
        x = np.empty((rows, len(plan.features)), self.dtype)
        lacks = np.zeros(x.shape, bool)
        for j in range(x.shape[1]):
            values, lacking = self._column(j)
            self._check_exact(values, j)
            x[:, j] = values
            if lacking is not None:
                lacks[:, j] = lacking
        labels, no_label = self._labels()
        if plan.missing == "refuse":
            self._refuse(lacks, 0)
        if plan.missing != "drop":
            self._refuse(no_label[:, None], len(plan.features))
        kept = np.ones(rows, bool)
        if plan.missing == "drop":
            kept = ~(lacks.any(axis=1) | no_label)
            gaps.dropped += int(rows - kept.sum())
            self._count(gaps, np.column_stack([lacks, no_label]))
        elif not isinstance(plan.missing, str) and lacks.any():
            filling = np.float64(plan.missing)
            whole = filling.is_integer() and abs(filling) < EXACT
            x = x.astype(np.result_type(x.dtype, np.min_scalar_type(int(filling)) if whole else np.float64))
            x[lacks] = plan.missing
            gaps.filled += int(lacks.sum())
            self._count(gaps, lacks)
        x, labels = (x, labels) if kept.all() else (x[kept], labels[kept])
        self._check_finite(x, np.flatnonzero(kept))
        return self._as_wanted(x, np.flatnonzero(kept)), labels

    def _count(self, gaps: Missing, lacks: Array) -> None:
        for j in np.flatnonzero(lacks.any(axis=0)):
            gaps.count(self.plan.layout, (*self.plan.features, *self.plan.labels)[j], int(lacks[:, j].sum()))

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
            place = self._place(int(np.argmax(wrong & ~lacking)), count)
            raise DataError(f"{place}: the one-hot columns from here on are not one 1 and otherwise 0")
        return ones.argmax(axis=1), lacking

    def _place(self, row: int, j: int) -> str:
        """Say which row, from 1, and which column is meant."""
        layout, column = self.plan.layout, (*self.plan.features, *self.plan.labels)[j]
        return f"{layout.path}, row {self.first + row + 1}, {layout.column(column)}"

    def _refuse(self, lacks: Array, start: int) -> None:
        if lacks.any():
            row, j = np.argwhere(lacks)[0]
            what = "a missing value; missing = 'drop'"
            raise DataError(f"{self._place(row, start + j)}: {what}{', or a number' * (not start)}")

    def _check_exact(self, values: Array, j: int) -> None:
        if values.dtype.kind not in "iu" or values.dtype.itemsize < 8:
            return
        if (wrong := (values > EXACT) | (values < -EXACT)).any():
            row = int(np.argmax(wrong))
            hint = "is it an identifier? leave_out that column"
            what = f"{values[row]} has more digits than a float64 can hold; {hint}"
            raise DataError(f"{self._place(row, j)}: {what}")

    def _check_finite(self, x: Array, rows: Array) -> None:
        if x.dtype.kind == "f" and (wrong := ~np.isfinite(x)).any():
            row, j = np.argwhere(wrong)[0]
            hint = "; missing values: missing = 'drop', or a number" if np.isnan(x[row, j]) else ""
            raise DataError(f"{self._place(rows[row], j)}: expected a finite number, found {x[row, j]}{hint}")

    def _as_wanted(self, x: Array, rows: Array) -> Array:
        """Return features in the dtype that is asked for; raises DataError where uint8 does not hold them."""
        if self.plan.dtype is None or x.dtype == self.plan.dtype:
            return x
        if self.plan.dtype == np.uint8 and (wrong := (x < UINT8.min) | (x > UINT8.max) | (x != np.trunc(x))).any():
            row, j = np.argwhere(wrong)[0]
            what = f"expected a whole number from 0 to 255 (uint8), found {x[row, j]}"
            raise DataError(f"{self._place(rows[row], j)}: {what}")
        return x.astype(self.plan.dtype)
