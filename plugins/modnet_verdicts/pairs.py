"""Pairs of settings, all decided together, and the tables and records of them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations
from typing import Any

import attrs
import numpy as np

from modnet import Array, DataError
from modnet.text import format_table, measure_width, to_csv, wrap
from modnet_verdicts.decisions import ANALYSES, Decision, decide
from modnet_verdicts.result import Measure, PairResult
from modnet_verdicts.scores import Blocks, ScoreDifference
from modnet_verdicts.statistics import Estimate, Variation

LEVEL = 0.95  # of the intervals that are shown
WIDTH = 80  # of a line of text at most
INDENT = "    "  # of what has a line of its own
MOST_FORECASTS = 1000  # pairs of scores; of more, nothing is said of later seeds: it takes a second for a hundred


def compare_samples(
    labels: Sequence[str], values: Sequence[Array], rope: float, measure: Measure
) -> tuple[PairResult, ...]:
    """Return every pair of settings by their hits or errors (seeds, samples); raises MissingExtraError."""
    seeds, samples = values[0].shape
    last = _find_last(seeds)
    sign, dtype = (1, np.int8) if measure == "accuracy" else (-1, np.float64)
    ahead = [sign * of[:last].mean() for of in values]
    pairs = [(a, b) if ahead[a] >= ahead[b] else (b, a) for a, b in combinations(range(len(labels)), 2)]
    differences = [np.subtract(values[a], values[b], dtype=dtype) for a, b in pairs]
    such = decide(differences, Variation.on_such_samples, rope)
    these = decide(differences, Variation.on_these_samples, rope)
    found = []
    for (a, b), difference, decision, decision_here in zip(pairs, differences, such, these, strict=True):
        variation = Variation.from_values(difference) if seeds > 1 else None
        found.append(
            PairResult(
                first=labels[a],
                second=labels[b],
                seeds=seeds,
                difference=float(difference.mean()),
                on_such_samples=variation.on_such_samples() if variation else None,
                on_these_samples=variation.on_these_samples() if variation else None,
                decision=decision,
                decision_here=decision_here,
                samples=samples,
                rope=rope,
                measure=measure,
            )
        )
    return tuple(found)


def compare_scores(
    labels: Sequence[str], scores: Sequence[Blocks], seeds: Sequence[str], rope: float, *, higher_is_better: bool
) -> tuple[tuple[PairResult, ...], list[ScoreDifference]]:
    """Return every pair of settings by their scores alone, and its difference.

    Raises DataError where two have no data set in common, and MissingExtraError.
    """
    sign = 1 if higher_is_better else -1
    pairs, differences = [], []
    for a, b in combinations(range(len(labels)), 2):
        difference = ScoreDifference.create(scores[a], scores[b], seeds)
        if not difference.blocks:
            raise DataError(f"{labels[a]} and {labels[b]} have no data set in common")
        is_ahead = sign * difference.first(_find_last(len(difference))).mean >= 0
        pairs.append((a, b) if is_ahead else (b, a))
        differences.append(difference if is_ahead else difference.swap())
    forecasts = len(pairs) <= MOST_FORECASTS
    decisions = decide(differences, Variation.on_these_samples, rope, forecasts=forecasts, vary=ScoreDifference.vary)
    found = []
    for (a, b), difference, decision in zip(pairs, differences, decisions, strict=True):
        found.append(
            PairResult(
                first=labels[a],
                second=labels[b],
                seeds=len(difference),
                difference=difference.mean,
                on_such_samples=None,
                on_these_samples=difference.vary().on_these_samples() if len(difference) > 1 else None,
                decision=decision,
                decision_here=decision,
                samples=0,
                rope=rope,
                measure="score",
            )
        )
    return tuple(found), differences


def _find_last(seeds: int) -> int:
    """Return the number of seeds at the last interim analysis; before the first, of all."""
    return max((count for count in ANALYSES if count <= seeds), default=seeds)


def tabulate_pairs(pairs: Sequence[PairResult], form: Callable[[float], str]) -> list[list[str]]:
    """Return a row for each pair: difference, interval, verdict."""
    rows = [["", "difference", f"{LEVEL:.0%} interval".replace("%", " %"), "verdict"]]
    for pair in pairs:
        between = "-"
        if estimate := pair.on_such_samples or pair.on_these_samples:
            low, high = estimate.interval(LEVEL)
            between = f"{form(low)} to {form(high)}"
        rows.append([f"{pair.first} against {pair.second}", form(pair.difference), between, pair.verdict])
    return rows


def format_pairs(rows: Sequence[Sequence[str]], width: int = WIDTH) -> list[str]:
    r"""Return the lines of a table of pairs: a name or a verdict for which there is no room has lines of its own.

    >>> rows = [
    ...     ["", "difference", "verdict"],
    ...     ["a against b", "0.1", "a is better"],
    ...     ["a against c", "0", "maybe " * 6],
    ... ]
    >>> print("\n".join(format_pairs(rows, 40)))
                 difference  verdict
    a against b         0.1  a is better
    a against c           0
        maybe maybe maybe maybe maybe maybe
    """
    room = width - measure_width(format_table([["", *row[1:-1]] for row in rows])[-1])
    names = [row[0] if measure_width(row[0]) <= room else "" for row in rows]
    lines = format_table([[name, *row[1:-1]] for name, row in zip(names, rows, strict=True)])
    left = width - measure_width(f"{lines[-1]}  ")
    verdicts = [row[-1] if measure_width(row[-1]) <= left else "" for row in rows]
    if not any(verdicts[1:]):
        verdicts[0] = ""
    own = partial(wrap, width=width, rest=INDENT)
    found = []
    for row, name, line, verdict in zip(rows, names, lines, verdicts, strict=True):
        found += [] if name else own(row[0])
        found.append(f"{line}  {verdict}".rstrip())
        found += [] if verdict or row is rows[0] else own(row[-1], first=INDENT)
    return found


def to_records(pairs: Sequence[PairResult]) -> list[dict[str, Any]]:
    """Return each pair as JSON can hold it; of scores alone nothing is said for new samples."""
    return [
        {
            "first": pair.first,
            "second": pair.second,
            "difference": pair.difference,
            "verdict": pair.verdict,
            "such_samples": _to_record(pair.on_such_samples, pair.decision, pair.seeds) if pair.samples else None,
            "these_samples": _to_record(pair.on_these_samples, pair.decision_here, pair.seeds),
        }
        for pair in pairs
    ]


def _to_record(estimate: Estimate | None, decision: Decision, seeds: int) -> dict[str, Any]:
    """Return an interval and a decision as JSON can hold them, with the same keys for all pairs."""
    coming = {str(count): decision.forecast.get(count) for count in ANALYSES if count > seeds}
    found = {**attrs.asdict(decision), "seeds_needed": decision.seeds_needed, "forecast": coming}
    return {**(to_interval(estimate) or {}), **found}


def to_interval(estimate: Estimate | None) -> dict[str, float] | None:
    """Return an interval as JSON can hold it."""
    if estimate is None:
        return None
    low, high = estimate.interval(LEVEL)
    return {"standard_error": estimate.standard_error, "df": estimate.df, "low": low, "high": high}


def records_to_csv(records: Sequence[dict[str, Any]]) -> str:
    """Return a row for each record as CSV, without nesting."""
    flat = [_flat(record) for record in records]
    return to_csv([list(flat[0]), *(list(record.values()) for record in flat)]) if flat else ""


def _flat(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record without nesting: {"such_samples_low": ...}."""
    flat: dict[str, Any] = {}
    for key, value in record.items():
        inner = _flat(value) if isinstance(value, dict) else None
        flat |= {key: value} if inner is None else {f"{key}_{name}": item for name, item in inner.items()}
    return flat


def to_finite(number: float) -> float | None:
    """Return a number as JSON can hold it."""
    return number if math.isfinite(number) else None


def escape(text: str) -> str:
    r"""Return text that is no markup in Markdown.

    >>> escape("a <b> `c` [d](e)")
    'a \\<b> \\`c\\` [d\\](e)'
    """
    return re.sub(r"([|\\<`]|\](?=\())", r"\\\1", text)


def to_markdown(rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown; what is written in cells is text there, and no markup."""
    lines = ["| " + " | ".join(map(escape, row)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])
