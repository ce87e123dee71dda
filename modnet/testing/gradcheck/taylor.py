"""Taylor remainder test of claimed slopes.

Each function is evaluated at steps h, h/4, h/16, ... to both sides. The Taylor remainder f(s) - f(0) - s g falls as s²
where the slope g is right, and as s where it is wrong: there the central difference minus g tends to a constant instead
of to 0. Left and right differences that tend to two different slopes make a kink. The error of a difference at each
step follows from its neighbours and from the rounding of the values. So there is no tolerance to choose.

Press et al., "Numerical Recipes", chapter 5.7; Moré and Wild (2011), "Estimating computational noise".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np

from modnet.types import Array

RATIO = 4.0
CORRECT, TOO_NOISY, KINK, WRONG = "correct", "too noisy", "kink", "wrong"
# A value's rounding error counts as this many times its last bit, and a result as certain to this many times its
# uncertainty: both only separate what is orders of magnitude apart.
ROUNDINGS, SURE = 4.0, 4.0
ON_THE_WAY = 0.01  # small values have been larger on their way, as that of log(1 + 1e-20): so large at least
CUTS, SHARE = 40, 0.6  # of an interval that is searched for a kink: 0.6 to the power of 40 is 1e-9
DECIDABLE = 0.05  # an uncertainty above this share of the largest slope leaves the verdict open


@attrs.frozen(eq=False)
class Judgement:
    """The findings of the test on E slopes: arrays of shape (E,), float64."""

    verdict: Array
    """Of each slope: correct, wrong, kink or too noisy."""
    claimed: Array
    slope: Array
    """The derivative itself, as exact as differences give it; at a kink the slope that is nearest to the claim."""
    uncertainty: Array
    left: Array
    right: Array
    """The slopes to both sides, where there is a kink; otherwise NaN."""
    jump: Array
    """The height of a jump of the function there; otherwise 0."""
    order: Array
    """The order of the Taylor remainder: 2 of a right slope, 1 of a wrong one, NaN where only rounding is left."""
    noise: Array
    """The noise of one value."""
    step: Array
    """The step, in units, whose difference is the slope."""
    unit: Array
    """The length of a step of 1, by which all slopes here are multiplied."""
    dtype: str
    """The dtype that it was evaluated in."""

    @property
    def error(self) -> Array:
        """The absolute error of each claimed slope."""
        return np.asarray(np.abs(self.claimed - self.slope))

    @property
    def relative_error(self) -> Array:
        """The same, relative to the slope; 1 where the slope is 0."""
        slope = np.abs(self.slope)
        size = np.where(slope > SURE * self.uncertainty, slope, np.maximum(slope, np.abs(self.claimed)))
        return np.where(self.error > 0, self.error / np.where(size > 0, size, 1.0), 0.0)


def list_steps(dtype: Any) -> Array:
    """Return the steps, 1/8 and then each a quarter of the last, down to about sqrt(eps) / 4, or 4e-6 in float32.

    >>> list_steps("float64")[[0, 1, -1]]
    array([1.2500000e-01, 3.1250000e-02, 7.4505806e-09])
    >>> len(list_steps("float64")), len(list_steps("float32"))
    (13, 8)
    """
    # A kink bends by the step at the smallest steps, too: far more than rounding, if these are no smaller in float32.
    smallest = min(float(np.finfo(dtype).eps) ** 0.5 / RATIO, 4e-6)
    return np.asarray(0.125 / RATIO ** np.arange(1 + int(np.log(0.125 / smallest) / np.log(RATIO))))


def judge(
    f: Callable[[float], Array],
    claimed: Array,
    at: Array,
    dtype: Any,
    unit: Array | float = 1.0,
    least_noise: float = 0.0,
) -> Judgement:
    """Judge E claimed slopes of E functions of one step, all evaluated at once: `f(s)` returns their values (E,).

    `claimed` (E,) are the slopes at s = 0, `at` (E,) the sizes of what the step is added to, whose rounding in `dtype`
    counts as noise. A step of 1 has the length `unit`: slopes and `at` are in terms of it. Values have the
    `least_noise` or more.

    >>> judge(lambda s: np.array([np.sin(1 + s)]), np.array([np.cos(1)]), np.ones(1), "float64").verdict
    array(['correct'], dtype='<U9')
    >>> judge(lambda s: np.array([np.sin(1 + s)]), np.array([1.001 * np.cos(1)]), np.ones(1), "float64").verdict
    array(['wrong'], dtype='<U9')
    >>> judge(lambda s: np.array([abs(s)]), np.array([1.0]), np.zeros(1), "float64").verdict
    array(['kink'], dtype='<U9')
    """
    h = list_steps(dtype)
    with np.errstate(all="ignore"):  # a step may lead out of the domain: what is not finite there counts for nothing
        values = Values(
            h=h[:, np.newaxis],
            centre=np.asarray(f(0.0), np.float64),
            above=np.stack([_evaluate(f, float(s), claimed.shape) for s in h], dtype=np.float64),
            below=np.stack([_evaluate(f, -float(s), claimed.shape) for s in h], dtype=np.float64),
            eps=float(np.finfo(dtype).eps),
        )
        claimed, noise = claimed.astype(np.float64), values.estimate_noise(at.astype(np.float64))
        noise = np.maximum(noise, least_noise)
        found = _judge(values, claimed, noise)
        quantum = _find_stair(values, claimed) if (found.verdict == WRONG).any() else 0.0
        found = _judge(values, claimed, np.maximum(noise, quantum)) if quantum else found
    return attrs.evolve(found, unit=np.broadcast_to(np.float64(unit), claimed.shape), dtype=str(np.dtype(dtype)))


def _evaluate(f: Callable[[float], Array], step: float, shape: tuple[int, ...]) -> Array:
    """Return the values at a step; NaN where third-party code refuses what a step out of its domain leads to."""
    try:
        return f(step)
    except Exception:
        return np.full(shape, np.nan)


def judge_entries(
    f: Callable[[Array], Array], claimed: Array, at: Array, columns: Array, unit: Array | float, *, elementwise: bool
) -> Judgement:
    """Judge the slopes of a function by entries of `at` (N, C), as `claimed` (N, C): E are the rows of each column.

    An elementwise function (N, C) is moved in all entries at once, one of each row (N,) in one of `columns` at a time.
    `unit` is the length of a step of 1.
    """

    def values(s: float) -> Array:
        step = at.dtype.type(s) * unit
        if elementwise:
            return f(at + step)[:, columns].T.ravel()
        return np.concatenate([f(at + step * (np.arange(at.shape[1]) == column)) for column in columns])

    def choose(values: Array) -> Array:
        return values[:, columns].T.ravel()

    units = np.broadcast_to(np.asarray(unit, np.float64), at.shape)
    return judge(values, choose(claimed * unit), choose(np.abs(at / unit)), at.dtype, choose(units))


@attrs.frozen(eq=False)
class Values:
    """Values of E functions: at 0 (E,), and at K steps `h` (K, 1) to both sides (K, E)."""

    h: Array
    centre: Array
    above: Array
    below: Array
    eps: float

    @property
    def central(self) -> Array:
        """The central differences, (K, E)."""
        return np.asarray((self.above - self.below) / (2 * self.h))

    def estimate_noise(self, at: Array) -> Array:
        """Return the noise of one value at each step, (K, E): from rounding, or from the smallest steps."""
        size = np.maximum(np.maximum(np.abs(self.above), np.abs(self.below)), np.abs(self.centre))
        size = np.where(np.isfinite(size), size, np.abs(self.centre)) + at * np.abs(self.central)
        bend = (self.above - self.centre) - (self.centre - self.below)
        shown = np.abs(bend[-2:]).max(axis=0)  # all but noise has gone from the second difference there
        rounding = self.eps * np.maximum(size, ON_THE_WAY)
        # Where most functions are at kinks, as after a relu, those bend in proportion to the step: that is no noise.
        smallest = np.abs(bend[-2:])
        others = shown[(smallest[1] == 0) | (smallest[0] < 0.75 * RATIO * smallest[1])]
        usual = others if 0 < len(others) < len(shown) / 2 else shown
        return np.asarray(np.maximum(rounding, np.maximum(shown, np.median(usual))))


def _judge(values: Values, claimed: Array, noise: Array) -> Judgement:
    h, central = values.h, values.central
    floor = ROUNDINGS * noise / h
    change = np.abs(np.diff(central, axis=0))
    uncertainty = np.full(central.shape, np.inf)
    uncertainty[1:-1] = np.maximum(change[:-1], change[1:]) + floor[1:-1]
    kink, left, right, doubt = _locate_kinks(values, floor)
    # Steps that reach beyond a kink say nothing of the point itself.
    level = np.arange(len(h))[:, np.newaxis]
    uncertainty = np.where((level <= kink) | ~np.isfinite(uncertainty), np.inf, uncertainty)
    best = uncertainty.argmin(axis=0), np.arange(central.shape[1])
    slope, sure = central[best], SURE * uncertainty[best]
    slope = np.where(np.isfinite(slope), slope, 0.0)
    jump = _find_jumps(values)
    bent = ((kink >= 0) & (sure > np.abs(right - left) / 4)) | (jump != 0)
    between = np.clip(claimed, np.minimum(left, right), np.maximum(left, right))
    slope = np.where(bent & (jump == 0), between, slope)
    off = np.abs(claimed - slope) > np.where(bent, SURE * doubt, sure)
    size = np.abs(slope)[np.isfinite(slope)].max(initial=0.0)
    size = max(size, 1e-3 * float(np.abs(values.centre)[np.isfinite(values.centre)].max(initial=ON_THE_WAY)))
    verdict = np.select(
        [jump != 0, off | ~np.isfinite(claimed), bent, ~(sure <= DECIDABLE * size)],
        [KINK, WRONG, KINK, TOO_NOISY],
        CORRECT,
    )
    # A slope of 0 of what is constant at every step is certain, however small all is.
    constant = (values.above == values.centre).all(axis=0) & (values.below == values.centre).all(axis=0)
    verdict = np.where(constant & (verdict == TOO_NOISY) & (claimed == 0), CORRECT, verdict)
    return Judgement(
        verdict=verdict,
        claimed=claimed,
        slope=slope,
        uncertainty=np.where(bent, doubt, uncertainty[best]),
        left=np.where(bent, left, np.nan),
        right=np.where(bent, right, np.nan),
        jump=jump,
        order=_measure_order(values, claimed, noise, kink),
        noise=noise[best],
        step=h[best[0], 0],
        unit=np.ones_like(slope),
        dtype="",
    )


def _locate_kinks(values: Values, floor: Array) -> tuple[Array, Array, Array, Array]:
    """Return the number of the smallest step at which each function still shows a kink (-1: none).

    And the slopes to its left and right there, and their uncertainty. At a kink left and right differences keep their
    distance while the step shrinks to a sixteenth; where the function is smooth it shrinks in proportion.
    """
    right = (values.above - values.centre) / values.h
    left = (values.centre - values.below) / values.h
    gap = right - left
    uncertainty = np.full(gap.shape, np.inf)
    change = np.abs(np.diff(gap, axis=0))
    uncertainty[2:] = np.maximum(change[1:], change[:-1]) + 2 * floor[2:]
    shows = np.abs(gap) > SURE * uncertainty
    kink = np.where(shows, np.arange(len(gap))[:, np.newaxis], -1).max(axis=0)
    best = np.where(shows, uncertainty, np.inf).argmin(axis=0), np.arange(gap.shape[1])
    left, right, uncertainty = (np.where(kink >= 0, x[best], np.nan) for x in (left, right, uncertainty))
    return kink, left, right, uncertainty


def _find_jumps(values: Values) -> Array:
    """Return the height of each function's jump at the point, where a difference stays as the step shrinks; else 0."""
    sides = []
    rises = np.abs(values.above - values.centre), np.abs(values.below - values.centre)
    # A share of the function's change at the largest step: smaller jumps are noise of rounded values.
    rounding = values.eps * np.maximum(np.abs(values.centre), ON_THE_WAY)
    least = np.maximum(0.1 * np.maximum(*rises)[0], 1e3 * rounding)
    for rise in rises:
        lowest, highest = rise[-4:].min(axis=0), rise[-4:].max(axis=0)
        sides.append(np.where(lowest > np.maximum(0.8 * highest, least), rise[-1], 0.0))
    return np.maximum(*sides)


