"""Parquet and Arrow files: a row a sample, a column the label."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import attrs
import numpy as np
from attrs.validators import in_, instance_of, optional

from modnet import Array, Dataset, DataSource, Samples
from modnet.cached import Facts, Put, arrays_of
from modnet.files import part_paths, replacing, tell_progress
from modnet_data import validators
from modnet_data.formats import ARROW_SUFFIXES, PARQUET_SUFFIXES, format_of
from modnet_data.parquet.rows import INDEX, convert, open_table, pyarrow
from modnet_data.rows import data_set, file_path, flat_rows
from modnet_data.table.columns import Column, Columns
from modnet_data.table.missing import notes
from modnet_data.table.plan import Plan, data_plan, rows_plan
from modnet_data.table.settings import DTYPES, beside, get_column_settings, recipe
from modnet_data.writing import class_labels, column_names, not_compressed, parts_of, table_dtype

VERSION = 1
"""Of the conversion to arrays: another one makes all files be converted anew."""

ROW_GROUP = 2**26  # bytes of features that are written in one go


@attrs.frozen
class Parquet(DataSource):
    """Columns of numbers in a Parquet or an Arrow (Feather) file, and a column with the label of text or whole numbers.

    `label` is a column by its name, its number from 0, "first" or "last", or a list of columns that are one-hot; None
    takes the column named "label", "class", "species" or the like, or the only column of text. The others are
    `features`, unless these are listed, or some columns are listed in `leave_out`; they are kept in the dtype that
    holds them all, or as `dtype`. `missing` values (nulls and NaN) are refused; "drop" leaves their rows out, a number
    is filled in for them in features.

    `test` is the file with the test part, relative to the folder of this one. None takes the file beside it that
    has "test" in its name in place of "train", if there is one; "" takes none. Without a test file a
    `test_fraction` of the rows, drawn by `split_seed`, is the test part; `stratified`, of each class alike.

    It takes the extra `parquet`. A file of 4 MiB or more is converted once and then mapped into memory, so it need not
    fit.
    """

    suffixes = (*PARQUET_SUFFIXES, *ARROW_SUFFIXES)

    label: Column | tuple[Column, ...] | None = None
    features: tuple[Column, ...] | None = None
    leave_out: tuple[Column, ...] = ()
    missing: float | Literal["refuse", "drop"] = attrs.field(default="refuse", validator=validators.missing)
    dtype: Literal["uint8", "float32", "float64"] | None = attrs.field(default=None, validator=optional(in_(DTYPES)))
    test: str | None = None
    scale: float | Literal["auto"] = attrs.field(default="auto", validator=validators.scale)
    test_fraction: float = attrs.field(default=0.2, validator=validators.fraction)
    stratified: bool = attrs.field(default=False, validator=instance_of(bool))
    split_seed: int = 0

    def __attrs_post_init__(self) -> None:
        validators.filling(self.missing, self.dtype)

    @classmethod
    def recognises(cls, path: Path, head: bytes) -> bool:
        """Say whether the content, or else the name, is a Parquet or an Arrow file's."""
        return format_of(path, head) == "parquet"

    def read(self, path: Path | None) -> Dataset:
        """Return the data set; a mistake in the file is found by row and column."""
        path = file_path(path, "parquet")
        train, facts = _convert(self, path)
        label = tuple(facts["label"]) if isinstance(facts["label"], list) else facts["label"]
        test = beside(path) if self.test is None else self.test
        pair, all_facts = None, [facts]
        if test:
            like = attrs.evolve(self, label=label, features=tuple(facts["features"]), leave_out=())
            pair, test_facts = _convert(like, path.parent / test)
            all_facts.append(test_facts)
        inferred = {"label": label, "test": test}
        data = data_set(
            path,
            train,
            pair,
            self.scale,
            self.test_fraction,
            self.split_seed,
            inferred,
            stratified=self.stratified,
            feature_names=tuple(facts["features"]),
        )
        if isinstance(label, tuple) and len(label) > 1:  # one-hot: the columns are the classes
            data = attrs.evolve(data, classes=tuple(label[i] for i in data.classes))
        return attrs.evolve(data, notes=notes(all_facts, self.missing))

    def read_rows(self, path: Path, features: int) -> tuple[Array, Array | None]:
        """Return rows to predict: without labels, or with the columns that have them. No row is left out."""
        missing = "refuse" if self.missing == "drop" else self.missing
        kinds = attrs.evolve(get_column_settings(self), missing=missing)

        def convert_file(put: Put) -> Facts:
            with open_table(path) as table:
                plan = rows_plan(table.columns, kinds, features)
                return {**convert(table, plan, put), "label": [table.names[i] for i in plan.labels]}

        arrays, facts = arrays_of(path, recipe("parquet", VERSION, self, "rows", features), convert_file)
        labels = arrays.get("t")
        if labels is not None and len(facts["label"]) > 1:
            labels = np.array(facts["label"])[labels]
        return flat_rows(path, arrays["x"], labels, features)

    def write(self, data: Dataset, path: Path) -> list[Path]:
        """Write a file for each part, all of them or none: Arrow if the name says so; the label is the last column."""
        not_compressed(path, "what is in it is; take the last suffix off")
        pa = pyarrow(path)
        names, label = column_names(data)
        labels, dtype = class_labels(data), table_dtype(data)
        fields = [*((name, pa.from_numpy_dtype(dtype)) for name in names), (label, _arrow_type(pa, labels))]
        schema = pa.schema(fields)
        paths = part_paths(path) if len(data.test) else (path,)
        with ExitStack() as stack:
            for part, target in zip(parts_of(data), paths, strict=True):
                new = str(stack.enter_context(replacing(target)))
                arrow = path.name.lower().endswith(ARROW_SUFFIXES)
                with pa.ipc.new_file(new, schema) if arrow else pa.parquet.ParquetWriter(new, schema) as file:
                    for batch in _batches(pa, schema, part, labels, dtype, target):
                        file.write_batch(batch)
        return list(paths)


