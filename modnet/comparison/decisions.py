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

from modnet.comparison.statistics import Estimate, Variation, load_special, t_quantile
from modnet.types import Array

ANALYSES = (5, 10, 20, 40, 80, 160)
ERROR = 0.05  # of a wrong claim among all pairs, over all analyses
ROPE = 0.001  # a smaller difference in accuracy is none in practice
POWER = 0.8  # the probability that the forecast number of seeds decides, if the estimates are right

Claim = Literal["different", "equal", "undecided"]
Scope = Callable[[Variation, int | None], Estimate]


@attrs.frozen
class Decision:
    """The claim about a difference, and the number of seeds that a claim takes."""

    claim: Claim
    p_different: float
    """Of no difference; corrected for the interim analyses, not for the number of pairs."""
    p_equivalent: float
    """Of a difference of the ROPE or more; corrected likewise."""
    looked_after: int
    """The number of seeds at the last analysis; 0 before the first."""
    seeds_needed: int | None = None
    """The number of seeds after which it will probably be decided; None where it is, or where no analysis is enough."""
    smallest_rope: float = 0.0
    """The smallest ROPE within which so few samples can show equality, however many seeds there are."""


def decide(differences: Sequence[Array], scope: Scope, rope: float = ROPE) -> list[Decision]:
    """Return the decision on each of several differences, arrays (seeds, samples).

    They are integers, -1, 0 and 1, for hits; or floating-point numbers for errors, with `rope` in their unit.

    `scope` is `Variation.on_such_samples` or `Variation.on_these_samples`. The probability that one of the claims of a
    difference is wrong is at most `ERROR` over all analyses; so it is for the claims of equivalence.
    """
    now = np.array([_correct(difference, scope, rope) for difference in differences]).reshape(-1, 2)
    claims = _claim(now)
    needed: list[int | None] = [None] * len(differences)
    so_far = [Variation.from_differences(difference) if len(difference) > 1 else None for difference in differences]
    for count in reversed(ANALYSES):
        then = np.array([_forecast(variation, scope, rope, count) for variation in so_far]).reshape(-1, 2)
        for i, claim in enumerate(_claim(np.minimum(now, then))):
            if claim != "undecided" and claims[i] == "undecided":
                needed[i] = count
    counts = [max((count for count in ANALYSES if count <= len(difference)), default=0) for difference in differences]
    smallest = [_find_smallest_rope(variation, scope) for variation in so_far]
    return [Decision(*row) for row in zip(claims, *now.T.tolist(), counts, needed, smallest, strict=True)]


def _claim(p: Array) -> list[Claim]:
    """Return the claims by p-values (pairs, 2) of no difference, and of one that matters."""
    different, equivalent = (column <= holm_levels(column) for column in p.T)
    # Equivalence first: a difference may be certain, and yet too small to matter.
    return ["equal" if e else "different" if d else "undecided" for d, e in zip(different, equivalent, strict=True)]


def holm_levels(p: Array, error: float = ERROR) -> Array:
    """Return the level that each p-value must not exceed, by Holm's procedure.

    >>> holm_levels(np.array([0.01, 0.04, 0.02, 0.5])).round(4).tolist()
    [0.0125, 0.0167, 0.0167, 0.0167]
    """
    order = np.argsort(p, kind="stable")
    steps = error / np.arange(len(p), 0, -1)
    failed = np.flatnonzero(p[order] > steps)
    if len(failed):  # all after one that fails fail
        steps[failed[0] :] = steps[failed[0]]
    levels = np.empty(len(p))
    levels[order] = steps
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
        estimate = scope(Variation.from_differences(difference[:count]), None)
        equivalent.append(estimate.p_equivalent(rope, partial(overall_p, sides=1)))
        if estimate.mean * towards > 0:  # a difference in the other direction is no evidence for this one
            different.append(estimate.p_different(overall_p))
    return min(different), min(equivalent)


def _find_smallest_rope(so_far: Variation | None, scope: Scope) -> float:
    samples = scope(so_far, None).samples if so_far else None
    return samples.smallest(ERROR) if samples else 0.0


def _forecast(so_far: Variation | None, scope: Scope, rope: float, count: int) -> tuple[float, float]:
    """Return the p-values that a later analysis will probably not exceed, if the estimates so far are right."""
    if so_far is None or so_far.seeds >= count:
        return 1.0, 1.0
    after = scope(so_far, count)
    slack = t_quantile(1 - POWER, after.df) * after.standard_error
    ahead = math.copysign(slack, after.mean)
    nearer, farther = (attrs.evolve(after, mean=after.mean + by) for by in (-ahead, ahead))
    different = nearer.p_different(overall_p) if nearer.mean * after.mean > 0 else 1.0
    return different, farther.p_equivalent(rope, partial(overall_p, sides=1))


def _normal_density(z: Array) -> Array:
    density: Array = np.exp(-np.square(z) / 2) / math.sqrt(2 * math.pi)
    return density
