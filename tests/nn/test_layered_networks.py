"""Networks of layers: samples, arrays, and layers of others that break the rules."""

from __future__ import annotations

import re
import tracemalloc
from typing import Any

import numpy as np
import pytest

import modnet
from modnet import Observer, Param, PluginError, SettingError, ShapeError

DENSE = ("dense", {"units": 4})
LAYERS = (DENSE, "batch-norm", "relu", DENSE, "softmax")
X = np.random.default_rng(0).standard_normal((12, 4))
T = np.arange(12) % 4


class Same(modnet.Layer):
    """A layer whose outputs are its inputs, with a scale that it does not use."""

    def params(self, inputs: Any) -> Any:
        return (Param("scale", inputs, init=1.0),)

    def buffers(self, inputs: Any) -> Any:
        return (Param("mean", inputs, init=0.0),)

    def forward(self, params: Any, x: Any, mode: Any, stream: Any) -> Any:
        return x, None

    def backward(self, params: Any, x: Any, z: Any, memo: Any, dz: Any) -> Any:
        return dz

    def gradients(self, params: Any, x: Any, z: Any, memo: Any, dz: Any) -> Any:
        return {"scale": 0 * dz.sum(axis=0)}


def net_with(layer: Any, **settings: Any) -> modnet.Network:
    return modnet.Network([DENSE, layer, DENSE, "softmax"], shape=4, weight_init="he", **settings)


def same_with(**methods: Any) -> Any:
    return type("Other", (Same,), methods)()


class TestOneSampleOrABatch:
    def test_a_row_of_a_sample_of_one_channel_is_a_batch(self) -> None:
        net = modnet.Network([Same(), "flatten", DENSE, "softmax"], shape=(1, 4))
        assert net.predict(X[:1]).shape == net.predict(X[:1, np.newaxis]).shape == (1, 4)
        assert net.predict(X[0]).shape == (4,)

    def test_a_network_of_such_samples_learns_though_the_last_block_has_one_row(self) -> None:
        x, t = np.tile(X, (22, 1))[:257], np.tile(T, 22)[:257]
        data = modnet.Dataset.from_arrays((x, t), (x, t))
        net = modnet.Network([Same(), "flatten", DENSE, "softmax"], shape=(1, 4))
        assert net.predict_scores(x).shape == (257, 4)
        run = modnet.train(net, data, gradient="backpropagation", iterations=2, observer=Observer())
        assert run.network.accuracy(data.test.x, t) == run.history.test_accuracy[-1]

    @pytest.mark.parametrize("x", [[["a"] * 4], [[1, 2, 3, 4], [1]], [[None, {}, 1, 2]]])
    def test_samples_that_are_no_numbers(self, x: Any) -> None:
        with pytest.raises(ShapeError, match=r"layer 1 \(dense\): samples must be numbers in rows of one length: "):
            modnet.Network(LAYERS, shape=4).predict(x)

    def test_targets_that_are_no_array(self) -> None:
        with pytest.raises(ShapeError, match="targets must be numbers in rows of one length: "):
            modnet.Network(LAYERS, shape=4).loss(X, [[1], [1, 2]])

    def test_predictions_may_be_written_to_and_are_nobody_elses(self) -> None:
        net = modnet.Network([DENSE, "identity"], shape=4, loss="mean-squared-error")
        y = net.predict(X)
        y[:] = 0
        assert net.predict(X).any()

    def test_weights_that_are_no_numbers(self) -> None:
        with pytest.raises(ShapeError, match="weights must be numbers in rows of one length: "):
            modnet.Network(LAYERS, shape=4).loss(X, T, ["a"] * len(X))

    def test_there_are_two_modes(self) -> None:
        mode: Any = "eval"
        with pytest.raises(SettingError, match="objective: 'mode' must be 'train' or 'predict': 'eval'"):
            modnet.Network(LAYERS, shape=4).objective(X, T, mode=mode)


