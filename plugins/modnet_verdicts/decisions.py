"""Group-sequential decisions: one setting is better, both are equal, or undecided.

The interim analyses are after 5, 10, 20, ... seeds, and a decision stands from then on. The smallest p-value of the
analyses is corrected for their number (Pocock 1977, "Group sequential methods in the design and analysis of clinical
trials"), and then for the number of pairs (Holm 1979, "A simple sequentially rejective multiple test procedure").
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from functools import cache, partial
from typing import Any, Literal

import attrs
import numpy as np

from modnet import Array
from modnet_verdicts.forecast import DRAWS, simulate
from modnet_verdicts.statistics import Estimate, Variation, load_special

ANALYSES = (5, 10, 20, 40, 80, 160)
ERROR = 0.05  # of a wrong claim among all pairs, over all analyses
ROPE = 0.001  # a smaller difference in accuracy is none in practice
POWER = 0.8  # the probability with which the forecast number of seeds decides
LIKELY = 0.5  # a verdict names the first number of seeds that decides with this probability
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(50)  # of the quadrature

Claim = Literal["different", "equal", "undecided"]
Scope = Callable[[Variation], Estimate]
Vary = Callable[[Any, int], Variation]


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
    """The smallest ROPE within which so few samples, or scores so rounded, can show equality, whatever the seeds."""

    @property
    def seeds_needed(self) -> int | None:
        """The number of seeds that decides with probability `POWER` or more; None where it is, or none does."""
        return next((count for count, probability in self.forecast.items() if probability >= POWER), None)

    @property
    def soonest(self) -> tuple[int, float]:
        """The first number of seeds that is `LIKELY` to decide, or else the last, with its probability; 0 of none."""
        likely = (item for item in self.forecast.items() if item[1] >= LIKELY)
        return next(likely, max(self.forecast.items(), default=(0, 0.0)))


def of_first(difference: Any, count: int) -> Variation:
    """Return the variation of the first seeds of an array (seeds, samples)."""
    return Variation.from_values(difference[:count])


def decide(
    differences: Sequence[Sized],
    scope: Scope,
    rope: float = ROPE,
    *,
    forecasts: bool = True,
    vary: Vary = of_first,
) -> list[Decision]:
    """Return the decision on each of several differences, arrays (seeds, samples).

    They are integers, -1, 0 and 1, for hits; or floating-point numbers for errors, with `rope` in their unit. They may
    be anything with a number of seeds, of which `vary` returns the variation of the first ones.

    `scope` is `Variation.on_such_samples` or `Variation.on_these_samples`. The probability that one of the claims of a
    difference is wrong is at most `ERROR` over all analyses; so it is for the claims of equivalence. Without
    `forecasts` only what is claimed now is computed.
    """
    looked = [[count for count in ANALYSES if count <= len(difference)] for difference in differences]
    smallest, now = np.ones((len(differences), 3)), np.ones((len(differences), 2))
    for i, difference in enumerate(differences):
        estimates = (scope(vary(difference, count)) for count in looked[i])
        for so_far in _follow(estimates, rope, smallest[i]):
            smallest[i], now[i] = so_far
    claims = _claim(now)
    whole = [vary(of, len(of)) if len(of) > 1 else None for of in differences]
    coming = _forecast(whole, smallest, now, claims, scope, rope) if forecasts else [{} for _ in claims]
    limits = [scope(of).smallest_rope(ERROR) if of and forecasts else 0.0 for of in whole]
    return [
        Decision(claim, p[0], p[1], max([0, *counts]), forecast, limit)
        for claim, p, counts, forecast, limit in zip(claims, now.tolist(), looked, coming, limits, strict=True)
    ]


def _follow(estimates: Iterable[Estimate], rope: float, smallest: Array) -> Iterator[tuple[Array, Array]]:
    """Yield at each analysis the smallest p-values until then, corrected, and the two that count.

    They are those (3, ...) of no advantage, of no disadvantage and of one of the ROPE or more, `smallest` those before;
    and those (..., 2) of no difference, and of one of the ROPE or more.
    """
    for estimate in estimates:
        sides = [estimate.p_behind(side, overall_p) for side in (1, -1)]
        smallest = np.minimum(smallest, [*sides, estimate.p_equivalent(rope, partial(overall_p, sides=1))])
        # A difference in the other direction is no evidence for this one.
        mean = np.asarray(estimate.mean)
        different = np.select([mean > 0, mean < 0], [smallest[0], smallest[1]], 1.0)
        yield smallest, np.stack([different, smallest[2]], axis=-1)


def _claim(p: Array) -> list[Claim]:
    """Return the claims by p-values (pairs, 2) of no difference, and of one that matters."""
    different, equivalent = (reject(column) for column in p.T)
    # Equivalence first: a difference may be certain, and yet too small to matter.
    return ["equal" if e else "different" if d else "undecided" for d, e in zip(different, equivalent, strict=True)]


def reject(p: Array, error: float = ERROR) -> Array:
    """Return which hypotheses p-values (..., pairs) reject, by Holm's procedure."""
    order = np.argsort(p, axis=-1, kind="stable")
    passed = np.take_along_axis(p, order, axis=-1) <= error / np.arange(p.shape[-1], 0, -1)
    rejected = np.empty(p.shape, np.bool_)
    np.put_along_axis(rejected, order, np.logical_and.accumulate(passed, axis=-1), axis=-1)  # after one fails, all do
    return rejected


