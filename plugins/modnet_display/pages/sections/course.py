"""The course of a run: curves, and the metrics at its end."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from modnet import figures
from modnet.text import format_metric
from modnet_display.html import Html, element, table
from modnet_display.pages.document import scrolling
from modnet_display.pages.sections.phrases import PARTS, Sentence, name_column, say_metric
from modnet_display.pages.sections.pictures import show_picture
from modnet_display.pages.sections.view import RunView
from modnet_display.pages.signs import say_sign
from modnet_display.pages.words import LANGUAGES, say


def draw_curves(view: RunView) -> Iterator[Html]:
    """Yield the learning curves with the values at their ends."""
    facts, loss = view.facts, view.facts.history.loss
    if not loss:
        return
    numbers = {"first": f"{loss[0]:.4g}", "last": f"{loss[-1]:.4g}", "made": f"{len(loss):,}"}
    found: list[Sentence] = [("loss fell", numbers)]
    ends = {name: facts.find_last(name) for name in facts.history.columns}
    shown = [(name, format_metric(value)) for name, value in ends.items() if math.isfinite(value)][:6]
    if shown:
        values = {
            each: ", ".join(f"{name_column(name, facts.metrics, each)} {value}" for name, value in shown)
            for each in LANGUAGES
        }
        found.append(("metrics ended", values))
    yield show_picture(
        view, "curves", lambda: figures.learning_curves.from_history(facts.history, "", facts.metrics), found, ""
    )
    if facts.history.evaluated_at[-1:] == [len(loss)] == facts.history.evaluated_at[-2:-1]:
        yield element("p", say("chosen parameters"), class_="note")


def show_metrics(view: RunView) -> Iterator[Html]:
    """Yield the table of metrics, and the signs that it did not learn well."""
    facts, history = view.facts, view.facts.history
    parts = [p for p in PARTS if any(c.startswith(f"{p}_") for c in history.columns)]
    names = list(dict.fromkeys(c.partition("_")[2] for c in history.columns if c.partition("_")[0] in parts))
    rows = []
    for name in names:
        values = [facts.find_last(f"{part}_{name}") for part in parts]
        cells = [format_metric(value) if math.isfinite(value) else "-" for value in values]
        if any(map(math.isfinite, values)):
            rows.append([say_metric(name, facts.metrics), *cells])
    if rows:
        yield scrolling(table([say("metric"), *map(say, parts)], rows, caption=say("metrics caption")))
    signs = facts.summary.get("diagnosis")
    found = [each for each in signs if isinstance(each, Mapping)] if isinstance(signs, list) else []
    if found:
        items = (element("li", say_sign(each.get("problem"), each.get("remedy"))) for each in found)
        yield element("div", element("p", say("signs")), element("ul", *items), class_="warning")
