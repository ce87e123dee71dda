"""Which columns of a CSV file are features, and which are the label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import attrs
import numpy as np

from modnet import DataError
from modnet_data.csv_careful import Plan
from modnet_data.csv_cells import listed, shown
from modnet_data.csv_layout import Column, Layout
from modnet_data.csv_rows import counting_column


@attrs.frozen
class Wanted:
    """What the settings say of a file's columns."""

    label: tuple[Column, ...] | None
    """The label's column, or several that are one-hot; None where it is to be inferred."""
    features: tuple[Column, ...] | None
    leave_out: tuple[Column, ...]
    missing: float | Literal["refuse", "drop"]
    dtype: str | None

    def plan(self, layout: Layout, features: Sequence[int], labels: Sequence[int]) -> Plan:
        """Return the plan of some columns, once they are known to be all right together."""
        if both := sorted({*features} & {*labels}):
            raise DataError(f"{layout.path}: {layout.column(both[0])} cannot be a feature and the label")
        for columns in (features, labels):
            if twice := [i for i, count in Counter(columns).items() if count > 1]:
                raise DataError(f"{layout.path}: {layout.column(twice[0])} is asked for twice")
        if not features:
            hint = "; is the delimiter right?" if layout.columns == 1 else ""
            if hint and layout.names:
                hint += f" line {layout.header_line} is {shown(layout.names[0])}"
            counted = "1 column" if layout.columns == 1 else f"{layout.columns} columns"
            raise DataError(f"{layout.path}: {counted}, expected a label and one or more features{hint}")
        for i in features:
            if layout.names and not layout.names[i]:
                why = "a saved row index" if i < layout.columns - 1 else "a delimiter at the end of each line"
                what = f"has no name in the header ({why}?)"
                raise DataError(f"{layout.path}: column {i + 1} {what}; name it, or leave it out: leave_out = [{i}]")
        dtype = None if self.dtype is None else np.dtype(self.dtype)
        return Plan(layout, tuple(features), tuple(labels), self.missing, dtype)


def data_plan(layout: Layout, wanted: Wanted) -> Plan:
    """Return which columns of a file with features and labels are which."""
    features = None if wanted.features is None else [layout.index_of(column) for column in wanted.features]
    out = {layout.index_of(column) for column in wanted.leave_out}
    known = out.union(features or ())
    among = [i for i in range(layout.columns) if i not in known]
    if len(among) + len(features or ()) < 2:
        return wanted.plan(layout, (), ())
    labels = _inferred(layout, among) if wanted.label is None else [layout.index_of(i) for i in wanted.label]
    return wanted.plan(layout, [i for i in among if i not in labels] if features is None else features, labels)


def rows_plan(layout: Layout, wanted: Wanted, count: int) -> Plan:
    """Return which columns of a file with rows to predict are the `count` features, and which the label, if any is."""
    named = [i for column in wanted.features or () if (i := layout.find(column)) is not None]
    if wanted.features is not None and len(named) == len(wanted.features):
        return wanted.plan(layout, named, _known(layout, wanted, range(layout.columns)) or ())
    among = list(range(layout.columns))
    if layout.columns != count:
        out = {layout.find(column) for column in wanted.leave_out}
        among = [i for i in among if i not in out]
    labels: Sequence[int] = ()
    if len(among) > count:
        labels = _known(layout, wanted, among) or _inferred(layout, among)
    features = [i for i in among if i not in labels]
    if len(features) != count:
        with_label = count + max(1, len(wanted.label or ()))
        found = f"{layout.columns} columns, expected {count} (the features), or {with_label} with a label"
        raise DataError(f"{layout.path}: {found}")
    return wanted.plan(layout, features, labels)


def alike(layout: Layout, names: Sequence[str] | None, columns: int, words: Sequence[int]) -> Layout:
    """Return the layout of a test file, with text where the training file has `words`.

    Raises DataError where it is not laid out as the training file is.
    """
    if layout.columns != columns:
        raise DataError(f"{layout.path}: {layout.columns} columns, expected {columns} as in the training file")
    if names is not None and layout.names is not None and (*names,) != layout.names:
        i = next(i for i, (a, b) in enumerate(zip(layout.names, names, strict=True)) if a != b)
        found = f"column {i + 1} is {shown(layout.names[i])}, in the training file it is {shown(names[i])}"
        raise DataError(f"{layout.path}, line {layout.header_line}: {found}")
    return attrs.evolve(layout, text=frozenset(words))


def _known(layout: Layout, wanted: Wanted, among: Sequence[int]) -> list[int] | None:
    """Return the label's columns by the setting, if all are in the file."""
    found = [i for column in wanted.label or () if (i := layout.find(column)) in among and i is not None]
    return found if found and len(found) == len(wanted.label or ()) else None


def _inferred(layout: Layout, among: Sequence[int]) -> list[int]:
    index = layout.inferred_label(among)
    if index is not None:
        return [index]
    if layout.names:
        raise DataError(f"{layout.path}: which column is the label? say so: label = one of: {listed(layout.names)}")
    return [counting_column(layout, among)]
