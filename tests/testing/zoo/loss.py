"""Losses, broken and odd."""

from __future__ import annotations

import attrs
import numpy as np
from array_api_compat import array_namespace
from attrs.validators import ge

import modnet
from zoo import Cage

CAGE = Cage("loss")


class Squared(modnet.Loss):
    """A right one, for others to spoil."""

    def __call__(self, y, t, axis=-1):
        return ((y - modnet.one_hot(t, y, axis)) ** 2).sum(axis=axis)

    def backward(self, y, t, axis=-1):
        return 2 * (y - modnet.one_hot(t, y, axis))


class LogLikelihood(modnet.Loss):
    """A right one, for others to spoil, or to give a fused form."""

    tiny = 1e-7
    form = None

    def __call__(self, y, t, axis=-1):
        return -(modnet.one_hot(t, y, axis) * np.log(y + y.dtype.type(self.tiny))).sum(axis=axis)

    def backward(self, y, t, axis=-1):
        return -modnet.one_hot(t, y, axis) / (y + y.dtype.type(self.tiny))

    def fused(self, activation):
        return self.form() if self.form and activation.computes == "softmax" else None


class FusedLogLikelihood(modnet.FusedLoss):
    def __call__(self, a, t, axis=-1):
        shifted = a - a.max(axis=axis, keepdims=True, initial=-np.inf)
        log_y = shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))
        return -(modnet.one_hot(t, a, axis) * log_y).sum(axis=axis), np.exp(log_y)

    def backward(self, a, y, t, axis=-1):
        dense = modnet.one_hot(t, y, axis)
        return y * dense.sum(axis=axis, keepdims=True) - dense


@CAGE.add_broken("other-arrays")
class ForgetsTheTargetsOfOthers(Squared):
    def __call__(self, y, t, axis=-1):
        return (
            Squared.__call__(self, y, t, axis)
            if isinstance(y, np.ndarray)
            else array_namespace(y).sum(y * y, axis=axis)
        )


@CAGE.add_broken("one-per-sample")
class MeanOverTheBatch(Squared):
    def __call__(self, y, t, axis=-1):
        return Squared.__call__(self, y, t, axis).mean()


@CAGE.add_broken("one-per-sample")
class KeepsTheAxis(Squared):
    def __call__(self, y, t, axis=-1):
        return Squared.__call__(self, y, t, axis)[..., None]


@CAGE.add_broken("one-per-sample")
class Widening(Squared):
    def __call__(self, y, t, axis=-1):
        return Squared.__call__(self, y.astype(np.float64), t, axis)


@CAGE.add_broken("rows")
class ComparesWithTheBatch(Squared):
    def __call__(self, y, t, axis=-1):
        losses = Squared.__call__(self, y, t, axis)
        return losses - losses.mean() if losses.size else losses


@CAGE.add_broken("axis")
class LastAxisOnly(Squared):
    def __call__(self, y, t, axis=-1):
        return ((y - modnet.one_hot(t, y, axis)) ** 2).sum(axis=-1)


@CAGE.add_broken("targets")
class NeedsOneHot(Squared):
    def __call__(self, y, t, axis=-1):
        dense = t if t.ndim == y.ndim else np.expand_dims(t, axis)
        return ((y - dense) ** 2).sum(axis=axis)

    def backward(self, y, t, axis=-1):
        return 2 * (y - (t if t.ndim == y.ndim else np.expand_dims(t, axis)))


@CAGE.add_broken("targets")
class NeedsWideIntegers(Squared):
    def __call__(self, y, t, axis=-1):
        if t.ndim != y.ndim and t.dtype.itemsize < 4:
            t = t - t.dtype.type(1)
        return Squared.__call__(self, y, t, axis)


@CAGE.add_broken("empty")
class NeedsSamples(Squared):
    def __call__(self, y, t, axis=-1):
        losses = Squared.__call__(self, y, t, axis)
        return losses + 0 * losses.max()


@CAGE.add_broken("certain")
class LogOfZero(LogLikelihood):
    tiny = 0.0


@CAGE.add_broken("certain")
class DividesByZero(LogLikelihood):
    def backward(self, y, t, axis=-1):
        return -modnet.one_hot(t, y, axis) / y


@CAGE.add_broken("derivative")
class ForgetsTheFactor(Squared):
    def backward(self, y, t, axis=-1):
        return y - modnet.one_hot(t, y, axis)


@CAGE.add_broken("derivative")
class DividedByTheBatch(Squared):
    def backward(self, y, t, axis=-1):
        return Squared.backward(self, y, t, axis) / len(y)


