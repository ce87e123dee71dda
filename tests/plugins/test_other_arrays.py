"""Built-in parts on arrays of other libraries than NumPy: the same numbers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
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
from modnet.testing.gradcheck.layers import draw_params

LIBRARIES = ["array_api_strict", pytest.param("torch", marks=pytest.mark.check)]
DTYPES = {"float64": 1e-12, "float32": 2e-5}
LAYERS = [
    (ActivationLayer(modnet.activation("sigmoid")), (3, 4, 4)),
    (ActivationLayer(modnet.activation("softmax")), (5,)),
    (BatchNorm(), (5,)),
    (BatchNorm(), (3, 4, 4)),
    (Convolution(filters=4, size=3), (2, 7, 6)),
    (Convolution(filters=4, size=3, padding="same"), (3, 6, 5)),
    (Convolution(filters=3, size=(2, 3), stride=(3, 2), padding=(1, 2)), (2, 9, 8)),
    (Convolution(filters=2, size=2, stride=2, bias=False), (1, 5, 5)),
    (Dense(units=4), (6,)),
    (Dropout(rate=0.3), (3, 4, 4)),
    (Flatten(), (3, 4, 5)),
    (MaxPool(size=2), (3, 6, 7)),
    (MaxPool(size=3, stride=2), (2, 8, 8)),
    (MaxPool(size=(1, 2), stride=(2, 3)), (2, 6, 7)),
    (Maxout(units=4, pieces=3), (6,)),
    (Prelu(), (3, 4, 4)),
]


@pytest.fixture(params=LIBRARIES)
def xp(request):
    """Return another library's functions."""
    return pytest.importorskip(request.param)


def to_library(xp, value):
    """Return arrays of another library, in whatever they stand."""
    if isinstance(value, np.ndarray):
        return xp.asarray(value.copy())
    return {name: to_library(xp, each) for name, each in value.items()} if isinstance(value, Mapping) else value


def to_numpy(xp, value):
    """Return NumPy's arrays again; fails where one is NumPy's already."""
    if isinstance(value, Mapping):
        return {name: to_numpy(xp, each) for name, each in value.items()}
    if value is None or isinstance(value, (int, float)):
        return value
    assert not isinstance(value, (np.ndarray, np.generic)), "it came back as NumPy's"
    return np.from_dlpack(value)


def assert_same(found, expected, limit):
    """Assert the same numbers, in the same dtype, in proportion to the largest."""
    if isinstance(expected, Mapping):
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert_same(found[name], value, limit)
    elif isinstance(expected, np.ndarray):
        assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
        np.testing.assert_allclose(found, expected, rtol=limit, atol=limit * np.abs(expected).max(initial=0))
    else:
        assert found == pytest.approx(expected, rel=limit)


def call_layer(layer, params, x, mode, dz, dx, channels):
    """Return what all methods of a layer return."""
    z, memo = layer.forward(params, x, mode, modnet.Stream(3))
    calls = {
        "forward": lambda: z,
        "backward": lambda: layer.backward(params, x, z, memo, dz),
        "gradients": lambda: layer.gradients(params, x, z, memo, dz) if layer.params(tuple(x.shape[1:])) else {},
        "update": lambda: dict(layer.update(params, x, memo)),
        "change": lambda: layer.change(params, x, z, memo, dx, channels, mode, modnet.Stream(3)),
    }
    found = {name: call() for name, call in calls.items()}
    for param in layer.params(tuple(x.shape[1:])):
        if param.linear:
            found[f"slopes by {param.name}"] = layer.slopes(params, x, memo, param.name, 1)
    return found


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mode", ["train", "predict"])
@pytest.mark.parametrize(("layer", "shape"), LAYERS, ids=lambda value: str(value).replace(" ", ""))
def test_a_layer_gives_the_same_numbers(xp, layer, shape, mode, dtype):
    draw = np.random.default_rng(1)
    for rows, channels in ((5, slice(0, shape[0])), (3, slice(min(1, shape[0] - 1), min(3, shape[0])))):
        x = draw.standard_normal((rows, *shape)).astype(dtype)
        params = draw_params(layer, x)
        dz = draw.standard_normal((rows, *layer.shape(shape))).astype(dtype)
        dx = draw.standard_normal((2, rows, *shape))[:, :, channels].astype(dtype)
        expected = call_layer(layer, params, x, mode, dz, dx, channels)
        given = to_library(xp, {"params": params, "x": x, "dz": dz, "dx": dx})
        found = call_layer(layer, mode=mode, channels=channels, **given)
        assert_same(to_numpy(xp, found), expected, DTYPES[dtype])
