"""Metrics of a run: what is measured, on what, and what is refused."""

from __future__ import annotations

import math
import re
from typing import Any

import attrs
import numpy as np
import pytest

import modnet
from modnet.text import format_column

X, T = np.sin(np.arange(80.0)).reshape(40, 2), np.arange(40) % 3


def make_data(task="classification", **settings):
    targets = T if task == "classification" else X.sum(axis=1)
    return modnet.Dataset.from_arrays(X, targets, task=task, **{"test_fraction": 0.25, **settings})


def train(metrics=(), data=None, **settings):
    data = make_data() if data is None else data
    return modnet.train(modnet.Network.for_data(data), data, metrics=metrics, **{"iterations": 5, **settings})


def returning(value: Any, **more: Any) -> modnet.Metric:
    """Return a metric that returns a value."""

    def call(self, y, t, weights=None):
        return value(y, t) if callable(value) else value

    body = {"task": "classification", "__call__": call, **more}
    return attrs.frozen(type("Mine", (modnet.Metric,), body))()


def test_each_metric_is_measured_on_each_part_the_tasks_own_first() -> None:
    history = train(["macro-f1", modnet.metric("top-k", k=2)]).history
    columns = ["accuracy", "macro_f1", "top_2"]
    assert list(history.columns) == [f"{part}_{column}" for column in columns for part in ("train", "test")]
    assert {len(values) for values in history.columns.values()} == {len(history.evaluated_at)}
    of_values = list(train(["mae"], make_data("regression")).history.columns)
    assert of_values == [f"{part}_{column}" for column in ("r2", "rmse", "mae") for part in ("train", "test")]


def test_more_metrics_change_nothing_else() -> None:
    plain, more = train(), train(["macro-f1", "log-loss", returning(lambda y, t: y.sum())])
    assert {name: w.tobytes() for name, w in plain.params.items()} == {n: w.tobytes() for n, w in more.params.items()}
    assert plain.history.loss == more.history.loss
    assert plain.history.columns.items() <= more.history.columns.items()


def test_of_a_regression_they_see_the_unit_of_the_targets() -> None:
    seen = []
    metric = returning(lambda y, t: float(seen.append((y.shape, t.copy())) or 0), task="regression")
    data = make_data("regression")
    train([metric], data, iterations=1)
    shape, t = seen[1]  # after the first row, which is tried before training
    assert shape == t.shape == (30, 1)
    assert data.train.t.std() == pytest.approx(1)
    np.testing.assert_allclose(sorted(np.concatenate([t, seen[2][1]])[:, 0]), sorted(X.sum(axis=1)))


def test_of_a_part_without_samples_no_metric_is_a_number() -> None:
    run = train(["macro-f1"], make_data(test_fraction=0))
    assert math.isnan(run.history.test_macro_f1[-1])
    assert run.history.train_macro_f1[-1] >= 0


def test_arrays_are_read_only() -> None:
    def spoil(y, t):
        y[0] = 0
        return 1.0

    with pytest.raises(ValueError, match="read-only"):
        train([returning(spoil)])