def _find_stair(values: Values, claimed: Array) -> float:
    """Return the step in height of functions that are staircases around the claimed slopes, rounded on their way.

    A staircase is exactly level at the smallest steps; at larger ones it follows the claimed slope on both sides, to
    within its step.
    """
    sides = np.abs(values.above - values.centre), np.abs(values.below - values.centre)
    moved = np.maximum(*sides)
    still = (moved[-2:] == 0).all(axis=0)
    quantum = np.where(moved > 0, moved, np.inf).min(axis=0)
    follows = (np.minimum(*sides) > 0) & (np.abs(values.central - claimed) * values.h <= 2 * quantum)
    many = quantum < 0.1 * np.where(np.isfinite(moved), moved, 0).max(axis=0)  # one stair alone is a jump
    stairs = still & many & (follows.sum(axis=0) >= 3)
    return float(quantum[stairs].max()) if stairs.any() else 0.0


def _measure_order(values: Values, claimed: Array, noise: Array, kink: Array) -> Array:
    """Return the order at which the Taylor remainder falls, at the smallest steps at which it stands out of noise."""
    lines = values.h * claimed
    remainder = np.maximum(np.abs(values.above - values.centre - lines), np.abs(values.below - values.centre + lines))
    seen = remainder > 16 * noise
    level = np.arange(len(seen) - 1)[:, np.newaxis]
    pairs = seen[:-1] & seen[1:] & np.isfinite(remainder[:-1]) & (level > kink)
    last = np.where(pairs, level, -1).max(axis=0)
    columns = np.arange(remainder.shape[1])
    fall: Array = np.log(remainder[last, columns] / remainder[last + 1, columns]) / np.log(RATIO)
    return np.where(last >= 0, fall, np.nan)


