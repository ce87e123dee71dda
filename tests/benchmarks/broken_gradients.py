"""Gradients with known mistakes, and the book's own loss.

The gradient check must call each by its name.
`parts` yields plugins with a wrong `backward`, and `WHOLES` are ways to get the whole gradient of a network wrong.
Each kind is one mistake that somebody makes; all else is right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import attrs
import numpy as np

import modnet

Array = Any
Grads = dict[str, Array]


def network(seed: int, activation: Any = None, **settings: Any) -> tuple[modnet.Network, Array, Array]:
    """Return a small network of square layers and a batch of as many samples as units, so that mix-ups fit."""
    rng = np.random.default_rng(seed)
    smooth = ["sigmoid", "tanh", "softplus", "swish"][seed % 4]
    settings = {"weight_init_std": "xavier", "seed": seed, **settings}
    net = modnet.Network([6, 6, 6, 6], hidden=activation or smooth, **settings)
    for name in ("b1", "b2", "b3"):
        net.params[name] = 0.1 * rng.standard_normal(6)
    return net, rng.standard_normal((6, 6)), rng.integers(0, 6, 6)


# Activations: what makes a wrong da of the right one, from (activation, a, z, dz, the right da).


def _one_unit(factor: float) -> Callable[..., Array]:
    def break_it(f: Any, a: Array, z: Array, dz: Array, da: Array) -> Array:
        da = da.copy()
        da[:, 0] *= factor
        return da

    return break_it


def _nan_at_one(f: Any, a: Array, z: Array, dz: Array, da: Array) -> Array:
    da = da.copy()
    da[0, 0] = np.nan
    return da


def _swap(f: Any, a: Array, z: Array, dz: Array, da: Array) -> Array:
    da = da.copy()
    da[:, [0, -1]] = da[:, [-1, 0]]
    return da if da.shape[1] > 1 else 2 * da


def _last_sample_ignored(f: Any, a: Array, z: Array, dz: Array, da: Array) -> Array:
    return np.concatenate([da[:-1], np.zeros_like(da[-1:])])


def _overwrites(f: Any, a: Array, z: Array, dz: Array, da: Array) -> Array:
    dz *= da / dz
    return dz


BACKWARDS: dict[str, Callable[..., Array]] = {
    "sign": lambda f, a, z, dz, da: -da,
    "twice": lambda f, a, z, dz, da: 2 * da,
    "half": lambda f, a, z, dz, da: da / 2,
    "1 % off": lambda f, a, z, dz, da: 1.01 * da,
    "0.001 % off": lambda f, a, z, dz, da: 1.00001 * da,
    "3 % off in one unit": _one_unit(1.03),
    "sign in one unit": _one_unit(-1.0),
    "one sample ignored": _last_sample_ignored,
    "not a number at one entry": _nan_at_one,
    "zero": lambda f, a, z, dz, da: 0 * da,
    "absolute value": lambda f, a, z, dz, da: abs(da),
    "forgets dz": lambda f, a, z, dz, da: da / dz,
    "squares dz": lambda f, a, z, dz, da: da * dz,
    "forgets the slope": lambda f, a, z, dz, da: dz,
    "slope squared": lambda f, a, z, dz, da: da * da / dz,
    "dz of the next unit": lambda f, a, z, dz, da: np.roll(da, 1, axis=1) if da.shape[1] > 1 else 2 * da,
    "dz of the next sample": lambda f, a, z, dz, da: da / dz * np.roll(dz, 1, axis=0),
    "two units swapped": _swap,
    "units the other way round": lambda f, a, z, dz, da: da[:, ::-1] if da.shape[1] > 1 else 2 * da,
    "slope at z instead of a": lambda f, a, z, dz, da: f.backward(z, f(z), dz),
    "slope at -a": lambda f, a, z, dz, da: f.backward(-a, f(-a), dz) + 0.01 * da * a,
    "slope at 1.1 a": lambda f, a, z, dz, da: f.backward(1.1 * a, f(1.1 * a), dz),
    "wrong for negative inputs": lambda f, a, z, dz, da: np.where(a < 0, 0.9 * da, da),
    "wrong for large inputs": lambda f, a, z, dz, da: np.where(a > 4, 0.5 * da, da),
    "negative slopes of the outgoing gradient cut": lambda f, a, z, dz, da: np.maximum(da, 0),
    "clipped": lambda f, a, z, dz, da: np.clip(da, -0.3, 0.3),
    "rounded to 3 digits": lambda f, a, z, dz, da: np.round(da, 3),
    "float16 on the way": lambda f, a, z, dz, da: da.astype(np.float16).astype(np.float64),
    "mean over the batch": lambda f, a, z, dz, da: da / len(da),
    "sum over the batch": lambda f, a, z, dz, da: np.broadcast_to(da.sum(axis=0), da.shape),
    "a little of another sample": lambda f, a, z, dz, da: da + 1e-3 * da[::-1],
    "writes into dz": _overwrites,
}


@attrs.frozen
class Broken(modnet.Activation):
    """An activation with one mistake in its backward pass."""

    activation: modnet.Activation
    kind: str
    elementwise: ClassVar[bool] = True

    def __call__(self, a: Array, axis: int = -1) -> Array:
        return self.activation(a, axis)

    def backward(self, a: Array, z: Array, dz: Array, axis: int = -1) -> Array:
        return BACKWARDS[self.kind](self.activation, a, z, dz, self.activation.backward(a, z, dz, axis))


@attrs.frozen
class Formula(modnet.Activation):
    """An activation of two formulas, the second of which is not the derivative of the first."""

    name: str
    forward: Callable[[Array], Array] = attrs.field(repr=False)
    slope: Callable[[Array, Array], Array] = attrs.field(repr=False)
    elementwise: ClassVar[bool] = True

    def __call__(self, a: Array, axis: int = -1) -> Array:
        return self.forward(a)

    def backward(self, a: Array, z: Array, dz: Array, axis: int = -1) -> Array:
        return dz * self.slope(a, z)


def _sigmoid(a: Array) -> Array:
    return 1 / (1 + np.exp(-a))


FORMULAS = [
    Formula("sigmoid' from a", _sigmoid, lambda a, z: a * (1 - a)),
    Formula("sigmoid' without 1 - z", _sigmoid, lambda a, z: z),
    Formula("sigmoid' of z", _sigmoid, lambda a, z: _sigmoid(z) * (1 - _sigmoid(z))),
    Formula("tanh' = 1 - z", np.tanh, lambda a, z: 1 - z),
    Formula("tanh' = 1 - a²", np.tanh, lambda a, z: 1 - a**2),
    Formula("relu with a slope that leaks", lambda a: np.maximum(a, 0), lambda a, z: np.where(a > 0, 1.0, 0.01)),
    Formula("relu' the wrong way round", lambda a: np.maximum(a, 0), lambda a, z: (a < 0) * 1.0),
    Formula("relu' above 0.1", lambda a: np.maximum(a, 0), lambda a, z: (a > 0.1) * 1.0),
    Formula("leaky relu' of another slope", lambda a: np.maximum(a, 0.01 * a), lambda a, z: np.where(a > 0, 1, 0.02)),
    Formula("elu' without alpha", lambda a: np.where(a > 0, a, 0.5 * np.expm1(np.minimum(a, 0))),
            lambda a, z: np.where(a > 0, 1, np.exp(np.minimum(a, 0)))),
    Formula("softplus' = sigmoid(-a)", lambda a: np.logaddexp(a, 0), lambda a, z: _sigmoid(-a)),
    Formula("swish' without its second term", lambda a: a * _sigmoid(a), lambda a, z: _sigmoid(a)),
    Formula("gelu by tanh, slope of a sigmoid", lambda a: a / 2 * (1 + np.tanh(0.7978845608 * (a + 0.044715 * a**3))),
            lambda a, z: _sigmoid(1.702 * a) * (1 + 1.702 * a * (1 - _sigmoid(1.702 * a)))),
    Formula("a straight line through a step", lambda a: (a > 0) * 1.0, lambda a, z: np.ones_like(a)),
]  # fmt: skip


def _softmax(a: Array, axis: int = -1) -> Array:
    powers = np.exp(a - a.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


@attrs.frozen
class BrokenSoftmax(modnet.Activation):
    """A softmax that no loss knows, with one mistake in its backward pass."""

    kind: str

    def __call__(self, a: Array, axis: int = -1) -> Array:
        return _softmax(a)

    def backward(self, a: Array, z: Array, dz: Array, axis: int = -1) -> Array:
        return {
            "without the coupling": z * dz,
            "diagonal only": z * (1 - z) * dz,
            "coupling not weighted": z * (dz - dz.sum(axis=-1, keepdims=True)),
            "coupling over the batch": z * (dz - (z * dz).sum(axis=0)),
            "coupling of the mean": z * (dz - (z * dz).mean(axis=-1, keepdims=True)),
        }[self.kind]


SOFTMAXES = ["without the coupling", "diagonal only", "coupling not weighted", "coupling over the batch",
             "coupling of the mean"]  # fmt: skip


@attrs.frozen
class BrokenLoss(modnet.Loss):
    """A mean squared error or a cross entropy with one mistake in its backward pass."""

    kind: str

    def __call__(self, y: Array, t: Array, axis: int = -1) -> Array:
        t = np.eye(y.shape[-1])[t]
        return -(t * np.log(y)).sum(axis=-1) if "entropy" in self.kind else ((y - t) ** 2).mean(axis=-1)

    def backward(self, y: Array, t: Array, axis: int = -1) -> Array:
        t = np.eye(y.shape[-1])[t]
        n = y.shape[-1]
        return {
            "square without the 2": (y - t) / n,
            "square without the mean": 2 * (y - t),
            "square with a sign": 2 * (t - y) / n,
            "square divided by the batch": 2 * (y - t) / n / len(y),
            "square with absolute values": 2 * abs(y - t) / n,
            "entropy with a sign": t / y,
            "entropy not divided by y": -t,
            "entropy with the others": -t / y + (1 - t) / (1 - y),
            "entropy divided by y²": -t / y**2,
        }[self.kind]


LOSSES = ["square without the 2", "square without the mean", "square with a sign", "square divided by the batch",
          "square with absolute values", "entropy with a sign", "entropy not divided by y",
          "entropy with the others", "entropy divided by y²"]  # fmt: skip


@attrs.frozen
class BookLoss(modnet.Loss):
    """The book's softmax with loss: -log(y_c + 1e-7), whose backward pass is y - t (Saitoh, 4.2.4 and 5.6.3)."""

    kind: str = "y - t"

    def __call__(self, y: Array, t: Array, axis: int = -1) -> Array:
        return -np.log(np.take_along_axis(y, np.expand_dims(t, axis), axis).squeeze(axis) + 1e-7)

    def fused(self, activation: modnet.Activation) -> modnet.FusedLoss | None:
        return BookFused(self) if activation.computes == "softmax" else None