def overall_p(p: Any, sides: int = 2) -> Any:
    """Return the probability that the p-value of one of the analyses is at most `p`, where nothing differs.

    For an array of them it is interpolated.
    """
    if np.ndim(p) == 0:
        return _integrate(float(p), sides)
    exponents, corrected = _tabulate(sides)
    return np.exp(np.interp(np.log(np.maximum(p, 1e-300)), exponents, corrected))


@cache
def _integrate(p: float, sides: int) -> float:
    """Return the probability that one of the analyses is beyond the bound of `p`.

    From one to the next the seeds double, and so the means are a Markov chain. The density of those within the bounds
    is followed by Gauss-Legendre quadrature (Armitage, McPherson and Rowe 1969, "Repeated significance tests on
    accumulating data").
    """
    if not 0 < p < 1:
        return float(p > 0)
    bound = min(-float(load_special().ndtri(p / sides)), 9.0)  # further out is less than rounding
    lowest = -bound if sides == 2 else -9.0
    z, weights = (_NODES + 1) * (bound - lowest) / 2 + lowest, _WEIGHTS * (bound - lowest) / 2
    share = math.sqrt(0.5)  # half of the seeds of the next analysis are those of this one
    step = _normal_density((z[:, None] - share * z) / share) / share * weights
    density = _normal_density(z)
    for _ in ANALYSES[1:]:
        density = step @ density
    return min(1.0, max(p, 1 - float(weights @ density)))


@cache
def _tabulate(sides: int) -> tuple[Array, Array]:
    """Return the logarithms of p-values, and of what they are overall."""
    exponents = np.concatenate([[-700.0], np.linspace(-18, 0, 91)])
    return exponents, np.log([_integrate(math.exp(exponent), sides) for exponent in exponents])


def _normal_density(z: Array) -> Array:
    return np.asarray(np.exp(-np.square(z) / 2) / math.sqrt(2 * math.pi))


def _forecast(
    so_far: Sequence[Variation | None], smallest: Array, now: Array, claims: Sequence[Claim], scope: Scope, rope: float
) -> list[dict[int, float]]:
    """Return for each pair that is undecided the probabilities of a claim at later analyses."""
    later = np.tile(now, (len(ANALYSES), DRAWS, 1, 1))  # p-values (analyses, draws, pairs, 2)
    coming: list[list[int]] = [[] for _ in claims]
    for i, (variation, claim) in enumerate(zip(so_far, claims, strict=True)):
        if variation and claim == "undecided":
            coming[i] = [count for count in ANALYSES if count > variation.seeds]
        if variation and coming[i]:
            estimates = map(scope, simulate(variation, coming[i], i))
            later[-len(coming[i]) :, :, i] = [p for _, p in _follow(estimates, rope, smallest[i][:, None])]
    decided = np.logical_or.reduce([reject(p) for p in np.moveaxis(later, -1, 0)])
    shares = dict(zip(ANALYSES, decided.mean(axis=1).tolist(), strict=True))
    return [{count: shares[count][i] for count in counts} for i, counts in enumerate(coming)]
