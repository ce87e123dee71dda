"""Pictures and tables that several displays have."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

from modnet import History, Metric
from modnet.text import format_column, format_error, format_metric
from modnet_display.html import Html, element, picture, table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LARGEST = 120_000  # letters of a picture as SVG, beyond which it is smaller as PNG
COLUMNS = 8  # of a history that are shown
_numbers = count(1)  # of the pictures of this process: ids in a notebook are of all its outputs


def draw(alt: str, make: Callable[[], Figure]) -> Html:
    """Return a picture, or a line with the reason why there is none: what else is known is shown in any case."""
    try:
        return picture(make(), alt, key=f"modnet{next(_numbers)}", largest=LARGEST)
    except Exception as error:
        why = str(error) if type(error).__module__.startswith("modnet.") else format_error(error)
        return element("div", f"without the picture: {why}", class_="note")


def tabulate_history(history: History, rows: Sequence[int], metrics: Iterable[Metric] = ()) -> Html:
    """Return a table of some evaluations, with the mean loss since the one before."""
    known = [*metrics]
    names = [name for name, values in history.columns.items() if values][:COLUMNS]
    cells = []
    for row in rows:
        losses = history.loss[history.evaluated_at[row - 1] if row else 0 : history.evaluated_at[row]]
        mean = format_metric(math.fsum(losses) / len(losses)) if losses else "-"
        measured = (format_metric(history.columns[name][row]) for name in names)
        cells.append([f"{history.evaluated_at[row]:,}", mean, *measured])
    return table(["iteration", "mean loss", *(format_column(name, known) for name in names)], cells, row_heads=False)


def choose_last(history: History, most: int) -> list[int]:
    """Return the places of the first evaluation and of the last ones, so many at most."""
    made = len(history.evaluated_at)
    return [*range(made)] if made <= most else [0, *range(made - most + 1, made)]


def note(text: Any) -> Html:
    """Return a remark."""
    return element("div", text, class_="note")
