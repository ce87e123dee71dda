"""Scores of runs and their differences, of which the single samples are not known."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import attrs
import numpy as np

from modnet import Array
from modnet_verdicts.statistics import Estimate, Variation

SAME = 1e-12  # relative to the largest of them: scores that are closer differ by rounding alone
MOST_PLACES = 9  # decimals to which scores may be rounded; with more, they are not

Blocks = Mapping[str, Mapping[str, float]]  # data set -> seed -> score


@attrs.frozen(eq=False)
class JudgedSetting:
    """The scores of one setting on one data set."""

    label: str
    entries: dict[str, str]
    """The varied entries in words."""
    dataset: str
    """The name of the data set, "" where the table has none."""
    scores: Array
    on_these_samples: Estimate | None
    """The score over all seeds, on the same test data; None for a single seed."""
    on_such_samples: Estimate | None = None
    """The score over all seeds and new samples; None for scores alone."""

    @property
    def deviation(self) -> float:
        """The standard deviation between seeds; NaN for a single seed."""
        return float(self.scores.std(ddof=1)) if len(self.scores) > 1 else math.nan


@attrs.frozen(eq=False)
class ScoreDifference:
    """The scores of two settings in each data set, in the order of the seeds."""

    blocks: tuple[tuple[Array, Array], ...]
    is_paired: bool
    """True where the scores in both arrays of a block are of the same seeds."""
    unit: float = 1.0
    rounding: float = 0.0

    @classmethod
    def create(cls, first: Blocks, second: Blocks, seeds: Sequence[str]) -> ScoreDifference:
        """Return the difference in the data sets that both settings have scores of.

        They are paired by seed if they share at least half of the seeds of the one that has fewer, in each data set.
        """
        shared = [dataset for dataset in first if dataset in second]
        common = [[seed for seed in seeds if seed in first[d] and seed in second[d]] for d in shared]
        fewest = [min(len(first[d]), len(second[d])) for d in shared]
        is_paired = bool(shared) and all(2 * len(of) >= count for of, count in zip(common, fewest, strict=True))
        blocks = []
        for dataset, both in zip(shared, common, strict=True):
            one, other = (
                np.array([of[s] for s in (both if is_paired else seeds or of) if s in of])
                for of in (first[dataset], second[dataset])
            )
            blocks.append((one, other))
        whole = [*first.values(), *second.values()]
        unit = max((find_unit(np.concatenate(block)) for block in blocks), default=1.0) / max(1, len(blocks))
        return cls(tuple(blocks), is_paired, unit, find_rounding([s for of in whole for s in of.values()]))

    def __len__(self) -> int:
        return min((len(scores) for block in self.blocks for scores in block), default=0)

    @property
    def mean(self) -> float:
        """The mean difference: that of each data set counts the same."""
        return float(np.mean([one.mean() - other.mean() for one, other in self.blocks]))

    def first(self, count: int | None) -> ScoreDifference:
        """Return the difference in the first runs of each setting and data set."""
        return attrs.evolve(self, blocks=tuple((one[:count], other[:count]) for one, other in self.blocks))

    def swap(self) -> ScoreDifference:
        """Return the difference of the settings in the other order."""
        return attrs.evolve(self, blocks=tuple((other, one) for one, other in self.blocks))

    def vary(self, count: int | None = None) -> Variation:
        """Return the variation of the difference, of so many first seeds of each setting, or of all; at least two.

        The variances of settings, or of the differences of pairs, and those of data sets add up, with the degrees of
        freedom of Welch 1947, "The generalization of 'Student's' problem".
        """
        cut = self.first(count)
        parts = [(one - other,) if self.is_paired else (one, other) for one, other in cut.blocks]
        return vary_mean(cut.mean, [part for block in parts for part in block], len(parts), self.unit, self.rounding)


def vary_mean(mean: float, parts: Sequence[Array], blocks: int, unit: float, rounding: float = 0.0) -> Variation:
    """Return the variation of a mean, or a sum of means, over blocks, from all that varies by seed alone."""
    errors = np.array([part.var(ddof=1) / len(part) for part in parts]) / blocks**2
    freedom = np.array([len(part) - 1 for part in parts])
    seeds = min(map(len, parts))
    whole = float(errors.sum())
    df = whole**2 / float((errors**2 / freedom).sum()) if whole else float(freedom.sum())
    by_seed = whole * seeds / unit**2
    limits = (-math.inf, math.inf)
    per_seed = df / (seeds - 1)
    return Variation(mean / unit, seeds, 1, by_seed, 0.0, by_seed, np.zeros(1), limits, unit, per_seed, rounding)


def find_unit(scores: Array) -> float:
    """Return the least difference in scores, as accuracies on few samples have one.

    If none differ, it is what they are rounded to, or else their size.
    """
    ordered = np.sort(scores)
    largest = float(np.abs(ordered).max()) or 1.0
    gaps = [b - a for a, b in pairwise(ordered.tolist()) if b - a > SAME * largest]
    return min(gaps, default=find_rounding(ordered.tolist()) or largest)


def find_rounding(scores: Sequence[float]) -> float:
    """Return the power of ten that scores are rounded to; 0 where they are not.

    >>> find_rounding([0.97, 0.981]), find_rounding([1 / 3])
    (0.001, 0.0)
    """
    places = (k for k in range(MOST_PLACES + 1) if all(round(score, k) == score for score in scores))
    return next((float(f"1e-{k}") for k in places), 0.0)