@pytest.mark.parametrize("value", [1, 0.5, np.float32(0.5), np.int64(1), True, math.nan])
def test_any_number_will_do(value: Any) -> None:
    assert train([returning(value)]).history.test_mine[-1] == pytest.approx(float(value), nan_ok=True)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, "a NoneType"),
        ("0.5", "a str"),
        (1j, "a complex"),
        (10**400, "an int"),
        (lambda y, t: y, r"an array of .*"),
    ],
)
def test_what_is_no_number_is_refused_before_the_first_iteration(value: Any, found: str) -> None:
    with pytest.raises(modnet.PluginError, match=rf"^Mine\(\) returned {found}: a number is expected$"):
        train([returning(value)], observer=None, iterations=0)


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        (["macro-f1", "r2"], "metrics: r2 is for regression, and the data for classification: available: accuracy, "),
        (["accuracy"], r"metrics: Accuracy\(\) and Accuracy\(\) have one column, 'accuracy': leave the second out"),
        (["top-k", modnet.metric("top-k", k=5)], r"metrics: TopK\(k=5\) and TopK\(k=5\) have one column, 'top_5'"),
        ("macro-f1", "metrics: must be a list, not 'macro-f1'"),
        (["macro"], "no metric 'macro', did you mean 'macro-f1'"),
        ([np.mean], "metric: expected a name or an instance, found <function mean"),
        ([returning(1.0, column="My score")], r"Mine\(\) has the column 'My score': lower-case words joined by"),
        ([returning(1.0, column="loss")], r"Mine\(\) has the column 'loss': .*, and not 'loss'"),
    ],
)
def test_metrics_that_cannot_be_measured_are_refused(metrics: Any, message: str) -> None:
    with pytest.raises(modnet.ModnetError, match=f"^{message}"):
        train(metrics)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "NoTask.task is None"),
        ({"task": "clustering"}, "NoTask.task is 'clustering'"),
        ({"task": "regression", "larger_is_better": "no"}, "NoTask.larger_is_better is 'no'"),
        ({"task": "regression", "__call__": lambda self, y, t: 1.0}, "does not take (y, t, weights=None)"),
    ],
)
def test_a_class_that_lacks_something_is_refused_when_it_is_registered(body: dict[str, Any], message: str) -> None:
    cls = type("NoTask", (modnet.Metric,), {"__call__": lambda self, y, t, weights=None: 1.0, **body})
    with pytest.raises(modnet.PluginError, match=re.escape(message)):
        modnet.register(cls)
    with pytest.raises(modnet.SettingError, match=re.escape(message)):
        train([cls()])


def test_outputs_that_cannot_be_judged_are_found_before_training() -> None:
    data = make_data()
    net = modnet.Network([2, 3], output="identity", loss="mean-squared-error")
    seen: list[Any] = []
    with pytest.raises(modnet.DataError, match="log-loss needs probabilities"):
        modnet.train(net, data, iterations=9, metrics=["log-loss"], keep=seen.append)
    assert not seen


def test_one_output_for_two_classes_is_judged_as_two() -> None:
    data = modnet.Dataset.from_arrays(X, T % 2, test_fraction=0.25)
    net = modnet.Network([2, 4, 1], output="sigmoid", loss="binary-cross-entropy")
    run = modnet.train(net, data, iterations=5, metrics=["log-loss"])
    assert run.history.test_log_loss[-1] == pytest.approx(net.with_arrays(run.params).loss(data.test.x, data.test.t))


def test_a_run_is_resumed_with_its_metrics_to_the_same_bits() -> None:
    whole, half = train(["log-loss"], iterations=12), train(["log-loss"], iterations=5)
    assert train(["log-loss"], iterations=12, start=half.checkpoint).history == whole.history


def test_a_column_in_words() -> None:
    metrics = [modnet.metric(name) for name in ("r2", "balanced-accuracy", "macro-f1")]
    names = ("test_r2", "train_balanced_accuracy", "validation_macro_f1", "validation_loss", "gradient_norm")
    words = ["test R²", "train balanced accuracy", "validation macro F1", "validation loss", "gradient norm"]
    assert [format_column(name, metrics) for name in names] == words


def test_what_is_advised_for_a_regression_that_diverges_is_an_option_of_it() -> None:
    x = np.random.default_rng(0).normal(size=(100, 3))
    data = modnet.Dataset.from_arrays(x, x @ [1.0, 2.0, 3.0], task="regression")
    with pytest.raises(modnet.DivergedError, match=r"the outputs reach .*: try a smaller learning rate$"):
        modnet.train(
            modnet.Network([3, 1], output="identity", loss="mean-squared-error"),
            data,
            optimizer=modnet.optimizer("sgd", lr=1e3),
            iterations=500,
        )
