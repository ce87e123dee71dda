"""Refusal of wrong values that parts return."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

import modnet
from modnet import PluginError


@attrs.frozen
class Faulty(modnet.Loss):
    value: Any

    def __call__(self, y, t, axis=-1):
        return self.value if not callable(self.value) else self.value(y)


class Estimator(modnet.GradientEstimator):
    def __init__(self, change) -> None:
        self._change = change

    def __call__(self, objective, params, stream):
        return self._change(dict(params))


class Optimizer(modnet.Optimizer):
    def __init__(self, result) -> None:
        self._result = result

    def init(self, params):
        return None

    def step(self, params, grads, state):
        return self._result(dict(params))


@pytest.fixture(scope="module")
def data() -> modnet.Dataset:
    x = np.linspace(-1, 1, 40).reshape(20, 2)
    return modnet.Dataset.from_arrays((x, np.arange(20) % 2), scale=1.0)


def train(data: modnet.Dataset, network: dict[str, Any] | None = None, **settings: Any) -> modnet.Run:
    net = modnet.TwoLayerNet(2, 3, 2, seed=0, **(network or {}))
    return modnet.train(net, data, iterations=2, batch_size=5, **settings)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.5, "Faulty(value=0.5) returned a float: an array of shape (5,) is expected"),
        (None, "returned a NoneType"),
        (lambda y: y.sum(), "returned a float64"),
        (lambda y: y, "returned an array of shape (5, 2): an array of shape (5,) is expected"),
        (lambda y: y.sum(axis=-1, keepdims=True), "returned an array of shape (5, 1)"),
    ],
)
def test_a_loss_returns_a_value_for_each_sample(data: modnet.Dataset, value: Any, words: str) -> None:
    with pytest.raises(PluginError) as error:
        train(data, {"loss": Faulty(value)})
    assert words in str(error.value)


def test_an_activation_returns_what_its_input_is_like(data: modnet.Dataset) -> None:
    def half(a):
        return a[:, :1]

    with pytest.raises(PluginError, match=r"half returned an array of shape \(1, 1\): an array of shape \(1, 3\)"):
        train(data, {"hidden": half})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda params: None, "Estimator() returned a NoneType: an array for each of W1, b1, W2, b2 is expected"),
        (lambda params: list(params.values()), "Estimator() returned a list"),
        (lambda params: {"W1": params["W1"]}, "Estimator() returned a dict of W1: an array for each of W1, b1, W2, b2"),
        (lambda params: {}, "Estimator() returned a dict of nothing"),
        (
            lambda params: params | {"W1": params["W1"][0]},
            "an array of shape (3,): an array of the shape of W1, (2, 3)",
        ),
        (lambda params: params | {"b1": 0.0}, "returned a float: an array of the shape of b1, (3,), is expected"),
    ],
)
def test_an_estimator_returns_an_array_for_each_parameter(data: modnet.Dataset, change: Any, words: str) -> None:
    for call in (
        lambda: train(data, gradient=Estimator(change)),
        lambda: modnet.TwoLayerNet(2, 3, 2).gradient(data.train.x, data.train.t, Estimator(change)),
    ):
        with pytest.raises(PluginError) as error:
            call()
        assert words in str(error.value)


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (
            lambda params: params,
            "Optimizer() returned a dict of W1, b1, W2, b2: new parameters and a state are expected",
        ),
        (lambda params: None, "Optimizer() returned a NoneType: new parameters and a state"),
        (
            lambda params: (None, params),
            "Optimizer() returned a NoneType: an array for each of W1, b1, W2, b2 is expected before",
        ),
        (lambda params: ({"W1": params["W1"]}, None), "Optimizer() returned a dict of W1: an array for each of W1, b1"),
        (
            lambda params: ({**params, "b1": params["b1"][:1]}, None),
            "Optimizer() returned an array of shape (1,): an array of the shape of b1, (3,), is expected before",
        ),
    ],
)
def test_a_step_returns_parameters_and_a_state(data: modnet.Dataset, result: Any, words: str) -> None:
    with pytest.raises(PluginError) as error:
        train(data, optimizer=Optimizer(result))
    assert words in str(error.value)


def test_a_data_source_returns_a_data_set(tmp_path: Path) -> None:
    class Pairs(modnet.DataSource):
        suffixes = (".pairs",)

        def read(self, path):
            return np.zeros((3, 2)), np.zeros(3)

    file = tmp_path / "a.pairs"
    file.write_text("1")
    undo = modnet.register(Pairs)
    try:
        with pytest.raises(PluginError, match=r"the source pairs returned a tuple: a modnet\.Dataset is expected"):
            modnet.load(file)
    finally:
        undo()


def test_a_run_shows_itself_in_a_line(data: modnet.Dataset) -> None:
    made = "<TwoLayerNet 2 -> 3 -> 2: Sigmoid(), Softmax(); CrossEntropy(eps=1e-07)>"
    assert repr(train(data)) == f"<Run of {made}: finished, 2 of 2 iterations, test accuracy 0.5000>"
    assert "array" not in repr(train(data).checkpoint)


def test_a_part_that_is_no_attrs_class_shows_its_settings() -> None:
    class Capped(modnet.Activation):
        def __init__(self, cap: float, slope: float = 0.0) -> None:
            self.cap, self._slope = cap, slope

        def __call__(self, a, axis=-1):
            return np.minimum(a, self.cap)

    assert repr(Capped(2.0)) == "Capped(cap=2.0)"
    assert "Capped(cap=2.0), Softmax()" in repr(modnet.TwoLayerNet(2, 3, 2, hidden=Capped(2.0)))
