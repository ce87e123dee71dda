"""Estimates of accuracies: SciPy's t-test, and the spread of a bootstrap, as references."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from modnet_verdicts.statistics import Estimate, Variation
from scipy import stats

from modnet.types import Array

ROPE = 0.01
hits = hnp.arrays(np.int8, st.tuples(st.integers(2, 12), st.integers(2, 30)), elements=st.integers(-1, 1))


def simulate(seed: int, seeds: int = 8, samples: int = 400, gap: float = 0.05) -> Array:
    """Return hits of one setting less those of another, where seeds and samples both matter."""
    rng = np.random.default_rng(seed)
    ability = rng.normal(1, 0.3, (2, seeds, 1)) + np.array([gap, 0]).reshape(2, 1, 1)
    ease = rng.normal(0, 1, (1, 1, samples)) + rng.normal(0, 0.5, (2, 1, samples))
    recognised = rng.normal(0, 0.7, (2, seeds, samples)) < ability + ease
    difference: Array = recognised[0].astype(np.int8) - recognised[1]
    return difference


def estimates(values: Array) -> list[Estimate]:
    return [Variation.from_values(values).on_these_samples(), Variation.from_values(values).on_such_samples()]


def numbers(part: Estimate | Variation) -> Any:
    """Return the numbers of an estimate or a variation, to be compared."""
    return pytest.approx(plain(part), rel=1e-9, abs=1e-12)


def plain(part: Estimate | Variation) -> tuple[float, ...]:
    if isinstance(part, Estimate):
        return part.mean, part.standard_error, part.df
    return part.mean, part.seeds, part.samples, part.by_seed, part.by_sample, part.residual


@given(hits)
def test_the_mean_squares_are_those_of_a_two_way_analysis_of_variance_written_out(values: Array) -> None:
    seeds, samples = values.shape
    rows = [sum(map(int, values[i])) / samples for i in range(seeds)]
    columns = [sum(map(int, values[:, j])) / seeds for j in range(samples)]
    mean = sum(rows) / seeds
    cells = [(i, j) for i in range(seeds) for j in range(samples)]
    expected = Variation(
        mean,
        seeds,
        samples,
        by_seed=sum((rows[i] - mean) ** 2 for i, _ in cells) / (seeds - 1),
        by_sample=sum((columns[j] - mean) ** 2 for _, j in cells) / (samples - 1),
        residual=sum((values[i, j] - rows[i] - columns[j] + mean) ** 2 for i, j in cells)
        / ((seeds - 1) * (samples - 1)),
        columns=np.array(columns) - mean,
    )
    assert plain(Variation.from_values(values)) == numbers(expected)


def test_hits_may_be_stored_in_any_type() -> None:
    recognised = simulate(0) > 0
    for dtype in (np.int8, np.int64, np.float32):
        assert plain(Variation.from_values(recognised)) == numbers(Variation.from_values(recognised.astype(dtype)))


@given(hits)
def test_the_other_way_round_the_estimate_is_mirrored(values: Array) -> None:
    for one, other in zip(estimates(values), estimates(-values), strict=True):
        assert plain(other) == numbers(Estimate(-one.mean, one.standard_error, one.df))
        assert other.interval() == pytest.approx((-one.interval()[1], -one.interval()[0]), abs=1e-12)
        assert other.p_different() == pytest.approx(one.p_different(), abs=1e-9)
        assert other.p_equivalent(ROPE) == pytest.approx(one.p_equivalent(ROPE), abs=1e-9)


@given(hits, st.randoms(use_true_random=False))
def test_the_order_of_seeds_and_samples_does_not_matter(values: Array, chance: Any) -> None:
    seeds, samples = (chance.sample(range(n), n) for n in values.shape)
    for one, other in zip(estimates(values), estimates(values[seeds][:, samples]), strict=True):
        assert plain(other) == numbers(one)


@given(hits)
def test_on_such_samples_less_is_certain(values: Array) -> None:
    """The standard error is no smaller. The interval may be narrower all the same, with more degrees of freedom."""
    these, such = estimates(values)
    assert such.mean == these.mean
    assert such.standard_error >= these.standard_error
    # Satterthwaite's are at least those of the part with fewer, and at most those of both together.
    parts = [count - 1 for count in values.shape]
    assert min(parts) * (1 - 1e-12) <= such.df <= sum(parts) * (1 + 1e-12)


@given(hits, st.integers(2, 30))
def test_what_is_foreseen_for_more_seeds_becomes_certain_up_to_the_samples_share(values: Array, times: int) -> None:
    variation = Variation.from_values(values)
    for scope in (Variation.on_these_samples, Variation.on_such_samples):
        now, then = scope(variation), scope(variation.after(len(values) * times))
        assert plain(scope(variation.after(len(values)))) == pytest.approx(plain(now))
        assert now.standard_error / math.sqrt(times) <= then.standard_error * (1 + 1e-12)
        assert then.standard_error <= now.standard_error * (1 + 1e-12)
        assert then.mean == now.mean
    assert variation.after(len(values) * times).on_these_samples().standard_error == pytest.approx(
        variation.on_these_samples().standard_error / math.sqrt(times)
    )


def test_the_samples_share_is_left_however_many_seeds_there_are() -> None:
    variation = Variation.from_values(simulate(1))
    share = (variation.by_sample - variation.residual) / (variation.seeds * variation.samples)
    assert share > 0
    assert variation.after(10**12).on_such_samples().standard_error == pytest.approx(math.sqrt(share), rel=1e-6)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
def test_on_these_samples_it_is_scipys_paired_t_test(seed: int, level: float) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.random((2, 7, 300)) < np.array([0.8, 0.78]).reshape(2, 1, 1)
    expected = stats.ttest_rel(one.mean(axis=1), other.mean(axis=1))
    found = Variation.from_values(one.astype(np.int8) - other).on_these_samples()
    assert found.df == expected.df
    assert found.p_different() == pytest.approx(expected.pvalue, rel=1e-12, abs=1e-12)
    assert found.interval(level) == pytest.approx(tuple(expected.confidence_interval(level)), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_equivalence_is_the_larger_of_two_one_sided_tests_of_scipy(seed: int) -> None:
    values = simulate(seed, gap=0.01)
    accuracies = values.mean(axis=1)
    for rope in (0.0, 0.001, 0.01, 0.05, 0.2):
        above = stats.ttest_1samp(accuracies, -rope, alternative="greater").pvalue
        below = stats.ttest_1samp(accuracies, rope, alternative="less").pvalue
        found = Variation.from_values(values).on_these_samples().p_equivalent(rope)
        assert found == pytest.approx(max(above, below), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_the_p_values_of_equivalence_are_what_baycomps_posterior_leaves_outside(seed: int) -> None:
    # It is in no group of pyproject.toml: with it comes a package called tests, which hides this folder from processes.
    baycomp = pytest.importorskip("baycomp", reason="baycomp is not installed: it cannot stay beside these tests")
    values = simulate(seed, gap=0.01)
    for estimate in estimates(values):
        for rope in (0.001, 0.01, 0.05):
            posterior = baycomp.single.Posterior(estimate.mean, estimate.standard_error**2, estimate.df, rope)
            left, _, right = posterior.probs()
            assert estimate.p_equivalent(rope) == pytest.approx(max(left, right), abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_on_such_samples_the_standard_error_is_that_of_a_crossed_bootstrap(seed: int) -> None:
    """Seeds and samples are drawn again, each with replacement.

    Such a bootstrap sees of the seeds' mean square (n - 1) / n, as any does, and the residual three times rather than
    once (Owen 2007, "The pigeonhole bootstrap"): what it must show is known exactly, and most of it is the two effects.
    """
    values, draws = simulate(seed, seeds=40, samples=600), 4000
    n, m = values.shape
    rng = np.random.default_rng(seed)
    seeds = rng.multinomial(n, np.full(n, 1 / n), draws) / n
    samples = rng.multinomial(m, np.full(m, 1 / m), draws) / m
    means = np.einsum("dn,nm,dm->d", seeds, values, samples, optimize=True)
    variation = Variation.from_values(values)
    found = variation.on_such_samples().standard_error ** 2
    expected = (
        variation.by_seed * (n - 1) / n
        + variation.by_sample * (m - 1) / m
        + variation.residual * (n - 1) * (m - 1) / (n * m)
    ) / (n * m)
    # The standard error of a variance of normal draws is its sqrt(2 / draws).
    assert means.var(ddof=1) == pytest.approx(expected, rel=4 * math.sqrt(2 / draws))
    surplus = 2 * variation.residual / (n * m)
    assert surplus < 0.5 * found
    assert found == pytest.approx(means.var(ddof=1) - surplus, rel=4 * math.sqrt(2 / draws) * 1.5 + 1 / n)


@pytest.mark.parametrize("seed_share", [0.2, 1.0])
def test_on_such_samples_the_standard_error_is_how_far_new_draws_are_spread(seed_share: float) -> None:
    """In a model whose variances are chosen: 2000 sets of seeds and samples, drawn anew each time."""
    rng, n, m, repeats = np.random.default_rng(7), 6, 50, 2000
    found = []
    for _ in range(repeats):
        values = rng.normal(0, seed_share, (n, 1)) + rng.normal(0, 2, (1, m)) + rng.normal(0, 1, (n, m))
        such = Variation.from_values(values).on_such_samples()
        found.append(Estimate(such.mean, such.standard_error, such.df))
    spread = seed_share**2 / n + 4 / m + 1 / (n * m)
    assert np.mean([e.standard_error**2 for e in found]) == pytest.approx(spread, rel=0.05)
    covered = np.mean([e.interval()[0] <= 0 <= e.interval()[1] for e in found])
    assert covered == pytest.approx(0.95, abs=0.02)


@given(hits, st.floats(0.01, 0.99))
def test_the_interval_holds_zero_exactly_where_the_p_value_says_so(values: Array, level: float) -> None:
    for estimate in estimates(values):
        low, high = estimate.interval(level)
        if abs(estimate.p_different() - (1 - level)) > 1e-9:
            assert (low <= 0 <= high) == (estimate.p_different() >= 1 - level)


@given(hits)
def test_p_values_are_probabilities_and_a_wider_rope_makes_equivalence_likelier(values: Array) -> None:
    for estimate in estimates(values):
        p = [estimate.p_equivalent(rope) for rope in (0.0, 0.001, 0.01, 0.1, 1.0)]
        assert p == sorted(p, reverse=True)
        assert 0.5 <= p[0] <= 1
        assert p[-1] >= 0
        assert 0 <= estimate.p_different() <= 1


@given(hits)
def test_no_estimate_is_certain_and_none_is_undefined(values: Array) -> None:
    for estimate in estimates(values):
        assert estimate.standard_error >= 1 / values.size
        assert all(map(math.isfinite, (*plain(estimate), *estimate.interval(), estimate.p_different())))


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_a_constant_without_error_is_where_it_is(level: float) -> None:
    exact = Estimate(level, 0.0, 4)
    assert exact.interval() == (level, level)
    assert exact.p_different() == (1.0 if level == 0 else 0.0)
    assert [exact.p_equivalent(rope) for rope in (0.5, 2.0)] == [float(level > 0.5), 0.0]


def test_where_no_hit_differs_it_takes_many_samples_to_call_two_settings_equal() -> None:
    """Five seeds of ten samples all alike are to be expected of settings that are a hundredth apart."""
    few, many = (Variation.from_values(np.zeros((5, samples), np.int8)) for samples in (10, 10_000))
    for scope in (Variation.on_these_samples, Variation.on_such_samples):
        assert scope(few).p_different() == scope(many).p_different() == 1
        assert scope(few).p_equivalent(0.001) > 0.4
    assert many.on_these_samples().p_equivalent(0.001) < 1e-6
    # However many seeds there are: so often is one in a thousand not among ten thousand samples.
    assert many.on_such_samples().p_equivalent(0.001) == pytest.approx(0.999**10_000, rel=0.05)


def test_seeds_that_do_not_matter_leave_the_samples_only() -> None:
    values = np.repeat(simulate(3)[:1], 6, axis=0)
    m = values.shape[1]
    variation = Variation.from_values(values)
    assert (variation.by_seed, variation.residual) == pytest.approx((0, 0), abs=1e-12)
    # As little as one hit is all that is taken for the seeds.
    assert variation.on_these_samples().standard_error == pytest.approx(1 / values.size)
    such, row = variation.on_such_samples(), stats.ttest_1samp(values[0].astype(float), 0)
    assert such.standard_error == pytest.approx(values[0].std(ddof=1) / math.sqrt(m), rel=1e-3)
    assert such.p_different() == pytest.approx(row.pvalue, abs=1e-3)


def test_neither_seeds_nor_samples_make_the_mean_more_certain_than_independent_hits() -> None:
    """Each seed is ahead on a sample of its own: both mean squares fall below the rest, by chance or by design."""
    values = np.eye(6, dtype=np.int8)
    variation = Variation.from_values(values)
    assert (variation.by_seed, variation.by_sample) == pytest.approx((0, 0), abs=1e-15)
    such = variation.on_such_samples()
    assert such.standard_error == pytest.approx(math.sqrt(variation.residual / values.size))
    assert such.df == pytest.approx(5)


def test_samples_that_are_all_alike_leave_the_seeds_only() -> None:
    per_seed = np.array([1, 0, 1, 1, -1, 0], np.int8)
    these, such = estimates(np.repeat(per_seed[:, None], 20, axis=1))
    assert plain(such) == numbers(these)
    assert such.p_different() == pytest.approx(stats.ttest_1samp(per_seed, 0).pvalue, rel=1e-9)


def alike(*counts: tuple[float, int], seeds: int = 5) -> Array:
    """Return values on which all seeds agree: so many samples with each value."""
    return np.tile(np.concatenate([np.full(count, value) for value, count in counts]), (seeds, 1))


@pytest.mark.parametrize("wrong", [0, 1, 3, 10, 50, 99, 100])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.999])
def test_an_accuracy_on_which_seeds_agree_has_at_least_the_interval_of_clopper_and_pearson(
    wrong: int, level: float
) -> None:
    """Within 0 and 1 also where each hit is 1; where t's interval is the wider one, it counts."""
    hits = alike((1, 100 - wrong), (0, wrong))
    estimate = Variation.from_values(hits, are_differences=False).on_such_samples()
    exact = stats.binomtest(100 - wrong, 100).proportion_ci(level)
    half = stats.t.isf((1 - level) / 2, estimate.df) * estimate.standard_error
    expected = min(exact.low, max(estimate.mean - half, 0)), max(exact.high, min(estimate.mean + half, 1))
    assert estimate.interval(level) == pytest.approx(expected, abs=6e-3 * (1 - exact.low))


