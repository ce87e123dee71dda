"""Plan of a table with rows to predict: features by name, or by position."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from modnet.cached import Facts
from modnet.files import quote
from modnet_data.table.columns import LABEL_NAMES, Column, Columns, list_names
from modnet_data.table.plan import ColumnSettings, Plan, Table

MOST_COLUMNS = 6
"""Columns that a note names."""


def rows_plan(table: Table, wanted: ColumnSettings, count: int, names: Sequence[str]) -> Plan[Table]:
    """Return the plan of a file with rows to predict, of `count` features, with or without a label.

    Where the training file and this one have names, columns are found by them, in whatever order and beside others;
    elsewhere they go by position, and have to be as many.
    """
    if names and table.names:
        return _plan_by_name(table, wanted, names)
    return _plan_by_position(table, wanted, count, names)


def describe_rows(facts: Facts, wanted: ColumnSettings, names: Sequence[str]) -> list[str]:
    """Return notes on how the columns of rows to predict were found, and which were ignored."""
    there, label = facts["names"], facts["label"]
    if not (names and there):
        known = "the file has no header" if names else "the run keeps no feature names"
        return [f"columns are taken by position: {known}"] if names or there else []
    used = {*facts["features"], *wanted.leave_out, *(label if isinstance(label, list) else [label])}
    ignored = [f"{quote(name)}" if name else f"column {i + 1}" for i, name in enumerate(there) if name not in used]
    if not ignored:
        return []
    most = ", ".join(ignored[:MOST_COLUMNS])
    others = f" and {len(ignored) - MOST_COLUMNS:,} more" if len(ignored) > MOST_COLUMNS else ""
    return [f"columns ignored that the run was not trained on: {most}{others}"]


def _plan_by_name(table: Table, wanted: ColumnSettings, names: Sequence[str]) -> Plan[Table]:
    place = {name: i for i, name in enumerate(table.names or ())}
    known = {*names}
    if lacking := [name for name in names if name not in place]:
        rest = [name for name in place if name and name not in known]
        raise table.error(_describe_lacking(lacking, rest, names, table))
    features = [place[name] for name in names]
    out = {*features, *(table.find(column) for column in wanted.leave_out)}
    others = [i for i in range(table.count) if i not in out]
    labels = _find_label(table, wanted.label or (), others)
    if wanted.label is None:
        named = [i for i in others if table.names and table.names[i].lower() in LABEL_NAMES]
        labels = named if len(named) == 1 else []
    return wanted.plan(table, features, labels)


def _describe_lacking(lacking: Sequence[str], rest: Sequence[str], names: Sequence[str], table: Columns) -> str:
    """Return what is wrong with a file that lacks features: their names, and those that may be meant."""
    near = [match[0] for name in lacking[:MOST_COLUMNS] if (match := get_close_matches(name, rest, n=1))]
    hint = f" (did you mean {' and '.join(map(quote, near))}?)" if near else ""
    what = f"the column {quote(lacking[0])} is" if len(lacking) == 1 else f"{len(lacking)} columns are"
    listed = "" if len(lacking) == 1 else f" ({list_names(lacking)})"
    trained = f"the run was trained on {list_names(names)}"
    return f"{what} missing{listed}{hint}: {trained}; the file has {list_names(table.names or ())}"


def _plan_by_position(table: Table, wanted: ColumnSettings, count: int, names: Sequence[str]) -> Plan[Table]:
    listed = [i for column in wanted.features or () if (i := table.find(column)) is not None]
    if not names and wanted.features is not None and len(listed) == len(wanted.features):
        return wanted.plan(table, listed, _find_label(table, wanted.label or (), range(table.count)))
    among = [i for i in range(table.count) if i not in table.empty]
    # By its name, the label is known to be one; by its number it is, where there are more columns than features.
    labels = _find_label(table, [column for column in wanted.label or () if _is_name(table, column)], among)
    if len(among) - len(labels) != count:
        out = {table.find(column) for column in wanted.leave_out}
        among = [i for i in among if i not in out]
        if len(among) > count:
            labels = _find_label(table, wanted.label or (), among) or _infer_label(table, among, count)
    features = [i for i in among if i not in labels]
    if len(features) != count:
        raise table.error(_describe_count(table, count, wanted.label or (), names))
    return wanted.plan(table, features, labels)


def _describe_count(table: Columns, count: int, label: Sequence[Column], names: Sequence[str]) -> str:
    """Return what is wrong with a file that has another number of columns than features."""
    expected = f"expected {count} (the features), or {count + max(1, len(label))} with a label"
    trained = f"; the run was trained on {list_names(names)}: a header finds them in any order" if names else ""
    return f"{table.count} column{'s' * (table.count != 1)}, {expected}{trained}"


def _is_name(table: Columns, column: Column) -> bool:
    return isinstance(column, str) and column.strip() in (table.names or ())


def _find_label(table: Columns, label: Sequence[Any], among: Sequence[int]) -> list[int]:
    """Return the label's columns by the setting, if all are in the file, or else none."""
    found = [i for column in label if (i := table.find(column)) in among and i is not None]
    return found if len(found) == len(label) else []


def _infer_label(table: Columns, among: Sequence[int], count: int) -> list[int]:
    """Return the one column beside so many features that is named as a label is, or the one of text; or else ask."""
    if len(among) != count + 1:
        return []
    named = [i for i in among if table.names and table.names[i].lower() in LABEL_NAMES]
    found = named or [i for i in among if i in table.text]
    if len(found) == 1:
        return found
    problem = f"{len(among)} columns, of which {count} are features: which one is the label, or to be left out?"
    likely = [table.name_of(i) for i in (found or [among[0], among[-1]])[: MOST_COLUMNS // 2]]
    advice: list[dict[str, Any]] = [{"label": column} for column in likely]
    raise table.error(problem, advice=[*advice, *({"leave_out": [column]} for column in likely)])
