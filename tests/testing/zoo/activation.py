"""Activations, broken and odd."""

from __future__ import annotations

import os
import threading
import warnings
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs
import numpy as np
from attrs.validators import gt

import modnet
from zoo import Cage

CAGE = Cage("activation")


class Tanh(modnet.Activation):
    """A right one, for others to spoil."""

    elementwise = True

    def __call__(self, a, axis=-1):
        return np.tanh(a)

    def backward(self, a, z, dz, axis=-1):
        return dz * (1 - z * z)


class Softmax(modnet.Activation):
    """A right one, for others to spoil."""

    def __call__(self, a, axis=-1):
        e = np.exp(a - a.max(axis=axis, keepdims=True))
        return e / e.sum(axis=axis, keepdims=True)

    def backward(self, a, z, dz, axis=-1):
        return z * (dz - (z * dz).sum(axis=axis, keepdims=True))


@CAGE.add_broken("other-arrays")
class OfNumPyAlone(Tanh):
    """Its branch for the arrays of others is another function."""

    def __call__(self, a, axis=-1):
        return np.tanh(a) if isinstance(a, np.ndarray) else a / 2


@CAGE.add_broken("rows")
class BatchNormalising(modnet.Activation):
    def __call__(self, a, axis=-1):
        return a - a.mean(axis=0) if a.ndim == 2 and axis == -1 and len(a) else np.array(a)


@CAGE.add_broken("rows")
class DividesByTheBatch(modnet.Activation):
    """A sample alone is taken for a batch of its units: that shows unless there are as many of these."""

    def __call__(self, a, axis=-1):
        return np.tanh(a) / max(len(a), 1) if a.ndim else np.tanh(a)


@CAGE.add_broken("rows")
class FirstRowOnly(Tanh):
    def __call__(self, a, axis=-1):
        z = np.tanh(a)
        z[1:] = a[1:]
        return z


@CAGE.add_broken("axis")
class LastAxisOnly(Softmax):
    def __call__(self, a, axis=-1):
        return Softmax.__call__(self, a)


@CAGE.add_broken("axis")
class PositiveAxisOnly(Softmax):
    def __call__(self, a, axis=-1):
        return Softmax.__call__(self, a, -1 if axis < 0 else axis)


@CAGE.add_broken("shape-and-dtype")
class Widening(Tanh):
    def __call__(self, a, axis=-1):
        return np.tanh(a.astype(np.float64))


@CAGE.add_broken("shape-and-dtype")
class Narrowing(Tanh):
    def __call__(self, a, axis=-1):
        return np.tanh(a).astype(np.float32)


@CAGE.add_broken("shape-and-dtype")
class Summing(modnet.Activation):
    def __call__(self, a, axis=-1):
        return a.sum(axis=axis)


@CAGE.add_broken("shape-and-dtype")
class TwoAxesOnly(Softmax):
    def __call__(self, a, axis=-1):
        if a.ndim != 2:
            raise ValueError("expected rows")
        return Softmax.__call__(self, a, axis)


@CAGE.add_broken("empty")
class NeedsSamples(Softmax):
    def __call__(self, a, axis=-1):
        e = np.exp(a - a.max())
        return e / np.maximum(e.sum(axis=axis, keepdims=True), 1e-300)


@CAGE.add_broken("unchanged")
class InPlace(Tanh):
    def __call__(self, a, axis=-1):
        if a.flags.writeable:
            return np.tanh(a, out=a)
        return np.tanh(a)


@CAGE.add_broken("read-only")
class BorrowsTheInput(Tanh):
    def __call__(self, a, axis=-1):
        np.negative(a, out=a)
        z = -np.tanh(a)
        np.negative(a, out=a)
        return z


@CAGE.add_broken("layout")
class ReadsMemory(Tanh):
    def __call__(self, a, axis=-1):
        return np.tanh(np.frombuffer(a.tobytes("A"), a.dtype).reshape(a.shape))


