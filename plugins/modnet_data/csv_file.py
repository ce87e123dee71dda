"""CSV files: a row a sample, one column the label."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

import attrs
import numpy as np
from attrs.validators import instance_of, optional

from modnet import Array, DataError, Dataset, DataSource
from modnet_data import validators
from modnet_data.csv_layout import Layout, layout_of, listed, shown
from modnet_data.csv_rows import read_labelled, read_table, whole_labels
from modnet_data.formats import format_of
from modnet_data.rows import data_set, file_path, flat_rows


def _one_character(_: object, attribute: attrs.Attribute[Any], value: str | None) -> None:
    if value is not None and (len(value) != 1 or value in '"\r\n' or value.isalnum()):
        raise ValueError(f"'{attribute.name}' must be one character that is no letter, digit or quote: {value!r}")


@attrs.frozen
class Csv(DataSource):
    r"""Rows of numbers as text, with a label of text or whole numbers in one column; compressed files are unpacked.

    What is None is inferred where that is safe, and asked for where it is not: `delimiter` (a comma, semicolon or
    tab); `header` (whether the first line names the columns); `label`, a column's name or its number from 0 (the
    column named "label", "class", "species" or the like, or the only column of text; without a header the first
    or the last column, if just one of them counts classes from 0 or 1 without a gap).

    `test` is the file with the test part, relative to the folder of this one. None takes the file beside it that
    has "test" in its name in place of "train", if there is one; "" takes none. Without a test file a
    `test_fraction` of the rows, drawn by `split_seed`, is the test part.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "iris.csv"
    ...     _ = path.write_text("length,width,species\n5.1,3.5,setosa\n6.3,3.3,virginica\n")
    ...     data = Csv(test_fraction=0).read(path)
    >>> data.classes, data.settings["label"]
    (('setosa', 'virginica'), 'species')
    """

    label: str | int | None = None
    delimiter: str | None = attrs.field(default=None, validator=_one_character)
    header: bool | None = attrs.field(default=None, validator=optional(instance_of(bool)))
    test: str | None = None
    scale: float | Literal["auto"] = attrs.field(default="auto", validator=validators.scale)
    test_fraction: float = attrs.field(default=0.2, validator=validators.fraction)
    split_seed: int = 0

    @classmethod
    def recognises(cls, path: Path, head: bytes) -> bool:
        """Say whether the name is a CSV file's and the content is nothing else's."""
        return format_of(path, head) == "csv"

    def read(self, path: Path | None) -> Dataset:
        """Return the data set; a mistake in the file is found by line and column."""
        path = file_path(path, "csv")
        layout = layout_of(path, self.delimiter, self.header)
        x, labels, label = _read(path, layout, self.label)
        test = _sibling(path) if self.test is None else self.test
        return data_set(
            path,
            (x, labels),
            _read_test(path.parent / test, layout, label, labels) if test else None,
            self.scale,
            self.test_fraction,
            self.split_seed,
            {
                "label": layout.names[label]
                if layout.names and layout.names.count(layout.names[label]) == 1
                else label,
                "delimiter": layout.delimiter,
                "header": layout.names is not None,
                "test": test,
            },
        )

    def read_rows(self, path: Path, features: int) -> tuple[Array, Array | None]:
        """Return rows to predict: without labels, or with one column more, which has the labels.

        The header is inferred anew: rows to predict may lack what the training file has.
        """
        layout = layout_of(path, self.delimiter, None, otherwise=self.header)
        if layout.columns == features:
            return flat_rows(path, read_table(path, layout), None, features)
        if layout.columns != features + 1:
            raise DataError(
                f"{path}: {layout.columns} columns, expected {features} (the features), or {features + 1} with a label"
            )
        known = self.label is not None and layout.index_of(self.label) is not None
        x, labels, _ = _read(path, layout, self.label if known else None)
        return flat_rows(path, x, labels, features)


def _read(path: Path, layout: Layout, label: str | int | None) -> tuple[Array, Array, int]:
    """Return features, labels, and the index of the label's column."""
    if layout.columns < 2:
        raise DataError(f"{path}: 1 column, expected a label and one or more features; is the delimiter right?")
    index = layout.inferred_label() if label is None else layout.index_of(label)
    if label is not None and index is None:
        raise DataError(f"{path}: {_no_such_column(layout, label)}")
    if index is not None and index in layout.text:
        return (*read_labelled(path, layout, index), index)
    if index is None and layout.names:
        raise DataError(f"{path}: which column is the label? say so: label = one of: {listed(layout.names)}")
    table = read_table(path, layout)
    if index is None:
        index = _counting_column(path, table)
    features = table[:, 1:] if index == 0 else np.delete(table, index, axis=1)
    return features, whole_labels(path, layout, table, index), index


def _read_test(path: Path, layout: Layout, label: int, train_labels: Array) -> tuple[Array, Array]:
    """Return features and labels of the test file, which must be laid out as the training file is."""
    test = layout_of(path, layout.delimiter, layout.names is not None)
    if test.columns != layout.columns:
        raise DataError(f"{path}: {test.columns} columns, expected {layout.columns} as in the training file")
    if test.names is not None and test.names != layout.names:
        i = next(i for i, (a, b) in enumerate(zip(test.names, layout.names or (), strict=True)) if a != b)
        expected = (layout.names or ())[i]
        raise DataError(
            f"{path}, line {test.skip}: column {i + 1} is {shown(test.names[i])}, "
            f"in the training file it is {shown(expected)}"
        )
    if train_labels.dtype.kind == "U":
        return read_labelled(path, test, label)
    table = read_table(path, test)
    return np.delete(table, label, axis=1), whole_labels(path, test, table, label)


def _no_such_column(layout: Layout, label: str | int) -> str:
    if layout.names is None:
        return f"no column {label!r}: without a header, columns are numbered from 0 to {layout.columns - 1}"
    if isinstance(label, str) and layout.names.count(label) > 1:
        return f"{layout.names.count(label)} columns are named {label!r}; give the number of one, from 0"
    near = get_close_matches(str(label), layout.names, n=1)
    hint = f", did you mean {near[0]!r}?" if near else ""
    return f"no column {label!r}{hint}; there is: {listed(layout.names)}"


def _counting_column(path: Path, table: Array) -> int:
    """Return the first or the last column, whichever alone counts classes from 0 or 1 without a gap."""
    last = table.shape[1] - 1
    found = [i for i in (0, last) if _counts(np.unique(table[:, i]))]
    if len(found) != 1:
        which = "both the first and the last could be" if found else "neither the first nor the last seems to be"
        raise DataError(f"{path}: which column is the label? {which}; say so: label = a number from 0 to {last}")
    return found[0]


def _counts(values: Array) -> bool:
    start = values[0]
    return len(values) > 1 and start in {0, 1} and np.array_equal(values, np.arange(start, start + len(values)))


def _sibling(path: Path) -> str:
    """Return the name of the file beside this one that has "test" in place of "train", or "" if there is none."""
    for train, test in (("train", "test"), ("Train", "Test"), ("TRAIN", "TEST")):
        if train in path.name and (path.parent / path.name.replace(train, test)).is_file():
            return path.name.replace(train, test)
    return ""
