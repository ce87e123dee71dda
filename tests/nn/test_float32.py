"""Training in float32: everything stays float32, and fits what float64 does."""

from __future__ import annotations

import tracemalloc
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import modnet
from modnet import Dataset, PluginError
from modnet.data import samples
from modnet.data.samples import Samples

RNG = np.random.default_rng(0)
T = RNG.integers(0, 3, 90)
POINTS = np.eye(3, 4)[T] + RNG.normal(size=(90, 4)) / 4
PIXELS = np.clip(POINTS * 100 + 100, 0, 255).astype(np.uint8)
DATA = {
    "numbers": Dataset.from_arrays(POINTS, T, test_fraction=0.2, standardize=False, scale=1),
    "standardized": Dataset.from_arrays(POINTS, T, test_fraction=0.2),
    "pixels": Dataset.from_arrays(PIXELS, T, test_fraction=0.2, scale=255, standardize=False),
    "weighted": Dataset.from_arrays(POINTS, T, test_fraction=0.2, class_weight="balanced"),
    "regression": Dataset.from_arrays(POINTS, POINTS**2, test_fraction=0.2, task="regression"),
}
each_data = pytest.mark.parametrize("name", DATA)


class Watch:
    """Notes the dtypes of all arrays that a part takes and returns."""

    def __init__(self) -> None:
        self.dtypes: set[str] = set()

    def note(self, value: Any) -> Any:
        """Note an array, or those in a mapping, a tuple or a trace, and return it."""
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            self.dtypes.add(value.dtype.name)
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else ()
        for each in [*inner, *(attrs.asdict(value, recurse=False).values() if attrs.has(type(value)) else ())]:
            self.note(each)
        return value

    def objective(self, objective: Any, params: Any, stream: Any) -> Any:
        """Backpropagation that notes everything about the objective."""
        self.note((objective.x, objective.t, objective.weights, dict(params), objective.trace(params)))
        return self.note(objective.backward(params))


class Watched(modnet.Optimizer):
    """Another optimizer whose parameters, gradients and state are noted."""

    def __init__(self, watch: Watch, optimizer: modnet.Optimizer) -> None:
        self.watch, self.optimizer = watch, optimizer

    def init(self, params: Any) -> Any:
        return self.watch.note(self.optimizer.init(params))

    def step(self, params: Any, grads: Any, state: Any) -> Any:
        return self.watch.note(self.optimizer.step(params, grads, state))


def train(name: str, **settings: Any) -> modnet.Run:
    data, dtype = DATA[name], settings.pop("dtype", "float32")
    parts = {"output": "identity", "loss": settings.pop("loss", "mean-squared-error")}
    parts = parts if data.task == "regression" else {"loss": "cross-entropy"}
    net = modnet.Network([4, 8, data.outputs], weight_init_std=0.5, dtype=dtype, **parts)
    wanted = {"iterations": 40, "batch_size": 18, "gradient": "backpropagation", "optimizer": modnet.optimizer("sgd")}
    return modnet.train(net, data, **{**wanted, **settings})


@each_data
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "rmsprop", "adagrad", "nesterov"])
@pytest.mark.parametrize("sampling", ["replacement", "shuffle"])
def test_all_that_training_computes_is_float32(name: str, optimizer: str, sampling: Any) -> None:
    watch = Watch()
    wanted = Watched(watch, modnet.optimizer(optimizer, lr=np.float64(0.1)))
    run = train(name, gradient=watch.objective, optimizer=wanted, sampling=sampling)
    assert watch.dtypes == {"float32"}
    assert {value.dtype.name for value in run.params.values()} == {"float32"}


@each_data
@pytest.mark.parametrize("gradient", ["backpropagation", "central-difference"])
def test_it_follows_float64(name: str, gradient: str) -> None:
    one, other = (train(name, dtype=dtype, gradient=gradient) for dtype in ("float32", "float64"))
    np.testing.assert_allclose(one.history.loss, other.history.loss, rtol=1e-3)
    for metric, values in one.history.columns.items():
        np.testing.assert_allclose(values, other.history.columns[metric], atol=0.02)