class TestManySamples:
    def test_blocks_of_them_give_what_all_together_give(self) -> None:
        net = modnet.Network([DENSE, "batch-norm", "relu", ("dropout", {"rate": 0.5}), DENSE, "softmax"], shape=4)
        x, t = np.tile(X, (50, 1)), np.tile(T, 50)
        np.testing.assert_allclose(net.predict(x), np.tile(net.predict(X), (50, 1)), rtol=1e-12)
        for weights in (None, np.arange(600.0), (np.arange(600) > 300) * 1.0, np.zeros(600)):
            whole = net.objective(x, t, weights, mode="predict")(net.params)
            assert net.loss(x, t, weights) == pytest.approx(whole, rel=1e-12)

    def test_they_need_the_memory_of_some(self) -> None:
        layers: list[Any] = [("convolution", {"filters": 20, "size": 3}), "relu", "flatten", DENSE, "softmax"]
        net, x = modnet.Network(layers, shape=(1, 16, 16)), np.zeros((2000, 256))
        for ask in (lambda: net.predict(x), lambda: net.loss(x, np.zeros(2000, int))):
            tracemalloc.start()
            ask()
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert peak < 2000 * 20 * 14 * 14 * 8


class TestSettings:
    @pytest.mark.parametrize("dtype", ["int", "complex128", "x", "object", "float16"])
    def test_parameters_are_floats(self, dtype: str) -> None:
        with pytest.raises(SettingError, match=f"network: 'dtype' must be 'float64' or 'float32': '{dtype}'"):
            modnet.Network(LAYERS, shape=4, dtype=dtype)

    def test_rules_for_each_layer_are_for_those_that_have_none_of_their_own(self) -> None:
        assert modnet.Network(LAYERS, shape=4, weight_init=np.array([0.0, 1.0])).params["W2"].all()
        where = r"one for each of the 2 layers layer 1 \(dense\), layer 4 \(dense\): \['he', 'he', 'he'\]"
        with pytest.raises(SettingError, match=where):
            modnet.Network(LAYERS, shape=4, weight_init=["he"] * 3)

    def test_a_deviation_is_finite(self) -> None:
        with pytest.raises(SettingError, match=r"'weight_init' must be >= 0, .*: inf"):
            modnet.Network(LAYERS, shape=4, weight_init=np.inf)

    def test_an_image_at_the_end_says_what_is_missing(self) -> None:
        layers: list[Any] = [("convolution", {"filters": 2, "size": 3}), "softmax"]
        message = r"found layer 2 \(softmax\) with outputs \(2, 2, 2\): put flatten and dense before it"
        with pytest.raises(SettingError, match=message):
            modnet.Network(layers, shape=(1, 4, 4))
        assert modnet.Network([layers[0], "flatten", DENSE, "softmax"], shape=(1, 4, 4)).outputs == 4


