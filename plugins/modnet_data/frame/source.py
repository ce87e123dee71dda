"""Data frames, and scikit-learn's bunches: a row a sample, a column the label."""

from __future__ import annotations

from pathlib import Path
from typing import Any, final

import attrs

from modnet import Array, DataError, Dataset
from modnet_data.frame.given import is_bunch, is_frame, is_pair, take_apart
from modnet_data.table.plan import data_plan
from modnet_data.table.source import Converted, TableSource
from modnet_data.table.typed import TypedTable
from modnet_data.table.typed_rows import convert

NAME = Path("data frame")
"""The name in messages, in place of a file."""


@attrs.frozen
class Frame(TableSource):
    """A data frame of pandas, polars, pyarrow or another library that narwhals knows; or scikit-learn's Bunch.

    `modnet.load(frame, label="species")` takes the label from a column, `modnet.load((x, y))` from a series or an array
    beside the frame. Columns are numbers, truth values, or text (categories among it). Settings are those of a CSV
    file; the index is ignored, the columns' names are kept, and the frame stays as it is.

    It takes the extra `frames`.
    """

    format = "frame"
    version = 1

    test: str | None = attrs.field(init=False, default="")
    validation: str | None = attrs.field(init=False, default="")

    @classmethod
    def recognises(cls, path: Path, head: bytes) -> bool:  # noqa: ARG003 - it reads no files
        """Say that no file is a data frame."""
        return False

    @classmethod
    def accepts(cls, given: object) -> bool:
        """Say whether an object is a data frame, one with its labels, or a Bunch."""
        return is_frame(given) or is_pair(given) or is_bunch(given)

    def read(self, path: Path | None) -> Dataset:
        """Raise DataError: files have sources of their own."""
        what = "reads data frames in Python, no files: modnet.load(frame, label=...)"
        raise DataError(f"{path or 'frame'}: the source 'frame' {what}", path=path)

    def read_object(self, given: object) -> Dataset:
        """Return the data set of a frame, of rows and their labels, or of a Bunch."""
        found = take_apart(given, NAME)
        settings = {field.name: getattr(self, field.name) for field in attrs.fields(Frame) if field.init}
        if found.label and self.label is None:
            settings["label"] = found.label[0] if len(found.label) == 1 else found.label
        if found.is_regression and self.task is None:
            settings["task"] = "regression"
        if found.numbered:
            settings |= {key: _to_names(settings[key]) for key in ("label", "features", "leave_out")}
        data = TableSource.read(_Opened(**settings, table=found.table), NAME)
        inferred = {key: value for key, value in data.settings.items() if key != "test"}
        if found.is_regression and self.task is None:
            notes = (*data.notes, "targets are floats, which scikit-learn has for a regression")
            return attrs.evolve(data, settings={**inferred, "task": "regression"}, notes=notes)
        return attrs.evolve(data, settings=inferred)

    def convert(self, path: Path, *_: object) -> Converted:
        """Raise DataError: there is no file to convert."""
        raise DataError(f"{path}: no data frame")

    def convert_rows(self, path: Path, *_: object) -> Converted:
        """Raise DataError: there is no file to convert."""
        raise DataError(f"{path}: no data frame")


@final
@attrs.frozen
class _Opened(Frame):
    """A frame with the settings to read it."""

    table: TypedTable = attrs.field(kw_only=True)

    def convert(self, *_: object) -> Converted:
        """Return features, labels and facts of the frame."""
        blocks: dict[str, Array] = {}
        plan = data_plan(self.table.columns, self.column_settings)
        facts = self.describe(plan, convert(self.table, plan, blocks.__setitem__))
        return blocks, facts

    def recipe(self, *_: object) -> str:
        """Return nothing: what is converted is kept nowhere."""
        return ""


def _to_names(columns: Any) -> Any:
    """Return columns of a setting by name, where columns are called by numbers."""
    return tuple(map(_to_names, columns)) if isinstance(columns, tuple) else None if columns is None else str(columns)