@attrs.frozen
class BookFused(modnet.FusedLoss):
    """Softmax and loss in one; with other kinds than the book's, the backward pass has one mistake."""

    loss: BookLoss

    def __call__(self, a: Array, t: Array, axis: int = -1) -> tuple[Array, Array]:
        y = _softmax(a, axis)
        return self.loss(y, t, axis), y

    def backward(self, a: Array, y: Array, t: Array, axis: int = -1) -> Array:
        hot = np.eye(y.shape[-1])[t]
        return {
            "y - t": y - hot,
            "t not subtracted": y,
            "t - y": hot - y,
            "y - t divided by the batch": (y - hot) / len(y),
            "y - t of the next class": y - np.roll(hot, 1, axis=-1),
            "y - t of smoothed targets": y - (0.99 * hot + 0.01 / y.shape[-1]),
            "y - t times y": (y - hot) * y,
            "y - t rounded": np.round(y - hot, 2),
            "a - t": a - hot,
        }[self.loss.kind]


FUSED = ["t not subtracted", "t - y", "y - t divided by the batch", "y - t of the next class",
         "y - t of smoothed targets", "y - t times y", "y - t rounded", "a - t"]  # fmt: skip


def parts() -> Iterator[tuple[str, Callable[[int], tuple[modnet.Network, Array, Array]]]]:
    """Yield each kind of broken part, and what makes a network of it from a seed."""
    names = ["sigmoid", "tanh", "softplus", "swish"]
    for kind in BACKWARDS:
        yield (
            f"activation: {kind}",
            lambda seed, kind=kind: network(seed, Broken(modnet.activation(names[seed % 4]), kind)),
        )
    for formula in FORMULAS:
        yield f"activation: {formula.name}", lambda seed, formula=formula: network(seed, formula)
    for kind in SOFTMAXES:
        yield f"softmax: {kind}", lambda seed, kind=kind: network(seed, output=BrokenSoftmax(kind))
    for kind in LOSSES:
        output = "softmax" if "entropy" in kind else "identity"
        yield f"loss: {kind}", lambda seed, kind=kind, o=output: network(seed, output=o, loss=BrokenLoss(kind))
    for kind in FUSED:
        yield f"fused: {kind}", lambda seed, kind=kind: network(seed, loss=BookLoss(kind))


