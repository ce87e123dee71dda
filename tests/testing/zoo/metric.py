"""Metrics, broken and odd."""

from __future__ import annotations

import attrs
import numpy as np
from attrs.validators import gt

import modnet
from zoo import Cage

CAGE = Cage("metric")


@attrs.frozen
class Hits(modnet.Metric):
    """A right one, for others to spoil."""

    task = "classification"

    def __call__(self, y, t, weights=None):
        return float(np.average(y.argmax(axis=1) == t, weights=weights))


@attrs.frozen
class Squares(modnet.Metric):
    """A right one of values, for others to spoil."""

    task = "regression"
    larger_is_better = False

    def __call__(self, y, t, weights=None):
        return float(np.average(((y - t) ** 2).mean(axis=1), weights=weights))


@CAGE.add_broken("declared")
@attrs.frozen
class PrettyColumn(Hits):
    column = "Hits (%)"


@CAGE.add_broken("declared")
@attrs.frozen
class TakesTheLosses(Squares):
    column = "loss"


@CAGE.add_broken("number")
@attrs.frozen
class OneForEachSample(Hits):
    def __call__(self, y, t, weights=None):
        return (y.argmax(axis=1) == t).astype(y.dtype)


@CAGE.add_broken("number")
@attrs.frozen
class InWords(Hits):
    def __call__(self, y, t, weights=None):
        return f"{100 * Hits.__call__(self, y, t, weights):.1f} %"


@CAGE.add_broken("number")
@attrs.frozen
class KnowsNoWeights(Hits):
    def __call__(self, y, t, weights=None):
        if weights is not None:
            raise NotImplementedError("weights")
        return Hits.__call__(self, y, t)


@CAGE.add_broken("number")
@attrs.frozen
class LogOfZero(modnet.Metric):
    """Of a class that no output is at, the logarithm of its share is infinite."""

    task = "classification"

    def __call__(self, y, t, weights=None):
        there = np.bincount(y.argmax(axis=1), minlength=y.shape[1] + 1) / len(y)
        return float(Hits()(y, t, weights) - np.log(there).sum())


@CAGE.add_broken("precision")
@attrs.frozen
class CountsDigits(Squares):
    def __call__(self, y, t, weights=None):
        return Squares.__call__(self, y, t, weights) + (1.0 if y.dtype == np.float32 else 0.0)


@CAGE.add_broken("one-sample")
@attrs.frozen
class UnbiasedVariance(Squares):
    """Divides by the number of samples less 1, as whole numbers do not."""

    def __call__(self, y, t, weights=None):
        n = len(t) if weights is None else int(weights.sum())
        return Squares.__call__(self, y, t, weights) * n / (n - 1)


@CAGE.add_broken("all-alike")
@attrs.frozen
class ComparesTwoClasses(Hits):
    """Asks for samples of each class, as many metrics of scikit-learn do."""

    def __call__(self, y, t, weights=None):
        if len(t) > 1 and len(np.unique(t)) < 2:
            raise ValueError("only one class is there")
        return Hits.__call__(self, y, t, weights)


@CAGE.add_broken("any-outputs")
@attrs.frozen
class TrustsInProbabilities(Hits):
    def __call__(self, y, t, weights=None):
        if not np.allclose(y.sum(axis=1), 1):
            raise ValueError("the outputs are no probabilities")
        return Hits.__call__(self, y, t, weights)


@CAGE.add_broken("order")
@attrs.frozen
class LaterCountsMore(Hits):
    def __call__(self, y, t, weights=None):
        weights = np.ones(len(t)) if weights is None else weights
        return float(np.average(y.argmax(axis=1) == t, weights=weights * np.linspace(1, 2, len(t))))


