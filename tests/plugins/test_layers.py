"""The built-in layers: formulas, derivatives, changes, dtypes, memory."""

from __future__ import annotations

import math
from functools import partial

import attrs
import numpy as np
import pytest
from exact_differences import HAS_EIGHTY_BITS
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from modnet_layers.activation import ActivationLayer
from modnet_layers.batch_norm import BatchNorm
from modnet_layers.convolution import Convolution
from modnet_layers.dense import Dense
from modnet_layers.dropout import Dropout
from modnet_layers.flatten import Flatten
from modnet_layers.max_pool import MaxPool
from modnet_layers.maxout import Maxout
from modnet_layers.prelu import Prelu

import modnet
from modnet.compose.plugins import get_host
from modnet.nn.initializers import initialize_buffers, initialize_params
from modnet.nn.layers import place_layers

NAMES = get_host().registry.names("layer")
LAYERS = {
    "activation": [(ActivationLayer(modnet.activation(name)), (5,)) for name in ("tanh", "relu", "softmax")]
    + [(ActivationLayer(modnet.activation(name)), (3, 4, 2)) for name in ("relu", "softmax")],
    "batch-norm": [(BatchNorm(), (5,)), (BatchNorm(eps=0.1), (3, 4, 2)), (BatchNorm(), (1, 1, 1))],
    "convolution": [
        (Convolution(filters=2, size=3), (1, 4, 4)),
        (Convolution(filters=3, size=(2, 3), stride=(2, 1), padding=(0, 2)), (2, 3, 4)),
        (Convolution(filters=1, size=2, padding="same", bias=False), (3, 3, 2)),
        (Convolution(filters=2, size=1, stride=3), (2, 4, 5)),
    ],
    "dense": [(Dense(4), (5,)), (Dense(1), (1,))],
    "dropout": [(Dropout(), (5,)), (Dropout(rate=0.2), (3, 4, 2)), (Dropout(rate=0), (3,))],
    "flatten": [(Flatten(), (3, 4, 2)), (Flatten(), (5,)), (Flatten(), (2, 3))],
    "max-pool": [
        (MaxPool(), (2, 4, 4)),
        (MaxPool(size=2, stride=1), (2, 3, 4)),
        (MaxPool(size=(1, 3), stride=(2, 2)), (1, 4, 6)),
        (MaxPool(size=1, stride=3), (3, 4, 4)),
    ],
    "maxout": [(Maxout(3), (5,)), (Maxout(1, pieces=4), (1,)), (Maxout(2, pieces=1), (3,))],
    "prelu": [(Prelu(), (5,)), (Prelu(slope=-0.5), (3, 4, 2))],
}
CASES = [(layer, inputs) for cases in LAYERS.values() for layer, inputs in cases]
MODES = ["train", "predict"]
STREAM = modnet.Stream(7, ("layers", 3))
each_layer = pytest.mark.parametrize(("layer", "inputs"), CASES, ids=[f"{layer}-{inputs}" for layer, inputs in CASES])
each_mode = pytest.mark.parametrize("mode", MODES)


@pytest.fixture
def eighty_bits() -> None:
    if not HAS_EIGHTY_BITS:
        pytest.skip("no numbers of 80 bits here")


def draw(*shape: int, seed: int = 0, dtype: str = "float64") -> np.ndarray:
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(dtype)


def arrays(layer, inputs, dtype="float64", seed=0):
    """Return its parameters and buffers, of numbers that are drawn; read-only."""
    found = {p.name: draw(*p.shape, seed=seed + k) for k, p in enumerate(layer.params(inputs))}
    found |= {p.name: 0.5 + draw(*p.shape, seed=seed + 10 + k) ** 2 for k, p in enumerate(layer.buffers(inputs))}
    return {name: frozen(array.astype(dtype)) for name, array in found.items()}


def frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


def bytes_of(memo) -> list[bytes]:
    """Return the bytes of all arrays of a memo."""
    if isinstance(memo, np.ndarray):
        return [memo.tobytes()]
    if attrs.has(type(memo)):
        memo = [getattr(memo, field.name) for field in attrs.fields(type(memo))]
    return [each for one in memo for each in bytes_of(one)] if isinstance(memo, (list, tuple)) else []