class TestArrays:
    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            ("b1", None, "layer 1 (dense): b1 must have shape (4,), it is missing"),
            ("var1", None, "layer 2 (batch-norm): var1 must have shape (4,), it is missing"),
            ("mean1", np.zeros(3), "layer 2 (batch-norm): mean1 must have shape (4,), it has (3,)"),
            ("W2", np.ones((4, 4), int), "layer 4 (dense): W2 must be an array of floats, it is int64"),
            ("b2", [0.0] * 4, "layer 4 (dense): b2 must be an array of floats, it is a list"),
            ("W9", np.ones(2), "no layer has arrays of the names W9"),
        ],
    )
    def test_each_layer_needs_its_own_and_there_are_no_others(self, name: str, value: Any, message: str) -> None:
        net = modnet.Network(LAYERS, shape=4)
        arrays: dict[str, Any] = net.buffers if name in net.buffers else net.params
        arrays[name] = value
        if value is None:
            del arrays[name]
        asked: Any
        for asked in (lambda: net.predict(X), lambda: net.loss(X, T), lambda: net.gradient(X, T)):
            with pytest.raises(ShapeError, match=re.escape(message)):
                asked()

    @pytest.mark.parametrize(
        ("params", "message"),
        [
            (Param("a", (4,)), "a tuple of modnet.Param, each with a name, is expected"),
            (None, "a tuple of modnet.Param, each with a name, is expected"),
            ([Param(3, (4,))], "a tuple of modnet.Param, each with a name, is expected"),  # type: ignore[arg-type]
            ([Param("a", [4])], "says a has the shape [4]: a tuple of whole numbers > 0 is expected"),  # type: ignore[arg-type]
            ([Param("a", (0,))], "says a has the shape (0,): a tuple of whole numbers > 0 is expected"),
            ([Param("W", ())], "channel_axis must be one of its axes, and fan_in divide its entries"),
            ([Param("W", (4, 4), channel_axis=2)], "channel_axis must be one of its axes"),
            ([Param("W", (4, 4), fan_in=3)], "and fan_in divide its entries"),
            ([Param("a1", (4,))], "arrays of the names a1, mean: each needs a name of its own, of letters"),
            ([Param("mean", (4,))], "arrays of the names mean, mean: each needs a name of its own, of letters"),
        ],
    )
    def test_what_a_layer_says_of_its_own_is_checked(self, params: Any, message: str) -> None:
        with pytest.raises(PluginError, match=re.escape(message)):
            net_with(same_with(params=lambda self, inputs: params))

    @pytest.mark.parametrize("init", [np.nan, "he"])
    def test_a_buffer_begins_with_a_number(self, init: Any) -> None:
        with pytest.raises(SettingError, match=r"'m of layer 2 \(other\)' must be a finite number: "):
            net_with(same_with(buffers=lambda self, inputs: [Param("m", (4,), init=init)]))


def double(x: Any) -> Any:
    x *= 2
    return x


WRITERS: dict[str, dict[str, Any]] = {
    "inputs": {"forward": lambda self, params, x, mode, stream: (double(x), None)},
    "parameters": {"forward": lambda self, params, x, mode, stream: (x * double(params["scale"]), None)},
    "buffers": {"forward": lambda self, params, x, mode, stream: (x - double(params["mean"]), None)},
    "buffers in an update": {"update": lambda self, params, x, memo: {"mean": double(params["mean"])}},
    "dz in backward": {"backward": lambda self, params, x, z, memo, dz: double(dz)},
    "dz in gradients": {"gradients": lambda self, params, x, z, memo, dz: {"scale": double(dz).sum(axis=0)}},
    "inputs in gradients": {"gradients": lambda self, params, x, z, memo, dz: {"scale": double(x).sum(axis=0)}},
    "outputs in gradients": {"gradients": lambda self, params, x, z, memo, dz: {"scale": double(z).sum(axis=0)}},
}


@pytest.mark.parametrize("what", WRITERS)
def test_a_layer_writes_into_nothing_that_it_is_given(what: str) -> None:
    layer = same_with(**WRITERS[what])
    net, x = net_with(layer), X.copy()
    before = {name: value.copy() for name, value in net.arrays.items()}
    asked: list[Any] = [lambda: modnet.train(net, DATA, iterations=2, gradient="backpropagation", observer=Observer())]
    if "update" not in what:
        asked.append(lambda: net.gradient(x, T))
    if " in " not in what:
        asked += [lambda: net.predict(x), lambda: net.loss(x, T)]
    for ask in asked:
        with pytest.raises(ValueError, match="read-only"):
            ask()
    assert np.array_equal(x, X)
    assert all(np.array_equal(before[name], value) for name, value in net.arrays.items())


DATA = modnet.Dataset.from_arrays((X, T), (X, T))


def test_the_first_layer_does_not_write_into_what_the_caller_has() -> None:
    net = modnet.Network([same_with(**WRITERS["inputs"]), DENSE, "softmax"], shape=4)
    with pytest.raises(ValueError, match="read-only"):
        net.predict(X)


def test_the_mapping_of_its_arrays_is_to_read_alone() -> None:
    def forward(self: Any, params: Any, x: Any, mode: Any, stream: Any) -> Any:
        params["scale"] = 2 * params["scale"]
        return params["scale"] * x, None

    with pytest.raises(TypeError, match="does not support item assignment"):
        net_with(same_with(forward=forward)).gradient(X, T)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("given", ["int64", "bool", "float32", "float64", "longdouble"])