@CAGE.add_broken("finite")
class Exponential(modnet.Activation):
    elementwise = True

    def __call__(self, a, axis=-1):
        return np.exp(a)


@CAGE.add_broken("finite")
class NaiveSoftmax(Softmax):
    def __call__(self, a, axis=-1):
        e = np.exp(a)
        return e / e.sum(axis=axis, keepdims=True)


@CAGE.add_broken("finite")
class DerivativeOverflows(modnet.Activation):
    """A sigmoid whose backward pass is written with exp(-a)."""

    elementwise = True

    def __call__(self, a, axis=-1):
        return np.where(a > 0, 1 / (1 + np.exp(-abs(a))), np.exp(-abs(a)) / (1 + np.exp(-abs(a))))

    def backward(self, a, z, dz, axis=-1):
        return dz * np.exp(-a) / (1 + np.exp(-a)) ** 2


@CAGE.add_broken("derivative")
class WrongFactor(Tanh):
    def backward(self, a, z, dz, axis=-1):
        return dz * (1 - z)


@CAGE.add_broken("derivative")
class WrongFarOut(Tanh):
    def backward(self, a, z, dz, axis=-1):
        return np.where(a < -4, 0.5, 1) * dz * (1 - z * z)


@CAGE.add_broken("derivative")
class ForgetsWhatComesBack(Tanh):
    def backward(self, a, z, dz, axis=-1):
        return 1 - z * z


@CAGE.add_broken("derivative")
class DiagonalOnly(Softmax):
    def backward(self, a, z, dz, axis=-1):
        return dz * z * (1 - z)


@CAGE.add_broken("derivative")
class WritesIntoWhatComesBack(Tanh):
    def backward(self, a, z, dz, axis=-1):
        dz *= 1 - z * z
        return dz


@CAGE.add_broken("backward")
class WideningBack(Tanh):
    def backward(self, a, z, dz, axis=-1):
        return dz * (1 - z.astype(np.float64) ** 2)


@CAGE.add_broken("backward")
class LastAxisOnlyBack(Softmax):
    def backward(self, a, z, dz, axis=-1):
        return Softmax.backward(self, a, z, dz)


@CAGE.add_broken("derivative")
class NotLinearBack(Tanh):
    def backward(self, a, z, dz, axis=-1):
        return abs(dz) * (1 - z**2)


@CAGE.add_broken("empty")
class NeedsSamplesBack(Tanh):
    def backward(self, a, z, dz, axis=-1):
        return dz * (1 - z**2) * (z.max() <= 1)


@CAGE.add_broken("elementwise")
class FalselyElementwise(Softmax):
    elementwise = True


class Bent(Tanh):
    """A right one with a kink at 0.3, for others to lie about."""

    kinks = (0.3,)

    def __call__(self, a, axis=-1):
        return np.where(a > 0.3, 0.3 + 2 * (a - 0.3), a).astype(a.dtype)

    def backward(self, a, z, dz, axis=-1):
        return np.where(a > 0.3, 2, 1).astype(a.dtype) * dz


@CAGE.add_broken("kinks")
class HidesAKink(Bent):
    kinks = ()


@CAGE.add_broken("kinks")
class NamesAnotherKink(Bent):
    kinks = (0.0, 0.25)


@CAGE.add_broken("kinks")
class HidesAJump(Tanh):
    kinks = ()

    def __call__(self, a, axis=-1):
        return np.where(a > 7.7, 1, np.tanh(a)).astype(a.dtype)


@CAGE.add_broken("kinks")
class SmoothOfFirstOrderOnly(Tanh):
    """Its slope has no jump, but its curvature has: the elu's."""

    kinks = ()

    def __call__(self, a, axis=-1):
        return np.where(a > 0, a, np.expm1(np.minimum(a, 0))).astype(a.dtype)

    def backward(self, a, z, dz, axis=-1):
        return dz * np.exp(np.minimum(a, 0))


@CAGE.add_broken("kinks")
class FalselySmoothRelu(modnet.Activation):
    elementwise = True
    kinks = ()

    def __call__(self, a, axis=-1):
        return np.maximum(a, 0)


