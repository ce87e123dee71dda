"""Group-sequential decisions: one setting is better, both are equal, or undecided.

The interim analyses are after 5, 10, 20, ... seeds, and a decision stands from then on. The smallest p-value of the
analyses is corrected for their number (Pocock 1977, "Group sequential methods in the design and analysis of clinical
trials"), and then for the number of pairs (Holm 1979, "A simple sequentially rejective multiple test procedure").
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Literal

import attrs
import numpy as np

from modnet.comparison.forecast import DRAWS, simulate
from modnet.comparison.statistics import Estimate, Variation, load_special
from modnet.types import Array

ANALYSES = (5, 10, 20, 40, 80, 160)
ERROR = 0.05  # of a wrong claim among all pairs, over all analyses
ROPE = 0.001  # a smaller difference in accuracy is none in practice
POWER = 0.8  # the probability with which the forecast number of seeds decides
LIKELY = 0.5  # a verdict names the first number of seeds that decides with this probability

Claim = Literal["different", "equal", "undecided"]
Scope = Callable[[Variation], Estimate]


@attrs.frozen
class Decision:
    """The claim about a difference, and the probability that more seeds lead to one."""

    claim: Claim
    p_different: float
    """Of no difference; corrected for the interim analyses, not for the number of pairs."""
    p_equivalent: float
    """Of a difference of the ROPE or more; corrected likewise."""
    looked_after: int
    """The number of seeds at the last analysis; 0 before the first."""
    forecast: dict[int, float] = attrs.field(factory=dict)
    """The probability that it is decided after 10, 20, ... seeds, those that are still to come; empty if it is now."""
    smallest_rope: float = 0.0
    """The smallest ROPE within which so few samples can show equality, however many seeds there are."""

    @property
    def seeds_needed(self) -> int | None:
        """The number of seeds that decides with probability `POWER` or more; None where it is, or none does."""
        return next((count for count, probability in self.forecast.items() if probability >= POWER), None)

    @property
    def soonest(self) -> tuple[int, float]:
        """The first number of seeds that is `LIKELY` to decide, or else the last, with its probability; 0 of none."""
        likely = (item for item in self.forecast.items() if item[1] >= LIKELY)
        return next(likely, max(self.forecast.items(), default=(0, 0.0)))


def decide(differences: Sequence[Array], scope: Scope, rope: float = ROPE, *, forecasts: bool = True) -> list[Decision]:
    """Return the decision on each of several differences, arrays (seeds, samples).

    They are integers, -1, 0 and 1, for hits; or floating-point numbers for errors, with `rope` in their unit.

    `scope` is `Variation.on_such_samples` or `Variation.on_these_samples`. The probability that one of the claims of a
    difference is wrong is at most `ERROR` over all analyses; so it is for the claims of equivalence. Without
    `forecasts` only what is claimed now is computed.
    """
    now = np.array([_correct(difference, scope, rope) for difference in differences]).reshape(-1, 2)
    claims = _claim(now)
    coming = _forecast(differences, now, claims, scope, rope) if forecasts else [{} for _ in claims]
    counts = [_find_last(difference) for difference in differences]
    smallest = [_find_smallest_rope(difference, scope) for difference in differences]
    return [Decision(*row) for row in zip(claims, *now.T.tolist(), counts, coming, smallest, strict=True)]


def _claim(p: Array) -> list[Claim]:
    """Return the claims by p-values (pairs, 2) of no difference, and of one that matters."""
    different, equivalent = (column <= holm_levels(column) for column in p.T)
    # Equivalence first: a difference may be certain, and yet too small to matter.
    return ["equal" if e else "different" if d else "undecided" for d, e in zip(different, equivalent, strict=True)]


def holm_levels(p: Array, error: float = ERROR) -> Array:
    """Return the level that each p-value (..., pairs) must not exceed, by Holm's procedure.

    >>> holm_levels(np.array([0.01, 0.04, 0.02, 0.5])).round(4).tolist()
    [0.0125, 0.0167, 0.0167, 0.0167]
    """
    levels = np.empty(p.shape)
    if p.size:
        order = np.argsort(p, axis=-1, kind="stable")
        steps = error / np.arange(p.shape[-1], 0, -1)
        failed = np.take_along_axis(p, order, axis=-1) > steps
        failed[..., -1] = True
        # All after one that fails fail.
        steps = np.minimum(steps, steps[failed.argmax(axis=-1)][..., None])
        np.put_along_axis(levels, order, steps, axis=-1)
    return levels


@cache
def overall_p(p: float, sides: int = 2) -> float:
    """Return the probability that the p-value of one of the analyses is at most `p`, where nothing differs.

    From one to the next the seeds double, and so the means are a Markov chain. The density of those within the bounds
    is followed by Gauss-Legendre quadrature (Armitage, McPherson and Rowe 1969, "Repeated significance tests on
    accumulating data").

    >>> round(overall_p(0.05), 3), round(overall_p(0.01), 3)
    (0.197, 0.046)
    """
    if not 0 < p < 1:
        return float(p > 0)
    bound = min(-float(load_special().ndtri(p / sides)), 9.0)  # further out is less than rounding
    lowest = -bound if sides == 2 else -9.0
    nodes, weights = _compute_nodes()
    z, weights = (nodes + 1) * (bound - lowest) / 2 + lowest, weights * (bound - lowest) / 2
    share = math.sqrt(0.5)  # half of the seeds of the next analysis are those of this one
    step = _normal_density((z[:, None] - share * z) / share) / share * weights
    density = _normal_density(z)
    for _ in ANALYSES[1:]:
        density = step @ density
    return min(1.0, max(p, 1 - float(weights @ density)))


@cache
def _compute_nodes() -> tuple[Array, Array]:
    nodes, weights = np.polynomial.legendre.leggauss(100)
    return nodes, weights


def _correct(difference: Array, scope: Scope, rope: float) -> tuple[float, float]:
    """Return the p-values of no difference, and of one of the ROPE or more: the smallest, corrected."""
    counts = [count for count in ANALYSES if count <= len(difference)]
    towards = difference[: max(counts, default=0)].mean(dtype=np.float64) if counts else 0.0
    different, equivalent = [1.0], [1.0]
    for count in counts:
        estimate = scope(Variation.from_differences(difference[:count]))
        equivalent.append(estimate.p_equivalent(rope, partial(overall_p, sides=1)))
        if estimate.mean * towards > 0:  # a difference in the other direction is no evidence for this one
            different.append(estimate.p_different(overall_p))
    return min(different), min(equivalent)


def _find_smallest_rope(difference: Array, scope: Scope) -> float:
    samples = scope(Variation.from_differences(difference)).samples if len(difference) > 1 else None
    return samples.smallest(ERROR) if samples else 0.0


def _forecast(
    differences: Sequence[Array], now: Array, claims: Sequence[Claim], scope: Scope, rope: float
) -> list[dict[int, float]]:
    """Return for each pair that is undecided the probabilities of a claim at later analyses."""
    later = np.tile(now, (len(ANALYSES), DRAWS, 1, 1))  # p-values (analyses, draws, pairs, 2)
    coming: list[list[int]] = []
    for i, (difference, claim) in enumerate(zip(differences, claims, strict=True)):
        coming.append([n for n in ANALYSES if n > len(difference) > 1 and claim == "undecided"])
        if coming[i]:
            estimates = [
                scope(variation) for variation in simulate(Variation.from_differences(difference), coming[i], i)
            ]
            later[-len(estimates) :, :, i] = _correct_later(estimates, now[i], difference, rope)
    decided = np.logical_or.reduce([p <= holm_levels(p) for p in np.moveaxis(later, -1, 0)])
    shares = dict(zip(ANALYSES, decided.mean(axis=1).tolist(), strict=True))
    return [{n: shares[n][i] for n in counts} for i, counts in enumerate(coming)]


def _correct_later(estimates: Sequence[Estimate], now: Array, difference: Array, rope: float) -> Array:
    """Return the p-values of later analyses (analyses, draws, 2): the smallest until then, corrected."""
    ahead = 1 if difference[: _find_last(difference)].sum(dtype=np.float64) > 0 else -1
    smallest = {side: np.full(DRAWS, now[0] if side == ahead else 1.0) for side in (-1, 1)}
    equivalent, found = np.full(DRAWS, now[1]), []
    for estimate in estimates:
        for side in smallest:
            smallest[side] = np.minimum(smallest[side], estimate.p_behind(side, _interpolate_overall_p))
        equivalent = np.minimum(equivalent, estimate.p_equivalent(rope, partial(_interpolate_overall_p, sides=1)))
        # A difference in the other direction is no evidence for this one.
        different = np.where(np.greater(estimate.mean, 0), smallest[1], smallest[-1])
        found.append(np.stack([different, equivalent], axis=-1))
    return np.array(found)


def _find_last(difference: Array) -> int:
    """Return the number of seeds at the last analysis, 0 before the first."""
    return max((count for count in ANALYSES if count <= len(difference)), default=0)


def _interpolate_overall_p(p: Array, sides: int = 2) -> Array:
    """Return `overall_p` of many, interpolated."""
    exponents, found = _tabulate_overall_p(sides)
    corrected: Array = np.exp(np.interp(np.log(np.maximum(p, 1e-300)), exponents, found))
    return corrected


@cache
def _tabulate_overall_p(sides: int) -> tuple[Array, Array]:
    exponents = np.concatenate([[-700.0], np.linspace(-18, 0, 91)])
    return exponents, np.log([overall_p(math.exp(exponent), sides) for exponent in exponents])


def _normal_density(z: Array) -> Array:
    density: Array = np.exp(-np.square(z) / 2) / math.sqrt(2 * math.pi)
    return density
