"""What the sources of tables share, CSV files and Parquet files: the same settings, columns and notes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import attrs

from modnet.cached import Facts
from modnet.files import part_paths
from modnet_data.csv_cells import shown
from modnet_data.csv_layout import Column
from modnet_data.csv_plan import Wanted

DTYPES = ("uint8", "float32", "float64")
AFTERWARDS = {"test", "scale", "test_fraction", "stratified", "split_seed"}
"""Settings that change nothing in what is kept of a file."""

MOST_COLUMNS = 6  # that a note names


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
        """What is to be done about missing values."""

    @property
    def dtype(self) -> str | None:
        """How features are kept."""


def wanted(source: Table) -> Wanted:
    """Return what a source's settings say of the columns."""
    label = source.label if source.label is None or isinstance(source.label, tuple) else (source.label,)
    return Wanted(label, source.features, source.leave_out, source.missing, source.dtype)


def recipe(kind: str, version: int, source: Table, *purpose: object) -> str:
    """Return all that what is made of a file depends on."""
    settings = attrs.asdict(source, filter=lambda field, _: field.name not in AFTERWARDS)
    return json.dumps([kind, version, purpose, settings])


def beside(path: Path) -> str:
    """Return the name of the file beside this one that has "test" in place of "train", or "" if there is none."""
    train, test = part_paths(path)
    return test.name if train == path and test.is_file() else ""


def notes(all_facts: Sequence[Facts], missing: float | str) -> tuple[str, ...]:
    """Say what became of missing values, and which columns lack how many.

    >>> notes([{"dropped": 3, "filled": 0, "lacking": {"age": 2, "fare": 1}}], "drop")
    ("3 rows with missing values left out; missing: 'age' 2, 'fare' 1",)
    """
    dropped, filled = (sum(facts[name] for facts in all_facts) for name in ("dropped", "filled"))
    lacking: dict[str, int] = {}
    for facts in all_facts:
        for column, count in facts["lacking"].items():
            lacking[column] = lacking.get(column, 0) + count
    where = f"; missing: {_most(lacking)}" if lacking else ""
    if dropped:
        return (f"{dropped:,} {'row' if dropped == 1 else 'rows'} with missing values left out{where}",)
    if filled:
        return (f"{filled:,} missing {'value' if filled == 1 else 'values'} filled in with {missing:g}{where}",)
    return ()


def _most(lacking: Mapping[str, int]) -> str:
    """Return the columns that lack most, and how many others there are."""
    most = sorted(lacking, key=lambda column: -lacking[column])
    told = ", ".join(f"{shown(column)} {lacking[column]:,}" for column in most[:MOST_COLUMNS])
    others = len(most) - MOST_COLUMNS
    return told + (f", and {others:,} other columns" if others > 1 else ", and another column") * (others > 0)
