"""Accuracies and their differences, estimated over seeds and test samples.

The hits of a setting are an array (seeds, samples): whether the run with that seed recognised that test sample. Each
seed meets each sample, so a difference between two settings varies by seed, by sample, and by both together. These
parts are separated by the mean squares of a two-way analysis of variance with random effects and one value in each
cell (Searle, Casella and McCulloch 1992, "Variance Components", chapter 4).
"""

from __future__ import annotations

import math
from typing import Any

import attrs
import numpy as np

from modnet.errors import MissingExtraError
from modnet.types import Array


@attrs.frozen
class Estimate:
    """A mean with its standard error, which has so many degrees of freedom."""

    mean: float
    standard_error: float
    df: float

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the interval by Student's t distribution that covers what is estimated in `level` of all cases.

        >>> low, high = Estimate(0.002, 0.001, df=9).interval()
        >>> round(low, 5), round(high, 5)
        (-0.00026, 0.00426)
        """
        half = t_quantile((1 - level) / 2, self.df) * self.standard_error
        return self.mean - half, self.mean + half

    def p_different(self) -> float:
        """Return the two-sided p-value of no difference."""
        return min(1.0, 2 * self._tail(abs(self.mean)))

    def p_equivalent(self, rope: float) -> float:
        """Return the p-value of a difference of `rope` or more, either way.

        The larger of two one-sided p-values (Schuirmann 1987, "A comparison of the two one-sided tests procedure").
        """
        return self._tail(rope - abs(self.mean))

    def _tail(self, distance: float) -> float:
        """Return the probability of being further off than `distance`, to one side."""
        if not self.standard_error:
            return 0.5 if distance == 0 else float(distance < 0)
        return float(load_special().stdtr(self.df, -distance / self.standard_error))


@attrs.frozen
class Variation:
    """The mean of an array (seeds, samples), and the mean squares of seeds, samples and the rest."""

    mean: float
    seeds: int
    samples: int
    by_seed: float
    by_sample: float
    residual: float

    @classmethod
    def from_hits(cls, values: Array) -> Variation:
        """Return the variation of an array of at least two seeds and two samples.

        >>> Variation.from_hits(np.array([[1, 0, 0, 1], [1, 1, 0, 1]])).by_seed
        0.125
        """
        seeds, samples = values.shape
        mean = float(values.mean(dtype=np.float64))
        rows = values.mean(axis=1, dtype=np.float64) - mean
        columns = values.mean(axis=0, dtype=np.float64) - mean
        of_rows, of_columns = samples * float(rows @ rows), seeds * float(columns @ columns)
        whole = float(np.square(values, dtype=np.float64).sum()) - values.size * mean**2
        rest = max(whole - of_rows - of_columns, 0.0)
        freedom = (seeds - 1) * (samples - 1)
        return cls(mean, seeds, samples, of_rows / (seeds - 1), of_columns / (samples - 1), rest / freedom)

    def on_these_samples(self, seeds: int | None = None) -> Estimate:
        """Return the mean over all possible seeds, on this fixed test set: the paired t statistic.

        With `seeds`, as it would be after so many if nothing else changed.
        """
        count = seeds or self.seeds
        return Estimate(self.mean, math.sqrt(self._seen_by_seed / (count * self.samples)), count - 1)

    def on_such_samples(self, seeds: int | None = None) -> Estimate:
        """Return the mean over all possible seeds and new samples from the same source.

        The degrees of freedom are those of Satterthwaite 1946, "An approximate distribution of estimates of variance
        components". With `seeds`, as it would be after so many if nothing else changed.
        """
        count = seeds or self.seeds
        # Neither part of the variance can be negative, although its estimate can.
        by_seed = max(self._seen_by_seed, self.residual)
        by_sample = max(self.by_sample - self.residual, 0.0) * count / self.seeds
        both = by_seed + by_sample
        uncertain = by_seed**2 / (count - 1) + by_sample**2 / (self.samples - 1)
        return Estimate(self.mean, math.sqrt(both / (count * self.samples)), both**2 / uncertain)

    @property
    def _seen_by_seed(self) -> float:
        """The mean square of seeds, or that of a single hit more in one of them: less than that cannot be seen.

        Where all seeds hit equally often, few samples are as likely a reason as seeds that do not matter.
        """
        return max(self.by_seed, 1 / (self.seeds * self.samples))


def t_quantile(tail: float, df: float) -> float:
    """Return the value that Student's t exceeds with probability `tail`; `df` may be any positive number."""
    return -float(load_special().stdtrit(df, tail))


def load_special() -> Any:
    """Return SciPy's special functions; raises MissingExtraError."""
    try:
        from scipy import special as functions
    except ImportError:
        raise MissingExtraError("a verdict on differences", "compare") from None
    return functions
