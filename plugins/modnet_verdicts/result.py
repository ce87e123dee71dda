"""The results of a setting and of a pair of settings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Literal

import attrs
import numpy as np

from modnet import Array, DataError, History, Setting, SettingRuns, Status
from modnet_verdicts.decisions import ANALYSES, LIKELY, Decision
from modnet_verdicts.statistics import Estimate, Variation

Measure = Literal["accuracy", "error", "score"]
LARGEST = 1e100  # error of a sample: beyond it squares overflow, as of runs that diverged
LOST = 0.2  # of the best run's accuracy: a gap as wide as that divides collapsed runs from others


@attrs.frozen(eq=False)
class SettingResult:
    """The results of one setting: a run for each seed."""

    setting: Setting
    hits: Array | None = attrs.field(repr=False)
    """True for each test sample that was recognised at the end of each run, (seeds, samples); None without classes."""
    histories: tuple[History, ...] = attrs.field(repr=False)
    statuses: tuple[Status, ...]
    """Of each run: finished or diverged; a diverged run counts with its last finite parameters."""
    errors: Array | None = attrs.field(default=None, repr=False)
    """In place of hits, the error of each test sample, squared or absolute: finite, not negative, smaller is better.

    Of the regressions that `modnet.compare` runs it is the squared error over the variance of the test targets, 1e100
    at most.
    """

    def __attrs_post_init__(self) -> None:
        if self.errors is None:
            return
        if self.hits is not None:
            raise DataError("a setting has hits or errors, not both")
        if not np.isfinite(self.errors).all() or (self.errors < 0).any():
            raise DataError(f"{self.label}: the errors of samples must be finite and not negative")

    @classmethod
    def from_runs(cls, runs: SettingRuns) -> SettingResult:
        """Return the result of runs that were made."""
        has_hits = runs.of_samples.dtype == np.bool_
        hits, errors = (runs.of_samples, None) if has_hits else (None, _limit_errors(runs.of_samples))
        return cls(runs.setting, hits, runs.histories, runs.statuses, errors)

    @property
    def label(self) -> str:
        """The setting's name: "hidden 50"."""
        return self.setting.label

    @property
    def entries(self) -> dict[str, str]:
        """The varied entries in words: {"hidden": "50"}."""
        return self.setting.entries

    @property
    def measure(self) -> Measure:
        """The name of what is compared."""
        return "accuracy" if self.errors is None else "error"

    @property
    def has_r2(self) -> bool:
        """True for regressions: their mean error is 1 - R²."""
        return self.measure == "error" and all("test_r2" in history.columns for history in self.histories)

    @property
    def of_samples(self) -> Array | None:
        """The hits or errors of single samples (seeds, samples); None where there are neither."""
        return self.hits if self.errors is None else self.errors

    def find_last(self, name: str) -> Array:
        """Return the last value of a column of each run's history (seeds,); NaN where it has none."""
        return np.array([(history.columns.get(name) or [math.nan])[-1] for history in self.histories])

    @property
    def scores(self) -> Array:
        """The test accuracy, or mean error, of each run (seeds,): of its history where neither hits nor errors are."""
        return self.find_last("test_accuracy") if self.of_samples is None else np.asarray(self.of_samples.mean(axis=1))

    @property
    def score(self) -> float:
        """The mean test accuracy, or error."""
        return float(self.scores.mean() if self.of_samples is None else self.of_samples.mean())

    @property
    def accuracies(self) -> Array:
        """The test accuracy of each run (seeds,); raises DataError where errors are compared."""
        if self.errors is not None:
            raise DataError(f"{self.label} has errors and no accuracies: see `scores`")
        return self.scores

    @property
    def accuracy(self) -> float:
        """The mean test accuracy; raises DataError where errors are compared."""
        return float(self.accuracies.mean())

    @property
    def deviation(self) -> float:
        """The standard deviation of the accuracy, or error, between seeds; NaN for a single seed."""
        return float(self.scores.std(ddof=1)) if len(self.histories) > 1 else math.nan

    @cached_property
    def collapsed(self) -> int:
        """The number of runs that collapsed: they diverged, or are far below the others of this setting."""
        comparable = self.scores if self.errors is None else np.zeros(len(self.statuses))  # errors have no scale
        return int(find_collapsed(comparable, self.statuses).sum())

    @cached_property
    def on_such_samples(self) -> Estimate | None:
        """The accuracy, or error, over all seeds and samples like those of the test part; None for a single seed."""
        return self._variation.on_such_samples() if self._variation else None

    @cached_property
    def on_these_samples(self) -> Estimate | None:
        """The accuracy, or error, over all seeds, for the test part's samples alone; None for a single seed."""
        return self._variation.on_these_samples() if self._variation else None

    @cached_property
    def _variation(self) -> Variation | None:
        if self.of_samples is None or len(self.of_samples) < 2:
            return None
        return Variation.from_values(self.of_samples, are_differences=False)


