"""Plan of a table: its columns of features and of the label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Generic, Literal, TypeVar

import attrs
import numpy as np

from modnet_data.table.columns import Column, Columns
from modnet_data.table.label import LabelChoice

Table = TypeVar("Table", bound=Columns)


@attrs.frozen
class Plan(Generic[Table]):
    """The columns of a file that are read, and as what."""

    table: Table
    features: tuple[int, ...]
    labels: tuple[int, ...]
    """The label's column; several that are one-hot; or none."""
    missing: float | Literal["refuse", "drop"]
    dtype: np.dtype[Any] | None

    @property
    def words(self) -> bool:
        """True where labels are text."""
        return len(self.labels) == 1 and self.labels[0] in self.table.text


@attrs.frozen
class ColumnSettings:
    """A file's columns as the settings give them."""

    label: tuple[Column, ...] | None
    """The label's column, or several that are one-hot; None where it is to be inferred."""
    features: tuple[Column, ...] | None
    leave_out: tuple[Column, ...]
    missing: float | Literal["refuse", "drop"]
    dtype: str | None

    def plan(self, table: Table, features: Sequence[int], labels: Sequence[int]) -> Plan[Table]:
        """Return the plan of some columns; raises DataError where they do not go together."""
        if both := sorted({*features} & {*labels}):
            raise table.column_error(both[0], "cannot be a feature and the label")
        for columns in (features, labels):
            if twice := [i for i, count in Counter(columns).items() if count > 1]:
                raise table.column_error(twice[0], "is asked for twice")
        if not features:
            counted = f"{table.count} column{'s' * (table.count != 1)}"
            why = table.explain_single() if table.count == 1 else ""
            raise table.error(f"{counted}, expected a label and one or more features{why}")
        for i in features:
            if table.names and not table.names[i]:
                what = f"has no name{table.explain_unnamed(i)}; name it, or leave it out: leave_out = [{i}]"
                raise table.error(f"column {i + 1} {what}", column=i)
        dtype = None if self.dtype is None else np.dtype(self.dtype)
        return Plan(table, tuple(features), tuple(labels), self.missing, dtype)


def find_nothing(table: Columns, among: Sequence[int]) -> None:
    """Return None, as nothing but names and the first rows shows which column is the label."""


Infer = Callable[[Table, Sequence[int]], int | None]
"""Returns the label among some columns where their names do not show it, or None where nothing does."""


def data_plan(table: Table, wanted: ColumnSettings, infer: Infer[Table] = find_nothing) -> Plan[Table]:
    """Return the plan of a file with features and labels."""
    features = None if wanted.features is None else [table.index_of(column) for column in wanted.features]
    out = {table.index_of(column) for column in wanted.leave_out}
    known = out.union(features or ())
    among = [i for i in range(table.count) if i not in known]
    if len(among) + len(features or ()) < 2:
        return wanted.plan(table, (), ())
    labels = [table.index_of(i) for i in wanted.label or ()] or [_infer_label(table, wanted, among, infer)]
    if features is None:
        features = [i for i in among if i not in labels]
    return wanted.plan(table, features, labels)


def _infer_label(table: Table, wanted: ColumnSettings, among: Sequence[int], infer: Infer[Table]) -> int:
    """Return the label's column; raises DataError where it could be several, or none."""
    choice = LabelChoice(table, among, wanted.leave_out, listed=wanted.features is not None)
    index = None if table.find_labels(among) else infer(table, among)
    index = choice.infer() if index is None else index
    if index is None:
        raise choice.question()
    return index