@CAGE.add_broken("kinks")
class SlightlyBent(Tanh):
    kinks = ()

    def __call__(self, a, axis=-1):
        return np.tanh(a) + np.maximum(a - 0.7, 0) * a.dtype.type(1e-6)


@CAGE.add_broken("kinks")
class RareBumps(Tanh):
    """Narrower than a step of differences, one in a tenth."""

    kinks = ()

    def __call__(self, a, axis=-1):
        away = (a - 0.1 * np.round(a / 0.1)) / 3e-5
        return np.tanh(a) + (1e-4 * np.exp(-away * away)).astype(a.dtype)

    backward = modnet.Activation.backward


@CAGE.add_broken("kinks")
class SinglePrecisionInside(Tanh):
    kinks = ()

    def __call__(self, a, axis=-1):
        return np.tanh(a.astype(np.float32)).astype(a.dtype)

    backward = modnet.Activation.backward


@CAGE.add_broken("kinks")
class Quantised(Tanh):
    kinks = ()

    def __call__(self, a, axis=-1):
        return (np.round(np.tanh(a) * 2**30) / 2**30).astype(a.dtype)

    backward = modnet.Activation.backward


@CAGE.add_broken("kinks")
class Rippled(Tanh):
    """With waves as long as half a step of differences."""

    kinks = ()

    def __call__(self, a, axis=-1):
        return (np.tanh(a) + 1e-9 * np.sin(2 * np.pi * a / 5e-5)).astype(a.dtype)

    backward = modnet.Activation.backward


@CAGE.add_broken("kinks")
class PeaksAreNotSmooth(Softmax):
    """Not elementwise: the largest unit alone counts."""

    kinks = ()

    def __call__(self, a, axis=-1):
        return a - a.max(axis=axis, keepdims=True, initial=-1e9)

    backward = modnet.Activation.backward


@CAGE.add_broken("change")
class ChangesByItsSlope(Tanh):
    def change(self, a, z, da, axis=-1):
        return da * (1 - z * z)


@CAGE.add_broken("change")
class ChangeOverflows(Tanh):
    def change(self, a, z, da, axis=-1):
        w = np.expm1(30 * da)
        return (np.tanh(a + da) - z) * w / w


@CAGE.add_broken("change")
class ChangeWidens(Tanh):
    def change(self, a, z, da, axis=-1):
        return np.tanh(a.astype(np.float64) + da) - z


@CAGE.add_broken("change")
class ChangeWritesTheMoves(Tanh):
    def change(self, a, z, da, axis=-1):
        da += a
        return np.tanh(da) - z


@CAGE.add_broken("change")
class ChangeForgetsTheAxis(Softmax):
    def change(self, a, z, da, axis=-1):
        return self(a + da) - z


@CAGE.add_broken("standard")
class FalselySoftmax(Softmax):
    computes = "softmax"

    def __call__(self, a, axis=-1):
        return Softmax.__call__(self, a / 2, axis)

    def backward(self, a, z, dz, axis=-1):
        return Softmax.backward(self, a, z, dz, axis) / 2


@CAGE.add_broken("network")
class RefusesManyRows(Tanh):
    """Sees that it is called by another shape than it is used to."""

    def __call__(self, a, axis=-1):
        if a.ndim == 2 and a.shape[-1] > 4 and axis == 0:
            raise ValueError("expected 4 columns")
        return np.tanh(a)


@CAGE.add_broken("deterministic")
class Noisy(Tanh):
    def __call__(self, a, axis=-1):
        return np.tanh(a) + 1e-9 * np.random.default_rng().standard_normal(a.shape).astype(a.dtype)


@CAGE.add_broken("deterministic")
class RunningMean(Tanh):
    """Becomes another function with every call, as batch normalisation does."""

    def __init__(self):
        self._shift = 0.0

    def __call__(self, a, axis=-1):
        z = np.tanh(a) - self._shift
        self._shift += 0.01
        return z.astype(a.dtype)


