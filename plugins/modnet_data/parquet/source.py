"""Parquet and Arrow files: a row a sample, a column the label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import attrs
import numpy as np

from modnet import Array, Dataset, MissingExtraError, Samples
from modnet import Column as TableColumn
from modnet.files import replacing, tell_progress
from modnet_data.arrays.raw import RATIO
from modnet_data.cached import Facts, Put, arrays_of
from modnet_data.formats import ARROW_SUFFIXES, SUFFIXES
from modnet_data.parquet.table import open_table
from modnet_data.table.columns import Columns, UnlabelledError
from modnet_data.table.plan import ColumnSettings, Plan, data_plan
from modnet_data.table.prediction import rows_plan
from modnet_data.table.source import Converted, TableSource
from modnet_data.table.typed_rows import convert
from modnet_data.writing import class_labels, column_names, not_compressed, table_dtype, tables_of

ROW_GROUP = 2**26  # bytes of features that are written in one go
UNPACKED = 2**28
"""Bytes of rows that a file of any size may hold; more only if they are no more than `RATIO` times its size."""
INDEX = "__index_level_"  # so begin the names of the columns in which pandas saves its row index


@attrs.frozen
class Parquet(TableSource):
    """Columns of numbers in a Parquet or an Arrow (Feather) file, and a column with the label of text or whole numbers.

    `label` is a column by its name, its number from 0, "first" or "last", or a list of columns that are one-hot; None
    takes the column named "label", "class", "species" or the like, or the only one that could be a label, of text or
    whole numbers that repeat. The others are `features`, unless these are listed, or some columns are listed in
    `leave_out`; columns that give the label away are refused as in a CSV file. Features are kept in the dtype that
    holds them all, or as `dtype`. `missing` values (nulls and NaN) are refused; "drop" leaves their rows out, a number
    is filled in for them in features; more words for them among labels of text, or numbers, are listed in
    `missing_values`. `text_labels` makes text of labels that are numbers; `classes` are the labels that there are, in
    this order. All three are as in a CSV file.

    `test` is the file with the test part, relative to the folder of this one. None takes the file beside it that
    has "test" in its name in place of "train", if there is one; "" takes none. Without a test file a
    `test_fraction` of the rows, drawn by `split_seed`, is the test part; `stratified`, of each class alike.
    `validation` is the file with the validation part; None and "" take none.

    It takes the extra `parquet`. A file of 4 MiB or more is converted once and then mapped into memory, so it need not
    fit.
    """

    format = "parquet"
    version = 4
    suffixes = SUFFIXES["parquet"]

    def convert(self, path: Path, recipe: str, like: Facts | None) -> Converted:
        """Return features, labels and facts of a file."""

        def put_data(put: Put) -> Facts:
            with open_table(path) as table:
                if like is not None:
                    _refuse_unlabelled(table.columns, like)
                plan = data_plan(table.columns, self.columns_like(like))
                if not self.features:
                    _refuse_index(plan)
                if like is not None and plan.words != bool(like["words"]):
                    found, expected = ("text", "numbers") if plan.words else ("numbers", "text")
                    what = f"holds {found}, expected {expected} as in the training file"
                    raise plan.table.column_error(plan.labels[0], what)
                return self.describe(plan, convert(table, plan, put, _most_bytes(path)))

        return arrays_of(path, recipe, put_data)

    def convert_rows(
        self, path: Path, recipe: str, columns: ColumnSettings, features: int, names: Sequence[str]
    ) -> Converted:
        """Return features, labels (if any) and facts of a file with rows to predict."""

        def put_rows(put: Put) -> Facts:
            with open_table(path) as table:
                plan = rows_plan(table.columns, columns, features, names)
                return self.describe(plan, convert(table, plan, put, _most_bytes(path)))

        return arrays_of(path, recipe, put_rows)

    def like(self, facts: Facts) -> Self:
        """Return the source that reads the same columns of a test file, in whatever order they are there."""
        return attrs.evolve(super().like(facts), features=tuple(facts["features"]), leave_out=())

    def read_columns(self, path: Path, cells: int) -> list[tuple[str, str, list[Any]]]:
        """Return the columns as they stand; of a type that cannot be read, its name alone."""
        with open_table(path) as table:
            return table.first_cells(cells)

    def write(self, data: Dataset, path: Path) -> list[Path]:
        """Write a file for each part, all of them or none: Arrow if the name says so; the label is the last column."""
        not_compressed(path, "what is in it is; take the last suffix off")
        pa = _pyarrow(path)
        names, label = column_names(data)
        labels, dtype = class_labels(data), table_dtype(data)
        kinds = [_kind_of(pa, dtype, column) for column in data.columns]
        kind = pa.string() if labels.dtype.kind == "U" else pa.from_numpy_dtype(labels.dtype)
        schema = pa.schema([*zip(names, kinds, strict=True), (label, kind)])
        tables = tables_of(data, path)
        with ExitStack() as stack:
            for target, part in tables.items():
                new = str(stack.enter_context(replacing(target)))
                arrow = path.name.lower().endswith(ARROW_SUFFIXES)
                with pa.ipc.new_file(new, schema) if arrow else pa.parquet.ParquetWriter(new, schema) as file:
                    for batch in _batches(pa, schema, part, labels, dtype, target):
                        file.write_batch(batch)
        return [*tables]


def _pyarrow(path: Path) -> Any:
    """Return pyarrow, which is an extra and loaded when it is needed; no file is read with it in this process."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise MissingExtraError(f"{path}: a Parquet or Arrow file", "parquet") from None
    return pyarrow


