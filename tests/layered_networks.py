"""Small networks of all kinds of layers, and the book's loop over their parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
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
from modnet.nn.initializers import initialize_buffers, initialize_params
from modnet.nn.layers import place_layers
from modnet.nn.network import LayeredNetwork

Array = Any


def act(name: Any) -> ActivationLayer:
    """Return an activation as a layer, by name or as a part."""
    return ActivationLayer(modnet.activation(name) if isinstance(name, str) else name)


@attrs.frozen
class Correlation(modnet.Layer):
    """A convolution as a third party writes it: nothing but `forward`, and what it says of its parameters."""

    filters: int
    size: int = 2

    def shape(self, inputs):
        return self.filters, inputs[1] - self.size + 1, inputs[2] - self.size + 1

    def params(self, inputs):
        weight = modnet.Param("W", (self.filters, inputs[0], self.size, self.size), channel_axis=0)
        return weight, modnet.Param("b", (self.filters,), channel_axis=0)

    def forward(self, params, x, mode, stream):
        windows = np.lib.stride_tricks.sliding_window_view(x, (self.size, self.size), (2, 3))
        return np.einsum("nchwpq,fcpq->nfhw", windows, params["W"]) + params["b"][:, np.newaxis, np.newaxis], None


@attrs.frozen
class FastCorrelation(Correlation):
    """The same with all that makes it fast: linear parameters with slopes, and a change of its own."""

    def params(self, inputs):
        return tuple(attrs.evolve(param, linear=True) for param in super().params(inputs))

    def change(self, params, x, z, memo, dx, channels, mode, stream):
        windows = np.lib.stride_tricks.sliding_window_view(dx, (self.size, self.size), (3, 4))
        return np.einsum("mnchwpq,fcpq->mnfhw", windows, params["W"][:, channels])

    def slopes(self, params, x, memo, name, channel):
        windows = np.lib.stride_tricks.sliding_window_view(x, (self.size, self.size), (2, 3))
        slopes = windows.transpose(1, 4, 5, 0, 2, 3).reshape(-1, len(x), *windows.shape[2:4])
        return slopes if name == "W" else np.ones_like(slopes[:1])


@attrs.frozen
class Pool(modnet.Layer):
    """The largest of each four pixels, by `forward` alone."""

    def shape(self, inputs):
        return inputs[0], inputs[1] // 2, inputs[2] // 2

    def forward(self, params, x, mode, stream):
        c, h, w = self.shape(x.shape[1:])
        pixels = x[:, :, : 2 * h, : 2 * w].reshape(len(x), c, h, 2, w, 2)
        return pixels.max(axis=(3, 5)), None


@attrs.frozen
class Power(modnet.Layer):
    """A layer with one number that its outputs are not linear in, and that moves all of them."""

    elementwise = True

    def params(self, inputs):
        return (modnet.Param("power", (), init=1.0),)

    def forward(self, params, x, mode, stream):
        return np.tanh(params["power"] * x), None


def network_of(
    layers: Sequence[Any], shape: tuple[int, ...], loss: Any = "cross-entropy", dtype: str = "float64", seed: int = 0
) -> LayeredNetwork:
    """Return a network with parameters and buffers that are drawn, so that none is as it begins."""
    placed = place_layers(layers, shape)
    rng = np.random.default_rng([seed, 1])
    params = initialize_params(placed, 0.5, seed, dtype)
    params = {name: np.asarray(p + 0.2 * rng.standard_normal(p.shape), dtype) for name, p in params.items()}
    buffers = initialize_buffers(placed, dtype)
    buffers = {name: np.asarray(b + 0.2 * rng.random(b.shape), dtype) for name, b in buffers.items()}
    return LayeredNetwork(placed, modnet.loss(loss) if isinstance(loss, str) else loss, params, buffers, seed)


def batch_for(network: LayeredNetwork, samples: int, seed: int = 0) -> tuple[Array, Array]:
    """Return samples with zeros and repeated numbers among them, and targets."""
    rng = np.random.default_rng([seed, 2])
    x = rng.choice([0.0, 0.0, 0.25, -0.5, 1.0, *rng.standard_normal(3)], size=(samples, *network.shape))
    return x.astype(network.dtype), rng.integers(0, network.outputs, samples)


def by_loop(objective: Any, params: Any, stencil: Any, h: float) -> dict[str, Array]:
    """Return differences by evaluating the whole loss for each parameter, as the book does; in float64."""
    gradient = {}
    for name, value in params.items():
        gradient[name] = np.empty(value.shape)
        for index in np.ndindex(value.shape):
            total = stencil.centre * objective(params) if stencil.centre else 0.0
            for shift, weight in zip(stencil.shifts, stencil.weights, strict=True):
                moved = np.array(value)
                moved[index] += shift * h
                total += weight * objective({**params, name: moved})
            gradient[name][index] = np.real(total) / (stencil.divisor * h)
    return gradient


NETWORKS: dict[str, tuple[list[Any], tuple[int, ...]]] = {
    "batch-norm": ([Dense(4), BatchNorm(), act("tanh"), Dense(3), act("softmax")], (5,)),
    "batch-norm twice": (
        [Dense(4), BatchNorm(), act("relu"), Dense(4), BatchNorm(), act("relu"), Dense(3), act("softmax")],
        (5,),
    ),
    "batch-norm first": ([BatchNorm(), Dense(3), act("sigmoid"), Dense(2), act("softmax")], (4,)),
    "batch-norm last": ([Dense(3), BatchNorm(), act("softmax")], (4,)),
    "dropout": (
        [Dense(6), act("relu"), Dropout(), Dense(4), act("tanh"), Dropout(0.2), Dense(3), act("softmax")],
        (5,),
    ),
    "dropout first": ([Dropout(0.3), Dense(4), act("sigmoid"), Dense(3), act("softmax")], (5,)),
    "prelu": ([Dense(4), Prelu(), Dense(4), Prelu(-0.5), Dense(3), act("softmax")], (5,)),
    "dense alone": ([Dense(4), Dense(3), act("softmax")], (5,)),
    "activations in a row": ([act("tanh"), Dense(4), act("softplus"), act("tanh"), Dense(2), act("softmax")], (3,)),
    "softmax within": ([Dense(4), act("softmax"), act("tanh"), Dense(3), act("softmax")], (3,)),
    "convolution": (
        [Convolution(3, 2), act("relu"), MaxPool(2), Flatten(), Dense(4), act("relu"), Dense(3), act("softmax")],
        (2, 5, 5),
    ),
    "convolutions with strides and padding": (
        [Convolution(2, 3, stride=(1, 2), padding="same"), act("relu"), Convolution(3, (2, 1), padding=1), BatchNorm(),
         act("tanh"), MaxPool(3, stride=2), Dropout(0.3), Flatten(), Dense(3), act("softmax")],
        (2, 4, 5),
    ),
    "maxout": ([Maxout(3, 2), Dense(4), act("relu"), Maxout(2), Dense(2), act("softmax")], (4,)),
    "images": ([FastCorrelation(2), act("relu"), Flatten(), Dense(3), act("softmax")], (1, 4, 3)),
    "images of a third party": (
        [Correlation(2), BatchNorm(), act("tanh"), Pool(), Flatten(), Dense(3), act("softmax")],
        (2, 5, 4),
    ),
    "images deep": (
        [FastCorrelation(3), Prelu(), Pool(), FastCorrelation(2), act("tanh"), Dropout(), Flatten(), Dense(3),
         act("relu"), Dense(2), act("softmax")],
        (2, 6, 5),
    ),
    "images to the end": ([FastCorrelation(2, 3), act("sigmoid"), Flatten(), act("softmax")], (1, 3, 3)),
    "not linear": ([Dense(4), Power(), act("sigmoid"), Dense(3), act("softmax")], (3,)),
}  # fmt: skip