def find_kinks(f: Callable[[Array], Array], low: Array, high: Array) -> Array:
    """Return where between `low` and `high` the elementwise `f` has a kink or a jump, NaN where it has none.

    All are arrays of one shape. Each interval is cut forty times to the more bent of its first and last 60 %; what
    remains has a kink or a jump where the test finds one, at steps from the length of the interval down to rounding.

    >>> find_kinks(lambda a: np.maximum(a, 1), np.array([0.99, 1.01]), np.array([1.03, 1.02])).round(6)
    array([ 1., nan])
    """
    below, above = low.astype(np.float64), high.astype(np.float64)
    reach = above - below
    for _ in range(CUTS):
        # The two overlap, so that a kink on the cut is well inside of one of them.
        length = SHARE * (above - below)
        left = _measure_bend(f, below, below + length) >= _measure_bend(f, above - length, above)
        below, above = np.where(left, below, above - length), np.where(left, below + length, above)
    place, reach = ((below + above) / 2).ravel(), reach.ravel()
    found = judge(
        lambda s: f(place + s * reach), np.zeros(place.size), np.abs(place) / np.where(reach > 0, reach, 1), "float64"
    )
    bent = (reach > 0) & (np.isfinite(found.left) | (found.jump != 0))
    return np.where(bent, place, np.nan).reshape(low.shape)


def _measure_bend(f: Callable[[Array], Array], low: Array, high: Array) -> Array:
    return np.asarray(np.abs(f(low) - 2 * f((low + high) / 2) + f(high)))
