"""Plan of a table with rows to predict: features by name, or by position."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from modnet import DataError
from modnet.files import quote
from modnet_data.cached import Facts
from modnet_data.table.columns import LABEL_NAMES, Column, Columns, list_names
from modnet_data.table.missing import MOST_COLUMNS
from modnet_data.table.plan import ColumnSettings, Plan, Table

DELIMITERS = ",;\t|"


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
        if names:
            return [f"columns are taken by position, as {list_names(names)}: the file has no header"]
        return ["columns are taken by position: the run keeps no feature names"] if there else []
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
        raise table.error(_describe_lacking(lacking, rest, names, table), advice=_advise_delimiter(table, names))
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


def _advise_delimiter(table: Columns, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the delimiter by which all features are in the one name that a header has."""
    whole = (table.names or ("",))[0]
    parts = {mark: {name.strip(' "') for name in whole.split(mark)} for mark in DELIMITERS}
    return [{"delimiter": mark} for mark in DELIMITERS if table.count == 1 and parts[mark].issuperset(names)]


def _plan_by_position(table: Table, wanted: ColumnSettings, count: int, names: Sequence[str]) -> Plan[Table]:
    if not names and wanted.features is not None and (plan := _plan_listed(table, wanted, count)):
        return plan
    # By its name, a column is known to be the label or left out; by its number, as many columns as in training tell.
    labels = _find_label(
        table, [column for column in wanted.label or () if _is_name(table, column)], range(table.count)
    )
    out = {*table.empty, *(table.find(column) for column in wanted.leave_out if _is_name(table, column))}
    among = [i for i in range(table.count) if i not in out and i not in labels]
    if len(among) != count:
        absent, left_out = () if labels else _places(table, wanted.label or ()), _places(table, wanted.leave_out)
        if reading := _read_places(table, among, count, absent, left_out):
            labels, among = labels or reading[0], reading[1]
    if len(among) != count and not labels:
        among = [i for i in among if i not in left_out] if len(among) != count + 1 else among
        labels = _infer_label(table, among, count)
        among = [i for i in among if i not in labels]
    if len(among) != count:
        raise table.error(_describe_count(table, count, wanted.label or (), names))
    return wanted.plan(table, among, labels)


def _plan_listed(table: Table, wanted: ColumnSettings, count: int) -> Plan[Table] | None:
    """Return the plan by the features that are listed, or None where the file lacks some of their places.

    Raises DataError where it has names, and lacks one that is listed.
    """
    for column in wanted.features or () if table.names else ():
        if isinstance(column, str):
            table.index_of(column)
    listed = [i for column in wanted.features or () if (i := table.find(column)) is not None]
    if len(listed) != len(wanted.features or ()):
        return None
    labels, places = _find_label(table, wanted.label or (), range(table.count)), _places(table, wanted.label or ())
    if places and not labels and table.count == count + len(places):
        ranks = sorted([*listed, *places])
        if (near := [ranks.index(i) for i in listed]) != listed:
            label = [ranks.index(i) for i in places]
            raise _question(table, [{"features": near, "label": _one_or_all(label)}, {"features": listed}])
    return wanted.plan(table, listed, labels)


def _read_places(
    table: Columns, among: Sequence[int], count: int, label: Sequence[int], left_out: Sequence[int]
) -> tuple[list[int], list[int]] | None:
    """Return the label and the features by places in the training file, of which this one may lack some.

    It has the label and what is left out, or only one of them; raises DataError where it could be either. None where
    it has neither number of columns.
    """
    if len(among) == count + len(label) + len(left_out):
        return list(label), [i for i in among if i not in {*label, *left_out}]
    labels, out = _shift(label, left_out), _shift(left_out, label)
    with_label, without = ([i for i in among if i not in places] for places in (labels, out))
    found = [reading for reading in ((labels, with_label), ([], without)) if len(reading[1]) == count]
    if len(found) > 1 and with_label != without:
        raise _question(table, [{"label": _one_or_all(labels)}, {"leave_out": out}])
    return found[-1] if found else None


def _question(table: Columns, advice: list[dict[str, Any]]) -> DataError:
    return table.error(f"{table.count} columns, fewer than in training: is the label one of them?", advice=advice)


def _one_or_all(places: Sequence[int]) -> int | list[int]:
    return places[0] if len(places) == 1 else list(places)


def _places(table: Columns, columns: Sequence[Column]) -> list[int]:
    """Return the places of columns in the training file, which this one need not have; none where one has a name."""
    found = [i if isinstance(i, int) and i >= 0 else table.find(i) for i in columns]
    return [i for i in found if i is not None] if None not in found else []


def _shift(places: Sequence[int], absent: Sequence[int]) -> list[int]:
    """Return places as they are once other columns are absent.

    >>> _shift([0, 4], [1])
    [0, 3]
    """
    return [place - sum(other < place for other in absent) for place in places]


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
