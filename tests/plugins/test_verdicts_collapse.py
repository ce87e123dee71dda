"""Collapsed runs, found where there are some and not in ordinary spread."""

from __future__ import annotations

import json

import numpy as np
import pytest
from modnet_verdicts.report import Comparison
from modnet_verdicts.result import SettingResult, find_collapsed
from modnet_verdicts.statistics import bound_share
from scipy import stats

from modnet.comparison.grid import Setting
from modnet.types import History, Status

OK, DIVERGED = Status.FINISHED, Status.DIVERGED
# Accuracies of real runs on the digits that ship with modnet; those in the second list collapsed.
RUNS = {
    "sigmoid, lr 1": ([0.869, 0.871, 0.872, 0.874, 0.877, 0.878, 0.881, 0.885], []),
    "sigmoid, lr 0.1, far from trained": ([0.355, 0.37, 0.387, 0.409, 0.426, 0.438, 0.455, 0.488, 0.497], []),
    "relu, lr 0.7": ([0.87, 0.873, 0.89, 0.9, 0.904, 0.911, 0.926], []),
    "one hidden unit": ([0.099, 0.105, 0.126, 0.127, 0.135, 0.153], []),
    "three hidden units": ([0.113, 0.126, 0.143, 0.178, 0.189, 0.207, 0.238, 0.259, 0.302], []),
    "never learned": ([0.085, 0.085, 0.099, 0.11, 0.126, 0.126], []),
    "two hidden layers, one run stuck": ([0.898, 0.899, 0.906, 0.912, 0.928], [0.569]),
    "two hidden layers, another": ([0.882, 0.904, 0.917, 0.922, 0.929], [0.673]),
    "relu, lr 1": ([0.731, 0.785, 0.831, 0.854, 0.867, 0.89], [0.294, 0.33, 0.396, 0.442]),
    "two classes, one run guesses": ([0.95, 0.96, 0.97, 0.95], [0.5]),
    "most runs guess": ([0.91, 0.93], [0.1, 0.1, 0.11, 0.1, 0.12]),
    "a single run": ([0.3], []),
    "nothing is recognised": ([0.0, 0.0, 0.0], []),
    "all is": ([1.0, 1.0, 1.0], []),
}


@pytest.mark.parametrize("name", RUNS)
def test_runs_far_below_the_others_collapsed_and_ordinary_spread_did_not(name: str) -> None:
    learned, failed = RUNS[name]
    order = np.random.default_rng(0).permutation(len(learned) + len(failed))
    accuracies = np.array([*learned, *failed])[order]
    found = find_collapsed(accuracies, [OK] * len(accuracies))
    assert sorted(accuracies[found]) == sorted(failed)


@pytest.mark.parametrize("runs", [5, 10, 40])
@pytest.mark.parametrize(("mean", "deviation"), [(0.98, 0.005), (0.9, 0.03), (0.7, 0.04), (0.4, 0.03)])
def test_runs_that_spread_normally_hardly_ever_collapse(runs: int, mean: float, deviation: float) -> None:
    rng = np.random.default_rng(runs)
    drawn = np.minimum(rng.normal(mean, deviation, (1000, runs)), 1)
    assert sum(find_collapsed(accuracies, [OK] * runs).any() for accuracies in drawn) <= 2


def test_a_run_that_diverged_has_collapsed_whatever_it_had_learned() -> None:
    assert find_collapsed(np.array([0.9, 0.91, 0.92]), [OK, DIVERGED, OK]).tolist() == [False, True, False]


@pytest.mark.parametrize(("count", "runs"), [(0, 1), (0, 10), (1, 10), (9, 10), (10, 10), (3, 160)])
def test_the_bound_is_that_of_the_exact_binomial_test(count: int, runs: int) -> None:
    exact = stats.binomtest(count, runs, alternative="less").proportion_ci(0.95, method="exact").high
    assert bound_share(count, runs) == pytest.approx(exact)


def compare(*collapsed: int, runs: int = 10, diverged: int = 0) -> Comparison:
    """Return settings of which so many runs fell to guessing, and of the first one so many diverged."""
    rng, results = np.random.default_rng(0), []
    for i, count in enumerate(collapsed):
        chance = np.where(np.arange(runs) < count, 0.1, 0.9)[:, None]
        statuses = (*[DIVERGED] * diverged * (i == 0), *[OK] * runs)[:runs]
        history = History([], [1], {"train_accuracy": [0.5], "test_accuracy": [0.5]})
        setting = Setting({"lr": str(i)}, {})
        results.append(SettingResult(setting, rng.random((runs, 500)) < chance, (history,) * runs, statuses))
    return Comparison(tuple(results), tuple(range(runs)))


def test_collapses_are_reported_beside_the_verdict_with_the_bound_for_settings_without_any() -> None:
    for text in (str(compare(2, 0)), compare(2, 0).markdown()):
        note = " ".join(text.split())
        assert "far below the others of their setting): lr 0: 2 of 10. Where none of 10 did, up to 26 % of" in note
    assert "lr 0: 3 of 10; lr 1: 1 of 10. Intervals" in " ".join(str(compare(3, 1)).split())
    assert "lr 0: 1 of 10. Where none" in " ".join(str(compare(0, 0, diverged=1)).split())


def test_where_nothing_collapsed_nothing_is_reported() -> None:
    assert "collapse" not in str(compare(0, 0)) + compare(0, 0).markdown()


def test_json_has_the_number_of_collapsed_runs_and_the_bound() -> None:
    settings = json.loads(json.dumps(compare(2, 0).as_json()))["settings"]
    assert [setting["collapsed"] for setting in settings] == [2, 0]
    assert [round(setting["collapsed_at_most"], 3) for setting in settings] == [0.507, 0.259]
