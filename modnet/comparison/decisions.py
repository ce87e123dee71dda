"""Is one better, are both as good, or does nobody know yet? Decided so that one may look again and again.

Decisions fall after 5, 10, 20, ... seeds only, and stand from then on. The smallest p-value of those looks is corrected
for how often one looks (Pocock 1977, "Group sequential methods in the design and analysis of clinical trials"), and
then for how many pairs there are (Holm 1979, "A simple sequentially rejective multiple test procedure").
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Literal

import attrs
import numpy as np

from modnet.comparison.statistics import Estimate, Variation, special, t_quantile
from modnet.types import Array

LOOKS = (5, 10, 20, 40, 80, 160)
ERROR = 0.05  # how often there may be a wrong claim among all pairs, however long one goes on
ROPE = 0.001  # a smaller difference in accuracy is none in practice
POWER = 0.8  # how probable it is that as many seeds as are forecast decide, if the estimates are right

Claim = Literal["different", "equal", "undecided"]
Scope = Callable[[Variation, int | None], Estimate]


@attrs.frozen
class Decision:
    """What is claimed about a difference, and how many seeds it takes to claim something."""

    claim: Claim
    p_different: float
    """Of no difference; corrected for looking repeatedly, not for the number of pairs."""
    p_equivalent: float
    """Of a difference of the ROPE or more; corrected likewise."""
    looked_after: int
    """How many seeds there were at the last look; 0 before the first."""
    seeds_needed: int | None = None
    """After how many, in all, it will probably be decided; None where it is, or where no number of LOOKS is enough."""


def decided(differences: Sequence[Array], scope: Scope, rope: float = ROPE, error: float = ERROR) -> list[Decision]:
    """Return the decision on each of several differences in hits, arrays (seeds, samples) of -1, 0 and 1.

    `scope` is `Variation.on_such_samples` or `Variation.on_these_samples`. The probability that one of the claims of a
    difference is wrong is at most `error`, however long one goes on; the same goes for the claims of equivalence.
    """
    now = np.array([_corrected(difference, scope, rope) for difference in differences]).reshape(-1, 2)
    claims = _claims(now, error)
    needed: list[int | None] = [None] * len(differences)
    so_far = [Variation.of(difference) if len(difference) > 1 else None for difference in differences]
    for look in reversed(LOOKS):
        then = np.array([_foreseen(variation, scope, rope, look) for variation in so_far]).reshape(-1, 2)
        for i, claim in enumerate(_claims(np.minimum(now, then), error)):
            if claim != "undecided" and claims[i] == "undecided":
                needed[i] = look
    looks = [max((look for look in LOOKS if look <= len(difference)), default=0) for difference in differences]
    return [Decision(*row) for row in zip(claims, *now.T.tolist(), looks, needed, strict=True)]


def _claims(p: Array, error: float) -> list[Claim]:
    """Return what is claimed by p-values (pairs, 2) of no difference, and of one that matters."""
    different, equivalent = (column <= holm_levels(column, error) for column in p.T)
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
    if len(failed):  # all that come after one that fails, fail
        steps[failed[0] :] = steps[failed[0]]
    levels = np.empty(len(p))
    levels[order] = steps
    return levels


@cache
def overall(p: float, sides: int = 2) -> float:
    """Return how probable it is that the p-value of one of the looks is at most `p`, where nothing differs.

    From look to look the seeds double, and so the means are a Markov chain. The density of those within the bounds is
    followed by Gauss-Legendre quadrature (Armitage, McPherson and Rowe 1969, "Repeated significance tests on
    accumulating data").

    >>> round(overall(0.05), 3), round(overall(0.01), 3)
    (0.197, 0.046)
    """
    if not 0 < p < 1:
        return float(p > 0)
    bound = min(-float(special().ndtri(p / sides)), 9.0)  # what is further out is less than rounding
    lowest = -bound if sides == 2 else -9.0
    nodes, weights = _nodes()
    z, weights = (nodes + 1) * (bound - lowest) / 2 + lowest, weights * (bound - lowest) / 2
    kept = math.sqrt(0.5)  # half of the next look's seeds are those of this one
    step = _normal_density((z[:, None] - kept * z) / kept) / kept * weights
    density = _normal_density(z)
    for _ in LOOKS[1:]:
        density = step @ density
    return min(1.0, max(p, 1 - float(weights @ density)))


@cache
def _nodes() -> tuple[Array, Array]:
    nodes, weights = np.polynomial.legendre.leggauss(100)
    return nodes, weights


def _corrected(difference: Array, scope: Scope, rope: float) -> tuple[float, float]:
    """Return the p-values of no difference, and of one of the ROPE or more: the smallest of the looks, corrected."""
    looks = [look for look in LOOKS if look <= len(difference)]
    towards = difference[: max(looks, default=0)].sum(dtype=np.int64)
    different, equivalent = [1.0], [1.0]
    for look in looks:
        estimate = scope(Variation.of(difference[:look]), None)
        equivalent.append(estimate.p_equivalent(rope))
        if estimate.mean * towards > 0:  # what pointed the other way is no evidence for this one
            different.append(estimate.p_different())
    return overall(min(different)), overall(min(equivalent), sides=1)


def _foreseen(so_far: Variation | None, scope: Scope, rope: float, look: int) -> tuple[float, float]:
    """Return the corrected p-values that a later look will probably not exceed, if the estimates so far are right."""
    if so_far is None or so_far.seeds >= look:
        return 1.0, 1.0
    after = scope(so_far, look)
    slack = t_quantile(1 - POWER, after.df) * after.standard_error
    nearer, farther = (Estimate(abs(after.mean) + by, after.standard_error, after.df) for by in (-slack, slack))
    return (
        overall(nearer.p_different()) if nearer.mean > 0 else 1.0,
        overall(farther.p_equivalent(rope), sides=1),
    )


def _normal_density(z: Array) -> Array:
    density: Array = np.exp(-np.square(z) / 2) / math.sqrt(2 * math.pi)
    return density