@pytest.mark.parametrize("after", ["dropout", "prelu", "batch-norm", "relu"])
def test_outputs_of_another_dtype_are_those_numbers_in_the_networks_own(dtype: str, given: str, after: str) -> None:
    def outputs(as_dtype: Any) -> modnet.Network:
        layer = same_with(
            forward=lambda self, params, x, mode, stream: (np.rint(x).astype(given).astype(as_dtype), None)
        )
        return modnet.Network([DENSE, layer, after, DENSE, "softmax"], shape=4, weight_init="he", dtype=dtype)

    net, plain = outputs(given), outputs(dtype)
    assert net.predict(X).dtype == dtype
    assert net.predict(X).tobytes() == plain.predict(X).tobytes()
    assert all(value.tobytes() == plain.gradient(X, T)[name].tobytes() for name, value in net.gradient(X, T).items())


def test_outputs_that_are_no_plain_array_are_one() -> None:
    net = net_with(same_with(forward=lambda self, params, x, mode, stream: (np.ma.masked_less(x, 0), None)))
    assert net.loss(X, T) == net_with(Same()).loss(X, T)


def center(self: Any, params: Any, x: Any, mode: Any, stream: Any) -> Any:
    return x - x.mean(axis=0), None


@pytest.mark.parametrize("shape", [(4,), (1, 2, 2)])
def test_a_layer_without_backward_that_couples_samples_has_to_say_so(shape: Any) -> None:
    silent = type("Silent", (modnet.Layer,), {"forward": center})
    frank = type("Frank", (silent,), {"couples_samples": True})
    nets = [modnet.Network([part(), "flatten", DENSE, part(), "softmax"], shape=shape) for part in (silent, frank)]
    with pytest.raises(PluginError, match=r"of another one in Silent.*: it must say so: couples_samples = True"):
        nets[0].gradient(X, T)
    expected = nets[1].numerical_gradient(X, T)
    for name, value in nets[1].gradient(X, T).items():
        np.testing.assert_allclose(value, expected[name], atol=1e-7)


def test_an_elementwise_layer_has_outputs_like_its_inputs() -> None:
    layer = same_with(elementwise=True, shape=lambda self, inputs: (2,))
    with pytest.raises(PluginError, match=r"says that it is elementwise, and gives outputs \(2,\) for inputs \(4,\)"):
        net_with(layer)


@pytest.mark.parametrize(
    ("layers", "label"),
    [
        ([DENSE, "batch-norm", "relu", DENSE, "softmax"], "layer 2 (batch-norm)"),
        (["relu", DENSE, "softmax"], "layer 1 (relu)"),
        ([DENSE, "relu", "flatten", DENSE, "softmax"], "layer 3 (flatten)"),
        ([DENSE, "batch-norm", "identity"], "layer 2 (batch-norm)"),
    ],
)
def test_dense_layers_are_asked_of_a_network_of_others(layers: list[Any], label: str) -> None:
    objective: Any = modnet.Network(layers, shape=4).objective(X, T)
    with pytest.raises(modnet.GradientError, match=re.escape(f"{label} is no dense layer with an activation: choose")):
        _ = objective.layers


def test_a_layer_in_another_dtype_is_no_fault_of_the_next_one() -> None:
    layer = same_with(forward=lambda self, params, x, mode, stream: (x.astype("float32"), None))
    check = modnet.check_gradient(net_with(layer), X, T, estimators=[])
    judged = [line for line in str(check).splitlines() if "layer 3" in line]
    assert judged
    assert all(line.startswith("correct") for line in judged)


@pytest.mark.parametrize("item", [("dense", 50), ["dense", {"units": 3}], ("dense", {"units": 3}, "relu")])
def test_an_item_that_is_no_pair_is_shown_one(item: Any) -> None:
    expected = "item 1: expected a name and its settings, as in ('dense', {'units': 50}), found "
    with pytest.raises(SettingError, match=re.escape(expected)):
        modnet.Network([item, "softmax"], shape=4)
    assert modnet.Network([("dense", {"units": 50}), "softmax"], shape=4).outputs == 50
