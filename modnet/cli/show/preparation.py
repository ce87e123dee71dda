"""The preparation of columns as a table."""

from __future__ import annotations

from modnet.cli.show.columns import MOST_COLUMNS, NAME
from modnet.cli.show.terminal import Screen
from modnet.cli.show.values import format_number
from modnet.data.preparation import Preparation, PreparedColumn
from modnet.text import format_count, format_table


def format_preparation(preparation: Preparation, screen: Screen) -> list[str]:
    """Return the lines of a table of what becomes of each column, of the first of many."""
    rows = [["column", "becomes", "mean", "deviation", "missing"]]
    for place, column in enumerate(preparation.columns[:MOST_COLUMNS]):
        is_scaled = (column.mean, column.deviation) != (0, 1) and column.deviation > 0
        numbers = [format_number(each) if is_scaled else "-" for each in (column.mean, column.deviation)]
        fill = "-" if column.fill is None else column.fill
        missing = fill if isinstance(fill, str) else format_number(fill)
        name = screen.fit_name(column.name or str(place), NAME)
        rows.append([name, _describe(column), *numbers, screen.fit_name(missing, NAME)])
    more = len(preparation.columns) - MOST_COLUMNS
    lines = format_table(rows, left=2)
    return [*lines, f"and {format_count(more, 'more column')}"] if more > 0 else lines


def _describe(column: PreparedColumn) -> str:
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