def slices(count: int) -> list[slice]:
    return [slice(0, 1), slice(count - 1, count), slice(count // 2, count), slice(None)]


def test_every_built_in_has_cases():
    assert sorted(LAYERS) == sorted(NAMES)


@pytest.mark.parametrize("name", LAYERS)
def test_it_is_what_is_registered_under_its_name(name):
    assert {get_host().registry.find("layer", name).cls} == {type(layer) for layer, _ in LAYERS[name]}


@each_layer
@each_mode
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("samples", [0, 1, 6])
def test_all_keep_the_dtype_and_write_into_nothing(layer, inputs, mode, dtype, samples):
    params, x = arrays(layer, inputs, dtype), frozen(draw(samples, *inputs, dtype=dtype))
    z, memo = layer.forward(params, x, mode, STREAM)
    assert z.shape == (samples, *layer.shape(inputs))
    before = bytes_of(memo)
    z, dz = frozen(z.copy()), frozen(draw(*z.shape, seed=1, dtype=dtype))
    dx = layer.backward(params, x, z, memo, dz)
    assert dx.shape == x.shape
    grads = layer.gradients(params, x, z, memo, dz) if params else {}
    assert {name: g.shape for name, g in grads.items()} == {p.name: p.shape for p in layer.params(inputs)}
    buffers = layer.update(params, x, memo) if mode == "train" else {}
    assert {name: b.shape for name, b in buffers.items()} == (
        {p.name: p.shape for p in layer.buffers(inputs)} if mode == "train" else {}
    )
    changes = []
    for channels in slices(inputs[0]):
        moves = draw(2, *x[:, channels].shape, dtype=dtype)
        changes.append(layer.change(params, x, z, memo, frozen(moves), channels, mode, STREAM))
        assert changes[-1].shape == (2, *z[:, layer.reach(inputs, channels)].shape)
    slopes = [layer.slopes(params, x, memo, p.name, 0) for p in layer.params(inputs) if p.linear]
    for array in (z, dx, *grads.values(), *buffers.values(), *changes, *slopes):
        assert array.dtype == dtype
        assert np.isfinite(array).all()
    assert bytes_of(memo) == before


@each_layer
@each_mode
def test_derivatives_are_central_differences_of_80_bits(layer, inputs, mode, eighty_bits):
    params, x = arrays(layer, inputs), draw(5, *inputs)
    z, memo = layer.forward(params, x, mode, STREAM)
    dz = draw(*z.shape, seed=1)
    found = {"x": layer.backward(params, x, z, memo, dz)}
    if layer.params(inputs):
        found |= layer.gradients(params, x, z, memo, dz)
    exact, h = {name: a.astype(np.longdouble) for name, a in ({"x": x} | params).items()}, np.longdouble(1e-6)
    for name, derivative in found.items():
        for at in np.ndindex(derivative.shape):
            losses = []
            for sign in (1, -1):
                moved = exact | {name: exact[name].copy()}
                moved[name][at] += sign * h
                losses.append((layer.forward(moved, moved["x"], mode, STREAM)[0] * dz).sum())
            assert derivative[at] == pytest.approx(float((losses[0] - losses[1]) / (2 * h)), rel=1e-9, abs=1e-9)


@each_layer
@each_mode
@pytest.mark.parametrize("size", [1e-4, 1.0])
def test_changes_are_those_of_80_bits_to_rounding_and_outside_of_reach_nothing_moves(
    layer, inputs, mode, size, eighty_bits
):
    params, x = arrays(layer, inputs), draw(5, *inputs)
    z, memo = layer.forward(params, x, mode, STREAM)
    exact = {name: a.astype(np.longdouble) for name, a in params.items()}
    start = layer.forward(exact, x.astype(np.longdouble), mode, STREAM)[0]
    for channels in slices(inputs[0]):
        dx = size * draw(3, *x[:, channels].shape, seed=2)
        changes = layer.change(params, x, z, memo, dx, channels, mode, STREAM)
        for each, change in zip(dx, changes, strict=True):
            moved = x.astype(np.longdouble)
            moved[:, channels] += each
            expected = layer.forward(exact, moved, mode, STREAM)[0] - start
            reached = layer.reach(inputs, channels)
            np.testing.assert_allclose(
                change, expected[:, reached].astype(float), rtol=1e-13, atol=2e-15 * size + 1e-17
            )
            expected[:, reached] = 0
            assert not expected.any()


@each_layer
@each_mode
def test_slopes_are_the_change_by_each_entry_of_a_linear_parameter(layer, inputs, mode):
    params, x = arrays(layer, inputs), draw(5, *inputs)
    z, memo = layer.forward(params, x, mode, STREAM)
    for param in layer.params(inputs):
        for channel in range(param.shape[param.channel_axis]):
            entries = np.moveaxis(np.arange(params[param.name].size).reshape(param.shape), param.channel_axis, 0)
            expected = []
            for at in entries[channel].flat:
                moved = params[param.name].copy()
                moved.flat[at] += 0.5
                change = layer.forward(params | {param.name: moved}, x, mode, STREAM)[0] - z
                expected.append(change[:, channel] / 0.5)
                change[:, channel] = 0
                assert not change.any(), "an entry moves no other channel than its own"
            if param.linear:
                slopes = layer.slopes(params, x, memo, param.name, channel)
                np.testing.assert_allclose(slopes, np.stack(expected), rtol=1e-12, atol=1e-13)


def test_parameters_in_which_the_outputs_are_linear_say_so():
    found = {n: {p.name for layer, inputs in c for p in layer.params(inputs) if p.linear} for n, c in LAYERS.items()}
    expected = {"batch-norm": {"gamma", "beta"}, "convolution": {"W", "b"}, "dense": {"W", "b"}, "prelu": {"slope"}}
    assert {name: names for name, names in found.items() if names} == expected


@each_layer
@each_mode
def test_the_order_in_memory_does_not_matter(layer, inputs, mode):
    params, x = arrays(layer, inputs), draw(6, *inputs)
    z, memo = layer.forward(params, x, mode, STREAM)
    dz = draw(*z.shape, seed=1)
    dx = layer.backward(params, x, z, memo, dz)
    samples_last = np.ascontiguousarray(np.moveaxis(x, 0, -1))
    for other in (
        np.asfortranarray(x),
        np.repeat(x, 2, axis=0)[::2],
        x[::-1].copy()[::-1],
        np.moveaxis(samples_last, -1, 0),
    ):
        found, its = layer.forward(params, other, mode, STREAM)
        np.testing.assert_allclose(found, z, rtol=1e-13, atol=1e-14)
        back = layer.backward(params, other, found, its, np.asfortranarray(dz))
        np.testing.assert_allclose(back, dx, rtol=1e-12, atol=1e-13)
        if layer.params(inputs):
            expected = layer.gradients(params, x, z, memo, dz)
            for name, g in layer.gradients(params, other, found, its, np.asfortranarray(dz)).items():
                np.testing.assert_allclose(g, expected[name], rtol=1e-12, atol=1e-13)


@each_layer
def test_a_prediction_treats_each_sample_by_itself(layer, inputs):
    params, x = arrays(layer, inputs), draw(6, *inputs)
    z, _ = layer.forward(params, x, "predict", STREAM)
    rows = [layer.forward(params, row[np.newaxis], "predict", STREAM)[0][0] for row in x]
    np.testing.assert_allclose(z, rows, rtol=1e-13, atol=1e-14)


@each_layer
def test_what_it_says_of_itself_is_so(layer, inputs):
    params, x = arrays(layer, inputs), draw(5, *inputs)
    z, _ = layer.forward(params, x, "train", STREAM)
    x[2] += draw(*inputs, seed=3)
    change = layer.forward(params, x, "train", STREAM)[0] - z
    assert layer.couples_samples == bool(np.delete(change, 2, axis=0).any())
    if layer.elementwise:
        assert z.shape == x.shape
        x.flat[0] += 1
        assert not (layer.forward(params, x, "train", STREAM)[0] - z - change).flat[1:].any()


# Dropout.


def test_dropout_drops_the_rate_and_keeps_the_mean():
    x = np.ones((500, 400))
    z, _ = Dropout(rate=0.3).forward({}, x, "train", STREAM)
    assert set(np.unique(z)) == {0.0, 1 / 0.7}
    assert np.mean(z == 0) == pytest.approx(0.3, abs=0.005)  # five deviations
    assert np.mean(z) == pytest.approx(1, abs=0.008)


def test_dropout_is_drawn_from_the_stream_alone():
    x, layer = draw(20, 30), Dropout()
    mask = layer.forward({}, x, "train", STREAM)[1]
    assert np.array_equal(mask, layer.forward({}, 3 * x, "train", STREAM)[1])
    assert np.array_equal(mask, layer.forward({}, x.astype("float32"), "train", STREAM)[1])
    assert not np.array_equal(mask, layer.forward({}, x, "train", STREAM.child(1))[1])


def test_a_prediction_drops_nothing():
    x = draw(20, 30)
    assert np.array_equal(Dropout().forward({}, x, "predict", STREAM)[0], x)


def test_the_derivative_of_prelu_at_0_is_the_slope():
    layer, params, x = Prelu(), {"slope": np.array([0.5])}, np.array([[-1.0], [0.0], [1.0]])
    dx = layer.backward(params, x, layer.forward(params, x, "train", STREAM)[0], None, np.ones((3, 1)))
    assert dx.tolist() == [[0.5], [0.5], [1.0]]


# Batch normalization.


@pytest.mark.parametrize("inputs", [(4,), (3, 5, 2)])
def test_batch_normalization_is_the_formula(inputs):
    layer, params, x = BatchNorm(), arrays(BatchNorm(), inputs), draw(8, *inputs)
    z, memo = layer.forward(params, x, "train", STREAM)
    new = layer.update(params, x, memo)
    predicted = layer.forward(params, x, "predict", STREAM)[0]
    for c in range(inputs[0]):
        gamma, beta, mean, var = (params[name][c] for name in ("gamma", "beta", "mean", "var"))
        values = x[:, c]
        np.testing.assert_allclose(z[:, c], gamma * (values - values.mean()) / np.sqrt(values.var() + 1e-6) + beta)
        np.testing.assert_allclose(predicted[:, c], gamma * (values - mean) / np.sqrt(var + 1e-6) + beta)
        assert new["mean"][c] == pytest.approx(0.9 * mean + 0.1 * values.mean())
        assert new["var"][c] == pytest.approx(0.9 * var + 0.1 * values.var())


def test_a_batch_of_one_row_gives_beta_and_one_of_none_leaves_the_buffers():
    layer, params = BatchNorm(), arrays(BatchNorm(), (4,))
    assert np.array_equal(layer.forward(params, draw(1, 4), "train", STREAM)[0][0], params["beta"])
    _, memo = layer.forward(params, draw(0, 4), "train", STREAM)
    assert layer.update(params, draw(0, 4), memo) == {"mean": params["mean"], "var": params["var"]}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("far", [0.1, 1 / 3e3, 7e6, 1e15])
def test_a_constant_column_gives_beta_wherever_it_is(dtype, far):
    layer, params = BatchNorm(), arrays(BatchNorm(), (3,), dtype)
    x = np.full((1001, 3), far, dtype)
    z, memo = layer.forward(params, x, "train", STREAM)
    np.testing.assert_allclose(z, np.broadcast_to(params["beta"], z.shape), atol=1e-6 if dtype == "float32" else 1e-9)
    np.testing.assert_allclose(memo.mean, np.full((1, 3), far, dtype), rtol=2 * np.finfo(dtype).eps)


def test_a_mean_far_from_0_costs_no_digits():
    layer, params, x = BatchNorm(), arrays(BatchNorm(), (3,)), np.round(draw(1000, 3), 6)
    far = x + 2.0**20
    near, away = (
        layer.forward(params, far - 2.0**20, "train", STREAM)[0],
        layer.forward(params, far, "train", STREAM)[0],
    )
    np.testing.assert_allclose(away, near, rtol=1e-12, atol=1e-12)


# Windows.

lengths = st.integers(1, 7)
numbers = st.tuples(st.integers(1, 4), st.integers(1, 4))
images = st.tuples(st.integers(0, 3), st.integers(1, 3), lengths, lengths)
paddings = st.one_of(st.tuples(st.integers(0, 2), st.integers(0, 2)), st.just("same"))


def pad_sides(padding, length, size, stride):
    """Return the zeros before and after; "same" is ceil(length / stride) windows, the rest of the zeros at the end."""
    if padding != "same":
        return padding, padding
    total = max(0, (math.ceil(length / stride) - 1) * stride + size - length)
    return total // 2, total - total // 2


@given(images, numbers, numbers, paddings, st.integers(1, 3), st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_convolution_is_the_loop_over_all_its_windows(shape, size, stride, padding, filters, bias):
    layer = Convolution(filters, size, stride, padding, bias)
    sides = [
        pad_sides(padding if padding == "same" else padding[k], shape[2 + k], size[k], stride[k]) for k in range(2)
    ]
    assume(all(shape[2 + k] + sum(sides[k]) >= size[k] for k in range(2)))
    params, x = arrays(layer, shape[1:]), draw(*shape)
    z, memo = layer.forward(params, x, "train", STREAM)
    padded = np.pad(x, ((0, 0), (0, 0), *sides))
    expected, dz = np.zeros_like(z), draw(*z.shape, seed=1)
    dpadded, dw = np.zeros_like(padded), np.zeros_like(params["W"])
    for n, f, i, j in np.ndindex(z.shape):
        window = np.s_[n, :, i * stride[0] : i * stride[0] + size[0], j * stride[1] : j * stride[1] + size[1]]
        expected[n, f, i, j] = (padded[window] * params["W"][f]).sum() + (params["b"][f] if bias else 0)
        dpadded[window] += dz[n, f, i, j] * params["W"][f]
        dw[f] += dz[n, f, i, j] * padded[window]
    np.testing.assert_allclose(z, expected, rtol=1e-12, atol=1e-12)
    (top, _), (left, _) = sides
    dx = dpadded[:, :, top : top + shape[2], left : left + shape[3]]
    np.testing.assert_allclose(layer.backward(params, x, z, memo, dz), dx, rtol=1e-12, atol=1e-12)
    grads = layer.gradients(params, x, z, memo, dz)
    np.testing.assert_allclose(grads.pop("W"), dw, rtol=1e-12, atol=1e-12)
    for name, grad in grads.items():
        assert name == "b"
        np.testing.assert_allclose(grad, dz.sum(axis=(0, 2, 3)), rtol=1e-12, atol=1e-12)
    if padding == "same":
        assert z.shape[2:] == tuple(math.ceil(shape[2 + k] / stride[k]) for k in range(2))


@given(images, numbers, st.none() | numbers, st.booleans())
@settings(max_examples=60, deadline=None)
def test_max_pooling_is_the_loop_over_all_its_windows_and_of_equal_numbers_the_first_counts(shape, size, stride, ties):
    layer = MaxPool(size, stride)
    stride = stride or size
    assume(shape[2] >= size[0])
    assume(shape[3] >= size[1])
    x = np.round(draw(*shape)) if ties else draw(*shape)
    z, memo = layer.forward({}, x, "train", STREAM)
    expected, dz, dx = np.zeros_like(z), draw(*z.shape, seed=1), np.zeros_like(x)
    for n, c, i, j in np.ndindex(z.shape):
        window = np.s_[n, c, i * stride[0] : i * stride[0] + size[0], j * stride[1] : j * stride[1] + size[1]]
        expected[n, c, i, j] = x[window].max()
        p, q = np.unravel_index(x[window].argmax(), size)
        dx[n, c, i * stride[0] + p, j * stride[1] + q] += dz[n, c, i, j]
    assert np.array_equal(z, expected)
    np.testing.assert_allclose(layer.backward({}, x, z, memo, dz), dx, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("samples", [1, 3, 700])
def test_large_images_are_convolved_block_by_block(samples, monkeypatch):
    layer, inputs = Convolution(4, size=3, padding=1), (2, 9, 11)
    params, x = arrays(layer, inputs), draw(samples, *inputs)
    found = []
    for block in (1, 10**5, 10**9):
        monkeypatch.setattr("modnet_layers.convolution.BLOCK", block)
        z, memo = layer.forward(params, x, "train", STREAM)
        dz = draw(*z.shape, seed=1)
        grads = layer.gradients(params, x, z, memo, dz)
        found.append((z, layer.backward(params, x, z, memo, dz), grads["W"], grads["b"]))
    for each in found[1:]:
        for one, other in zip(found[0], each, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("last", [Dense(3), Maxout(3)])
def test_images_lie_with_samples_last_from_the_convolution_to_the_first_dense_layer_and_back(last):
    layers, x = [Convolution(2, size=3), BatchNorm(), Prelu(), Dropout(), MaxPool(), Flatten(), last], draw(7, 1, 6, 6)
    passed = []
    for layer in layers:
        params = arrays(layer, x.shape[1:])
        z, memo = layer.forward(params, x, "train", STREAM)
        passed.append((layer, params, x, z, memo))
        x = z
    assert [z.strides[0] for *_, z, _ in passed] == [8] * 6 + [24]
    dz = draw(7, 3)
    for layer, *at in passed[::-1]:
        dz = layer.backward(*at, dz)
        assert dz.strides[0] == 8 or isinstance(layer, Maxout)


# Numbers at the start.


def test_a_new_batch_normalization_predicts_its_inputs_and_a_new_prelu_has_its_slope():
    x, last = draw(5, 4), ActivationLayer(modnet.activation("softmax"))
    for layer, expected in ((BatchNorm(eps=1e-12), x), (Prelu(slope=0.1), np.where(x > 0, x, 0.1 * x))):
        placed = place_layers([layer, last], (4,))
        found = initialize_params(placed) | initialize_buffers(placed)
        params = {name.rstrip("1"): value for name, value in found.items()}
        np.testing.assert_allclose(layer.forward(params, x, "predict", STREAM)[0], expected, rtol=1e-11)


@pytest.mark.parametrize(
    ("layer", "inputs", "fan_in"), [(Maxout(40, pieces=5), (100,), 100), (Convolution(40, size=5), (8, 6, 6), 200)]
)
def test_weights_are_drawn_for_the_inputs_of_a_sum(layer, inputs, fan_in):
    end = [Flatten(), Dense(2), ActivationLayer(modnet.activation("softmax"))]
    weights = initialize_params(place_layers([layer, *end], inputs), weight_init="he")["W1"]
    assert weights.std() == pytest.approx((2 / fan_in) ** 0.5, rel=0.03)
    fewer = place_layers([attrs.evolve(layer, **{attrs.fields(type(layer))[0].name: 10}), *end], inputs)
    assert np.array_equal(weights[:10], initialize_params(fewer, weight_init="he")["W1"])


# Shapes and settings.


def test_a_dense_layer_says_what_to_do_with_an_image():
    with pytest.raises(modnet.ShapeError, match=r"^expects samples of shape \(inputs,\).*: put a flatten layer before"):
        Dense(3).shape((1, 28, 28))


@pytest.mark.parametrize("layer", [Convolution(2, size=3), Convolution(2, size=3, padding="same"), MaxPool()])
@pytest.mark.parametrize("inputs", [(784,), (28, 28), (1, 1, 28, 28), ()])
def test_layers_of_images_say_what_to_do_with_other_samples(layer, inputs):
    with pytest.raises(
        modnet.ShapeError, match=r"^expects images.*: put it before all flatten and dense layers, and give"
    ):
        layer.shape(inputs)


def test_images_that_are_too_small_are_refused():
    found = r"^expects images of at least 5 x 5, it was given samples of shape \(1, 2, 4\)"
    with pytest.raises(modnet.ShapeError, match=found + ", 4 x 6 with padding: choose smaller windows"):
        Convolution(2, size=5, padding=1).shape((1, 2, 4))
    with pytest.raises(modnet.ShapeError, match=found + ": choose smaller windows"):
        MaxPool(size=5).shape((1, 2, 4))
    assert Convolution(2, size=5, padding=(2, 1)).shape((1, 2, 4)) == (2, 2, 2)


@pytest.mark.parametrize(
    ("layer", "name", "value"),
    [
        (Dropout, "rate", 1.0),
        (Dropout, "rate", -0.1),
        (BatchNorm, "momentum", 1.0),
        (BatchNorm, "eps", 0.0),
        (Dense, "units", 0),
        (MaxPool, "size", 0),
        (MaxPool, "size", (2, 2, 2)),
        (MaxPool, "size", 2.0),
        (MaxPool, "size", True),
        (MaxPool, "stride", (1, 0)),
        (partial(Convolution, 2), "size", (3, -1)),
        (partial(Convolution, 2, size=3), "stride", 0),
        (partial(Convolution, 2, size=3), "padding", -1),
        (partial(Convolution, 2, size=3), "padding", "valid"),
        (partial(Convolution, size=3), "filters", 0),
        (Maxout, "units", 0),
        (partial(Maxout, 2), "pieces", 0),
    ],
)
def test_settings_that_cannot_be_are_refused(layer, name, value):
    with pytest.raises(ValueError, match=name):
        layer(**{name: value})
