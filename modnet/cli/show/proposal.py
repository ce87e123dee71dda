"""Settings that make a table trainable, found by obeying errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from modnet.cli.options.language import format_assignment
from modnet.cli.show.columns import ColumnSummary
from modnet.data.dataset import Dataset
from modnet.errors import DataError
from modnet.text import format_text, quote, quote_argument

STEPS = 12  # errors on the way to a data set, at most
MANY = 20  # numbers are no classes
MOST_WORDS = 50  # of a column that is one-hot
ROWS_A_WORD = 2
MOSTLY = 0.9  # of a column are numbers: the others may stand for missing values
USUAL = {
    *("survived", "income", "quality", "outcome", "diagnosis", "result", "status", "response", "default", "churn"),
    *("approved", "grade", "kind", "type", "group", "rating", "exited", "attrition", "deposit", "disease"),
}
"""Names that a label often has: where one is a choice, it comes first."""

Read = Callable[[Mapping[str, Any]], Dataset]


@attrs.frozen(kw_only=True)
class Proposal:
    """Settings of a source that read a table, and what was chosen by them."""

    settings: dict[str, Any]
    data: Dataset
    labels: tuple[Any, ...] = ()
    """The columns, the likeliest first, of which only the user knows which one is the label."""
    target: str | int | None = None
    """The column that a regression would predict, where there is one beside the labels."""
    reasons: dict[str, tuple[str | int, ...]] = attrs.field(factory=dict)
    """The columns that are left out, by the reason."""


def propose(read: Read, given: Mapping[str, Any], known: Collection[str], columns: Sequence[ColumnSummary]) -> Proposal:
    """Return settings that read a table, those that are given among them; raises DataError where none are found."""
    reasons = {} if given.get("features") else _choose_left_out(columns, given.get("label"))
    more = {key for keys in reasons.values() for key in keys}
    left_out = [*given.get("leave_out", ())]
    left_out += [column.key for column in columns if column.key in more and column.key not in left_out]
    suggested = {"leave_out": left_out} if left_out else {}
    lacking = [column for column in columns if column.missing and column.key not in left_out]
    imputed = {"impute": "median"} if lacking and "impute" in known and not {"impute", "missing"} & given.keys() else {}
    problem = DataError()
    ways: list[tuple[dict[str, Any], dict[str, tuple[str | int, ...]]]]
    ways = [({**suggested, **imputed}, reasons), (imputed, {}), (suggested, reasons), ({}, {})]
    target = find_target(columns, left_out) if "task" in known and not given.get("label") else None
    if target is not None:
        regression = {**imputed, "task": "regression", "label": target}
        ways += [({**suggested, **regression}, reasons), (regression, {})]
    for first, why in ways:
        try:
            settings, data, labels = _obey(read, {**given, **first})
        except DataError as error:
            problem = error
            continue
        numbers = target if labels and "task" not in settings else None
        return Proposal(settings=settings, data=data, labels=tuple(labels), reasons=why, target=numbers)
    raise problem


def find_target(columns: Sequence[ColumnSummary], left_out: Sequence[str | int]) -> str | int | None:
    """Return the last column of many different numbers, which a regression may predict."""
    able = [each for each in columns if each.distinct > {"numbers": 2, "whole numbers": MANY}.get(each.kind, math.inf)]
    return next((column.key for column in reversed(able) if column.key not in left_out), None)


def _obey(read: Read, settings: Mapping[str, Any]) -> tuple[dict[str, Any], Dataset, list[Any]]:
    """Return the settings that the advice of errors leads to, the data, and the columns that could be the label."""
    labels = list[Any]()
    for _ in range(STEPS):
        try:
            return dict(settings), read(settings), labels
        except DataError as error:
            if not error.advice:
                raise
            ways = sorted(error.advice, key=lambda way: not _is_usual(way.get("label")))
            labels = [way["label"] for way in ways if "label" in way] or labels
            settings = {**settings, **ways[0]}
    return dict(settings), read(settings), labels


def _is_usual(label: Any) -> bool:
    """Return whether a column has a name that a label has in many tables."""
    return isinstance(label, str) and label.lower() in USUAL


def _choose_left_out(columns: Sequence[ColumnSummary], label: Any) -> dict[str, tuple[str | int, ...]]:
    """Return the columns that no network learns from as they stand, by the reason in words."""
    found: dict[str, list[str | int]] = {}
    labels = label if isinstance(label, (list, tuple)) else [label]
    for column in columns:
        if column.key not in labels and (reason := _find_reason(column)):
            found.setdefault(reason, []).append(column.key)
    return {reason: tuple(keys) for reason, keys in found.items()}


def _find_reason(column: ColumnSummary) -> str:
    present = column.rows - column.missing
    if column.kind in {"dates", "nothing", "unreadable"}:
        return {"dates": "dates", "nothing": "empty", "unreadable": f"of type {column.type}"}[column.kind]
    if column.is_counting:
        return "row numbers"
    has_words = column.kind == "text" or (column.kind == "mixed" and column.numbers < MOSTLY * present)
    many = column.distinct > MOST_WORDS or ROWS_A_WORD * column.distinct > present
    return "text of many different words" if has_words and many else ""


def format_block(what: str, settings: Mapping[str, Any], labels: Sequence[Any] = ()) -> list[str]:
    """Return the lines of the table [data] of an experiment file; `labels` are choices for the label.

    >>> format_block("iris.csv", {"label": "kind", "header": True})
    ['[data]', 'path = "iris.csv"', 'label = "kind"', 'header = true']
    """
    lines = ["[data]", f"path = {_to_toml(what)}", *(f"{_to_key(k)} = {_to_toml(v)}" for k, v in settings.items())]
    if len(labels) > 1:
        place = next(i for i, line in enumerate(lines) if line.startswith("label = "))
        others = ", ".join(_to_toml(label) for label in labels if label != settings["label"])
        lines[place] += f"  # the likeliest: confirm it, or choose {others}"
    return lines


def format_command(what: str, settings: Mapping[str, Any]) -> str:
    """Return the command that trains with these settings.

    >>> format_command("iris.csv", {"label": "kind"})
    'modnet train --data iris.csv --set data.label=kind'
    """
    words = ["modnet", "train", "--data", what]
    for key, value in settings.items():
        words += ["--set", f"data.{format_assignment(key, value)}"]
    return " ".join(map(quote_argument, words))


def _to_key(key: str) -> str:
    return key if key.isascii() and key.replace("_", "").replace("-", "").isalnum() else format_text(key)


def _to_toml(value: Any) -> str:
    if isinstance(value, str):
        return format_text(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_to_key(str(key))} = {_to_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_to_toml, value))}]"
    return str(value).lower() if isinstance(value, bool) else repr(value)


def format_reasons(reasons: Mapping[str, Sequence[str | int]]) -> str:
    """Return why columns are left out, in words.

    >>> format_reasons({"dates": ("day", 3)})
    "'day', column 3 (dates)"
    """
    groups = []
    for reason, keys in reasons.items():
        names = [quote(key) if isinstance(key, str) else f"column {key}" for key in keys[:6]]
        groups.append(f"{', '.join(names)}{' and others' * (len(keys) > 6)} ({reason})")
    return "; ".join(groups)


def choose_file_name(what: str) -> str:
    """Return the name of an experiment file for a file of data.

    >>> choose_file_name("data/titanic.csv.gz")
    'titanic.toml'
    """
    return f"{Path(what).name.split('.')[0] or 'table'}.toml"
