"""The head of a page: the result in a sentence, and main numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from modnet import Dataset, Run, Status
from modnet.text import format_metric
from modnet_display.entries import find_table
from modnet_display.html import Html, element, join
from modnet_display.pages.facts import Unknown
from modnet_display.pages.sections.phrases import quote_label, say_column
from modnet_display.pages.sections.view import RunView
from modnet_display.pages.signs import say_reason
from modnet_display.pages.words import say

BAD = (Status.DIVERGED, Status.FAILED)


def describe(view: RunView) -> Iterator[Html]:
    """Yield what the run is in a sentence or two, and its main numbers."""
    facts, history = view.facts, view.facts.history
    made = f"{facts.run.iteration:,}"
    wanted = "?" if facts.wanted is None else f"{facts.wanted:,}"
    status = str(facts.status)
    stopped = status == Status.FINISHED and facts.run.stop_reason
    kind = "stopped" if stopped else status
    sentence = say(f"says {kind}", made=made, wanted=wanted, reason=say_reason(str(facts.run.stop_reason)))
    badge = element("span", say(status), class_="badge bad" if facts.status in BAD else "badge")
    if not history.loss:
        sentence = say("no iterations")
    if lead := _say_result(view):
        yield element("p", lead, class_="lead")
    yield element("p", badge, " ", sentence, class_="warning" if facts.status in BAD else None)
    tiles = [
        (say_column(name, facts.metrics), format_metric(facts.find_last(name)))
        for name in history.columns
        if name.startswith("test_") and math.isfinite(facts.find_last(name))
    ][:3]
    baseline = facts.baseline
    more = [(say("baseline"), format_metric(baseline))] if baseline is not None else []
    more += [(say("iterations"), made)]
    seconds = facts.run.seconds if isinstance(facts.run, Run) else facts.summary.get("seconds")
    if isinstance(seconds, (int, float)):
        more.append((say("seconds"), f"{seconds:,.1f}" if seconds >= 1 else f"{seconds:.2g}"))
    more.append((say("seed"), str(facts.experiment.get("seed", ""))))
    yield element(
        "dl", *(element("div", element("dt", k), element("dd", v)) for k, v in [*tiles, *more]), class_="tiles"
    )


def _say_result(view: RunView) -> Html | None:
    """Return the result in a sentence, where there is one."""
    facts = view.facts
    part = facts.part if isinstance(facts.data, Dataset) else "test"
    notes = [" ", say("on training")] if isinstance(facts.data, Dataset) and part == "train" else []
    if facts.is_regression:
        r2, count = facts.find_last(f"{part}_r2"), _count_samples(view, part)
        if not math.isfinite(r2):
            return None
        return join([say("lead regression", r2=format_metric(r2), count=count, part=say(part)), *notes])
    share, baseline = facts.find_last(f"{part}_accuracy"), facts.baseline
    if not math.isfinite(share) or baseline is None:
        return None
    t = facts.targets
    if isinstance(t, Unknown) or not facts.classes:
        return say("lead accuracy alone", share=f"{share:.1%}", part=say(part), baseline=f"{baseline:.1%}")
    largest = facts.classes[int(np.bincount(t).argmax())]
    sentence = say(
        "lead accuracy", share=f"{share:.1%}", count=_count_samples(view, part), part=say(part),
        label=quote_label(largest), baseline=f"{baseline:.1%}",
    )  # fmt: skip
    return join([sentence, *notes])


def _count_samples(view: RunView, part: str) -> str:
    data, receipt = view.facts.data, view.facts.receipt
    if isinstance(data, Dataset):
        return f"{len(data.parts[part]):,}"
    found = find_table(receipt, "data").get(f"{part} rows") if isinstance(receipt, Mapping) else None
    return f"{found:,}" if isinstance(found, int) else "?"
