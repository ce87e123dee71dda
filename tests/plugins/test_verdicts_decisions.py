"""Claims about differences: their error rates, and the seeds they take."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from modnet_verdicts.decisions import ANALYSES, ERROR, ROPE, Decision, Scope, decide, overall_p, reject
from modnet_verdicts.statistics import Variation
from scipy import stats

from modnet.types import Array

SCOPES: list[Scope] = [Variation.on_these_samples, Variation.on_such_samples]
p_values = st.lists(st.one_of(st.floats(0, 1), st.floats(0, 0.06), st.just(0.025)), min_size=1, max_size=12)


def accuracies(*hundredths: int) -> Array:
    """Return a difference in hits on a hundred samples, where each seed is so many hits ahead, or behind."""
    rows = [np.sign(n) * (np.arange(100) < abs(n)) for n in hundredths]
    return np.array(rows, np.int8)


def draw(
    rng: np.random.Generator, gap: float = 0.0, seeds: int = ANALYSES[-1], samples: int = 200, by_sample: float = 0.0
) -> Array:
    """Return a difference in hits: `gap` ahead on average, but not with each seed, nor on each sample."""
    chance = 0.5 + rng.normal(0, 0.03, (2, seeds, 1)) + rng.normal(0, by_sample, (2, 1, samples))
    one, other = rng.random((2, seeds, samples)) < chance + np.array([gap / 2, -gap / 2]).reshape(2, 1, 1)
    difference: Array = one.astype(np.int8) - other
    return difference


@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize("p", [1e-4, 0.001, 0.01, 0.05, 0.3, 0.9])
def test_the_correction_for_looks_is_scipys_multivariate_normal(p: float, sides: int) -> None:
    looks = np.array(ANALYSES)
    correlations = np.sqrt(np.minimum.outer(looks, looks) / np.maximum.outer(looks, looks))
    walk = stats.multivariate_normal(np.zeros(6), correlations, seed=1, abseps=1e-6, maxpts=300_000)
    bound = np.full(6, -stats.norm.ppf(p / sides))
    within = walk.cdf(bound, lower_limit=-bound if sides == 2 else np.full(6, -np.inf))
    assert overall_p(p, sides) == pytest.approx(1 - within, abs=1e-5)


@pytest.mark.parametrize("sides", [1, 2])
def test_the_correction_for_looks_is_how_often_a_random_walk_crosses(sides: int) -> None:
    rng, walks = np.random.default_rng(0), 100_000
    steps = rng.standard_normal((walks, len(ANALYSES))) * np.sqrt(np.diff(ANALYSES, prepend=0))
    z = np.cumsum(steps, axis=1) / np.sqrt(ANALYSES)
    smallest = stats.norm.sf(np.abs(z) if sides == 2 else z).min(axis=1) * sides
    for p in (0.001, 0.01, 0.05, 0.3):
        crossed = np.mean(smallest <= p)
        assert overall_p(p, sides) == pytest.approx(crossed, abs=4 * np.sqrt(crossed * (1 - crossed) / walks))


@given(st.lists(st.floats(0, 1), min_size=2, max_size=2).map(sorted), st.sampled_from([1, 2]))
@example([0.0, 1.0], 1)
@example([1e-300, 1e-15], 2)
@example([0.0, 5e-324], 2)
def test_the_correction_never_makes_a_p_value_smaller_and_keeps_their_order(p: list[float], sides: int) -> None:
    smaller, larger = (overall_p(value, sides) for value in p)
    assert smaller <= larger + 1e-12
    for value, corrected in zip(p, (smaller, larger), strict=True):
        # Never more than for looks that have nothing to do with one another.
        assert value <= corrected <= 1 - (1 - value) ** len(ANALYSES) + 1e-12


@given(p_values, st.sampled_from([0.01, 0.05, 0.2]))
@example([0.025, 0.025], 0.05)
@example([0.05, 0.025], 0.05)
def test_rejections_are_those_of_holm_written_out(p: list[float], error: float) -> None:
    left, rejected = set(range(len(p))), set()
    while left:
        smallest = min(left, key=p.__getitem__)
        if p[smallest] > error / len(left):
            break
        left.remove(smallest)
        rejected.add(smallest)
    assert set(np.flatnonzero(reject(np.array(p), error)).tolist()) == rejected


@given(hnp.arrays(np.float64, (3, 2, 4), elements=st.floats(0, 0.2)))
def test_the_rejections_of_many_families_are_those_of_each(p: Array) -> None:
    rejected = reject(p)
    for i, j in np.ndindex(3, 2):
        assert rejected[i, j].tolist() == reject(p[i, j]).tolist()


@given(st.lists(st.floats(0, 0.1), min_size=1, max_size=12, unique=True), st.integers(0, 99))
def test_rejections_go_with_their_p_values(p: list[float], seed: int) -> None:
    values, order = np.array(p), np.random.default_rng(seed).permutation(len(p))
    assert reject(values[order]).tolist() == reject(values)[order].tolist()


@pytest.mark.parametrize("scope", SCOPES)
def test_before_the_first_look_nothing_is_claimed(scope: Scope) -> None:
    for seeds in range(ANALYSES[0]):
        [decision] = decide([accuracies(*[50] * seeds).reshape(seeds, 100)], scope)
        assert (decision.claim, decision.looked_after) == ("undecided", 0)
        assert (decision.p_different, decision.p_equivalent) == (1, 1)
        # One seed says nothing of how much seeds vary.
        assert bool(decision.forecast) == (seeds > 1)


def test_no_differences_no_decisions() -> None:
    for scope in SCOPES:
        assert decide([], scope) == []


@pytest.mark.parametrize("scope", SCOPES)
def test_a_plain_difference_is_claimed_at_the_first_look(scope: Scope) -> None:
    for sign in (1, -1):
        [decision] = decide([sign * accuracies(30, 31, 29, 30, 31)], scope)
        assert (decision.claim, decision.looked_after, decision.seeds_needed) == ("different", 5, None)
        assert decision.p_different < 0.001
        assert decision.p_equivalent > 0.9


def test_a_difference_that_is_certain_but_does_not_matter_is_equality() -> None:
    difference = accuracies(2, 2, 3, 2, 2)
    [matters] = decide([difference], Variation.on_these_samples)
    [does_not] = decide([difference], Variation.on_these_samples, rope=0.05)
    assert (matters.claim, does_not.claim) == ("different", "equal")
    assert matters.p_different == does_not.p_different <= ERROR


def test_so_few_hits_as_may_be_chance_show_no_difference() -> None:
    """Five hits or six, all for the same setting, and evenly over the seeds: a t-test alone takes that for certain."""
    for difference in (accuracies(1, 1, 1, 1, 1), accuracies(1, 1, 2, 1, 1)):
        assert stats.ttest_1samp(np.add(difference.sum(axis=1), [0, 0, 0, 0, 1e-9]), 0).pvalue < 0.004
        for scope in SCOPES:
            assert decide([difference], scope)[0].claim == "undecided"


def test_settings_that_do_the_same_are_equal_where_there_are_samples_enough() -> None:
    few, many = (np.zeros((5, samples), np.int8) for samples in (100, 10_000))
    for scope in SCOPES:
        assert [decide([zeros], scope)[0].claim for zeros in (few, many)] == ["undecided", "equal"]


def test_each_pair_has_its_own_number_of_seeds() -> None:
    differences = [accuracies(*[30, 31, 29] * n) for n in (1, 2, 5, 60)]
    assert [d.looked_after for d in decide(differences, Variation.on_these_samples)] == [0, 5, 10, 160]


def test_a_claim_must_hold_among_all_pairs() -> None:
    """A claim for one pair may fall for one of many, and stands again if the others are certain."""
    close, clear = accuracies(1, 3, 2, 2, 1), accuracies(30, 31, 29, 30, 31)
    unclear = accuracies(9, -8, 3, -7, 4)

    def claim(*others: Array) -> str:
        return decide([close, *others], Variation.on_these_samples)[0].claim

    assert claim() == "different"
    assert claim(*[unclear] * 5) == "undecided"
    assert claim(*[clear] * 5) == "different"


differences_and_scopes = (
    hnp.arrays(np.int8, (22, 12), elements=st.sampled_from([-1, 0, 0, 0, 1, 1])),
    st.sampled_from(SCOPES),
)


def ahead(difference: Array) -> int:
    """Return the direction of the mean at the last look."""
    looked = max((look for look in ANALYSES if look <= len(difference)), default=0)
    return int(np.sign(difference[:looked].sum(dtype=int)))


def summarize(decision: Decision) -> tuple[str, float, float, int]:
    return decision.claim, decision.p_different, decision.p_equivalent, decision.looked_after


@given(*differences_and_scopes)
@example(np.concatenate([accuracies(30, 31, 29, 30, 31), accuracies(*[-90] * 3)]), Variation.on_these_samples)
def test_between_looks_the_decision_of_the_last_one_stands(values: Array, scope: Scope) -> None:
    """Whatever happens since, and if it should turn the mean round."""
    for seeds in range(ANALYSES[0], len(values) + 1):
        [now] = decide([values[:seeds]], scope, rope=0.1, forecasts=False)
        [then] = decide([values[: now.looked_after]], scope, rope=0.1, forecasts=False)
        assert summarize(now) == summarize(then)


@given(*differences_and_scopes)
def test_what_has_been_claimed_stays_while_the_difference_has_its_direction(values: Array, scope: Scope) -> None:
    """Each look can only add: the p-values fall, but for that of a difference if the direction changes."""
    history = [decide([values[:look]], scope, rope=0.1, forecasts=False)[0] for look in (5, 10, 20)]
    for (before, after), look in zip(pairwise(history), (5, 10), strict=True):
        assert after.p_equivalent <= before.p_equivalent
        if ahead(values[:look]) == ahead(values[: 2 * look]):
            assert after.p_different <= before.p_different
            if before.claim == "different":
                assert after.claim != "undecided"
        if before.claim == "equal":
            assert after.claim == "equal"


def test_what_pointed_the_other_way_is_no_evidence() -> None:
    """Better by far after five seeds, and worse after ten: neither has been shown, and later on only the latter."""
    turned = np.concatenate([accuracies(2, 3, 2, 3, 2), accuracies(-9, -2, -12, -3, -7)])
    once, twice = (decide([turned[:look]], Variation.on_these_samples)[0] for look in (5, 10))
    assert (once.claim, twice.claim) == ("different", "undecided")
    [alone] = decide([turned], Variation.on_these_samples)
    smallest = Variation.from_values(turned).on_these_samples().p_different()
    assert alone.p_different == overall_p(smallest)
    worse = np.concatenate([turned, accuracies(*[-9, -8] * 5)])
    assert decide([worse], Variation.on_these_samples)[0].claim == "different"


def wrong(differences: list[Array], scope: Scope) -> bool:
    """Return whether a difference is ever claimed of settings that are alike."""
    history = (decide([difference[:look] for difference in differences], scope, forecasts=False) for look in ANALYSES)
    return any(decision.claim == "different" for decisions in history for decision in decisions)


@pytest.mark.check
def test_claims_are_as_seldom_wrong_as_they_may_be_and_no_less_often_for_nothing() -> None:
    """Without any difference, on these samples; uncorrected tests are wrong far more often."""
    rng, repeats = np.random.default_rng(1), 250
    alone = family = uncorrected = 0
    for _ in range(repeats):
        hits = [draw(rng, samples=50) for _ in range(3)]
        alone += wrong(hits[:1], Variation.on_these_samples)
        family += wrong(hits, Variation.on_these_samples)
        looks = [Variation.from_values(hits[0][:look]).on_these_samples().p_different() for look in ANALYSES]
        uncorrected += min(looks) <= ERROR
    slack = 3 * np.sqrt(ERROR * (1 - ERROR) / repeats)
    assert alone / repeats < ERROR + slack
    assert family / repeats < ERROR + slack
    assert alone / repeats > ERROR - slack
    assert uncorrected / repeats > 0.13


@pytest.mark.check
def test_claims_on_such_samples_hold_for_samples_that_were_not_drawn() -> None:
    """With a difference by sample that is zero over all samples: seeds alone would mistake it for a real one."""
    rng, repeats = np.random.default_rng(2), 150
    such = these = 0
    for _ in range(repeats):
        difference = draw(rng, samples=50, by_sample=0.2)
        such += wrong([difference], Variation.on_such_samples)
        these += wrong([difference], Variation.on_these_samples)
    assert such / repeats < ERROR + 3 * np.sqrt(ERROR * (1 - ERROR) / repeats)
    assert these / repeats > 0.3


def test_equality_is_as_seldom_claimed_wrongly() -> None:
    """Of settings that are just so far apart that it matters, with many differing hits or hardly any."""
    rng, repeats, scope = np.random.default_rng(3), 150, Variation.on_these_samples
    slack = 3 * np.sqrt(ERROR * (1 - ERROR) / repeats)
    often = seldom = 0
    for _ in range(repeats):
        apart = draw(rng, gap=0.02, samples=400)
        often += any(decide([apart[:look]], scope, rope=0.02, forecasts=False)[0].claim == "equal" for look in ANALYSES)
        rare = (rng.random((ANALYSES[-1], 10)) < ROPE).astype(np.int8)
        seldom += any(decide([rare[:look]], scope, forecasts=False)[0].claim == "equal" for look in ANALYSES)
    assert often / repeats < ERROR + slack
    assert seldom / repeats < ERROR + slack


@pytest.mark.parametrize("share", [ROPE, 3 * ROPE])
def test_equality_is_not_claimed_of_settings_that_differ_on_samples_too_rare_to_be_seen(share: float) -> None:
    """Alike on all samples but one in so many, where one is right and the other wrong, whatever the seed."""
    rng, repeats, scope = np.random.default_rng(6), 150, Variation.on_such_samples

    @cache  # a claim depends on how many differ, not on which
    def is_claimed(samples: int, differ: int) -> bool:
        difference = np.tile(np.arange(samples) < differ, (ANALYSES[-1], 1)).astype(np.int8)
        seen = (difference[:look] for look in ANALYSES[-2:])
        return any(decide([d], scope, rope=share, forecasts=False)[0].claim == "equal" for d in seen)

    for samples in (100, 1000, 3000):
        wrongly = sum(is_claimed(samples, int(np.sum(rng.random(samples) < share))) for _ in range(repeats))
        assert wrongly / repeats < ERROR + 3 * np.sqrt(ERROR * (1 - ERROR) / repeats)


def test_a_setting_that_is_ahead_on_many_samples_by_little_is_not_better_if_a_rare_one_may_outweigh_them() -> None:
    """A tenth of a hit ahead on one sample in a hundred, and a whole one behind on one in a thousand: no difference."""
    rng, repeats, wrongly = np.random.default_rng(8), 200, 0
    for _ in range(repeats):
        kinds = rng.choice(3, p=[0.989, 0.01, 0.001], size=1000)
        ahead_on = (kinds == 1) & (np.arange(40)[:, None] % 10 == 0)
        difference = ahead_on.astype(np.int8) - (kinds == 2)
        wrongly += decide([difference], Variation.on_such_samples, forecasts=False)[0].claim == "different"
    assert wrongly / repeats < ERROR + 3 * np.sqrt(ERROR * (1 - ERROR) / repeats)


def test_the_smallest_rope_that_samples_can_support_is_stated() -> None:
    zeros = np.zeros((160, 1000), np.int8)
    [decision] = decide([zeros], Variation.on_such_samples)
    assert decision.claim == "undecided"
    assert decision.smallest_rope == pytest.approx(3 / 1000, rel=0.01)
    assert decide([zeros], Variation.on_such_samples, rope=1.0001 * decision.smallest_rope)[0].claim == "equal"
    [here] = decide([zeros], Variation.on_these_samples)
    assert (here.claim, here.smallest_rope) == ("equal", 0.0)


@pytest.mark.parametrize("deviation", [1.0, 2.0])
def test_claims_on_heavy_tailed_errors_are_as_seldom_wrong(deviation: float) -> None:
    """Lognormal errors on 100 samples: a pair whose means are apart by the ROPE, and one whose means are equal."""
    rng, repeats, scope = np.random.default_rng(10), 120, Variation.on_such_samples
    wrongly = {"equal": 0, "different": 0}
    for _ in range(repeats):
        of_sample = np.exp(deviation * rng.standard_normal((2, 1, 100)) - deviation**2 / 2)
        narrow = np.exp(0.5 * rng.standard_normal((1, 100)) - 0.125)
        noise = np.exp(0.3 * rng.standard_normal((2, 40, 100)) - 0.045)
        apart, alike = of_sample[0] * (noise[0] - 0.8 * noise[1]), of_sample[1] * noise[0] - narrow * noise[1]
        for claim, difference in (("equal", apart), ("different", alike)):
            seen = (difference[:look] for look in ANALYSES if look <= 40)
            wrongly[claim] += any(decide([d], scope, rope=0.2, forecasts=False)[0].claim == claim for d in seen)
    for claims in wrongly.values():
        assert claims / repeats < ERROR + 3 * np.sqrt(ERROR * (1 - ERROR) / repeats)
