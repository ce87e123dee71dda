"""Several runs beside each other: a table of them, and their curves."""

from __future__ import annotations

import math
from collections.abc import Sequence

from modnet import History, Metric, figures
from modnet.text import format_metric, printable
from modnet_display.html import Html, element, panels, table
from modnet_display.pages.document import caption_of, label, scrolling, section
from modnet_display.pages.facts import RunFacts, Unknown, attempt
from modnet_display.pages.sections.phrases import say_column
from modnet_display.pages.signs import say_reason
from modnet_display.pages.words import say

MOST = 6  # columns of metrics


def create_overview(facts: Sequence[RunFacts], labels: Sequence[str], language: str, *, are_below: bool) -> list[Html]:
    """Return the sections with a table of runs and their curves; its names are links where the runs `are_below`."""
    metrics = [metric for one in facts for metric in one.metrics]
    names = list(dict.fromkeys(name for one in facts for name in one.history.columns))
    tested = [name for name in names if name.startswith("test_")][:MOST]
    chosen = tested or [name for name in names if name.startswith("train_")][:MOST]
    heads = [say("name"), say("status"), say("iterations"), *(say_column(name, metrics) for name in chosen)]
    rows = []
    for place, (one, name) in enumerate(zip(facts, labels, strict=True), start=1):
        values = [one.find_last(column) for column in chosen]
        cells = [format_metric(value) if math.isfinite(value) else "-" for value in values]
        link = element("a", printable(name, 80), href=f"#run-{place}") if are_below else printable(name, 80)
        rows.append([link, say(str(one.status)), f"{one.run.iteration:,}", *cells])
    caption = caption_of(say("runs caption"), say("sort"))
    shown = scrolling(table(heads, rows, caption=caption, class_="sortable"))
    note = "" if are_below else element("p", say("too many runs", command=element("code", "modnet show RUN")))
    found = [section("overview", "runs title", shown, note)]
    groups: dict[str, list[History]] = {}
    for one, name in zip(facts, labels, strict=True):
        if one.history.loss:
            groups.setdefault(name, []).append(one.history)
    if groups:
        found.append(section("all-curves", "runs curves", draw_curves(groups, language, metrics)))
    return found


def draw_curves(groups: dict[str, list[History]], language: str, metrics: Sequence[Metric] = ()) -> Html:
    """Return the curves of groups of runs, or why there are none."""
    drawn = attempt(lambda: panels(figures.several_runs.from_histories(groups, "", metrics)))
    if isinstance(drawn, Unknown):
        return element("p", say("no curves", why=say_reason(drawn.why)), class_="note")
    names = ", ".join(printable(name, 40) for name in list(groups)[:12])
    drawing = element("div", *drawn, class_="drawing", role="img", **label("curves of", language, names=names))
    return element("figure", drawing, element("figcaption", say("runs curves caption")))
