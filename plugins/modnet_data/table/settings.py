"""Settings that sources of tables share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Protocol

import attrs

from modnet.files import part_paths
from modnet_data.table.columns import Column
from modnet_data.table.plan import ColumnSettings

DTYPES = ("uint8", "float32", "float64")
AFTERWARDS = {"test", "scale", "test_fraction", "stratified", "split_seed"}
"""Settings that the converted arrays do not depend on."""


class Table(attrs.AttrsInstance, Protocol):
    """A source with the settings of a table's columns."""

    @property
    def label(self) -> Column | tuple[Column, ...] | None:
        """The label's column, or several that are one-hot; None where it is to be inferred."""

    @property
    def features(self) -> tuple[Column, ...] | None:
        """The columns that are features; None takes all others."""

    @property
    def leave_out(self) -> tuple[Column, ...]:
        """The columns that are neither."""

    @property
    def missing(self) -> Any:
        """The treatment of missing values."""

    @property
    def dtype(self) -> str | None:
        """The type of the features."""


def get_column_settings(source: Table) -> ColumnSettings:
    """Return the settings of the columns."""
    label = source.label if source.label is None or isinstance(source.label, tuple) else (source.label,)
    return ColumnSettings(label, source.features, source.leave_out, source.missing, source.dtype)


def recipe(kind: str, version: int, source: Table, *purpose: object) -> str:
    """Return the settings and the version that the converted arrays depend on."""
    settings = attrs.asdict(source, filter=lambda field, _: field.name not in AFTERWARDS)
    return json.dumps([kind, version, purpose, settings])


def beside(path: Path) -> str:
    """Return the name of the file beside this one that has "test" in place of "train", or "" if there is none."""
    train, test = part_paths(path)
    return test.name if train == path and test.is_file() else ""