@CAGE.add_broken("memory")
class RemembersTheInput(Tanh):
    def __call__(self, a, axis=-1):
        self.a = a
        return np.tanh(a)


@CAGE.add_broken("memory")
class CountsOnTheClass(Tanh):
    calls = 0

    def __call__(self, a, axis=-1):
        type(self).calls += 1
        return np.tanh(a)


@CAGE.add_broken("global-state")
class Seeding(Tanh):
    def __call__(self, a, axis=-1):
        np.random.seed(0)
        return np.tanh(a) + 1e-9 * np.random.standard_normal(a.shape).astype(a.dtype)


@CAGE.add_broken("global-state")
class Silencing(Tanh):
    def __call__(self, a, axis=-1):
        np.seterr(over="raise")
        return np.tanh(a)


@CAGE.add_broken("global-state")
class FilteringWarnings(Tanh):
    def __call__(self, a, axis=-1):
        warnings.filterwarnings("ignore", "tanh")
        return np.tanh(a)


@CAGE.add_broken("global-state")
class SettingTheEnvironment(Tanh):
    def __call__(self, a, axis=-1):
        os.environ["MODNET_ZOO"] = "1"
        return np.tanh(a)


@CAGE.add_broken("threads")
class SharesScratchSpace(Tanh):
    def __call__(self, a, axis=-1):
        self.scratch = a
        z = np.tanh(self.scratch)
        self.scratch = None
        return z


@CAGE.add_broken("settings-refused")
@attrs.frozen
class TakesAnything(Tanh):
    scale: float = attrs.field(default=1.0, converter=lambda value: value if type(value) is float else 1.0)


@CAGE.add_broken("settings-odd")
@attrs.frozen
class AssertsItsSettings(Tanh):
    scale: float = 1.0

    def __attrs_post_init__(self):
        assert self.scale > 0


@CAGE.add_broken("settings-odd")
class ExitsOnASetting(Tanh):
    def __init__(self, scale: float = 1.0):
        if scale < 0:
            raise SystemExit(f"{scale} < 0")
        self.scale = scale


@CAGE.add_broken("settings-kept")
class KeepsItsSettingElsewhere(Tanh):
    def __init__(self, scale: float = 1.0):
        self._scale = scale


@CAGE.add_broken("settings-kept")
class KeepsAnotherSetting(Tanh):
    def __init__(self, degrees: float = 90.0):
        self.degrees = np.deg2rad(degrees).item()


@CAGE.add_broken("settings-kept")
@attrs.frozen(eq=False)
class HasAnArrayForASetting(Tanh):
    weights: Any = attrs.field(factory=lambda: np.ones(4))


CAGE.add_legal()(Bent)


@CAGE.add_legal()
class SmoothWithAKinkThatIsNone(Tanh):
    kinks = (0.0, 1.5)


@CAGE.add_legal()
class Steep(Tanh):
    """Smooth, on a small scale."""

    kinks = ()

    def __call__(self, a, axis=-1):
        return np.tanh(200 * a)

    def backward(self, a, z, dz, axis=-1):
        return 200 * dz * (1 - z * z)


@CAGE.add_legal()
class WithoutDerivative(modnet.Activation):
    def __call__(self, a, axis=-1):
        return np.sin(a)


@CAGE.add_legal()
class SaysThatItHasNone(Tanh):
    def backward(self, a, z, dz, axis=-1):
        raise modnet.NoDerivativeError("not yet")


@CAGE.add_legal()
class PlainClass(Tanh):
    def __init__(self, scale=1.0, *, words: tuple[str, ...] = ("a", "b")):
        self.scale, self.words = scale, words


@CAGE.add_legal()
class HandsTheInputBack(modnet.Activation):
    elementwise = True

    def __call__(self, a, axis=-1):
        return a

    def backward(self, a, z, dz, axis=-1):
        return dz