@attrs.frozen(eq=False, repr=False, kw_only=True)
class PairResult:
    """Two settings, first the one that was ahead at the last interim analysis (before it, now), and the claim.

    Estimates of the difference are over all seeds, and None for a single seed; `decision` is for new samples like those
    of the test part, `decision_here` for these alone. Scores alone, of which `samples` is 0, have the second one only.
    """

    first: str
    second: str
    seeds: int
    difference: float
    """Of the mean test accuracies, or errors."""
    on_such_samples: Estimate | None
    on_these_samples: Estimate | None
    decision: Decision
    decision_here: Decision
    samples: int
    rope: float
    """The region of practical equivalence, in the unit of the accuracy or error."""
    measure: Measure = "accuracy"

    def __repr__(self) -> str:
        return f"<PairResult: {self.first} and {self.second}, difference {self.difference:.4g}: {self.verdict}>"

    @property
    def verdict(self) -> str:
        """The claim in words, such as "hidden 50 is better" or "undecided: 40 seeds decide with 71 %"."""
        general, here = self._format(self.decision), self._format(self.decision_here)
        if self.decision.claim != "undecided" or not self._is_sooner_here():
            return general
        return f"{general}; on this test set alone {here.removeprefix('undecided: ')}"

    def _is_sooner_here(self) -> bool:
        """Return whether the fixed test set alone decides, or will probably do so with fewer seeds."""
        if self.decision_here.claim != "undecided":
            return True
        count, probability = self.decision_here.soonest
        later, less = self.decision.soonest
        return probability >= LIKELY and (less < LIKELY or count < later)

    def _format(self, decision: Decision) -> str:
        if decision.claim == "different":
            return f"{self.first} " + ("has the smaller error" if self.measure == "error" else "is better")
        if decision.claim == "equal":
            return "practically equal"
        count, probability = decision.soonest
        if probability < 0.01 and decision.smallest_rope > self.rope:
            what = f"{self.samples:,} samples" if self.samples else "scores so rounded"
            return f"undecided: {what} cannot show less than {decision.smallest_rope:.2g}"
        if not decision.forecast:
            first = f"undecided: it takes {ANALYSES[0]} seeds"
            return first if self.seeds == 1 else f"undecided after {self.seeds} seeds"
        return f"undecided: {count} seeds decide with {_percent(probability)}"


def _percent(probability: float) -> str:
    """Return a probability in percent; what is nearly certain is not rounded to certainty."""
    if probability < 0.01:
        return "less than 1 %"
    return "more than 99 %" if probability > 0.99 else f"{100 * probability:.0f} %"


def _limit_errors(errors: Array) -> Array:
    """Return the errors of samples, those beyond all bounds as the largest one that can be computed with."""
    found: Array = np.fmin(errors, LARGEST)
    return found


def find_collapsed(accuracies: Array, statuses: Sequence[Status]) -> Array:
    """Return which runs of a setting collapsed (seeds,): they diverged, or are far below the other runs.

    Far below means: a gap lies between them that is wider than a fifth of the best run's accuracy, and wider than the
    range of all accuracies above it. Ordinary runs spread without such a gap.
    """
    ordered = np.sort(accuracies)
    needed = np.maximum(LOST * ordered[-1], ordered[-1] - ordered[1:])
    wide = np.flatnonzero(np.diff(ordered) > needed)
    below = accuracies <= ordered[wide[-1]] if len(wide) else np.zeros(len(accuracies), np.bool_)
    return np.asarray(below | np.array([status == Status.DIVERGED for status in statuses]))
