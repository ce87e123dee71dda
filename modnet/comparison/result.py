"""The results of a setting and of a pair of settings."""

from __future__ import annotations

import math
from functools import cached_property

import attrs
import numpy as np

from modnet.comparison.collapse import find_collapsed
from modnet.comparison.decisions import ANALYSES, Decision
from modnet.comparison.grid import Setting
from modnet.comparison.statistics import Estimate, Variation
from modnet.types import Array, History, Status


@attrs.frozen(eq=False)
class SettingResult:
    """The results of one setting: a run for each seed."""

    setting: Setting
    hits: Array
    """True for each test sample that was recognised at the end of each run, (seeds, samples)."""
    histories: tuple[History, ...]
    statuses: tuple[Status, ...]
    """Of each run: finished or diverged; a diverged run counts with its last finite parameters."""

    @property
    def label(self) -> str:
        """The setting's name: "hidden 50"."""
        return self.setting.label

    @property
    def entries(self) -> dict[str, str]:
        """The varied entries in words: {"hidden": "50"}."""
        return self.setting.entries

    @property
    def accuracies(self) -> Array:
        """The test accuracy of each run (seeds,)."""
        return np.asarray(self.hits.mean(axis=1))

    @property
    def accuracy(self) -> float:
        """The mean test accuracy."""
        return float(self.hits.mean())

    @property
    def deviation(self) -> float:
        """The standard deviation of the accuracy between seeds; NaN for a single seed."""
        return float(self.accuracies.std(ddof=1)) if len(self.hits) > 1 else math.nan

    @cached_property
    def collapsed(self) -> int:
        """The number of runs that collapsed: they diverged, or are far below the others of this setting."""
        return int(find_collapsed(self.accuracies, self.statuses).sum())

    @cached_property
    def on_such_samples(self) -> Estimate | None:
        """The accuracy over all seeds and all samples like those of the test part; None for a single seed."""
        return Variation.from_hits(self.hits, (0.0, 1.0)).on_such_samples() if len(self.hits) > 1 else None

    @cached_property
    def on_these_samples(self) -> Estimate | None:
        """The accuracy over all seeds, for the samples of the test part alone; None for a single seed."""
        return Variation.from_hits(self.hits, (0.0, 1.0)).on_these_samples() if len(self.hits) > 1 else None


@attrs.frozen(eq=False, kw_only=True)
class PairResult:
    """Two settings, first the one that was ahead at the last interim analysis (before it, now), and the claim."""

    first: str
    second: str
    seeds: int
    difference: float
    """Of the mean test accuracies."""
    on_such_samples: Estimate | None
    """The difference over all seeds and all samples like those of the test part; None for a single seed."""
    on_these_samples: Estimate | None
    """The difference over all seeds, for the samples of the test part alone; None for a single seed."""
    decision: Decision
    """The claim for new samples like those of the test part."""
    decision_here: Decision
    """The claim for the fixed test set alone."""
    samples: int
    """The number of test samples."""
    rope: float
    """The region of practical equivalence."""

    @property
    def verdict(self) -> str:
        """The claim in words, such as "hidden 50 is better" or "undecided: 40 seeds decide with 71 %"."""
        general, here = self._format(self.decision), self._format(self.decision_here)
        if self.decision.claim != "undecided" or here == general:
            return general
        return f"{general}; on this test set alone {here.removeprefix('undecided: ')}"

    def _format(self, decision: Decision) -> str:
        if decision.claim == "different":
            return f"{self.first} is better"
        if decision.claim == "equal":
            return "practically equal"
        if not decision.forecast:
            return f"undecided after {self.seeds} seeds" if self.seeds > 1 else "undecided"
        # The first number of seeds that is more likely than not to decide, or else the last.
        likely = (item for item in decision.forecast.items() if item[1] >= 0.5)
        count, probability = next(likely, (ANALYSES[-1], decision.forecast[ANALYSES[-1]]))
        if probability < 0.01 and decision.smallest_rope > self.rope:
            return f"undecided: {self.samples:,} samples cannot show less than {decision.smallest_rope:.2g}"
        return f"undecided: {count} seeds decide with {_percent(probability)}"


def _percent(probability: float) -> str:
    """Return a probability in percent; what is nearly certain is not rounded to certainty."""
    if probability < 0.01:
        return "less than 1 %"
    return "more than 99 %" if probability > 0.99 else f"{100 * probability:.0f} %"