@pytest.mark.parametrize(("better", "worse"), [(1, 0), (6, 0), (10, 0), (5, 2), (20, 5), (3, 3)])
def test_where_few_samples_differ_it_is_at_least_the_sign_test(better: int, worse: int) -> None:
    estimate = Variation.from_values(alike((1, better), (-1, worse), (0, 500))).on_such_samples()
    sign = stats.binomtest(better, better + worse).pvalue
    by_t = 2 * stats.t.sf(abs(estimate.mean) / estimate.standard_error, estimate.df)
    assert estimate.p_different() == pytest.approx(max(sign, by_t), rel=0.05)


@given(hits, st.sampled_from([0.5, 0.95, 0.999]))
def test_intervals_stay_within_what_is_possible_and_have_a_width(values: Array, level: float) -> None:
    for estimate in estimates(values):
        low, high = estimate.interval(level)
        assert -1 <= low < high <= 1
    for estimate in (
        Variation.from_values(values > 0, are_differences=False).on_these_samples(),
        Variation.from_values(values > 0, are_differences=False).on_such_samples(),
    ):
        low, high = estimate.interval(level)
        assert 0 <= low < high <= 1


@pytest.mark.parametrize("seeds", [5, 160])
def test_where_no_hit_was_seen_to_differ_there_may_be_as_many_as_the_rule_of_three_says(seeds: int) -> None:
    """Two seen values of a bound: 3 of all hits for a fixed test set, and 3 of the samples for new ones, at 90 %."""
    zeros = np.zeros((seeds, 1000), np.int8)
    for estimate, number in zip(estimates(zeros), (seeds * 1000, 1000), strict=True):
        low, high = estimate.interval(0.9)
        assert high == pytest.approx(max(-math.log(0.05) / number, stats.t.isf(0.05, seeds - 1) / zeros.size), rel=0.01)
        assert low == -high