def float64_gradient(objective: Any, params: Any, stream: Any) -> Any:
    return {name: grad.astype(np.float64) for name, grad in objective.backward(params).items()}


class Float64Sgd(modnet.Optimizer):
    """As written with a learning rate that NumPy promotes."""

    def init(self, params: Any) -> None:
        return None

    def step(self, params: Any, grads: Any, state: Any) -> Any:
        return {name: w - np.float64(0.1) * grads[name] for name, w in params.items()}, state


@pytest.mark.parametrize(
    "part", [{"gradient": float64_gradient}, {"optimizer": Float64Sgd()}], ids=["gradient", "optimizer"]
)
def test_a_part_that_returns_float64_does_not_make_float64_of_the_rest(part: dict[str, Any]) -> None:
    run = train("numbers", **part)
    assert {value.dtype.name for value in run.params.values()} == {"float32"}
    again = train("numbers", start=train("numbers", **{**part, "iterations": 20}).checkpoint, **part)
    assert all(np.array_equal(again.params[key], run.params[key]) for key in run.params)


def test_complex_numbers_are_refused() -> None:
    def gradient(objective: Any, params: Any, stream: Any) -> Any:
        return {name: grad + 0j for name, grad in objective.backward(params).items()}

    with pytest.raises(PluginError, match="returned W1 as complex64: real numbers are expected"):
        train("numbers", gradient=gradient)


TABLES = {
    dtype: (RNG.normal(size=(40, 3)) * 90 + 100).astype(dtype)
    for dtype in ("float64", "float32", "float16", ">f8", "uint8", "int16", "int32", "int64", "bool")
}
TABLES["large"] = RNG.integers(2**24, 2**31, (40, 3))


@given(
    st.sampled_from(list(TABLES)),
    st.sampled_from([1.0, 255.0, 256.0, 0.1, 1e-3]),
    st.lists(st.integers(0, 19), max_size=9),
    st.booleans(),
    st.booleans(),
)
def test_rows_in_float32_are_those_of_float64_rounded(
    table: str, scale: float, which: list[int], is_chosen: bool, is_kept: bool
) -> None:
    chosen = np.arange(39, 0, -2) if is_chosen else None
    few = Samples(TABLES[table], np.zeros(20 if is_chosen else 40, np.int64), scale, chosen)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(samples, "PREPARED", samples.PREPARED if is_kept else 0)
        for some in (np.array(which, int), slice(3, 11), slice(None)):
            found, wanted = few.rows(some, np.float32), few.rows(some)
            assert (found.dtype, wanted.dtype) == (np.float32, np.float64)
            np.testing.assert_array_equal(found, wanted.astype(np.float32))
            np.testing.assert_array_equal(wanted, few.x[some])


def test_every_shade_of_grey_is_the_same_number() -> None:
    shades = np.arange(256, dtype=np.uint8)[:, np.newaxis]
    few = Samples(shades, np.zeros(256, np.int64), 255.0)
    np.testing.assert_array_equal(few.rows(slice(None), np.float32), (shades / 255).astype(np.float32))


@pytest.mark.parametrize(("rows", "is_kept"), [(1000, True), (200_000, False)])
def test_few_features_are_converted_once_and_many_batch_by_batch(rows: int, is_kept: bool) -> None:
    wide = Samples(np.broadcast_to(np.arange(100.0), (rows, 100)), np.zeros(rows, np.int64))
    tracemalloc.start()
    try:
        first, second = (wide.rows(slice(0, 10), np.float32) for _ in range(2))
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert np.shares_memory(first, second) == is_kept
    assert held < (rows * 100 * 4 if is_kept else 0) + 10**5
