"""Layers with known mistakes, for the gradient check to find and blame.

`LAYERS` are right layers of one network, by name; `BROKEN` has the mistakes: which layer, what is replaced in it, and
the word with which the verdict's part begins. Each is one mistake that somebody makes; all else is right.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import attrs
import modnet_layers
import numpy as np

import modnet

Array = Any
LAYERS: dict[str, modnet.Layer] = {
    "convolution": modnet_layers.Convolution(filters=6, size=3, padding=1),
    "batch-norm": modnet_layers.BatchNorm(),
    "relu": modnet_layers.ActivationLayer(modnet.activation("relu")),
    "max-pool": modnet_layers.MaxPool(size=2),
    "dropout": modnet_layers.Dropout(rate=0.3),
    "prelu": modnet_layers.Prelu(),
    "flatten": modnet_layers.Flatten(),
    "maxout": modnet_layers.Maxout(units=6, pieces=3),
    "dense": modnet_layers.Dense(units=6),
    "tanh": modnet_layers.ActivationLayer(modnet.activation("tanh")),
}


def network(layers: dict[str, Any], seed: int = 0, dtype: str = "float64") -> tuple[modnet.Network, Array, Array]:
    """Return a network of layers, and a batch of as many samples as there are units, so that mix-ups fit."""
    rng = np.random.default_rng(seed)
    ends = [("dense", {"units": 4}), "softmax"]
    net = modnet.Network(
        [*layers.values(), *ends], shape=(2, 6, 6), weight_init_std="he", bias_init=0.1, seed=seed, dtype=dtype
    )
    net.params = {
        name: value if name.startswith("W") else np.asarray(value + 0.1 * rng.standard_normal(value.shape), dtype)
        for name, value in net.params.items()
    }
    return net, rng.standard_normal((6, 2, 6, 6)), rng.integers(0, 4, 6)


def broken_network(kind: str, seed: int = 0, dtype: str = "float64") -> tuple[modnet.Network, Array, Array]:
    """Return the network with one broken layer, and a batch."""
    name, methods, _ = BROKEN[kind]
    return network({**LAYERS, name: Broken(LAYERS[name], kind, methods)}, seed, dtype)


@attrs.frozen(repr=False)
class Broken(modnet.Layer):
    """A layer of which some methods are replaced: each by a function of (layer, what the right one returns, given)."""

    layer: modnet.Layer
    kind: str
    methods: dict[str, Callable[..., Any]]
    names: ClassVar[tuple[str, ...]] = ("forward", "backward", "gradients", "change", "slopes", "reach", "params")

    def __repr__(self) -> str:
        return f"Broken({self.kind!r})"

    @property
    def elementwise(self) -> bool:
        return self._call("elementwise", self.layer.elementwise)

    @property
    def couples_samples(self) -> bool:
        return self._call("couples_samples", self.layer.couples_samples)

    @property
    def activation(self) -> modnet.Activation | None:
        return self.layer.activation

    def shape(self, inputs: Any) -> Any:
        return self.layer.shape(inputs)

    def buffers(self, inputs: Any) -> Any:
        return self.layer.buffers(inputs)

    def update(self, *given: Any) -> Any:
        return self.layer.update(*given)

    def params(self, *given: Any) -> Any:
        return self._call("params", self.layer.params(*given), *given)

    def forward(self, *given: Any) -> Any:
        return self._call("forward", self.layer.forward(*given), *given)

    def backward(self, *given: Any) -> Any:
        return self._call("backward", self.layer.backward(*given), *given)

    def gradients(self, *given: Any) -> Any:
        return self._call("gradients", self.layer.gradients(*given), *given)

    def change(self, *given: Any) -> Any:
        return self._call("change", self.layer.change(*given), *given)

    def slopes(self, *given: Any) -> Any:
        return self._call("slopes", self.layer.slopes(*given), *given)

    def reach(self, *given: Any) -> Any:
        return self._call("reach", self.layer.reach(*given), *given)

    def _call(self, name: str, right: Any, *given: Any) -> Any:
        return self.methods[name](self.layer, right, *given) if name in self.methods else right


def _passes(change: Callable[..., Array]) -> dict[str, Callable[..., Array]]:
    """Return a replaced `backward`: (layer, the right dx, params, x, z, memo, dz)."""
    return {"backward": change}


def _grads(name: str, change: Callable[..., Array]) -> dict[str, Callable[..., Any]]:
    """Return replaced `gradients`, of one parameter."""
    return {"gradients": lambda layer, right, *given: {**right, name: change(layer, right[name], *given)}}


def _with_params(change: Callable[[Array], Array]) -> Callable[..., Array]:
    def break_it(layer: Any, right: Array, params: Any, x: Array, z: Array, memo: Any, dz: Array) -> Array:
        return layer.backward({**params, "W": change(params["W"])}, x, z, memo, dz)

    return break_it


def _to_all(layer: Any, right: Array, params: Any, x: Array, z: Array, memo: Any, dz: Array) -> Array:
    return dz.repeat(2, axis=2).repeat(2, axis=3)


def _to_equals(layer: Any, right: Array, params: Any, x: Array, z: Array, memo: Any, dz: Array) -> Array:
    return (x == z.repeat(2, axis=2).repeat(2, axis=3)) * _to_all(layer, right, params, x, z, memo, dz)


def _to_first(layer: Any, right: Array, params: Any, x: Array, z: Array, memo: Any, dz: Array) -> Array:
    dx = np.zeros_like(x)
    dx[:, :, ::2, ::2] = dz
    return dx


def _of_terms(*, mean: bool, variance: bool) -> Callable[..., Array]:
    """Return the derivative of a batch normalization without some of its terms."""

    def break_it(layer: Any, right: Array, params: Any, x: Array, z: Array, memo: Any, dz: Array) -> Array:
        axes = (0, 2, 3)
        dx = dz.copy()
        if mean:
            dx -= dz.mean(axis=axes, keepdims=True)
        if variance:
            dx -= memo.x * (memo.x * dz).mean(axis=axes, keepdims=True)
        return dx * params["gamma"][:, np.newaxis, np.newaxis] / memo.deviation

    return break_it


def _by_running(layer: Any, right: Any, params: Any, x: Array, mode: Any, stream: Any) -> Any:
    return layer.forward(params, x, "predict", stream)[0], right[1]


def _redrawn(layer: Any, right: Array, params: Any, x: Array, z: Array, memo: Any, dz: Array) -> Array:
    return dz * (np.random.default_rng().random(x.shape) >= layer.rate) / (1 - layer.rate)


def _without_stream(layer: Any, right: Any, params: Any, x: Array, mode: Any, stream: Any) -> Any:
    return layer.forward(params, x, mode, modnet.Stream(int(np.random.default_rng().integers(1 << 30))))


def _last_piece(layer: Any, right: Array, params: Any, x: Array, z: Array, memo: Any, dz: Array) -> Array:
    return dz @ params["W"][:, -1]


def _overwrites(layer: Any, right: Array, params: Any, x: Array, z: Array, memo: Any, dz: Array) -> Array:
    dz *= 2
    return right


def _claim(**fields: Any) -> dict[str, Callable[..., Any]]:
    """Return replaced `params`, which claim something."""
    return {"params": lambda layer, right, inputs: tuple(attrs.evolve(param, **fields) for param in right)}


Kind = tuple[str, dict[str, Callable[..., Any]], str]
BROKEN: dict[str, Kind] = {
    "kernel mirrored": ("convolution", _passes(_with_params(lambda w: w[..., ::-1, ::-1])), "backward"),
    "kernel transposed": ("convolution", _passes(_with_params(lambda w: w.swapaxes(2, 3))), "backward"),
    "padding forgotten": ("convolution", _passes(lambda layer, dx, *_: np.roll(dx, 1, axis=3)), "backward"),
    "kernel mirrored in the gradient": (
        "convolution", _grads("W", lambda layer, g, *_: g[:, :, ::-1, ::-1]), "gradients"),
    "kernel transposed in the gradient": (
        "convolution", _grads("W", lambda layer, g, *_: g.swapaxes(2, 3)), "gradients"),
    "channels the other way round": ("convolution", _grads("W", lambda layer, g, *_: g[:, ::-1]), "gradients"),
    "bias averaged over samples": ("convolution", _grads("b", lambda layer, g, *_: g / 6), "gradients"),
    "bias summed over the wrong axis": (
        "convolution", _grads("b", lambda layer, g, params, x, z, memo, dz: dz.sum(axis=(0, 1, 3))), "gradients"),
    "bias averaged over pixels": ("convolution", _grads("b", lambda layer, g, *_: g / 36), "gradients"),
    "pool passes to all positions": ("max-pool", _passes(_to_all), "backward"),
    "pool passes to all that are equal": ("max-pool", _passes(_to_equals), "backward"),
    "pool passes to the first position": ("max-pool", _passes(_to_first), "backward"),
    "pool averages": ("max-pool", _passes(lambda *given: _to_all(*given) / 4), "backward"),
    "normalization without the mean's term": (
        "batch-norm", _passes(_of_terms(mean=False, variance=True)), "backward"),
    "normalization without the variance's term": (
        "batch-norm", _passes(_of_terms(mean=True, variance=False)), "backward"),
    "mean and variance as constants": ("batch-norm", _passes(_of_terms(mean=False, variance=False)), "backward"),
    "gamma with x in place of the normalized inputs": (
        "batch-norm",
        _grads("gamma", lambda layer, g, params, x, z, memo, dz: (x * dz).sum(axis=(0, 2, 3))),
        "gradients",
    ),
    "gamma with the outputs": (
        "batch-norm",
        _grads("gamma", lambda layer, g, params, x, z, memo, dz: (z * dz).sum(axis=(0, 2, 3))),
        "gradients",
    ),
    "beta averaged": ("batch-norm", _grads("beta", lambda layer, g, *_: g / 6), "gradients"),
    "one gamma for all channels": (
        "batch-norm", _grads("gamma", lambda layer, g, *_: np.full_like(g, g.sum())), "gradients"),
    "running statistics in training": ("batch-norm", {"forward": _by_running}, ""),
    "mask not scaled": ("dropout", _passes(lambda layer, dx, *_: dx * (1 - layer.rate)), "backward"),
    "mask scaled twice": ("dropout", _passes(lambda layer, dx, *_: dx / (1 - layer.rate)), "backward"),
    "mask forgotten": ("dropout", _passes(lambda layer, dx, *given: given[-1]), "backward"),
    "mask redrawn on the way back": ("dropout", _passes(_redrawn), "backward"),
    "mask not of the stream": ("dropout", {"forward": _without_stream}, "backward"),
    "slope averaged": ("prelu", _grads("slope", lambda layer, g, *_: g / 6), "gradients"),
    "slope of all channels": ("prelu", _grads("slope", lambda layer, g, *_: np.full_like(g, g.mean())), "gradients"),
    "slope with a sign": ("prelu", _grads("slope", lambda layer, g, *_: -g), "gradients"),
    "slope forgotten": ("prelu", _passes(lambda layer, dx, params, x, z, memo, dz: dz * (x > 0)), "backward"),
    "maxout passes to the last piece": ("maxout", _passes(_last_piece), "backward"),
    "maxout passes to all pieces": (
        "maxout", _passes(lambda layer, dx, params, x, z, memo, dz: dz @ params["W"].sum(axis=1)), "backward"),
    "maxout's bias of another piece": ("maxout", _grads("b", lambda layer, g, *_: np.roll(g, 1, axis=1)), "gradients"),
    "flatten with channels last": (
        "flatten",
        _passes(lambda layer, dx, params, x, z, memo, dz: np.moveaxis(dz.reshape(6, 3, 3, 6), -1, 1)),
        "backward",
    ),
    "flatten with rows and columns swapped": ("flatten", _passes(lambda layer, dx, *_: dx.swapaxes(2, 3)), "backward"),
    "flatten column by column": (
        "flatten", _passes(lambda layer, dx, params, x, z, memo, dz: dz.reshape(x.shape, order="F")), "backward"),
    "weights not transposed": (
        "dense", _passes(lambda layer, dx, params, x, z, memo, dz: dz @ params["W"]), "backward"),
    "weights' gradient transposed": ("dense", _grads("W", lambda layer, g, *_: g.T), "gradients"),
    "dense bias summed over units": (
        "dense", _grads("b", lambda layer, g, params, x, z, memo, dz: dz.sum(axis=1)), "gradients"),
    "3 % off in one entry": (
        "dense", _grads("W", lambda layer, g, *_: g * (1 + 0.03 * (np.arange(36) == 20).reshape(6, 6))), "gradients"),
    "samples mixed up": ("maxout", _passes(lambda layer, dx, *_: dx[::-1]), "backward"),
    "an activation's layer that forgets the slope": (
        "tanh", _passes(lambda layer, dx, params, x, z, memo, dz: dz), "backward"),
    "dz overwritten": ("flatten", _passes(_overwrites), "backward"),
    "another shape": ("flatten", _passes(lambda layer, dx, *_: dx[:, :1]), "backward"),
    "a gradient that is missing": ("prelu", {"gradients": lambda *_: {}}, "gradients"),
    "a gradient of no parameter": ("prelu", {"gradients": lambda layer, g, *_: {**g, "b": g["slope"]}}, "gradients"),
    "says that it is elementwise": ("batch-norm", {"elementwise": lambda *_: True}, "backward"),
    "says that it couples no samples": ("batch-norm", {"couples_samples": lambda *_: False}, "backward"),
    "change twice as large": ("max-pool", {"change": lambda layer, dz, *_: 2 * dz}, "change"),
    "change of other samples": ("batch-norm", {"change": lambda layer, dz, *_: dz[:, ::-1]}, "change"),
    "slopes without the padding": ("convolution", {"slopes": lambda layer, s, *_: np.roll(s, 1, axis=2)}, "slopes"),
    "slopes of another channel": ("prelu", {"slopes": lambda layer, s, *_: 2 * s}, "slopes"),
    "reach too narrow": ("convolution", {"reach": lambda layer, reach, inputs, channels: channels}, "reach"),
    "says that it is linear in all": ("maxout", _claim(linear=True), "params"),
    "says that each entry has a channel": ("maxout", _claim(channel_axis=1), "params"),
}  # fmt: skip