@CAGE.add_broken("derivative")
class WrongSign(LogLikelihood):
    def backward(self, y, t, axis=-1):
        return -LogLikelihood.backward(self, y, t, axis)


@CAGE.add_broken("backward")
class WideningBack(Squared):
    def backward(self, y, t, axis=-1):
        return 2 * (y.astype(np.float64) - modnet.one_hot(t, y, axis))


@CAGE.add_broken("backward")
class LastAxisOnlyBack(Squared):
    def backward(self, y, t, axis=-1):
        return 2 * (y - modnet.one_hot(t, y))


class HalfFused(FusedLogLikelihood):
    def __call__(self, a, t, axis=-1):
        losses, y = FusedLogLikelihood.__call__(self, a, t, axis)
        return losses / 2, y


class OverflowingFused(FusedLogLikelihood):
    def __call__(self, a, t, axis=-1):
        y = np.exp(a) / np.exp(a).sum(axis=axis, keepdims=True)
        return -(modnet.one_hot(t, a, axis) * np.log(y)).sum(axis=axis), y


class WrongBackwardFused(FusedLogLikelihood):
    def backward(self, a, y, t, axis=-1):
        return (y - modnet.one_hot(t, y, axis)) / max(1, y.shape[0])


class WideningFused(FusedLogLikelihood):
    def backward(self, a, y, t, axis=-1):
        return FusedLogLikelihood.backward(self, a, y, t, axis).astype(np.float64)


class LastAxisFused(FusedLogLikelihood):
    def backward(self, a, y, t, axis=-1):
        dense = modnet.one_hot(t, y, axis)
        return y * dense.sum(axis=-1, keepdims=True) - dense


@CAGE.add_broken("fused-arrays")
class FusedWidens(LogLikelihood):
    form = WideningFused


@CAGE.add_broken("fused-arrays")
class FusedForgetsTheAxis(LogLikelihood):
    form = LastAxisFused


@CAGE.add_broken("fused")
class AnotherFusedForm(LogLikelihood):
    form = HalfFused


@CAGE.add_broken("fused")
class FusedWithAnything(LogLikelihood):
    def fused(self, activation):
        return FusedLogLikelihood()


@CAGE.add_broken("fused")
class WrongFusedBackward(LogLikelihood):
    form = WrongBackwardFused


@CAGE.add_broken("fused-finite")
class FusedOverflows(LogLikelihood):
    form = OverflowingFused


class ClippedFused(FusedLogLikelihood):
    def __call__(self, a, t, axis=-1):
        losses, y = FusedLogLikelihood.__call__(self, a, t, axis)
        return np.minimum(losses, losses.dtype.type(12)), y


class WritingFused(FusedLogLikelihood):
    def change(self, a, y, t, da, axis=-1):
        da += a
        return self(da, t, axis)[0] - self(a, t, axis)[0]


class LinearAlongFused(FusedLogLikelihood):
    def changes_along(self, a, y, t, directions, steps):
        slopes = self.backward(a, y, t, axis=0)[:, 0]
        return np.einsum("in,iu,umn->umn", slopes, directions, steps)


class WritingAlongFused(FusedLogLikelihood):
    def changes_along(self, a, y, t, directions, steps):
        found = FusedLogLikelihood.changes_along(self, a, y, t, directions, steps)
        steps *= 2
        return found


class LinearFused(FusedLogLikelihood):
    def change(self, a, y, t, da, axis=-1):
        return (self.backward(a, y, t, axis) * da).sum(axis=axis)


@CAGE.add_broken("smooth")
class FalselySmooth(modnet.Loss):
    smooth = True

    def __call__(self, y, t, axis=-1):
        return abs(y - modnet.one_hot(t, y, axis)).sum(axis=axis)


@CAGE.add_broken("smooth")
class SmoothWithinDelta(modnet.Loss):
    """Kinks only where outputs are far from targets, where no probabilities are."""

    smooth = True

    def __call__(self, y, t, axis=-1):
        size = abs(y - modnet.one_hot(t, y, axis))
        return np.where(size < 3, size * size, 6 * size - 9).sum(axis=axis).astype(y.dtype)


@CAGE.add_broken("smooth")
class SmoothBeforeItIsFused(LogLikelihood):
    smooth = True
    form = ClippedFused


@CAGE.add_broken("change")
class ChangesByItsSlope(Squared):
    def change(self, y, t, dy, axis=-1):
        return (2 * (y - modnet.one_hot(t, y, axis)) * dy).sum(axis=axis)


