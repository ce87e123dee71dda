"""Forecasts of decisions: simulated seeds, and how often what is forecast comes true."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from modnet_verdicts.decisions import ANALYSES, ERROR, Scope, decide
from modnet_verdicts.forecast import DRAWS, simulate
from modnet_verdicts.statistics import Variation
from scipy import stats

from modnet.types import Array

SCOPES: list[Scope] = [Variation.on_these_samples, Variation.on_such_samples]


def draw(rng: np.random.Generator, gap: float, seeds: int = ANALYSES[-1], samples: int = 200) -> Array:
    """Return a difference in hits, `gap` on average, with effects of seeds."""
    chance = 0.5 + rng.normal(0, 0.03, (2, seeds, 1)) + np.array([gap / 2, -gap / 2]).reshape(2, 1, 1)
    one, other = rng.random((2, seeds, samples)) < chance
    difference: Array = one.astype(np.int8) - other
    return difference


@pytest.mark.parametrize("seeds", [10, 40])
def test_later_means_are_spread_by_the_later_seeds_and_by_what_is_uncertain_of_the_earlier_ones(seeds: int) -> None:
    """Beyond doubt, a difference has the predictive distribution of the mean of normal values."""
    so_far = Variation.from_values(draw(np.random.default_rng(0), 0.4, seeds))
    later = simulate(so_far, [80, 160])
    variance = so_far.on_these_samples().standard_error ** 2 * seeds * (seeds - 1) / (seeds - 3)
    for count, simulated in zip((80, 160), later, strict=True):
        expected = np.sqrt(variance * (1 / seeds - 1 / count))
        assert simulated.seeds == count
        assert np.shape(simulated.mean) == np.shape(simulated.by_seed) == (DRAWS,)
        assert np.mean(simulated.mean) == pytest.approx(so_far.mean, abs=expected / 5)
        assert np.std(simulated.mean) == pytest.approx(expected, rel=0.1)
        assert np.median(simulated.by_seed) == pytest.approx(so_far.by_seed, rel=0.15)


def test_what_may_well_be_chance_is_drawn_towards_no_difference() -> None:
    rng = np.random.default_rng(1)
    near, far = (Variation.from_values(draw(rng, gap, 20, 1000)) for gap in (0.005, 0.2))
    assert abs(np.mean(simulate(near, [160])[0].mean)) < 0.6 * abs(near.mean)
    assert np.mean(simulate(far, [160])[0].mean) == pytest.approx(far.mean, rel=0.02)


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("samples", [60, 1000])
def test_p_values_of_many_simulations_are_those_of_each(scope: Scope, samples: int) -> None:
    so_far = Variation.from_values(draw(np.random.default_rng(2), 0.03, 10, samples))
    for later in simulate(so_far, [20, 160]):
        many = scope(later)
        different = np.minimum(*(many.p_behind(side, np.asarray) for side in (-1, 1)))
        equivalent = many.p_equivalent(0.05, np.asarray)
        for k in range(0, DRAWS, 25):
            one = scope(attrs.evolve(later, mean=float(later.mean[k]), by_seed=float(later.by_seed[k])))
            for found, expected in ((different[k], one.p_different()), (equivalent[k], one.p_equivalent(0.05))):
                if 1e-4 < min(found, expected) < 0.08:  # where it matters
                    assert stats.norm.ppf(found) == pytest.approx(stats.norm.ppf(expected), abs=0.1)


@given(st.integers(0, 999), st.integers(2, 30), st.sampled_from(SCOPES))
def test_a_forecast_is_a_probability_for_each_analysis_to_come(seed: int, seeds: int, scope: Scope) -> None:
    difference = draw(np.random.default_rng(seed), 0.02, seeds)
    [decision], [mirrored] = decide([difference], scope), decide([-difference], scope)
    expected = [count for count in ANALYSES if count > seeds] if decision.claim == "undecided" else []
    assert list(decision.forecast) == expected
    assert all(0 <= probability <= 1 for probability in decision.forecast.values())
    assert decision == decide([difference], scope)[0]
    assert decision.forecast == pytest.approx(mirrored.forecast)
    likely = [count for count, probability in decision.forecast.items() if probability >= 0.8]
    assert decision.seeds_needed == min(likely, default=None)


@pytest.mark.parametrize("scope", SCOPES)
def test_nothing_is_forecast_of_a_single_seed_nor_after_the_last_analysis(scope: Scope) -> None:
    difference = draw(np.random.default_rng(3), 0.0)
    for seeds in (1, 160):
        [decision] = decide([difference[:seeds]], scope)
        assert (decision.claim, decision.forecast, decision.seeds_needed) == ("undecided", {}, None)


def test_a_clear_difference_is_forecast_before_the_first_analysis() -> None:
    [decision] = decide([draw(np.random.default_rng(4), 0.4, seeds=3)], Variation.on_these_samples)
    assert decision.forecast[5] > 0.5
    assert decision.forecast[10] > 0.75


def test_a_forecast_depends_on_the_other_pairs() -> None:
    """Pairs that are undecided are a hindrance, and those that are decided are none."""
    rng = np.random.default_rng(5)
    open_still, clear = draw(rng, 0.02, 10), draw(rng, 0.4, 10)
    unclear = [draw(rng, 0.0, 10) for _ in range(6)]
    alone, among, held_up = (
        decide([open_still, *others], Variation.on_these_samples)[0].forecast for others in ([], [clear] * 6, unclear)
    )
    assert sum(alone.values()) == pytest.approx(sum(among.values()))
    assert sum(held_up.values()) < 0.95 * sum(alone.values())


def test_more_seeds_are_not_forecast_to_replace_samples() -> None:
    """Settings that do the same: equal on this test set, and on others no number of seeds can show it."""
    zeros = np.zeros((4, 1000), np.int8)
    [such] = decide([zeros], Variation.on_such_samples)
    [these] = decide([zeros], Variation.on_these_samples)
    assert max(such.forecast.values()) < 0.01
    assert these.forecast[10] > 0.5


def come_true(repeats: int, scope: Scope) -> tuple[Array, Array]:
    """Return forecasts, and what came true; half of the settings are alike, the others more or less apart."""
    rng, forecasts, truths = np.random.default_rng(6), [], []
    for i in range(repeats):
        difference = draw(rng, 0.0 if i % 2 else float(rng.normal(0, 0.03)))
        claims = {n: decide([difference[:n]], scope, forecasts=False)[0].claim for n in ANALYSES}
        for seeds in (5, 10, 20, 40):
            for count, probability in decide([difference[:seeds]], scope)[0].forecast.items():
                forecasts.append(probability)
                truths.append(claims[count] != "undecided")
    return np.array(forecasts), np.array(truths)


@pytest.mark.parametrize("scope", SCOPES)
def test_what_is_forecast_comes_true_as_often_as_it_says(scope: Scope) -> None:
    forecasts, truths = come_true(60, scope)
    assert np.mean(forecasts) == pytest.approx(np.mean(truths), abs=0.08)
    for chosen in (forecasts < 0.2, forecasts > 0.5):
        assert np.mean(forecasts[chosen]) == pytest.approx(np.mean(truths[chosen]), abs=0.2)


@pytest.mark.check
@pytest.mark.parametrize("scope", SCOPES)
def test_forecasts_of_every_size_come_true_as_often_as_they_say(scope: Scope) -> None:
    forecasts, truths = come_true(1000, scope)
    for low in np.arange(0, 1, 0.2):
        chosen = (forecasts >= low) & (forecasts <= low + 0.2)
        # The forecasts of one experiment go together: they count as one.
        slack = 3 * np.sqrt(0.25 / (chosen.sum() / 6))
        assert np.mean(truths[chosen]) == pytest.approx(np.mean(forecasts[chosen]), abs=slack), low
    assert ERROR < np.mean(truths) < 0.9
