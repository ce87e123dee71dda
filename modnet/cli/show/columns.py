"""Columns of a table: types, ranges, most frequent values; what becomes of each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

import attrs

from modnet.cli.show.terminal import Screen
from modnet.cli.show.values import format_number
from modnet.data.preparation import Preparation, PreparedColumn
from modnet.text import format_count, format_table, measure_width

Kind = Literal["numbers", "whole numbers", "yes/no", "text", "dates", "mixed", "nothing", "unreadable"]
CELLS = 2_000_000
"""Cells of a table that are read, of all columns together."""

MOST_COLUMNS = 40  # that are listed
FREQUENT = 3  # values that are named
FEW = 12  # different numbers, of which the frequent ones are more telling than the range
NAME = 24
LEAST = 12  # columns of the screen for the last cell of a row
YES_NO = [{"yes", "no"}, {"y", "n"}, {"true", "false"}, {"t", "f"}, {"0", "1"}]
DATE = re.compile(
    r"\d{4}([-/.])\d{1,2}\1\d{1,2}([T ]\d{1,2}:\d{2}.*)?|\d{1,2}([-/.])\d{1,2}\3(\d{4}|\d{2})([T ]\d{1,2}:\d{2}.*)?"
    r"|\d{1,2}[- ][A-Za-z]{3,9}[- ]\d{2,4}|[A-Za-z]{3,9} \d{1,2},? \d{4}|\d{1,2}:\d{2}(:\d{2})?",
    re.ASCII,
)


@attrs.frozen(kw_only=True)
class ColumnSummary:
    """A column of the first rows of a table."""

    key: str | int
    """The column as a setting gives it: its name, or its number from 0."""
    kind: Kind
    rows: int
    missing: int
    distinct: int
    minimum: float | None = None
    maximum: float | None = None
    frequent: tuple[tuple[Any, int], ...] = ()
    """The most frequent values with their counts."""
    type: str = ""
    """The type that the file has for it, where it is one that is not read."""
    is_counting: bool = False
    """True where each value is one more than that before: row numbers."""
    numbers: int = 0
    """The values that are numbers."""


def summarize_columns(columns: Sequence[tuple[str, str, Sequence[Any]]]) -> list[ColumnSummary]:
    """Return the summaries of columns: of each its name, its type where that cannot be read, and its cells.

    >>> [height, kind] = summarize_columns([("height", "", [1.5, 2.0, None]), ("kind", "", ["fir", "yew", "yew"])])
    >>> height.kind, height.missing, height.maximum, kind.kind, kind.frequent
    ('numbers', 1, 2.0, 'text', (('yew', 2), ('fir', 1)))
    """
    names = [name for name, _, _ in columns]
    return [
        _summarize(name if name and names.count(name) == 1 else i, type_, cells)
        for i, (name, type_, cells) in enumerate(columns)
    ]


def _summarize(key: str | int, type_: str, cells: Sequence[Any]) -> ColumnSummary:
    present = [cell for cell in cells if cell is not None and cell == cell]
    counts = Counter(present)
    numbers = [cell for cell in present if isinstance(cell, float)]
    return ColumnSummary(
        key=key,
        kind="unreadable" if type_ else _find_kind(present, counts),
        rows=len(cells),
        missing=len(cells) - len(present),
        distinct=len(counts),
        minimum=min(numbers, default=None),
        maximum=max(numbers, default=None),
        frequent=tuple(counts.most_common(FREQUENT)),
        type=type_,
        is_counting=len(numbers) == len(cells) > 2 and all(b == a + 1 for a, b in pairwise(numbers)),
        numbers=len(numbers),
    )


def _find_kind(present: Sequence[Any], counts: Counter[Any]) -> Kind:
    if not present:
        return "nothing"
    if any({str(_to_text(value)).lower() for value in counts} == words for words in YES_NO):
        return "yes/no"
    texts = [value for value in counts if isinstance(value, str)]
    if not texts:
        return "whole numbers" if all(float(value).is_integer() for value in counts) else "numbers"
    if len(texts) < len(counts):
        return "mixed"
    return "dates" if all(DATE.fullmatch(text.strip()) for text in texts) else "text"


def _to_text(value: Any) -> str:
    return format_number(value) if isinstance(value, float) else str(value)


def format_columns(columns: Sequence[ColumnSummary], screen: Screen) -> list[str]:
    """Return the lines of a table of columns, the first of many."""
    heads = ["column", "type", "missing", "values", "range, most frequent"]
    rows = [heads[:-1]]
    for column in columns[:MOST_COLUMNS]:
        missing = f"{column.missing:,}" if column.missing else "-"
        rows.append([screen.fit_name(column.key, NAME), column.type or column.kind, missing, f"{column.distinct:,}"])
    lines = format_table(rows, left=2)
    width = max(map(measure_width, lines))
    contents = [heads[-1], *(_describe_values(column, screen, screen.columns - width - 2) for column in columns)]
    lines = [
        f"{line}{' ' * (width - measure_width(line) + 2)}{content}".rstrip()
        for line, content in zip(lines, contents, strict=False)
    ]
    if more := len(columns) - MOST_COLUMNS:
        lines += [f"and {format_count(more, 'more column')}"] if more > 0 else []
    return lines


def _describe_values(column: ColumnSummary, screen: Screen, width: int) -> str:
    """Return the range of a column of many numbers, or the most frequent values, as far as there is room."""
    if column.kind in {"numbers", "whole numbers"} and column.distinct > FEW:
        return f"{format_number(column.minimum or 0.0)} to {format_number(column.maximum or 0.0)}"
    found = ""
    for value, count in column.frequent:
        more = f"{', ' if found else ''}{screen.fit_name(_to_text(value), NAME)} ({count:,})"
        if found and measure_width(found + more) > max(width, LEAST):
            break
        found += more
    return found


def format_preparation(preparation: Preparation, screen: Screen) -> list[str]:
    """Return the lines of a table of what becomes of each column, of the first of many."""
    rows = [["column", "becomes", "mean", "deviation", "missing"]]
    for place, column in enumerate(preparation.columns[:MOST_COLUMNS]):
        is_scaled = (column.mean, column.deviation) != (0, 1) and column.deviation > 0
        numbers = [format_number(each) if is_scaled else "-" for each in (column.mean, column.deviation)]
        fill = "-" if column.fill is None else column.fill
        missing = fill if isinstance(fill, str) else format_number(fill)
        name = screen.fit_name(column.name or str(place), NAME)
        rows.append([name, _describe_prepared(column), *numbers, screen.fit_name(missing, NAME)])
    more = len(preparation.columns) - MOST_COLUMNS
    lines = format_table(rows, left=2)
    return [*lines, f"and {format_count(more, 'more column')}"] if more > 0 else lines


def _describe_prepared(column: PreparedColumn) -> str:
    words = len(column.words or ())
    if column.encode == "one-hot":
        text = f"one-hot: {format_count(words, 'feature')}"
    elif column.deviation == 0:
        text = "0, as it is constant"
    else:
        places = f"places 0 to {words - 1}" if column.encode else ""
        is_scaled = (column.mean, column.deviation) != (0, 1)
        text = " ".join(filter(None, [places, "standardized" if is_scaled else "" if places else "as it is"]))
    return f"{text}, and an indicator" if column.indicator else text
