"""Display of checks: verdicts, and estimators beside the exact gradient."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from modnet import DerivativeCheck, EstimatorRow, GradientCheck, Verdict, figures
from modnet.text import format_duration, list_some
from modnet_display.displays.drawing import draw, note
from modnet_display.html import Html, element, join, table

MOST = 40  # verdicts that have a row


def describe(check: GradientCheck | DerivativeCheck) -> Iterator[Html]:
    """Yield what a notebook shows of a check."""
    yield element("b", f"{'passed' if check.passed else 'failed'}: {list_some(_count(check.verdicts), 5)}")
    yield _tabulate_verdicts(check.verdicts)
    if isinstance(check, DerivativeCheck):
        if check.entries:
            yield _tabulate_verdicts(check.entries, "entries that were judged by themselves")
        yield note(f"{check.dtype}, {check.evaluations:,} evaluations")
        return
    for part in check.without:
        yield note(f"no derivative of its own: {part}")
    if check.estimators:
        yield table(
            ["estimator", "error", "cosine", "variance", "evaluations", "time"],
            [_list_measures(row) for row in check.estimators],
        )
        if any(math.isfinite(row.error) for row in check.estimators):
            yield draw("errors of the estimators, and what they take", lambda: figures.gradient_check.from_check(check))
        said = {row.name: [row.problem, *map(str, row.kinks[:1]), row.reason] for row in check.estimators}
        reasons = (f"{name}: {text}" for name, texts in said.items() for text in texts if text)
        yield join(map(note, reasons))


def _count(verdicts: Sequence[Verdict]) -> Iterator[str]:
    words = [verdict.verdict for verdict in verdicts]
    return (f"{words.count(word)} {word}" for word in dict.fromkeys(words))


def _tabulate_verdicts(verdicts: Sequence[Verdict], caption: str = "") -> Html:
    worst = sorted(verdicts, key=lambda verdict: verdict.verdict == "correct")[:MOST]
    shown = verdicts if len(verdicts) <= MOST else worst
    rows = [[each.verdict, each.part, each.place, f"{each.size:.1e}", each.explanation] for each in shown]
    left = f"{MOST} of {len(verdicts):,}, those that are not correct first" if len(verdicts) > MOST else ""
    return table(["verdict", "part", "place", "error", ""], rows, caption=", ".join(filter(None, [caption, left])))


def _list_measures(row: EstimatorRow) -> list[str]:
    if row.problem:
        return [row.name, *["-"] * 5]
    cost = "1 + backward" if row.uses_backward else "-" if row.evaluations is None else f"{row.evaluations:,}"
    variance, cosine = ("-" if math.isnan(value) else f"{value:.3g}" for value in (row.variance, row.cosine))
    return [row.name, f"{row.error:.2g}", cosine, variance, cost, format_duration(row.seconds).replace(" ", "\u00a0")]
