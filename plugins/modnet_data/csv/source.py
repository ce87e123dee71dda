"""CSV files: a row a sample, a column the label."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import attrs
import numpy as np
from attrs.validators import in_, instance_of, optional

from modnet import Array, Dataset, DataSource
from modnet.cached import Facts, Put, arrays_of
from modnet_data import validators
from modnet_data.csv.label import LabelGuess, WrongGuessError, counting_column
from modnet_data.csv.layout import LayoutSettings, layout_of
from modnet_data.csv.rows import convert
from modnet_data.csv.write import write_csv
from modnet_data.formats import TEXT_SUFFIXES, format_of
from modnet_data.rows import data_set, file_path, flat_rows
from modnet_data.table.columns import Column
from modnet_data.table.missing import notes
from modnet_data.table.plan import data_plan, rows_plan
from modnet_data.table.settings import DTYPES, beside, get_column_settings, recipe

VERSION = 3
"""Of the conversion to arrays: another one makes all files be converted anew."""


def _one_character(_: object, attribute: attrs.Attribute[Any], value: str | None) -> None:
    if value is not None and (len(value) != 1 or value in '"\r\n' or value.isalnum()):
        raise ValueError(f"'{attribute.name}' must be one character that is no letter, digit or quote: {value!r}")


def _encoding(_: object, attribute: attrs.Attribute[Any], value: str) -> None:
    try:
        "".encode(value)
    except LookupError:
        known = "such as 'utf-8', 'latin-1', 'utf-16'"
        raise ValueError(f"'{attribute.name}' must be a text encoding {known}: {value!r}") from None


@attrs.frozen
class Csv(DataSource):
    r"""Rows of numbers as text, with a label of text or whole numbers in one column; compressed files are unpacked.

    What is None is inferred where that is safe, and asked for where it is not: `delimiter` (a comma, semicolon or
    tab); `decimal`, the mark before decimals (a point or a comma); `header` (whether the first line names the
    columns); `label` (the column named "label", "class", "species" or the like, or the only column of text, if
    that repeats; without a header the first or the last column, if just one of them counts classes from 0 or 1 without
    a gap). A first line such as `sep=;`, by which Excel tells the delimiter, is understood.

    A column is given by its name, its number from 0, "first" or "last". `label` is one, or a list of columns that
    are one-hot. The others are `features`, unless these are listed, or some columns are listed in `leave_out`.
    Lines that begin with `comment` are skipped. `missing` values (empty cells, NA, NaN, ?, null and the like) are
    refused; "drop" leaves their rows out, a number is filled in for them in features; a label may not be missing, nor
    a number where the others are text. Features are kept as `dtype`:
    None takes uint8 where all are whole numbers from 0 to 255, float64 otherwise.

    `test` is the file with the test part, relative to the folder of this one. None takes the file beside it that
    has "test" in its name in place of "train", if there is one; "" takes none. Without a test file a
    `test_fraction` of the rows, drawn by `split_seed`, is the test part; `stratified`, of each class alike.

    A file of 4 MiB or more is converted once and then mapped into memory, so it need not fit.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "iris.csv"
    ...     _ = path.write_text("length,width,species\n5.1,3.5,setosa\n6.3,3.3,virginica\n")
    ...     data = Csv(test_fraction=0).read(path)
    >>> data.classes, data.settings["label"]
    (('setosa', 'virginica'), 'species')
    """

    suffixes = TEXT_SUFFIXES

    label: Column | tuple[Column, ...] | None = None
    features: tuple[Column, ...] | None = None
    leave_out: tuple[Column, ...] = ()
    delimiter: str | None = attrs.field(default=None, validator=_one_character)
    decimal: Literal[".", ","] | None = attrs.field(default=None, validator=optional(in_([".", ","])))
    comment: str | None = attrs.field(default=None, validator=_one_character)
    encoding: str = attrs.field(default="utf-8", validator=_encoding)
    header: bool | None = attrs.field(default=None, validator=optional(instance_of(bool)))
    missing: float | Literal["refuse", "drop"] = attrs.field(default="refuse", validator=validators.missing)
    dtype: Literal["uint8", "float32", "float64"] | None = attrs.field(default=None, validator=optional(in_(DTYPES)))
    test: str | None = None
    scale: float | Literal["auto"] = attrs.field(default="auto", validator=validators.scale)
    test_fraction: float = attrs.field(default=0.2, validator=validators.fraction)
    stratified: bool = attrs.field(default=False, validator=instance_of(bool))
    split_seed: int = 0

    def __attrs_post_init__(self) -> None:
        if "," == self.decimal == self.delimiter:
            raise ValueError("'delimiter' and 'decimal' cannot both be a comma")
        validators.filling(self.missing, self.dtype)

    @classmethod
    def recognises(cls, path: Path, head: bytes) -> bool:
        """Say whether the name is a CSV file's and the content is nothing else's."""
        return format_of(path, head) == "csv"

    def read(self, path: Path | None) -> Dataset:
        """Return the data set; a mistake in the file is found by line and column."""
        path = file_path(path, "csv")
        (x, t), facts = self._data(path)
        test = beside(path) if self.test is None else self.test
        parts, all_facts = [(x, t)], [facts]
        if test:
            pair, test_facts = self._data(path.parent / test, facts)
            parts.append(pair)
            all_facts.append(test_facts)
        classes = facts["classes"]
        if facts["words"]:
            classes = sorted({name for some in all_facts for name in some["classes"]})
            parts = [(x, _recode(t, some["classes"], classes)) for (x, t), some in zip(parts, all_facts, strict=True)]
        data = data_set(
            path,
            parts[0],
            parts[1] if test else None,
            self.scale,
            self.test_fraction,
            self.split_seed,
            {**_get_inferred(facts), "test": test},
            stratified=self.stratified,
            feature_names=tuple(facts["features"]),
        )
        if classes:
            data = attrs.evolve(data, classes=tuple(classes[i] for i in data.classes))
        return attrs.evolve(data, notes=notes(all_facts, self.missing))

    def read_rows(self, path: Path, features: int) -> tuple[Array, Array | None]:
        """Return rows to predict: without labels, or with the columns that have them.

        The header is inferred anew: rows to predict may lack what the training file has. No row is left out.
        """
        missing = "refuse" if self.missing == "drop" else self.missing
        columns = attrs.evolve(get_column_settings(self), missing=missing)

        def convert_file(put: Put) -> Facts:
            layout = layout_of(path, attrs.evolve(_get_layout_settings(self), header=None, otherwise=self.header))
            return convert(rows_plan(layout, columns, features, counting_column), put)

        arrays, facts = arrays_of(path, recipe("csv", VERSION, self, "rows", features), convert_file)
        labels = arrays.get("t")
        if labels is not None and facts["classes"]:
            labels = np.array(facts["classes"])[labels]
        return flat_rows(path, arrays["x"], labels, features)

    def write(self, data: Dataset, path: Path) -> list[Path]:
        """Write a file with a header for each part; the label is the last column."""
        return write_csv(data, path, self.delimiter, self.decimal, self.encoding)

    def _data(self, path: Path, like: Facts | None = None) -> tuple[tuple[Array, Array], Facts]:
        """Return features and labels of a file, which is to be laid out `like` the training file, and the facts."""
        source = self if like is None else attrs.evolve(self, **_get_inferred(like))
        alike = like and [like["names"], like["columns"], like["words"]]
        key = recipe("csv", VERSION, source, "data", alike)
        guess = LabelGuess()
        try:
            arrays, facts = arrays_of(path, key, lambda put: _convert(source, path, put, like, guess))
        except WrongGuessError:
            arrays, facts = arrays_of(path, key, lambda put: _convert(source, path, put, like, None))
        return (arrays["x"], arrays["t"]), facts


def _convert(source: Csv, path: Path, put: Put, like: Facts | None, guess: LabelGuess | None) -> Facts:
    """Convert a file; raises WrongGuessError where the `guess` of its label's column does not hold."""
    layout = layout_of(path, _get_layout_settings(source))
    if like is not None:
        layout.check_alike(like["names"], like["columns"])
        layout = attrs.evolve(layout, text=frozenset(like["words"]))
    if source.features is not None:
        guess = None  # the ends of a row are not among the features
    plan = data_plan(layout, get_column_settings(source), guess.infer if guess else counting_column)
    labels = [layout.name_of(i) for i in plan.labels]
    facts = convert(plan, put, guess.watch if guess else None)
    if guess:
        guess.check()
    if layout.names and len(labels) > 1:
        facts["classes"] = labels
    return {
        **facts,
        "names": layout.names,
        "columns": layout.count,
        "features": [layout.names[i] for i in plan.features] if layout.names else [],
        "label": labels if isinstance(source.label, tuple) else labels[0],
        "words": plan.labels if plan.words else [],
        "delimiter": layout.dialect.delimiter,
        "decimal": layout.dialect.decimal,
        "header": layout.names is not None,
    }


def _get_layout_settings(source: Csv) -> LayoutSettings:
    return LayoutSettings(source.delimiter, source.decimal, source.comment, source.encoding, source.header)


def _get_inferred(facts: Facts) -> dict[str, Any]:
    """Return the settings that were inferred, so that nothing is inferred twice."""
    label = facts["label"]
    found = {name: facts[name] for name in ("delimiter", "decimal", "header")}
    return {"label": tuple(label) if isinstance(label, list) else label, **found}


def _recode(t: Array, names: Sequence[str], classes: Sequence[str]) -> Array:
    """Return indices of `names` as indices of `classes`."""
    place = {name: i for i, name in enumerate(classes)}
    return np.array([place[name] for name in names], np.int64)[t]