def _most_bytes(path: Path) -> int:
    return max(UNPACKED, RATIO * path.stat().st_size)


def _refuse_unlabelled(columns: Columns, train: Facts) -> None:
    labels = train["label"] if isinstance(train["label"], list) else [train["label"]]
    lacking = all(columns.find(label) is None for label in labels)
    if lacking and all(columns.find(feature) is not None for feature in train["features"]):
        raise UnlabelledError(f"{columns.path}: all columns of the training file but the label", columns.path)


def _refuse_index(plan: Plan[Columns]) -> None:
    if index := [i for i in plan.features if str(plan.table.name_of(i)).startswith(INDEX)]:
        raise plan.table.column_error(index[0], "is the row index that pandas saves", plan.advise_leaving_out(index))


def _kind_of(pa: Any, dtype: np.dtype[Any], column: TableColumn) -> Any:
    """Return the type of a column in a file: text with its words in order, or numbers."""
    return pa.from_numpy_dtype(dtype) if column.words is None else pa.dictionary(pa.int32(), pa.string())


def _batches(pa: Any, schema: Any, part: Samples, labels: Array, dtype: np.dtype[Any], target: Path) -> Iterator[Any]:
    """Yield record batches of many rows: each is a row group, and all its columns are described anew."""
    size = max(1, ROW_GROUP // (part.table.shape[1] * dtype.itemsize))
    words = [column.words for column in part.columns] or [None] * part.table.shape[1]
    for start in range(0, len(part), size):
        block = slice(start, min(start + size, len(part)))
        cells = np.ascontiguousarray(part.unscaled(block).T, dtype)
        columns = [_to_arrow(pa, column, some) for column, some in zip(cells, words, strict=True)]
        t = labels[part.t[block]]
        label = pa.array(t.tolist() if t.dtype.kind == "U" else t, schema.types[-1])
        yield pa.record_batch([*columns, label], schema=schema)
        tell_progress(target, block.stop, len(part))


def _to_arrow(pa: Any, column: Array, words: Sequence[str] | None) -> Any:
    """Return a raw column as pyarrow's, null where a value is missing."""
    missing = np.isnan(column) if column.dtype.kind == "f" else None
    if words is None:
        return pa.array(column, mask=missing)
    codes = np.nan_to_num(column).astype(np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=missing), pa.array(list(words), pa.string()))
