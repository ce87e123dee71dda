"""Accuracies, errors and their differences, estimated over seeds and test samples.

The hits of a setting are an array (seeds, samples): whether the run with that seed recognised that test sample. Each
seed meets each sample, so a difference between two settings varies by seed, by sample, and by both together. These
parts are separated by the mean squares of a two-way analysis of variance with random effects and one value in each
cell (Searle, Casella and McCulloch 1992, "Variance Components", chapter 4).

Student's t takes for granted that what was seen is typical. Where few hits or few samples differ, the rest may be rare
and not among them. Two bounds hold there, and where they are wider than t's they count: one for hits, one for samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np

from modnet import Array, MissingExtraError

# An error that was not seen is taken to be so many times as far from the mean as the farthest of those seen, and by so
# much more as that one alone makes up of the sum of squares: where one does, the tail is long.
UNSEEN, UNSEEN_DOMINANT = 1.5, 4.0
# Errors are skewed, and so are the means of a few hundred: a p-value by Student's t is up to so many times too small.
SKEWED = 1.5
SKEWED_SCORES = 2.0  # and of scores alone, of which one setting's may be skewed where the other's are not
_PLACES = 17  # at which the bound of samples is computed; of more distances it is interpolated


@attrs.frozen
class RareHits:
    """A bound for hits that differ from seed to seed: as few as were seen are a Poisson variable with a larger mean."""

    number: float  # the variance between seeds for a fixed test set, as a number of hits
    unit: float  # the weight of one hit in the mean

    def tail(self, distance: Any) -> Any:
        """Return the probability of so few hits that differ, where `distance`, at least 0, is the work of others."""
        return load_special().gammaincc(self.number + 1, self.number + distance / self.unit)

    def reach(self, tail: float) -> float:
        """Return the distance at which that probability is `tail`."""
        return float(load_special().gammainccinv(self.number + 1, tail) - self.number) * self.unit


@attrs.frozen(eq=False)
class RareSamples:
    """A bound for independent samples with values between two limits, whatever their distribution (Gaffke 2005).

    One sample more is added, as bad as can be, and all are weighted as in a Bayesian bootstrap: the probability that
    their mean reaches the hypothesis is the p-value. For hits that is the bound of Clopper and Pearson 1934, and for
    differences in hits the sign test. (Gaffke 2005, "Three test statistics for a nonparametric one-sided hypothesis on
    the mean of a nonnegative variable"; Learned-Miller and Thomas 2019, "A new confidence interval for the mean of a
    bounded random variable".)
    """

    values: Array  # the distinct values of samples, less their mean
    counts: Array
    limits: tuple[float, float]  # the least and the largest value that a sample can have, less the mean
    unit: float = 1.0  # the unit of all of these
    exact: bool = True  # false where the limits are taken from what was seen

    def tail(self, distance: Any, side: int) -> Any:
        """Return the p-value of a truth that is `distance` above (side 1) or below (-1) the mean."""
        far = np.divide(distance, self.unit)
        if np.ndim(far) == 0:
            return load_special().ndtr(-self._deviate(far, side))
        roots = np.linspace(0.0, math.sqrt(np.max(far)), _PLACES)  # a quantile goes with the root of a small distance
        return load_special().ndtr(-np.interp(np.sqrt(far), roots, self._deviate(roots**2, side)))

    def reach(self, tail: float, side: int) -> float:
        """Return the distance at which the p-value is `tail`."""
        from scipy.optimize import brentq  # takes a while

        wanted, limit = -float(load_special().ndtri(tail)), max(side * limit for limit in self.limits)
        if self._deviate(0.0, side) >= wanted:
            return 0.0
        return float(brentq(lambda distance: self._deviate(distance, side) - wanted, 0.0, limit) * self.unit)

    def smallest(self, tail: float) -> float:
        """Return the distance at which the p-value would be `tail` if no two of these samples differed."""
        half = (self.limits[1] - self.limits[0]) / 2
        samples = np.array([self.counts.sum()])
        return attrs.evolve(self, values=np.zeros(1), counts=samples, limits=(-half, half)).reach(tail, 1)

    def _deviate(self, distance: Any, side: int) -> Any:
        """Return the p-value of a distance, or of each of several, as a normal deviate, at most 40 in size."""
        values = np.append(side * self.values, max(side * limit for limit in self.limits))
        values = values - np.expand_dims(distance, -1)
        beyond, within = values.max(axis=-1) <= 0, values.min(axis=-1) >= 0
        deviates, between = np.where(beyond, 40.0, -40.0), ~(beyond | within)
        deviates[between] = _saddlepoint(values[between], np.append(self.counts, 1.0))
        return deviates[()]


def _saddlepoint(values: Array, counts: Array) -> Array:
    """Return the normal deviate of P(sum of values times independent exponential variables > 0), for each row.

    By Barndorff-Nielsen's r*, which is right to a few parts in a hundred (Butler 2007, "Saddlepoint approximations with
    applications").
    """
    at = np.zeros(len(values))
    for _ in range(100):  # Newton's method, damped as for a self-concordant function
        terms = values / (1 - at[:, None] * values)
        slope, curvature = terms @ counts, terms**2 @ counts
        newton = np.abs(slope) / np.sqrt(curvature)
        if (newton < 1e-9).all():
            break
        at -= slope / curvature / (1 + newton)
    terms = values / (1 - at[:, None] * values)
    curvature = terms**2 @ counts
    root = np.copysign(np.sqrt(np.maximum(2 * (np.log1p(-at[:, None] * values) @ counts), 0.0)), at)
    middle = np.abs(root) < 1e-4
    divisor = np.where(middle, 1.0, root)
    correction = np.log(np.where(middle, 1.0, at * np.sqrt(curvature) / divisor)) / divisor
    return np.asarray(root + np.where(middle, terms**3 @ counts / (3 * curvature**1.5), correction))


@attrs.frozen
class Estimate:
    """A mean with its standard error, which has so many degrees of freedom, and bounds on what was not seen."""

    mean: float
    standard_error: float
    df: float
    hits: RareHits | None = None
    samples: RareSamples | None = attrs.field(default=None, repr=False)
    limits: tuple[float, float] = (-math.inf, math.inf)
    """The least and the largest value that a mean can have."""
    caution: float = 1.0
    """A p-value by Student's t may be so many times too small."""
    rounding: float = 0.0
    """The unit that scores are rounded to: equality within less cannot be seen."""

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the interval that covers what is estimated in `level` of all cases.

        It is that of Student's t distribution, or of the bounds where they are wider, within the limits.

        >>> low, high = Estimate(0.002, 0.001, df=9).interval()
        >>> round(low, 5), round(high, 5)
        (-0.00026, 0.00426)
        """
        tail = (1 - level) / 2
        half = -float(load_special().stdtrit(self.df, tail)) * self.standard_error
        if self.hits:
            half = max(half, self.hits.reach(tail))
        below, above = (max(half, self.samples.reach(tail, side) if self.samples else 0.0) for side in (-1, 1))
        return max(self.mean - below, self.limits[0]), min(self.mean + above, self.limits[1])

    def p_different(self) -> Any:
        """Return the two-sided p-value of no difference."""
        return min(self.p_behind(side) for side in (-1, 1))

    def p_behind(self, side: int, correct: Callable[[Any], Any] = np.asarray) -> Any:
        """Return the two-sided p-value of no difference; 1 unless the mean is positive (side 1) or negative (-1).

        `correct` is applied to what other seeds would change. What is left to the samples is the same at any analysis.
        """
        seeds, samples = self._tails(side * self.mean, -side)
        return np.maximum(correct(np.minimum(1.0, 2 * seeds)), 2 * samples)

    def p_equivalent(self, rope: float, correct: Callable[[Any], Any] = np.asarray) -> Any:
        """Return the p-value of a difference of `rope` or more, either way; `correct` as above.

        The larger of two one-sided p-values (Schuirmann 1987, "A comparison of the two one-sided tests procedure").
        """
        if rope < self.rounding:
            return np.ones_like(self.mean)
        both = [self._tails(rope - side * self.mean, side) for side in (-1, 1)]
        return np.maximum(*(np.maximum(correct(seeds), samples) for seeds, samples in both))

    def smallest_rope(self, error: float) -> float:
        """Return the smallest ROPE within which equality can be shown, however many seeds there are."""
        return self.samples.smallest(error) if self.samples else self.rounding

    def _tails(self, distance: Any, side: int) -> tuple[Any, Any]:
        """Return the probability, to one side, of being further off than `distance`: by seeds, and by samples alone."""
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.where(np.equal(distance, 0), 0.0, np.divide(distance, self.standard_error))
        by_seeds = np.minimum(1.0, self.caution * load_special().stdtr(self.df, -t))
        by_samples = np.zeros(np.shape(distance))
        ahead = np.maximum(distance, 0.0)
        if self.hits:
            by_seeds = np.maximum(by_seeds, np.minimum(0.5, self.hits.tail(ahead)))
        if self.samples:
            by_samples = np.minimum(0.5, self.samples.tail(ahead, side))
            if not self.samples.exact:
                by_seeds = np.minimum(1.0, SKEWED * np.maximum(by_seeds, by_samples))
        return by_seeds, by_samples


@attrs.frozen
class Variation:
    """The mean of an array (seeds, samples), and the mean squares of seeds, samples and the rest.

    Scores without samples have one: all that they vary by is by seed.
    """

    mean: float
    seeds: int
    samples: int
    by_seed: float
    by_sample: float
    residual: float
    columns: Array = attrs.field(eq=False, repr=False)
    """The mean of each sample, less that of all (samples,)."""
    limits: tuple[float, float] = (-1.0, 1.0)
    """The least and the largest value that there can be: -1 and 1 for differences in hits, 0 and 1 for hits."""
    unit: float = 1.0
    """The unit of all of the above: 1 for hits; the largest error that was seen; the least difference in scores."""
    per_seed: float = 1.0
    """The degrees of freedom that each seed but the first adds."""
    rounding: float = 0.0
    """The unit that scores are rounded to; 0 for hits and errors."""

    @classmethod
    def from_values(cls, values: Array, *, are_differences: bool = True) -> Variation:
        """Return the variation of hits, which are integers, or of errors, which are not; or of their differences.

        They are an array of at least two seeds and two samples.
        """
        most, unit = 1.0, 1.0
        if values.dtype.kind == "f":
            most, unit = math.inf, float(np.abs(values).max())
            values = values / (unit or 1.0)
        limits = (-most if are_differences else 0.0, most)
        seeds, samples = values.shape
        mean = float(values.mean(dtype=np.float64))
        rows = values.mean(axis=1, dtype=np.float64) - mean
        columns = values.mean(axis=0, dtype=np.float64) - mean
        of_rows, of_columns = samples * float(rows @ rows), seeds * float(columns @ columns)
        whole = float(np.square(values, dtype=np.float64).sum()) - values.size * mean**2
        rest = max(whole - of_rows - of_columns, 0.0)
        freedom = (seeds - 1) * (samples - 1)
        squares = of_rows / (seeds - 1), of_columns / (samples - 1), rest / freedom
        return cls(mean, seeds, samples, *squares, columns, limits, unit)

    def after(self, seeds: int) -> Variation:
        """Return the variation as it would be after so many seeds if nothing else changed."""
        more = seeds / self.seeds
        by_chance = min(self.residual, self.by_sample)  # the part of what samples differ by that goes away
        by_sample = by_chance + (self.by_sample - by_chance) * more
        left = by_sample / self.by_sample / more if self.by_sample else 1.0
        columns = self.columns * math.sqrt(left)
        return attrs.evolve(self, seeds=seeds, by_seed=self._seen_by_seed, by_sample=by_sample, columns=columns)

    def on_these_samples(self) -> Estimate:
        """Return the mean over all possible seeds, on this fixed test set: the paired t statistic."""
        return self._estimate(self._seen_by_seed, self.per_seed * (self.seeds - 1))

    def on_such_samples(self) -> Estimate:
        """Return the mean over all possible seeds and new samples from the same source.

        The degrees of freedom are those of Satterthwaite 1946, "An approximate distribution of estimates of variance
        components".
        """
        if self.samples == 1:
            return self.on_these_samples()
        # Neither part of the variance can be negative, although its estimate can.
        by_seed = np.maximum(self._seen_by_seed, self.residual)
        by_sample = max(self.by_sample - self.residual, 0.0)
        both = by_seed + by_sample
        df = both**2 / (by_seed**2 / (self.seeds - 1) + by_sample**2 / (self.samples - 1))
        return attrs.evolve(self._estimate(both, df), samples=self._bound_samples())

    def _estimate(self, variance: float, df: float) -> Estimate:
        """Return the mean, where the variance of a single value is `variance`."""
        cells, unit = self.seeds * self.samples, self.unit
        low, high = (limit * unit if unit else limit for limit in self.limits)
        hits = RareHits(np.minimum(self.by_seed, self.residual) * cells, unit / cells) if unit else None
        caution = SKEWED_SCORES if self.samples == 1 else 1.0
        error = np.sqrt(variance / cells) * unit
        return Estimate(self.mean * unit, error, df, hits, None, (low, high), caution, self.rounding)

    @property
    def _seen_by_seed(self) -> float:
        """The mean square of seeds, or that of a single hit more in one of them: less than that cannot be seen.

        Where all seeds hit equally often, few samples are as likely a reason as seeds that do not matter.
        """
        seen: float = np.maximum(self.by_seed, 1 / (self.seeds * self.samples))
        return seen

    def _bound_samples(self) -> RareSamples | None:
        squares, mean = np.square(self.columns), float(np.mean(self.mean))
        share = float(squares.max() / squares.sum()) if squares.any() else 0.0
        far = (UNSEEN + UNSEEN_DOMINANT * share) * float(np.abs(self.columns).max())
        low, high = (limit - mean if math.isfinite(limit) else math.copysign(far, limit) for limit in self.limits)
        if low == high or not self.unit:
            return None
        values, counts = np.unique(np.round(self.columns, 12), return_counts=True)
        exact = math.isfinite(self.limits[0]) and math.isfinite(self.limits[1])
        return RareSamples(values, counts.astype(np.float64), (min(low, 0.0), max(high, 0.0)), self.unit, exact)


def bound_share(count: int, runs: int, level: float = 0.95) -> float:
    """Return the largest share of seeds that may collapse, if `count` of so many runs did.

    It is the one-sided exact bound of Clopper and Pearson 1934, "The use of confidence or fiducial limits illustrated
    in the case of the binomial". Raises MissingExtraError.
    """
    return 1.0 if count == runs else float(load_special().betaincinv(count + 1, runs - count, level))


def load_special() -> Any:
    """Return SciPy's special functions; raises MissingExtraError."""
    try:
        from scipy import special as functions
    except ImportError:
        raise MissingExtraError("a comparison", "compare") from None
    return functions