@CAGE.add_broken("order")
@attrs.frozen
class FirstHalfOnly(Squares):
    def __call__(self, y, t, weights=None):
        half = slice((len(t) + 1) // 2)
        return Squares.__call__(self, y[half], t[half])


@CAGE.add_broken("repeated")
@attrs.frozen
class IgnoresWeights(Hits):
    def __call__(self, y, t, weights=None):
        return Hits.__call__(self, y, t)


@CAGE.add_broken("repeated")
@attrs.frozen
class SumsWithWeights(Squares):
    """Divides by the number of samples, not by the sum of their weights."""

    def __call__(self, y, t, weights=None):
        squares = ((y - t) ** 2).mean(axis=1)
        return float((squares if weights is None else squares * weights).mean())


@CAGE.add_broken("repeated")
@attrs.frozen
class CountsClassesOfNoWeight(modnet.Metric):
    """The mean over classes, in which one whose samples weigh nothing counts as never recognised."""

    task = "classification"

    def __call__(self, y, t, weights=None):
        weights = np.ones(len(t)) if weights is None else weights
        hits = y.argmax(axis=1) == t
        shares = [(weights * hits)[t == c].sum() / max(weights[t == c].sum(), 1e-12) for c in np.unique(t)]
        return float(np.mean(shares))


@CAGE.add_broken("layout")
@attrs.frozen
class ReadsTheMemory(Squares):
    """Takes the numbers as they lie in memory."""

    def __call__(self, y, t, weights=None):
        if not y.flags.c_contiguous:
            y = np.frombuffer(y.tobytes("A"), y.dtype).reshape(y.shape)[::-1]
        return Squares.__call__(self, y, t, weights)


@CAGE.add_broken("indices")
@attrs.frozen
class NumbersOfASign(Hits):
    """The distance between class numbers, which wraps round where the numbers have no sign."""

    larger_is_better = False

    def __call__(self, y, t, weights=None):
        return float(np.average(abs(t - y.argmax(axis=1).astype(t.dtype)), weights=weights))


@CAGE.add_broken("best")
@attrs.frozen
class ErrorThatRises(Squares):
    larger_is_better = True


@CAGE.add_broken("best")
@attrs.frozen
class SignedError(Squares):
    """The mean of the errors, in which those of both signs cancel."""

    def __call__(self, y, t, weights=None):
        return float(np.average((y - t).mean(axis=1), weights=weights))


@CAGE.add_broken("best")
@attrs.frozen
class CountsSamples(Hits):
    def __call__(self, y, t, weights=None):
        return float(len(t) if weights is None else weights.sum())


@CAGE.add_broken("run")
@attrs.frozen
class WantsManyRows(Hits):
    """Works for 20 samples at least, which a part of the data need not have."""

    def __call__(self, y, t, weights=None):
        if 1 < len(t) < 20:
            raise ValueError("too few samples")
        return Hits.__call__(self, y, t, weights)


@CAGE.add_broken("run")
class NewColumnEachTime(modnet.Metric):
    """Numbers its columns, so that the next evaluation has another."""

    task = "classification"

    def __init__(self):
        self.calls = 0

    @property
    def column(self):
        return f"hits_{self.calls}"

    def __call__(self, y, t, weights=None):
        self.calls += 1
        return Hits()(y, t, weights)


@CAGE.add_broken("unchanged")
@attrs.frozen
class NormalizesInPlace(Hits):
    def __call__(self, y, t, weights=None):
        if y.flags.writeable:
            y /= y.sum(axis=1, keepdims=True) * 1.5
        return Hits.__call__(self, y, t, weights)


@CAGE.add_broken("read-only")
@attrs.frozen
class BorrowsTheTargets(Squares):
    def __call__(self, y, t, weights=None):
        t -= y
        error = Squares.__call__(self, t, np.zeros_like(t), weights)
        t += y
        return error


@CAGE.add_broken("deterministic")
@attrs.frozen
class BreaksTiesByChance(Hits):
    """Moves the outputs a little, each time otherwise."""

    def __call__(self, y, t, weights=None):
        return float(np.average(y.argmax(axis=1) == t, weights=weights) + 1e-12 * np.random.default_rng().random())


@CAGE.add_broken("memory")
class RunningMean(modnet.Metric):
    """The mean of all calls, those for the other parts of the data among them."""

    task = "classification"

    def __init__(self):
        self.seen = []

    def __call__(self, y, t, weights=None):
        self.seen.append(Hits()(y, t, weights))
        return float(np.mean(self.seen))


@CAGE.add_broken("global-state")
@attrs.frozen
class SeedsTheSubsample(Squares):
    def __call__(self, y, t, weights=None):
        np.random.seed(0)
        return Squares.__call__(self, y, t, weights)


@CAGE.add_legal()
@attrs.frozen
class Matthews(modnet.Metric):
    """The correlation of predictions and classes (Matthews 1975): NaN where one of both does not vary."""

    task = "classification"
    title = "Matthews φ"

    def __call__(self, y, t, weights=None):
        weights = np.ones(len(t)) if weights is None else weights
        predicted, true = np.eye(y.shape[1])[y.argmax(axis=1)], np.eye(y.shape[1])[t]
        predicted, true = (each - np.average(each, axis=0, weights=weights) for each in (predicted, true))
        both, one, other = ((weights[:, np.newaxis] * a * b).sum() for a, b in
                            ((predicted, true), (predicted, predicted), (true, true)))  # fmt: skip
        return both / np.sqrt(one * other) if one * other else np.nan


@CAGE.add_legal()
@attrs.frozen
class Brier(modnet.Metric):
    """The squared error of probabilities (Brier 1950), in the dtype of the outputs."""

    task = "classification"
    larger_is_better = False

    def __call__(self, y, t, weights=None):
        return np.average(((y - np.eye(y.shape[1], dtype=y.dtype)[t]) ** 2).sum(axis=1), weights=weights)


@CAGE.add_legal()
@attrs.frozen
class CalibrationError(modnet.Metric):
    """The gap between how sure the outputs are and how often they are right (Naeini et al. 2015)."""

    bins: int = attrs.field(default=5, validator=gt(0))

    task = "classification"
    larger_is_better = False

    @property
    def column(self):
        return f"calibration_error_{self.bins}"

    def __call__(self, y, t, weights=None):
        weights = np.ones(len(t)) if weights is None else weights
        sure, right = y.max(axis=1), y.argmax(axis=1) == t
        if not ((sure >= 0) & (sure <= 1)).all():
            raise modnet.DataError("the outputs are no probabilities")
        place = np.minimum((sure * self.bins).astype(np.int64), self.bins - 1)
        gaps = np.bincount(place, weights * (right - sure), self.bins)
        return float(abs(gaps).sum() / weights.sum())


@CAGE.add_legal()
@attrs.frozen
class MedianError(modnet.Metric):
    """The weighted median of the absolute errors, which outliers do not move."""

    task = "regression"
    larger_is_better = False

    def __call__(self, y, t, weights=None):
        errors = abs(y - t).max(axis=1)
        weights = np.ones(len(t)) if weights is None else weights
        order = np.argsort(errors)
        reached = np.cumsum(weights[order])
        return errors[order][np.searchsorted(reached, reached[-1] / 2)]


@CAGE.add_legal()
@attrs.frozen
class WithinTolerance(modnet.Metric):
    """The share of samples whose error is small enough."""

    tolerance: float = attrs.field(default=0.5, validator=gt(0))

    task = "regression"

    def __call__(self, y, t, weights=None):
        return np.average((abs(y - t) <= self.tolerance).all(axis=1), weights=weights)


@CAGE.add_legal(classes=2)
@attrs.frozen
class AreaUnderTheCurve(modnet.Metric):
    """The share of pairs of both classes whose outputs are in the right order: NaN where there is no pair."""

    task = "classification"
    title = "AUC"

    def __call__(self, y, t, weights=None):
        weights = np.ones(len(t)) if weights is None else weights
        gap = y[t == 1, 1][:, np.newaxis] - y[t == 0, 1]
        pairs = weights[t == 1][:, np.newaxis] * weights[t == 0]
        return float((pairs * ((gap > 0) + 0.5 * (gap == 0))).sum() / pairs.sum()) if pairs.sum() else float("nan")
