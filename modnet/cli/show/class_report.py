"""Precision, recall and F1 of each class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import attrs

from modnet.text import fit, format_count, format_table, measure_width, printable

LARGEST = WORST = 10  # classes that are listed of many
WIDTH = 80
LONGEST = 36  # columns that a label takes


@attrs.frozen(kw_only=True)
class ClassScore:
    """The scores of one class; None where they are not defined."""

    label: Any
    rows: int
    """The rows that have this label."""
    precision: float | None
    """The share of rows that have this label among those that it was predicted for."""
    recall: float | None
    """The share of rows that it was predicted for among those that have this label."""
    f1: float | None
    """The harmonic mean of precision and recall."""


def score_classes(predictions: Sequence[Any], labels: Sequence[Any]) -> list[ClassScore]:
    """Return the scores of each class that is among predictions or labels, which are compared as text.

    >>> [(score.label, score.rows, score.precision, score.recall) for score in score_classes("aab", "abb")]
    [('a', 1, 0.5, 1.0), ('b', 2, 1.0, 0.5)]
    """
    predicted, there = Counter(map(str, predictions)), Counter(map(str, labels))
    right = Counter(str(label) for label, guess in zip(labels, predictions, strict=True) if str(label) == str(guess))
    names = {str(label): label for label in [*labels, *predictions]}
    return [
        ClassScore(
            label=names[name],
            rows=there[name],
            precision=right[name] / predicted[name] if predicted[name] else None,
            recall=right[name] / there[name] if there[name] else None,
            f1=2 * right[name] / (predicted[name] + there[name]),
        )
        for name in sorted(names, key=lambda name: _sort_key(names[name]))
    ]


def find_majority(labels: Sequence[Any]) -> float:
    """Return the share of the most frequent label.

    >>> find_majority(["a", "b", "b", "b"])
    0.75
    """
    return max(Counter(map(str, labels)).values()) / len(labels)


def format_class_report(scores: Sequence[ClassScore]) -> list[str]:
    """Return the lines of a table of classes: of many the largest and those of the lowest F1."""
    if len(scores) <= LARGEST + WORST:
        return _format_scores(scores)
    largest = sorted(scores, key=lambda score: -score.rows)[:LARGEST]
    others = [score for score in scores if score not in largest and score.rows]
    worst = sorted(others, key=lambda score: (score.f1, -score.rows))[:WORST]
    left = len(scores) - len(largest) - len(worst)
    lines = [f"the {len(largest)} largest of {len(scores):,} classes:", *_format_scores(largest)]
    if worst:
        lines += ["the worst of the others, by F1:", *_format_scores(worst)]
    return [*lines, f"and {format_count(left, 'more class', 'more classes')}"] if left else lines


def _format_scores(scores: Sequence[ClassScore]) -> list[str]:
    rows = [["class", "precision", "recall", "F1", "rows"]]
    for score in scores:
        label = printable(str(score.label), 200)
        name = fit(label, LONGEST) if measure_width(label) > LONGEST else label or '""'
        numbers = ("-" if number is None else f"{number:.4f}" for number in (score.precision, score.recall, score.f1))
        rows.append([name, *numbers, f"{score.rows:,}"])
    return format_table(rows)


def _sort_key(label: Any) -> tuple[bool, Any]:
    return (True, str(label)) if isinstance(label, str) else (False, label)
