"""Weights of samples in the loss and the gradient, and single outputs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import modnet
from modnet.compose.plugins import get_host

RNG = np.random.default_rng(0)
X = RNG.standard_normal((12, 3))
TASKS = {
    "classes": ("softmax", "cross-entropy", 3, np.arange(12) % 3),
    "one output": ("sigmoid", "binary-cross-entropy", 1, np.arange(12) % 2),
    "several outputs": ("sigmoid", "binary-cross-entropy", 2, (RNG.random((12, 2)) > 0.5).astype(float)),
    "regression": ("identity", "huber", 1, 2 * X[:, :1]),
    "not fused": ("identity", "mean-squared-error", 2, X[:, :2] ** 2),
}
WEIGHTS = arrays(np.int64, 12, elements=st.integers(0, 3)).filter(np.any)
each_task = pytest.mark.parametrize("task", TASKS)


def create(task: str) -> tuple[modnet.Network, np.ndarray]:
    output, loss, outputs, t = TASKS[task]
    return modnet.Network([3, 4, outputs], hidden="tanh", output=output, loss=loss, weight_init_std="he", seed=1), t


def allow(name: str) -> float:
    """Return the error that rounding makes in differences of the whole loss, of which there are few or many."""
    return 1e-13 if name == "backpropagation" else 1e-8


@each_task
@given(weights=WEIGHTS)
def test_a_weight_counts_as_the_same_sample_that_often_in_the_loss(task, weights):
    (net, t), again = create(task), np.repeat(np.arange(12), weights)
    assert net.loss(X, t, weights) == pytest.approx(net.loss(X[again], t[again]), rel=1e-12)


# A sample that is there twice is moved twice: tests/plugins/test_node_estimators.py has their mean.
DRAW_FOR_EACH_SAMPLE = {"node-perturbation", "activity-perturbation"}
OF_TORCH = {"torch-autograd"}  # tests/plugins/test_torch_autograd.py


@each_task
@pytest.mark.parametrize("name", sorted({*get_host().registry.names("gradient")} - DRAW_FOR_EACH_SAMPLE - OF_TORCH))
def test_a_weight_counts_as_the_same_sample_that_often_in_every_gradient(task, name):
    net, t = create(task)
    weights = np.array([0, 1, 2, 3, 1, 1, 0, 5, 1, 2, 1, 1])
    again = np.repeat(np.arange(12), weights)
    found, expected = net.gradient(X, t, name, weights=weights), net.gradient(X[again], t[again], name)
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, rtol=allow(name), atol=allow(name))


@each_task
def test_equal_weights_are_none(task):
    net, t = create(task)
    plain, weighed = net.gradient(X, t), net.gradient(X, t, weights=np.full(12, 2.5))
    for key, value in plain.items():
        np.testing.assert_allclose(weighed[key], value, rtol=1e-13, atol=1e-16)


@each_task
def test_the_gradient_check_judges_the_weighted_gradient(task):
    net, t = create(task)
    check = modnet.check_gradient(net, X, t, estimators=["central-difference"], weights=np.arange(12))
    assert check.passed, str(check)
    wrong = net.gradient(X, t)
    assert not modnet.check_gradient(net, X, t, estimators=[], gradient=wrong, weights=np.arange(12)).passed


def test_a_batch_of_samples_without_weight_has_the_loss_0_and_no_gradient():
    net, t = create("classes")
    assert net.loss(X, t, np.zeros(12)) == 0
    for name in ("backpropagation", "central-difference"):
        assert not any(value.any() for value in net.gradient(X, t, name, weights=np.zeros(12)).values())


@pytest.mark.parametrize("weights", [np.ones(3), np.full(12, -1.0), np.full(12, np.nan), np.full(12, 1e308)])
def test_what_cannot_be_weights_is_refused(weights):
    net, t = create("classes")
    with pytest.raises(modnet.ShapeError, match="weights must be 12 finite numbers >= 0, one for each sample"):
        net.loss(X, t, weights)


@pytest.mark.parametrize("name", ["backpropagation", "central-difference", "complex-step"])
@pytest.mark.parametrize("weight", [1e-300, 1e300])
def test_only_the_ratios_of_weights_count(weight, name):
    net, t = create("classes")
    found, expected = (net.gradient(X, t, name, weights=np.full(12, w)) for w in (weight, 1))
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, rtol=1e-11, atol=1e-16)


def test_one_output_tells_two_classes_apart():
    net, t = create("one output")
    y = net.predict(X)[:, 0]
    assert net.hits(X, t).tolist() == ((y > 0.5) == (t == 1)).tolist()
    assert net.accuracy(X, t) == net.accuracy(X, t[:, np.newaxis].astype(float))
    np.testing.assert_allclose(net.predict_scores(X), np.column_stack([1 - y, y]))
    with pytest.raises(modnet.ShapeError, match="target 2 of sample 0 is not one of the 2 classes, 0 to 1"):
        net.loss(X, np.full(12, 2))


def test_one_output_learns_what_two_outputs_learn():
    data = modnet.Dataset.from_arrays((X, X[:, 0] > 0), test_fraction=0.25)
    found = []
    for outputs, output, loss in ((1, "sigmoid", "binary-cross-entropy"), (2, "softmax", "cross-entropy")):
        net = modnet.Network([3, outputs], output=output, loss=loss, seed=0)
        run = modnet.train(net, data, optimizer=modnet.optimizer("sgd", lr=1.0), batch_size=9, iterations=200)
        found.append((run.history.train_accuracy[-1], run.hits.tolist()))
    assert found[0] == found[1]
    assert found[0][0] == 1


@pytest.mark.parametrize(
    ("outputs", "loss", "y", "words"),
    [
        (1, "cross-entropy", X[:, 0], "cross-entropy is for classification, and the data for regression: choose mean"),
        (2, "huber", np.arange(12) % 2, "huber is for regression, and the data for classification: choose cross-en"),
        (2, "huber", X[:, 0], "layer 1 has 2 outputs, the data has 1 target"),
        (1, "binary-cross-entropy", np.arange(12) % 3, "layer 1 has 1 output, the data has 3 classes"),
    ],
)
def test_a_loss_or_a_number_of_outputs_that_does_not_fit_the_task_is_refused_before_training(outputs, loss, y, words):
    task = "regression" if y.dtype.kind == "f" else None
    net = modnet.Network([3, outputs], output="identity", loss=loss)
    with pytest.raises(modnet.ModnetError, match=words):
        modnet.train(net, modnet.Dataset.from_arrays((X, y), task=task), iterations=1)


def test_samples_without_weight_are_not_learned():
    t, sgd = np.arange(12) % 2, modnet.optimizer("sgd", lr=0.5)
    parts = {"weights": [1] * 6 + [0] * 6, "scale": 1.0, "test_fraction": 0}
    whole = modnet.Dataset.from_arrays((X, np.where(np.arange(12) < 6, t, 1 - t)), **parts)
    half = modnet.Dataset.from_arrays((X[:6], t[:6]), scale=1.0, test_fraction=0)
    runs = [
        modnet.train(
            modnet.Network([3, 2], seed=0), data, optimizer=sgd, batch_size=size, iterations=50, sampling="shuffle"
        )
        for data, size in ((whole, 12), (half, 6))
    ]
    for key, value in runs[1].params.items():
        np.testing.assert_allclose(runs[0].params[key], value, rtol=1e-9, atol=1e-12)
