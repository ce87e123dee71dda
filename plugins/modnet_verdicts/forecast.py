"""Simulated results of later seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from modnet import Array, Stream
from modnet_verdicts.statistics import Variation, load_special

DRAWS = 512
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71)


def simulate(so_far: Variation, counts: Sequence[int], key: int = 0) -> list[Variation]:
    """Return the variation after some larger numbers of seeds, as it may be by what was seen so far.

    Mean and mean square of seeds are arrays (DRAWS,), drawn with all that is uncertain: the variance of seeds, the
    true difference, and the later seeds; the samples stay the same. Beforehand it is as likely that nothing differs as
    that something does, and then by as much as one seed alone may show (Kass and Wasserman 1995, "A reference Bayesian
    test for nested hypotheses"), drawn towards nothing (James and Stein 1961). The draws are quasi-random, the same at
    every call; with another `key` they come in another order, as if independent.
    """
    draws = _Draws(key, math.copysign(1.0, so_far.mean))
    plain = attrs.evolve(so_far, unit=1.0)
    seeds, seen = so_far.seeds, so_far.seeds * plain.on_these_samples().standard_error ** 2
    freedom = so_far.per_seed * (seeds - 1)
    variance = seen * freedom / draws.chi_square(freedom)
    difference = _draw_difference(plain, variance, draws)
    mean, squares, later = np.full(DRAWS, so_far.mean), np.full(DRAWS, seen * freedom), []
    for count in counts:
        more = count - seeds
        new = difference + np.sqrt(variance / more) * draws.normal()
        new_freedom = so_far.per_seed * (more - 1)
        squares = squares + variance * draws.chi_square(new_freedom) + (new - mean) ** 2 * seeds * more / count
        freedom += new_freedom + 1
        mean = (seeds * mean + more * new) / count
        drawn: dict[str, Any] = {"mean": mean, "by_seed": so_far.samples * squares / freedom}
        later.append(attrs.evolve(so_far.after(count), **drawn))
        seeds = count
    return later


def _draw_difference(so_far: Variation, variance: Array, draws: _Draws) -> Array:
    """Return draws of the true mean on these samples, given those of the variance of a seed."""
    seeds, estimate = so_far.seeds, so_far.on_such_samples()
    ratio = 1 + seeds  # of the variance of the mean, if something differs, to that if nothing does
    t, df = (estimate.mean / estimate.standard_error) ** 2, estimate.df
    odds = math.sqrt(ratio) * ((1 + t / (ratio * df)) / (1 + t / df)) ** ((df + 1) / 2)
    alike = draws.uniform() < odds / (1 + odds)
    by_samples = max(so_far.by_sample - so_far.residual, 0.0) / (seeds * so_far.samples)
    apart = max(0.7, 1 - 1 / max(t, 1.0))  # what was seen is on average larger than what is true
    share = np.where(alike, by_samples / (by_samples + variance / seeds), apart)
    return np.asarray(share * so_far.mean + np.sqrt(share * variance / seeds) * draws.normal())


class _Draws:
    """Richtmyer's sequence: multiples of the square roots of primes, one prime for each call."""

    def __init__(self, key: int, sign: float) -> None:
        self._order = Stream(key).child("forecast").generator().permutation(DRAWS) if key else slice(None)
        self._sign, self._primes = sign, iter(_PRIMES)

    def uniform(self) -> Array:
        return ((np.arange(DRAWS) + 0.5) * math.sqrt(next(self._primes)) % 1)[self._order]

    def normal(self) -> Array:
        """Return standard normal draws, mirrored for the settings in the other order."""
        return np.asarray(self._sign * load_special().ndtri(self.uniform()))

    def chi_square(self, df: float) -> Array:
        uniform = self.uniform()
        return np.asarray(2 * load_special().gammaincinv(df / 2, uniform)) if df else np.zeros(DRAWS)
