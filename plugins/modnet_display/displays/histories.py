"""Display of a history: curves, and the last rows."""

from __future__ import annotations

from collections.abc import Iterator

from modnet import History, figures
from modnet_display.displays.drawing import choose_last, draw, tabulate_history
from modnet_display.html import Html, element

ROWS = 6


def describe(history: History) -> Iterator[Html]:
    """Yield what a notebook shows of a history."""
    yield element("b", repr(history)[1:-1].partition(";")[0])
    if history.loss:
        yield draw("learning curves", lambda: figures.learning_curves.from_history(history))
    if history.evaluated_at:
        yield tabulate_history(history, choose_last(history, ROWS))
