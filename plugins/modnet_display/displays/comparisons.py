"""Display of settings compared or judged."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from modnet import Comparison, Judgement, ModnetError, figures
from modnet.text import format_count
from modnet_display.displays.drawing import draw, note
from modnet_display.html import Html, element, join, table

MOST = 30  # settings, and pairs of them, that have a row


def describe(result: Comparison | Judgement) -> Iterator[Html]:
    """Yield what a notebook shows of a comparison or of a judgement."""
    yield element("b", repr(result)[1:-1].partition(":")[0])
    form = _format_score if isinstance(result, Judgement) or result.measure != "accuracy" else "{:.4f}".format
    yield _tabulate_settings(result, form)
    yield _show_pairs(result, form)
    what = "the score of each run, with means and intervals"
    if isinstance(result, Comparison):
        yield draw(what, lambda: figures.comparison.from_comparison(result))
    else:
        yield draw(what, lambda: figures.comparison.from_judgement(result))
        yield join(map(note, result.notes))


def _tabulate_settings(result: Comparison | Judgement, form: Callable[[float], str]) -> Html:
    first: Any = result.settings[0]
    score = result.score if isinstance(result, Judgement) else f"test {result.measure}"
    blocks = ["data set"] if getattr(first, "dataset", "") else []
    rows = []
    for each in result.settings[:MOST]:
        scores: Sequence[float] = each.scores.tolist()
        deviation = float(each.deviation)
        mean = form(math.fsum(scores) / len(scores)) + ("" if math.isnan(deviation) else f" ± {form(deviation)}")
        place = [getattr(each, "dataset", "")] * len(blocks)
        rows.append([*each.entries.values(), *place, len(scores), mean, form(min(scores)), form(max(scores))])
    left = f"the first {MOST} of {len(result.settings)} settings" if len(result.settings) > MOST else ""
    heads = [*first.entries, *blocks, "runs", score, "lowest", "highest"]
    return table(heads, rows, caption=left)


def _show_pairs(result: Comparison | Judgement, form: Callable[[float], str]) -> Html:
    """Return the verdicts on pairs, or why there are none."""
    try:
        pairs = result.pairs
    except ModnetError as error:  # statistics are an extra
        return note(f"without verdicts: {error}")
    if not pairs:
        return join(())
    rows = [[each.first, each.second, form(each.difference), each.verdict] for each in pairs[:MOST]]
    left = f"the first {MOST} of {format_count(len(pairs), 'pair')}" if len(pairs) > MOST else ""
    return table(["first", "second", "difference", "verdict"], rows, caption=left)


def _format_score(number: float) -> str:
    return f"{number:.4g}"