def _convert(source: Parquet, path: Path) -> tuple[tuple[Array, Array], Facts]:
    """Return features and labels of a file, and what it is."""

    def convert_file(put: Put) -> Facts:
        with open_table(path) as table:
            plan = data_plan(table.columns, get_column_settings(source))
            if not source.features:
                _refuse_index(plan)
            labels = [table.names[i] for i in plan.labels]
            return {
                **convert(table, plan, put),
                "features": [table.names[i] for i in plan.features],
                "label": labels if isinstance(source.label, tuple) else labels[0],
            }

    arrays, facts = arrays_of(path, recipe("parquet", VERSION, source, "data"), convert_file)
    return (arrays["x"], arrays["t"]), facts


def _refuse_index(plan: Plan[Columns]) -> None:
    for i in plan.features:
        name = str(plan.table.name_of(i))
        if name.startswith(INDEX):
            what = f"column {i + 1} is the row index that pandas saves: leave_out = [{name!r}], or list the features"
            raise plan.table.error(what, column=i)


def _arrow_type(pa: Any, labels: Array) -> Any:
    return pa.string() if labels.dtype.kind == "U" else pa.from_numpy_dtype(labels.dtype)


def _batches(pa: Any, schema: Any, part: Samples, labels: Array, dtype: np.dtype[Any], target: Path) -> Iterator[Any]:
    """Yield record batches of many rows: each is a row group, and all its columns are described anew."""
    size = max(1, ROW_GROUP // (part.features * dtype.itemsize))
    for start in range(0, len(part), size):
        block = slice(start, min(start + size, len(part)))
        columns = np.ascontiguousarray(part.unscaled(block).T, dtype)
        t = labels[part.t[block]]
        label = pa.array(t.tolist() if t.dtype.kind == "U" else t, schema.types[-1])
        yield pa.record_batch([*map(pa.array, columns), label], schema=schema)
        tell_progress(target, block.stop, len(part))
