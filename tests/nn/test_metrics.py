"""Metrics against scikit-learn, and what they are of odd targets."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import modnet
from modnet.nn.metrics import compute_metrics, find_errors, list_metrics

NUMBERS = st.floats(-1e3, 1e3)
WEIGHTS = st.one_of(st.none(), arrays(np.float64, 7, elements=st.floats(0.1, 10)))


def compute(task, y, t, weights=None):
    return compute_metrics(task, np.asarray(y, np.float64), np.asarray(t), weights)


def test_each_task_has_a_main_metric():
    assert {task: list_metrics(task)[0] for task in ("classification", "regression")} == {
        "classification": "accuracy",
        "regression": "r2",
    }


@given(y=arrays(np.float64, (7, 3), elements=NUMBERS), t=arrays(np.int64, 7, elements=st.integers(0, 2)), w=WEIGHTS)
def test_the_accuracy_is_that_of_scikit_learn(y, t, w):
    metrics = pytest.importorskip("sklearn.metrics")
    expected = metrics.accuracy_score(t, y.argmax(axis=1), sample_weight=w)
    assert compute("classification", y, t, w)["accuracy"] == pytest.approx(expected, rel=1e-12)


@given(data=st.data(), targets=st.sampled_from([1, 3]), w=WEIGHTS)
def test_r2_and_rmse_are_those_of_scikit_learn(data, targets, w):
    metrics = pytest.importorskip("sklearn.metrics")
    y, t = (data.draw(arrays(np.float64, (7, targets), elements=st.integers(-99, 99).map(float))) for _ in range(2))
    found = compute("regression", y, t, w)
    assert found["r2"] == pytest.approx(metrics.r2_score(t, y, sample_weight=w), rel=1e-9, abs=1e-9)
    assert found["rmse"] == pytest.approx(metrics.root_mean_squared_error(t, y, sample_weight=w), rel=1e-12)


@given(y=arrays(np.float64, (7, 2), elements=NUMBERS), t=arrays(np.float64, (7, 2), elements=NUMBERS))
def test_the_errors_of_samples_have_the_mean_1_minus_r2(y, t):
    assert find_errors(y, t).mean() == pytest.approx(1 - compute("regression", y, t)["r2"], rel=1e-9, abs=1e-9)


def test_a_target_that_does_not_vary_is_explained_wholly_or_not_at_all():
    assert compute("regression", [[2.0], [2.0]], [[2.0], [2.0]])["r2"] == 1.0
    assert compute("regression", [[2.0], [3.0]], [[2.0], [2.0]])["r2"] == 0.0


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_without_samples_a_metric_is_not_a_number(task):
    assert all(math.isnan(value) for value in compute(task, np.empty((0, 2)), np.empty((0, 2))).values())


@given(
    y=arrays(np.float64, (5, 2), elements=st.integers(-99, 99).map(float)),
    t=arrays(np.float64, (5, 2), elements=st.integers(-99, 99).map(float)),
    weights=arrays(np.int64, 5, elements=st.integers(0, 3)).filter(np.any),
)
def test_a_weight_counts_as_the_same_sample_that_often(y, t, weights):
    again = np.repeat(np.arange(5), weights)
    found, expected = compute("regression", y, t, weights), compute("regression", y[again], t[again])
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_rounding_is_no_variance_of_a_target():
    t = np.full((7, 1), 0.1)  # whose mean is another number
    assert compute("regression", t, t)["r2"] == 1
    assert compute("regression", t + 0.5, t)["r2"] == pytest.approx(0)


def test_what_is_advised_for_a_regression_that_diverges_is_an_option_of_it():
    x = np.random.default_rng(0).normal(size=(100, 3))
    data = modnet.Dataset.from_arrays(x, x @ [1.0, 2.0, 3.0], task="regression")
    with pytest.raises(modnet.DivergedError, match=r"the outputs reach .*: try a smaller learning rate$"):
        modnet.train(
            modnet.Network([3, 1], output="identity", loss="mean-squared-error"),
            data,
            optimizer=modnet.optimizer("sgd", lr=1e3),
            iterations=500,
        )