# Whole gradients: what makes a wrong one, from (network, x, t, the right one).


def _backprop(net: modnet.Network, x: Array, t: Array) -> tuple[list[Array], list[Array], list[Array]]:
    """Return each layer's inputs, pre-activations and errors da."""
    objective = net.objective(x, t)
    trace = objective.trace(net.params)
    errors = [objective.output_error(net.params)]
    for layer, a, z in list(zip(net.layers, trace.pre_activations, trace.inputs[1:], strict=False))[::-1]:
        dz = errors[0] @ net.params[f"W{layer.number + 1}"].T
        errors.insert(0, layer.activation.backward(a, z, dz))
    return list(trace.inputs), list(trace.pre_activations), errors


def _from(inputs: list[Array], errors: list[Array]) -> Grads:
    grads: Grads = {}
    for k, (z, da) in enumerate(zip(inputs, errors, strict=True), start=1):
        grads |= {f"W{k}": z.T @ da, f"b{k}": da.sum(axis=0)}
    return grads


def _change(name: str, change: Callable[[Array], Array]) -> Callable[..., Grads]:
    return lambda net, x, t, g: {**g, name: change(g[name])}


def _at(index: Any, change: Callable[[Array], Array]) -> Callable[[Array], Array]:
    def apply(value: Array) -> Array:
        value = value.copy()
        value[index] = change(value[index])
        return value

    return apply


