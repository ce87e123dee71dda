"""Exported models of every part, preparation and function, beside their runs."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import array_api_compat
import attrs
import numpy as np
import onnx
import pytest
from exported import compare, train
from modnet_export.conversion import convert
from modnet_export.graph import Graph, find_type
from modnet_export.numpy_file import _write_forward as write_forward
from modnet_export.operators import OPERATORS
from modnet_export.program import trace_network
from modnet_export.tracing import FUNCTIONS
from onnx import helper
from onnxruntime import InferenceSession, SessionOptions

import modnet
from modnet.compose.plugins import get_host

DTYPES = ("float64", "float32")
BOUND = {"float64": 1e-12, "float32": 1e-6}


def draw(*shape: int, seed: int = 11) -> modnet.Array:
    """Return normal numbers, the same whichever tests came before."""
    return np.random.default_rng(seed).normal(size=shape)


ACTIVATIONS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in get_host().registry.names("activation")),
    ("gelu", {"approximate": True}),
    ("leaky-relu", {"slope": 0.3}),
    ("elu", {"alpha": 0.5}),
    ("swish", {"beta": 1.7}),
]
HEAD = [("dense", {"units": 3}), "softmax"]
LAYERS: dict[str, tuple[list[Any], tuple[int, ...]]] = {
    "dense": ([("dense", {"units": 5}), "tanh"], (6,)),
    "dropout": ([("dropout", {"rate": 0.4})], (6,)),
    "maxout": ([("maxout", {"units": 4, "pieces": 3})], (6,)),
    "prelu of units": (["prelu"], (6,)),
    "batch-norm of units": (["batch-norm"], (6,)),
    "activation": ([("activation", {"activation": {"name": "gelu"}})], (6,)),
    "flatten": (["flatten"], (2, 5, 4)),
    "softmax of channels": (["softmax", "flatten"], (3, 4, 4)),
    "prelu of channels": (["prelu", "flatten"], (2, 5, 4)),
    "batch-norm of channels": (["batch-norm", "flatten"], (2, 5, 4)),
    "convolution": ([("convolution", {"filters": 3, "size": 3}), "flatten"], (2, 7, 6)),
    "convolution, same": ([("convolution", {"filters": 3, "size": 4, "padding": "same"}), "flatten"], (2, 7, 6)),
    "convolution, strides": (
        [("convolution", {"filters": 3, "size": (3, 2), "stride": (2, 1), "padding": (1, 2)}), "flatten"],
        (2, 7, 6),
    ),
    "convolution, same with strides": (
        [("convolution", {"filters": 2, "size": 3, "stride": 2, "padding": "same"}), "flatten"],
        (1, 8, 5),
    ),
    "convolution without bias": ([("convolution", {"filters": 3, "size": 2, "bias": False}), "flatten"], (2, 7, 6)),
    "max-pool": ([("max-pool", {"size": 2}), "flatten"], (2, 7, 6)),
    "max-pool, strides": ([("max-pool", {"size": (3, 2), "stride": (1, 2)}), "flatten"], (2, 7, 6)),
}
HEADS: dict[str, dict[str, Any]] = {
    "softmax, cross-entropy": {"output": "softmax", "loss": "cross-entropy", "outputs": 3},
    "sigmoid, binary-cross-entropy": {"output": "sigmoid", "loss": "binary-cross-entropy", "outputs": 1},
    "sigmoid, binary-cross-entropy of three": {"output": "sigmoid", "loss": "binary-cross-entropy", "outputs": 3},
    "identity, mean-squared-error of classes": {"output": "identity", "loss": "mean-squared-error", "outputs": 3},
    "identity, mean-squared-error": {"output": "identity", "loss": "mean-squared-error", "outputs": 1, "targets": 1},
    "identity, mean-squared-error of two": {
        "output": "identity", "loss": "mean-squared-error", "outputs": 2, "targets": 2,
    },
    "identity, huber": {"output": "identity", "loss": "huber", "outputs": 1, "targets": 1},
}  # fmt: skip
WORDS = ["low", "mid", "high", "mid"] * 20
NUMBERS = (100 + 20 * draw(80)).tolist()
HOLES = [None if n % 9 == 0 else x for n, x in enumerate(NUMBERS)]
PREPARATIONS: dict[str, tuple[list[list[Any]], dict[str, Any]]] = {
    "division by 255": ([np.random.default_rng(n).integers(0, 256, 80).tolist() for n in range(4)], {"scale": 255}),
    "division by 7": ([NUMBERS, NUMBERS[::-1]], {"scale": 7}),
    "standardized": ([NUMBERS, NUMBERS[::-1]], {"standardize": True}),
    "far from 0": ([[1.7e9 + x for x in NUMBERS], NUMBERS], {"standardize": True}),
    "huge and tiny": ([[x * 1e300 for x in NUMBERS], [x * 1e-300 for x in NUMBERS]], {"standardize": True}),
    "constant": ([[5.0] * 80, NUMBERS], {"standardize": True}),
    "imputed by mean": ([HOLES, NUMBERS], {"impute": "mean"}),
    "imputed by a number": ([HOLES, NUMBERS], {"impute": -3.5}),
    "imputed with indicator": ([HOLES, NUMBERS, HOLES[::-1]], {"impute": "median", "missing_indicator": True}),
    "one-hot": ([WORDS, NUMBERS], {"encode": "one-hot"}),
    "ordinal": ([WORDS, NUMBERS], {"encode": {"0": ["low", "mid", "high"]}}),
    "words alone": ([WORDS, WORDS[1:] + WORDS[:1]], {"encode": "one-hot"}),
    "ordinal alone": ([WORDS], {"encode": {"0": ["low", "mid", "high"]}}),
    "imputed words": (
        [[None if n % 5 == 0 else w for n, w in enumerate(WORDS)], NUMBERS],
        {"encode": "one-hot", "impute": "most-frequent", "missing_indicator": True},
    ),
    "words imputed by a new one": (
        [[None if n % 5 == 0 else w for n, w in enumerate(WORDS)], NUMBERS],
        {"encode": "one-hot", "impute": {"0": "none"}},
    ),
    "refused words": ([WORDS, NUMBERS], {"encode": "one-hot", "unseen": "refuse"}),
    "not standardized": ([WORDS, NUMBERS], {"encode": "one-hot", "standardize": False}),
    "empty word": ([["", "a", "b", ""] * 20, NUMBERS], {"encode": "one-hot"}),
}


def table_of(columns: list[list[Any]], **settings: Any) -> modnet.Dataset:
    rows = [list(row) for row in zip(*columns, strict=True)]
    return modnet.Dataset.from_arrays((rows, [n % 3 for n in range(len(rows))]), **settings)


def data_of(shape: tuple[int, ...], classes: int = 3) -> modnet.Dataset:
    x = draw(60, math.prod(shape))
    return modnet.Dataset.from_arrays(
        (x, np.arange(60) % classes), standardize=True, shape=shape if shape[1:] else None
    )


@pytest.mark.check
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "settings"), ACTIVATIONS, ids=str)
def test_every_activation(name, settings, dtype, tmp_path):
    hidden = modnet.activation(name, **settings)
    run = train(modnet.Network([4, 7, 3], hidden=hidden, weight_init_std=1.0, dtype=dtype), data_of((4,)))
    found = compare(run, 3 * draw(50, 4), tmp_path)
    assert found.labels
    assert found.largest < BOUND[dtype]


@pytest.mark.check
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LAYERS)
def test_every_layer(name, dtype, tmp_path):
    layers, shape = LAYERS[name]
    run = train(modnet.Network([*layers, *HEAD], shape=shape, weight_init_std="he", dtype=dtype), data_of(shape))
    found = compare(run, 2 * draw(50, *shape), tmp_path)
    assert found.labels
    assert found.largest < BOUND[dtype]


def test_no_layer_is_forgotten():
    assert {name.split(",")[0].split(" ")[0] for name in LAYERS} >= {*get_host().registry.names("layer")} - {"softmax"}


@pytest.mark.check
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", HEADS)
def test_every_head(name, dtype, tmp_path):
    settings = dict(HEADS[name])
    outputs, targets = settings.pop("outputs"), settings.pop("targets", 0)
    x = draw(60, 4)
    data = data_of((4,), 2 if outputs == 1 else 3)
    if targets:
        data = modnet.Dataset.from_arrays((x, 1e3 + x[:, :targets] * 10), task="regression")
    run = train(modnet.Network([4, 6, outputs], dtype=dtype, **settings), data)
    found = compare(run, draw(50, 4), tmp_path)
    assert found.labels
    assert found.largest < BOUND[dtype] * (10 if targets else 1)


@pytest.mark.check
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", PREPARATIONS)
def test_every_preparation(name, dtype, tmp_path):
    columns, settings = PREPARATIONS[name]
    data = table_of(columns, **settings)
    run = train(modnet.Network.for_data(data, hidden=6, dtype=dtype), data)
    rows: Any = [list(row) for row in zip(*columns, strict=True)]
    found = compare(run, rows, tmp_path, batches=(1, 7, 80))
    assert found.labels
    assert found.largest < BOUND[dtype]


@pytest.mark.check
@pytest.mark.parametrize("dtype", DTYPES)
def test_images_of_which_pixels_are_standardized(dtype, tmp_path):
    layers = [("convolution", {"filters": 2, "size": 3}), "relu", "flatten", *HEAD]
    run = train(modnet.Network(layers, shape=(1, 6, 5), dtype=dtype), data_of((1, 6, 5)))
    found = compare(run, 100 + draw(20, 1, 6, 5), tmp_path)
    assert found.labels
    assert found.largest < BOUND[dtype]


# One use of each function; those that are not listed here are called by a test above.
ALIKE: dict[str, Any] = {
    "abs asinh atan ceil cos cosh exp expm1 floor negative positive round sign sin sinh square tanh trunc": (
        lambda f, xp, x: f(x)
    ),
    "log log10 log1p log2 sqrt": lambda f, xp, x: f(xp.abs(x) + 0.5),
    "acos asin atanh tan": lambda f, xp, x: f(0.9 * xp.tanh(x)),
    "add divide floor_divide logaddexp maximum minimum multiply remainder subtract": (
        lambda f, xp, x: f(x, xp.abs(x[:, ::-1]) + 0.5)
    ),
    "equal greater greater_equal less less_equal not_equal": (
        lambda f, xp, x: xp.where(f(x, xp.flip(x, axis=1)), x, -x)
    ),
    "bitwise_and bitwise_or bitwise_xor logical_and logical_or logical_xor": (
        lambda f, xp, x: xp.where(f(x > 0, x < 1), x, 0.5)
    ),
    "max mean min prod std sum var": lambda f, xp, x: x - f(x, axis=1, keepdims=True),
    "all any": lambda f, xp, x: xp.where(f(x > 0, axis=-1, keepdims=True), x, -x),
    "argmax argmin": lambda f, xp, x: x + xp.astype(f(x, axis=1), x.dtype)[:, None],
}


def call_alike(use: Any, name: str, xp: Any, x: Any) -> Any:
    return use(getattr(xp, name), xp, x)


CALLS: dict[str, Any] = {
    **{name: partial(call_alike, use, name) for names, use in ALIKE.items() for name in names.split()},
    "acosh": lambda xp, x: xp.acosh(1.5 + x * x),
    "arange": lambda xp, x: x * xp.arange(5, dtype=x.dtype) + 0 * xp.arange(len(x), dtype=x.dtype)[:, None],
    "bitwise_invert": lambda xp, x: xp.where(~(x > 0), x, 0.25 * x),
    "broadcast_to": lambda xp, x: xp.broadcast_to(xp.sum(x, axis=1, keepdims=True), x.shape),
    "cumulative_sum": lambda xp, x: xp.cumulative_sum(x, axis=1),
    "clip": lambda xp, x: xp.clip(x, -0.5, 0.7),
    "concat": lambda xp, x: xp.concat([x[:, :2], 2 * x[:, 2:]], axis=1),
    "expand_dims": lambda xp, x: xp.squeeze(xp.expand_dims(x, axis=1) * 2.0, axis=1),
    "flip": lambda xp, x: xp.flip(x, axis=1),
    "full": lambda xp, x: x + xp.full((x.shape[0], 1), 0.5, dtype=x.dtype),
    "full_like": lambda xp, x: x * xp.full_like(x, 2.5),
    "getitem": lambda xp, x: x[:, [1, 0, -1, 3, 2]] + xp.stack(
        [x[:, 2], x[..., -1], x[:, None, 1][:, 0], x[:, -3:-2][:, 0], x[:, 1]], axis=1
    ),
    "isfinite": lambda xp, x: xp.where(xp.isfinite(x / xp.maximum(x, 0.0)), x, 0.1),
    "isinf": lambda xp, x: xp.where(xp.isinf(1 / xp.maximum(x, 0.0)), x, 0.1),
    "isnan": lambda xp, x: xp.where(xp.isnan(0 / xp.maximum(x, 0.0)), x, 0.1),
    "logical_not": lambda xp, x: xp.where(xp.logical_not(x > 0.2), x, 0.1),
    "matmul": lambda xp, x: x @ xp.asarray(np.eye(5)[::-1].copy(), dtype=x.dtype),
    "matrix_transpose": lambda xp, x: xp.matrix_transpose(xp.matrix_transpose(x) * 3.0),
    "moveaxis": lambda xp, x: xp.moveaxis(xp.moveaxis(x[:, :, None] * 2.0, 0, -1), (0, 1, 2), (1, 2, 0))[..., 0],
    "ones": lambda xp, x: x + xp.ones(x.shape, dtype=x.dtype),
    "ones_like": lambda xp, x: x + xp.ones_like(x),
    "permute_dims": lambda xp, x: xp.permute_dims(xp.permute_dims(x, (1, 0)) + 1.0, (1, 0)),
    "pow": lambda xp, x: xp.abs(x) ** 1.5 + x**2,
    "reshape": lambda xp, x: xp.reshape(xp.reshape(x, (-1,)) * 2.0, x.shape),
    "roll": lambda xp, x: xp.roll(x, 2, axis=1) - xp.roll(x, -1, axis=1),
    "sort": lambda xp, x: xp.sort(x, axis=-1) + 0.1 * xp.sort(x, axis=1, descending=True),
    "squeeze": lambda xp, x: xp.squeeze(x[:, :, None], axis=-1),
    "stack": lambda xp, x: xp.stack([x, -x], axis=-1)[..., 1],
    "take": lambda xp, x: xp.take(x, xp.asarray(np.array([4, 0, 1, 1, 3])), axis=1),
    "take_along_axis": lambda xp, x: xp.take_along_axis(x, xp.argmax(x, axis=1, keepdims=True), axis=1) - x,
    "tensordot": lambda xp, x: xp.tensordot(x, xp.asarray(np.arange(25.0).reshape(5, 5) / 25, dtype=x.dtype), axes=1),
    "where": lambda xp, x: xp.where(x > 0, x, 0.1 * x),
    "zeros": lambda xp, x: xp.concat([x[:, :3], xp.zeros((x.shape[0], 2), dtype=x.dtype)], axis=1),
    "zeros_like": lambda xp, x: xp.maximum(x, xp.zeros_like(x)),
}  # fmt: skip
ELSEWHERE = {"astype", "atan2", *OPERATORS}


@attrs.frozen
class Calls(modnet.Activation):
    """An activation that calls one function of the standard."""

    name: str

    def __call__(self, a, axis=-1):

        with np.errstate(all="ignore"):
            return CALLS[self.name](array_api_compat.array_namespace(a), a)


def test_every_function_is_called():
    assert {*CALLS} | ELSEWHERE == {*FUNCTIONS}


@pytest.mark.parametrize("dtype", [pytest.param("float64", marks=pytest.mark.check), "float32"])
@pytest.mark.parametrize("name", CALLS)
def test_every_function(name, dtype):
    network = modnet.Network(
        [("dense", {"units": 5}), Calls(name), ("dense", {"units": 3}), "identity"],
        shape=4,
        loss="mean-squared-error",
        weight_init_std=1.0,
        dtype=dtype,
    )
    program, graph = trace_network(network), Graph(["x"])
    samples = draw(2, 4).astype(dtype)
    y = convert(graph, program, "x", samples)
    kind = find_type(network.dtype)
    values = [helper.make_tensor_value_info(*each) for each in (("x", kind, ["N", 4]), (y, kind, ["N", 3]))]
    content = helper.make_graph(graph.nodes, "g", values[:1], values[1:], list(graph.constants.values()))
    model = helper.make_model(content, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    options = SessionOptions()
    options.log_severity_level = 4
    session = InferenceSession(model.SerializeToString(), options)
    space: dict[str, Any] = {"np": np, "PARAMS": program.constants}
    exec(write_forward(program), space)  # noqa: S102 - of our own network
    for count in (1, 7):
        x = draw(count, 4).astype(dtype)
        own = network.predict(x)
        bound = max(1.0, abs(own).max()) * (1e-6 if dtype == "float32" or name in {"acos", "asin", "atan"} else 1e-12)
        assert abs(session.run(None, {"x": x})[0] - own).max() < bound
        with np.errstate(all="ignore"):
            assert abs(space["forward"](x) - own).max() < bound