@CAGE.add_legal()
class Cornered(modnet.Activation):
    """Piecewise linear, with kinks at -1, 0 and 1, and flat beyond."""

    elementwise = True

    def __call__(self, a, axis=-1):
        return np.clip(a, -1, 1) + np.maximum(a, 0)

    def backward(self, a, z, dz, axis=-1):
        return dz * ((abs(a) < 1).astype(a.dtype) + (a > 0))


@CAGE.add_legal()
class Jumping(modnet.Activation):
    def __call__(self, a, axis=-1):
        return np.sign(a)

    def backward(self, a, z, dz, axis=-1):
        return np.zeros_like(a)


@CAGE.add_legal()
class Competing(modnet.Activation):
    """Only the largest along the axis gets through."""

    def __call__(self, a, axis=-1):
        return np.where(a == a.max(axis=axis, keepdims=True, initial=-np.inf), a, 0).astype(a.dtype)


@CAGE.add_legal()
class Overflowing(Tanh):
    """A sigmoid as the book writes it: it warns of an overflow, and is right."""

    def __call__(self, a, axis=-1):
        return 1 / (1 + np.exp(-a))

    def backward(self, a, z, dz, axis=-1):
        return dz * z * (1 - z)


@CAGE.add_legal(width=6)
class Paired(modnet.Activation):
    """Needs an even number of units along the axis: each is multiplied by its neighbour's sigmoid."""

    def __call__(self, a, axis=-1):
        if a.shape[axis] % 2:
            raise modnet.ShapeError(f"expected an even number of units, found {a.shape[axis]}")
        return a * (np.tanh(np.roll(a, a.shape[axis] // 2, axis=axis)) / 2 + 0.5)


@CAGE.add_legal()
class Locking(Tanh):
    """Its scratch space has a lock."""

    def __init__(self):
        self._lock = threading.Lock()

    def __call__(self, a, axis=-1):
        with self._lock:
            self.scratch = a
            z = np.tanh(self.scratch)
            del self.scratch
        return z


@CAGE.add_legal()
class LocalScratch(Tanh):
    """Its scratch space is each thread's own."""

    def __init__(self):
        self._local = threading.local()

    def __call__(self, a, axis=-1):
        self._local.a = a
        return np.tanh(self._local.a)


class Curve(Enum):
    STEEP = "steep"
    FLAT = "flat"


@CAGE.add_legal()
@attrs.frozen
class OddSettings(Tanh):
    curve: Curve = Curve.FLAT
    mode: Literal["one", "two", 3] = "two"
    table: Path | None = None
    powers: tuple[int, ...] = (1, 2)
    names: dict[str, float] = attrs.field(factory=lambda: {"a": 1.0})
    inner: modnet.Activation = attrs.field(factory=lambda: modnet.activation("leaky-relu", slope=0.1))
    limit: float | None = attrs.field(default=None, validator=attrs.validators.optional(gt(0)))


@CAGE.add_legal()
@attrs.frozen(slots=False)
class ComputesAConstantOnce(Tanh):
    power: int = 3

    @cached_property
    def factor(self):
        return 1.0**self.power

    def __call__(self, a, axis=-1):
        return np.tanh(a) * self.factor


@CAGE.add_broken("rows")
class SpeaksNoSense(Tanh):
    """Cannot even be printed, and nor can what it raises."""

    def __repr__(self):
        raise RuntimeError("no")

    def __call__(self, a, axis=-1):
        if a.ndim == 1:
            raise UnspeakableError
        return np.tanh(a)


class UnspeakableError(Exception):
    def __str__(self):
        raise RuntimeError("no")


@CAGE.add_broken("global-state")
class PrintsMoreDigits(Tanh):
    def __call__(self, a, axis=-1):
        np.set_printoptions(precision=17)
        return np.tanh(a)


if TYPE_CHECKING:
    from fractions import Fraction


@CAGE.add_legal()
@attrs.frozen
class TypedForCheckersOnly(Tanh):
    """One of its settings has a type that is not there at run time, and another a name that it keeps to itself."""

    share: Fraction | None = None
    _scale: float = 1.0


@CAGE.add_legal()
def sine(a):
    return np.sin(a)