@CAGE.add_broken("change")
class ChangeOfTheLastAxis(Squared):
    def change(self, y, t, dy, axis=-1):
        return (dy * (2 * (y - modnet.one_hot(t, y, axis)) + dy)).sum(axis=-1)


@CAGE.add_broken("fused-change")
class FusedChangesByItsSlope(LogLikelihood):
    form = LinearFused


@CAGE.add_broken("fused-change")
class FusedChangesAlongItsSlope(LogLikelihood):
    form = LinearAlongFused


@CAGE.add_broken("fused-change")
class FusedWritesTheMoves(LogLikelihood):
    form = WritingFused


@CAGE.add_broken("fused-change")
class FusedWritesTheSteps(LogLikelihood):
    form = WritingAlongFused


@CAGE.add_broken("network")
class RefusesAnotherLayout(Squared):
    def __call__(self, y, t, axis=-1):
        if y.ndim == 2 and axis == 0 and y.shape[0] != y.shape[1]:
            raise ValueError("expected rows")
        return Squared.__call__(self, y, t, axis)

    def backward(self, y, t, axis=-1):
        return Squared.backward(self, y, t, axis)


@CAGE.add_broken("unchanged")
class WritesTheTargets(Squared):
    def __call__(self, y, t, axis=-1):
        if t.ndim == y.ndim and t.flags.writeable:
            t -= y
            return (t**2).sum(axis=axis)
        return Squared.__call__(self, y, t, axis)


@CAGE.add_broken("read-only")
class BorrowsTheOutputs(Squared):
    def __call__(self, y, t, axis=-1):
        np.negative(y, out=y)
        losses = ((y + modnet.one_hot(t, y, axis)) ** 2).sum(axis=axis)
        np.negative(y, out=y)
        return losses


@CAGE.add_broken("deterministic")
class SmoothsLabelsAtRandom(Squared):
    def __call__(self, y, t, axis=-1):
        noise = 1e-3 * np.random.default_rng().random(y.shape).astype(y.dtype)
        return ((y - modnet.one_hot(t, y, axis) + noise) ** 2).sum(axis=axis)


@CAGE.add_broken("memory")
class KeepsTheDifference(Squared):
    def __call__(self, y, t, axis=-1):
        self.difference = y - modnet.one_hot(t, y, axis)
        return (self.difference**2).sum(axis=axis)


@CAGE.add_broken("threads")
class SharesScratchSpace(Squared):
    def __call__(self, y, t, axis=-1):
        self.difference = y - modnet.one_hot(t, y, axis)
        losses = (self.difference**2).sum(axis=axis)
        self.difference = None
        return losses


@CAGE.add_broken("settings-odd")
@attrs.frozen
class ChecksWithAnAssertion(Squared):
    weight: float = attrs.field(default=1.0)

    @weight.validator
    def _check(self, attribute, value):
        assert value >= 0


@CAGE.add_legal()
class SmoothSquared(Squared):
    smooth = True

    def change(self, y, t, dy, axis=-1):
        return (dy * (2 * (y - modnet.one_hot(t, y, axis)) + dy)).sum(axis=axis)


@CAGE.add_legal()
class WithoutDerivative(modnet.Loss):
    def __call__(self, y, t, axis=-1):
        return abs(y - modnet.one_hot(t, y, axis)).max(axis=axis)


@CAGE.add_legal()
@attrs.frozen
class Hinge(modnet.Loss):
    """Piecewise linear, with kinks."""

    margin: float = attrs.field(default=1.0, validator=ge(0))

    def __call__(self, y, t, axis=-1):
        signs = 2 * modnet.one_hot(t, y, axis) - 1
        return np.maximum(0, self.margin - signs * y).sum(axis=axis)

    def backward(self, y, t, axis=-1):
        signs = 2 * modnet.one_hot(t, y, axis) - 1
        return np.where(signs * y < self.margin, -signs, 0).astype(y.dtype)


@CAGE.add_legal()
class Fused(LogLikelihood):
    """Its plain form has a constant in the logarithm that the fused one can do without."""

    tiny = 1e-12

    form = FusedLogLikelihood


@CAGE.add_legal()
class Negative(modnet.Loss):
    """A score that is below 0."""

    def __call__(self, y, t, axis=-1):
        return -(modnet.one_hot(t, y, axis) * y).sum(axis=axis)

    def backward(self, y, t, axis=-1):
        return -modnet.one_hot(t, y, axis)


@CAGE.add_legal()
def absolute(y, t):
    return abs(y - modnet.one_hot(t, y)).sum(axis=-1)
