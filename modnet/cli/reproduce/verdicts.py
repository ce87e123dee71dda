"""Verdicts on figures: published, found again, and whether they agree."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import attrs
import numpy as np

from modnet import Estimate
from modnet.cli.reproduce.results import Figure
from modnet.errors import SettingError
from modnet.text import format_count
from modnet.types import Array

LEVEL = 0.95  # of all intervals of a result together
Verdict = Literal["agrees", "differs", "undecided"]


@attrs.frozen(kw_only=True)
class Finding:
    """A published figure beside ours; `low` and `high` are the ends of our interval, NaN where there is none."""

    what: str
    published: str
    ours: str
    values: tuple[float, ...]
    """Of each run."""
    low: float = math.nan
    high: float = math.nan
    verdict: Verdict


def judge(figure: Figure, values: Array, count: int) -> list[Finding]:
    """Return the verdict on a figure with ours of each run (runs, 1); where digits were printed, one for each number.

    Of those, `values` are (runs, numbers), and all must be the same to the last digit. `count` is the number of
    intervals of the result: each has its share of the level (Bonferroni). Raises SettingError where there are not as
    many numbers as were published.
    """
    expected, found = len(figure.prints) or 1, values.shape[1]
    if expected != found:
        what = f"{figure.what!r} has {format_count(expected, 'published number')}, and ours are {found}"
        raise SettingError([what], "figures")
    if figure.prints:
        several = len(figure.prints) > 1
        numbers = zip(figure.prints, values.T, strict=True)
        return [_compare(figure.what + f" [{i}]" * several, text, each) for i, (text, each) in enumerate(numbers)]
    texts = (figure.published,) if isinstance(figure.published, str) else figure.published or ()
    values = values[:, 0]
    return [_judge_bound(figure, texts[0], values, count) if figure.is_bound else _judge(figure, texts, values, count)]


def _compare(what: str, published: str, values: Array) -> Finding:
    ours = [print_as(published, value) for value in values.tolist()]
    other = next((text for text in ours if text != published), published)
    verdict: Verdict = "agrees" if other == published else "differs"
    return Finding(what=what, published=published, ours=other, values=(*values.tolist(),), verdict=verdict)


def _judge(figure: Figure, texts: Sequence[str], values: Array, count: int) -> Finding:
    """Judge by the prediction interval of the mean of so many runs as were published, in all of one distribution."""
    then, rounding = np.array(texts, np.float64), max(map(_measure_rounding, texts))
    freedom = len(values) + len(then) - 2
    half = math.inf
    if freedom:
        squares = ((values - values.mean()) ** 2).sum() + ((then - then.mean()) ** 2).sum()
        error = math.sqrt(squares / freedom * (1 / len(values) + 1 / len(then)))
        half = find_quantile(freedom, count) * error + rounding
    mean, published = float(values.mean()), float(then.mean())
    verdict: Verdict = "undecided"
    if not np.isfinite(values).all() or abs(mean - published) > half:
        verdict = "differs"
    elif figure.within is not None and half - rounding <= figure.within:
        verdict = "agrees"
    shown = print_as(texts[0], published) + (f" ({len(texts)} runs)" if len(texts) > 1 else "")
    return _show(figure, shown, texts[0], values, half, verdict)


def _judge_bound(figure: Figure, text: str, values: Array, count: int) -> Finding:
    """Judge by the confidence interval of the mean over all seeds."""
    bound, sign = float(text[2:]), 1 if text[0] == ">" else -1
    error = float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.inf
    half = find_quantile(len(values) - 1, count) * error if len(values) > 1 else math.inf
    beyond = sign * (float(values.mean()) - bound)
    verdict: Verdict = "agrees" if beyond > half else "differs" if beyond < -half else "undecided"
    if not np.isfinite(values).all():
        verdict = "differs"
    return _show(figure, text, "", values, half, verdict)


def _show(figure: Figure, published: str, like: str, values: Array, half: float, verdict: Verdict) -> Finding:
    """Return a verdict with ours printed as `like`, or with three digits."""
    mean = float(values.mean())
    low, high = (mean - half, mean + half) if math.isfinite(half) else (math.nan, math.nan)
    ours, *ends = (print_as(like, each) if like else f"{each:.3g}" for each in (mean, low, high))
    if math.isnan(mean):
        ours = "diverged"
    elif not math.isnan(low):
        ours += f" ({' to '.join(ends)})"
    return Finding(
        what=figure.what,
        published=published,
        ours=ours,
        values=(*values.tolist(),),
        low=low,
        high=high,
        verdict=verdict,
    )


def print_as(like: str, value: float) -> str:
    """Return a number with as many digits as another was printed with.

    >>> print_as("0.9690", 0.97001), print_as("-6.11110793e-10", 8.14814391e-10), print_as("9129", 9085.2)
    ('0.9700', '8.14814391e-10', '9085')
    """
    mantissa, exponent, _ = like.partition("e")
    digits = len(mantissa.partition(".")[2])
    return f"{value:.{digits}{exponent or 'f'}}"


def _measure_rounding(text: str) -> float:
    """Return how far a number may be from what was printed: half a unit of its last digit."""
    mantissa, _, exponent = text.partition("e")
    return 0.5 * 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))


def find_quantile(freedom: int, count: int) -> float:
    """Return half the width, in standard errors, of each of so many intervals; raises MissingExtraError."""
    return Estimate(0.0, 1.0, freedom).interval(1 - (1 - LEVEL) / count)[1]
