"""Metrics against scikit-learn, and what they are where there is little to judge."""

from __future__ import annotations

import math
import warnings
from typing import Any

import attrs
import numpy as np
import pytest

import modnet
from modnet.nn.metrics import find_errors, find_hits

CLASSES, ROWS = 4, 9
OF_CLASSES = ("accuracy", "balanced-accuracy", "log-loss", "macro-f1", "top-k")
OF_VALUES = ("mae", "r2", "rmse")


def measure(name, y, t, weights=None, **settings):
    return modnet.metric(name, **settings)(np.asarray(y, np.float64), np.asarray(t), weights)


def to_probabilities(scores):
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


@attrs.frozen
class Case:
    """Outputs and targets of both tasks, and weights."""

    y: Any
    t: Any
    values: Any
    targets: Any
    weights: Any


def draw_cases(count, most=9.0):
    """Yield random cases, of few rows and of many, some without a class, some without weights."""
    draw = np.random.default_rng(0)
    for i in range(count):
        n, targets = (2, 3, 9, 50)[i % 4], 1 + i % 3
        yield Case(
            to_probabilities(3 * draw.standard_normal((n, CLASSES))),
            draw.integers(0, CLASSES, n),
            *draw.standard_normal((2, n, targets)),
            None if i % 5 == 0 else draw.uniform(0.1, most, n),
        )


def compute_with_scikit_learn(name, y, t, w):
    metrics = pytest.importorskip("sklearn.metrics")
    predicted, known = y.argmax(axis=1), list(range(CLASSES))
    with warnings.catch_warnings(action="ignore"):  # of classes without samples
        return {
            "accuracy": lambda: metrics.accuracy_score(t, predicted, sample_weight=w),
            "balanced-accuracy": lambda: metrics.balanced_accuracy_score(t, predicted, sample_weight=w),
            "log-loss": lambda: metrics.log_loss(t, y, sample_weight=w, labels=known),
            "macro-f1": lambda: metrics.f1_score(t, predicted, sample_weight=w, average="macro"),
            "top-k": lambda: metrics.top_k_accuracy_score(t, y, k=2, sample_weight=w, labels=known),
        }[name]()


@pytest.mark.parametrize("name", OF_CLASSES)
def test_metrics_of_classes_are_those_of_scikit_learn(name):
    for case in draw_cases(60):
        found = measure(name, case.y, case.t, case.weights, **({"k": 2} if name == "top-k" else {}))
        expected = compute_with_scikit_learn(name, case.y, case.t, case.weights)
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-12), case


def test_metrics_of_values_are_those_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    theirs = {
        "mae": metrics.mean_absolute_error,
        "r2": metrics.r2_score,
        "rmse": metrics.root_mean_squared_error,
    }
    for case in draw_cases(60):
        for name, compute in theirs.items():
            found = measure(name, case.values, case.targets, case.weights)
            expected = compute(case.targets, case.values, sample_weight=case.weights)
            assert found == pytest.approx(expected, rel=1e-9, abs=1e-9), (name, case)


def test_the_statistics_of_a_comparison_are_of_the_same_numbers():
    """Verdicts are on hits and errors of single samples, tables show metrics: to the bit, their means."""
    for case in draw_cases(60):
        errors, hits = find_errors(case.values, case.targets), find_hits(case.y, case.t)
        assert measure("r2", case.values, case.targets) == 1.0 - float(np.average(errors))
        assert measure("accuracy", case.y, case.t) == float(hits.mean())


def test_a_weight_counts_as_the_same_sample_that_often():
    for case in draw_cases(60, 4.0):
        weights = np.floor(np.ones(len(case.t)) if case.weights is None else case.weights)  # some are 0
        if np.count_nonzero(weights) < 2:
            continue
        again = np.repeat(np.arange(len(weights)), weights.astype(np.int64))
        for names, y, t in ((OF_CLASSES, case.y, case.t), (OF_VALUES, case.values, case.targets)):
            for name in names:
                expected = measure(name, y[again], t[again])
                assert measure(name, y, t, weights) == pytest.approx(expected, rel=1e-9, abs=1e-9), (name, case)


def test_a_class_without_samples_does_not_count_but_where_it_is_predicted():
    y, t = np.eye(3)[[0, 1, 2]], [0, 1, 1]
    assert measure("balanced-accuracy", y, t) == 0.75
    assert measure("macro-f1", y, t) == pytest.approx((1 + 2 / 3 + 0) / 3)
    assert measure("macro-f1", y[:2], t[:2]) == 1.0


def test_a_target_that_does_not_vary_is_explained_wholly_or_not_at_all():
    assert measure("r2", [[2.0], [2.0]], [[2.0], [2.0]]) == 1.0
    assert measure("r2", [[2.0], [3.0]], [[2.0], [2.0]]) == 0.0


def test_rounding_is_no_variance_of_a_target():
    t = np.full((7, 1), 0.1)  # whose mean is another number
    assert measure("r2", t, t) == 1
    assert measure("r2", t + 0.5, t) == pytest.approx(0)


@pytest.mark.parametrize("weights", [None, np.array([2.0, 0.0])])
def test_one_sample_has_no_variance_and_no_r2(weights):
    rows = 1 if weights is None else 2
    assert math.isnan(measure("r2", [[2.0], [3.0]][:rows], [[2.0], [2.0]][:rows], weights))


def test_of_equal_outputs_the_first_is_taken_as_by_the_accuracy():
    y, t = np.zeros((3, 3)), [0, 1, 2]
    assert [measure("top-k", y, t, k=k) for k in (1, 2, 3, 9)] == pytest.approx([1 / 3, 2 / 3, 1, 1])
    assert measure("top-k", y, t, k=1) == measure("accuracy", y, t)


def test_the_accuracy_is_that_of_one_guess():
    for case in draw_cases(20):
        found = measure("top-k", case.y, case.t, case.weights, k=1)
        assert found == measure("accuracy", case.y, case.t, case.weights)


@pytest.mark.parametrize(
    ("outputs", "what"),
    [
        ([[0.9, 0.9]], "0.9 to 0.9, and their sum is 1.8"),  # sigmoids, each on its own
        ([[3.0, -2.0]], "-2 to 3, and their sum is 1"),
        ([[0.5, 0.5], [0.2, 0.7]], "0.2 to 0.7, and their sum is 0.9"),
    ],
)
def test_outputs_that_are_no_probabilities_have_no_log_loss(outputs, what):
    with pytest.raises(modnet.DataError, match=f"the outputs are none: they are {what}: take --output softmax$"):
        measure("log-loss", outputs, [0] * len(outputs))


def test_probabilities_in_float32_sum_to_1_as_exactly_as_they_can():
    y = to_probabilities(np.arange(4000.0).reshape(-1, 4)).astype(np.float32)
    assert modnet.metric("log-loss")(y, np.zeros(len(y), np.int64)) == pytest.approx(3.4401897, rel=1e-6)


def test_outputs_that_are_not_numbers_are_never_right():
    y, t = np.full((2, 3), np.nan), [1, 2]
    assert measure("top-k", y, t, k=1) == measure("accuracy", y, t) == 0.0
    assert math.isnan(measure("log-loss", y, t))