def _all(change: Callable[[Array], Array]) -> Callable[..., Grads]:
    return lambda net, x, t, g: {name: change(value) for name, value in g.items()}


def _other_network(net: modnet.Network, x: Array, t: Array, g: Grads) -> Grads:
    moved = {name: value + 1e-3 * np.sign(np.sin(np.arange(value.size))).reshape(value.shape)
             for name, value in net.params.items()}  # fmt: skip
    return dict(net.with_arrays(moved).gradient(x, t))


def _chain(step: Callable[..., Array]) -> Callable[..., Grads]:
    """Return a backward pass with another step through the second layer: (da3, W3, a2, z2, the right da2)."""

    def break_it(net: modnet.Network, x: Array, t: Array, g: Grads) -> Grads:
        inputs, pre, errors = _backprop(net, x, t)
        errors[1] = step(net.layers[1].activation, errors[2], net.params["W3"], pre[1], inputs[2], errors[1])
        layer = net.layers[0]
        errors[0] = layer.activation.backward(pre[0], inputs[1], errors[1] @ net.params["W2"].T)
        return _from(inputs, errors)

    return break_it


def _inputs(change: Callable[[list[Array]], list[Array]]) -> Callable[..., Grads]:
    def break_it(net: modnet.Network, x: Array, t: Array, g: Grads) -> Grads:
        inputs, _, errors = _backprop(net, x, t)
        return _from(change(inputs), errors)

    return break_it


def _momentum(net: modnet.Network, x: Array, t: Array, g: Grads) -> Grads:
    before = net.gradient(x[::-1] * 0.9, t)
    return {name: 0.9 * before[name] + 0.1 * value for name, value in g.items()}