@pytest.mark.parametrize(("samples", "accuracy"), [(100, 0.999), (100, 0.99), (300, 0.97), (1000, 0.999), (100, 0.5)])
def test_intervals_of_accuracies_hold_at_high_accuracy_and_few_samples(samples: int, accuracy: float) -> None:
    """Drawn anew 400 times: most samples always recognised, some never, some by chance."""
    rng, repeats, inside = np.random.default_rng(4), 400, 0
    for _ in range(repeats):
        never, chance = rng.random((2, 1, samples)) < (1 - accuracy) / 2
        recognised = ~never & (~chance | (rng.random((8, samples)) < 0.3))
        true = (1 - (1 - accuracy) / 2) * (1 - 0.7 * (1 - accuracy) / 2)
        low, high = Variation.from_values(recognised, are_differences=False).on_such_samples().interval()
        inside += low <= true <= high
    assert inside / repeats > 0.95 - 3 * math.sqrt(0.95 * 0.05 / repeats)


@given(hits, st.sampled_from([1e-200, 0.001, 3.0, 1e200]))
def test_errors_have_no_unit_of_their_own(values: Array, unit: float) -> None:
    """In another unit all is the same but for the unit, and no differences at all are certain to be none."""
    for scope in (Variation.on_these_samples, Variation.on_such_samples):
        one, other = scope(Variation.from_values(values * 1.0)), scope(Variation.from_values(values * unit))
        assert (other.mean / unit, other.df) == pytest.approx((one.mean, one.df), rel=1e-9, abs=1e-12)
        assert np.divide(other.interval(), unit) == pytest.approx(one.interval(), rel=1e-6, abs=1e-9)
        assert other.p_different() == pytest.approx(one.p_different(), rel=1e-6)
        assert other.p_equivalent(0.1 * unit) == pytest.approx(one.p_equivalent(0.1), rel=1e-6)


@pytest.mark.parametrize("deviation", [1.0, 2.0])
def test_intervals_of_heavy_tailed_errors_hold(deviation: float) -> None:
    """Lognormal squared errors on 100 samples, 300 times: t's interval alone fails, as the largest are not seen."""
    rng, repeats, inside, by_t = np.random.default_rng(9), 300, 0, 0
    for _ in range(repeats):
        of_sample = np.exp(deviation * rng.standard_normal((1, 100)) - deviation**2 / 2)
        errors = of_sample * np.exp(0.3 * rng.standard_normal((6, 100)) - 0.045)
        such = Variation.from_values(errors, are_differences=False).on_such_samples()
        low, high = such.interval()
        assert 0 <= low < high
        inside += low <= 1 <= high
        low, high = Estimate(such.mean, such.standard_error, such.df).interval()
        by_t += low <= 1 <= high
    assert inside / repeats > 0.93 - 3 * math.sqrt(0.93 * 0.07 / repeats)
    assert by_t / repeats < (0.95 if deviation == 1 else 0.8)