WHOLES: dict[str, Callable[..., Grads]] = {
    "sign": _all(lambda g: -g),
    "twice": _all(lambda g: 2 * g),
    "not divided by N": lambda net, x, t, g: {name: value * len(x) for name, value in g.items()},
    "divided by N twice": lambda net, x, t, g: {name: value / len(x) for name, value in g.items()},
    "1 % off": _all(lambda g: 1.01 * g),
    "absolute value": _all(abs),
    "zero": _all(np.zeros_like),
    "first layer zero": _change("W1", np.zeros_like),
    "rounded to 3 digits": _all(lambda g: np.round(g, 3)),
    "float16 on the way": _all(lambda g: g.astype(np.float16).astype(np.float64)),
    "clipped": _all(lambda g: np.clip(g, -0.01, 0.01)),
    "scaled to length 1": _all(lambda g: g / np.linalg.norm(g)),
    "small ones left out": _all(lambda g: np.where(abs(g) < np.median(abs(g)), 0, g)),
    "weights transposed": _change("W2", np.transpose),
    "weights transposed in the first layer": _change("W1", np.transpose),
    "3 % off in one unit": _change("W2", _at(np.s_[:, 3], lambda g: 1.03 * g)),
    "3 % off in one input": _change("W1", _at(np.s_[2], lambda g: 1.03 * g)),
    "3 % off in one entry": _change("W3", _at((4, 1), lambda g: 1.03 * g)),
    "not a number at one entry": _change("W2", _at((0, 0), lambda g: np.nan)),
    "infinite at one entry": _change("b2", _at(0, lambda g: np.inf)),
    "units rolled by one": _change("W2", lambda g: np.roll(g, 1, axis=1)),
    "two units swapped": _change("W1", lambda g: g[:, [1, 0, 2, 3, 4, 5]]),
    "rows the other way round": _change("W2", lambda g: g[::-1]),
    "upper triangle only": _change("W2", np.triu),
    "bias detached": _change("b1", np.zeros_like),
    "bias 3 % off": _change("b3", lambda g: 1.03 * g),
    "bias with a sign": _change("b2", lambda g: -g),
    "bias averaged": lambda net, x, t, g: {**g, "b2": g["b2"] / len(x)},
    "bias summed over units": lambda net, x, t, g: {**g, "b2": _backprop(net, x, t)[2][1].sum(axis=1)},
    "one bias for all": _change("b2", lambda g: np.full_like(g, g.mean())),
    "gradient of another layer": lambda net, x, t, g: {**g, "W2": g["W3"]},
    "bias of another layer": lambda net, x, t, g: {**g, "b1": g["b2"]},
    "one sample ignored": lambda net, x, t, g: dict(net.gradient(x[1:], t[1:])),
    "another batch": lambda net, x, t, g: dict(net.gradient(x + 0.1, t)),
    "targets of the next class": lambda net, x, t, g: dict(net.gradient(x, (t + 1) % 6)),
    "parameters of another step": _other_network,
    "momentum mixed in": _momentum,
    "weight decay mixed in": lambda net, x, t, g: {n: v + 1e-4 * net.params[n] for n, v in g.items()},
    "slope of the activation forgotten": _chain(lambda f, da, w, a, z, right: da @ w.T),
    "slope taken twice": _chain(lambda f, da, w, a, z, right: f.backward(a, z, right)),
    "slope at another layer's place": _chain(lambda f, da, w, a, z, right: f.backward(0.9 * a, f(0.9 * a), da @ w.T)),
    "weights not transposed on the way back": _chain(lambda f, da, w, a, z, right: f.backward(a, z, da @ w)),
    "weights forgotten on the way back": _chain(lambda f, da, w, a, z, right: f.backward(a, z, da)),
    "samples mixed up on the way back": _chain(lambda f, da, w, a, z, right: right[::-1]),
    "detached after the second layer": _chain(lambda f, da, w, a, z, right: 0 * right),
    "bias in place of the inputs": _inputs(lambda zs: [zs[0], np.ones_like(zs[1]), zs[2]]),
    "inputs of another layer": _inputs(lambda zs: [zs[0], zs[2], zs[2]]),
    "samples of the inputs mixed up": _inputs(lambda zs: [zs[0], zs[1][::-1], zs[2]]),
    "inputs overwritten by their slopes": _inputs(lambda zs: [zs[0], zs[1] * (1 - zs[1]), zs[2]]),
    "inputs centred": _inputs(lambda zs: [zs[0] - zs[0].mean(axis=0), *zs[1:]]),
}
