"""Exact central differences of dense networks, in 80 bits or 50 digits.

What is meant by exact: each sample's loss as the formulas of its parts say, in real numbers, at the parameters and
inputs of the tested dtype as they stand, with the unit's pre-activation moved by h x either way. The step h is the
dtype's number next to the one asked for, which estimators multiply by and divide by. The book's loop moves by
(w + h) - w in place of h: it is off by up to eps |w| / h of an entry besides, and no estimator tested here is. That
estimators round h x to the dtype changes an entry by eps of itself, which `bound` leaves room for.

The formulas are written here anew, for longdouble (80 bits, `EIGHTY_BITS`) and for mpmath (`FIFTY_DIGITS`). A part
that is none of modnet's says with `exact(xp, a)` what it is; one that has none is taken as what it gives to numbers
of the dtype, `a` and h x rounded as the network rounds them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import mpmath
import numpy as np

import modnet
from modnet.interfaces import name_of

Array = Any
HAS_EIGHTY_BITS = bool(np.finfo(np.longdouble).eps < 2e-19)


EVALUATE = ("nodes", "every")


def central(evaluate: str, h: float | None = None, threads: int = 1) -> Any:
    """Return the estimator that is tested."""
    return modnet.gradient("central-difference", h=h, threads=threads, evaluate=evaluate)


@attrs.frozen
class Numbers:
    """Numbers to calculate with: how an array is converted, and the functions that NumPy's operators lack."""

    convert: Callable[[Array], Array]
    exp: Callable[[Array], Array]
    expm1: Callable[[Array], Array]
    log: Callable[[Array], Array]
    log1p: Callable[[Array], Array]
    tanh: Callable[[Array], Array]
    normal_cdf: Callable[[Array], Array]


def _normal_cdf(a: Array) -> Array:
    """Return the normal distribution in longdouble: by its series, and its tail by Laplace's continued fraction."""
    u, root = np.abs(a), np.sqrt(2 * np.longdouble("3.14159265358979323846264338327950288"))
    term = total = np.minimum(u, 2)
    for n in range(3, 80, 2):
        term = term * np.minimum(u, 2) ** 2 / n
        total = total + term
    fraction = far = np.maximum(u, 2)
    for n in range(200, 0, -1):
        fraction = far + n / fraction
    density = np.exp(-u * u / 2) / root
    tail = np.where(u < 2, 0.5 - density * total, density / fraction)
    return np.where(a < 0, tail, 1 - tail)


def _each(function: Callable[[Any], Any]) -> Callable[[Array], Array]:
    return np.frompyfunc(function, 1, 1)


EIGHTY_BITS = Numbers(lambda a: np.asarray(a, np.longdouble), np.exp, np.expm1, np.log, np.log1p, np.tanh, _normal_cdf)
FIFTY_DIGITS = Numbers(
    _each(lambda value: mpmath.mpf(float(value))),
    *map(_each, (mpmath.exp, mpmath.expm1, mpmath.log, mpmath.log1p, mpmath.tanh, mpmath.ncdf)),
)


def _sigmoid(xp: Numbers, a: Array) -> Array:
    power = xp.exp(-abs(a))
    return np.where(a < 0, power, 1) / (1 + power)


def _softplus(xp: Numbers, a: Array) -> Array:
    return np.where(a > 0, a, 0 * a) + xp.log1p(xp.exp(-abs(a)))


def _softmax(xp: Numbers, a: Array) -> Array:
    powers = xp.exp(a - a.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def _gelu(xp: Numbers, part: Any, a: Array) -> Array:
    if not part.approximate:
        return a * xp.normal_cdf(a)
    root = xp.convert(np.float64(0.7978845608028654))  # sqrt(2 / pi) as the part rounds it
    return a / 2 * (1 + xp.tanh(root * (a + 0.044715 * a**3)))


def _negative(a: Array) -> Array:
    return np.where(a < 0, a, 0 * a)


ACTIVATIONS: dict[str, Callable[[Numbers, Any, Array], Array]] = {
    "elu": lambda xp, part, a: np.where(a > 0, a, part.alpha * xp.expm1(_negative(a))),
    "gelu": _gelu,
    "identity": lambda xp, part, a: a,
    "leaky-relu": lambda xp, part, a: np.where(a > 0, a, part.slope * a),
    "relu": lambda xp, part, a: np.where(a > 0, a, 0 * a),
    "sigmoid": lambda xp, part, a: _sigmoid(xp, a),
    "softmax": lambda xp, part, a: _softmax(xp, a),
    "softplus": lambda xp, part, a: _softplus(xp, a),
    "step": lambda xp, part, a: np.where(a > 0, 0 * a + 1, 0 * a),
    "swish": lambda xp, part, a: a * _sigmoid(xp, part.beta * a),
    "tanh": lambda xp, part, a: xp.tanh(a),
}


def _cross_entropy(xp: Numbers, part: Any, y: Array, t: Array) -> Array:
    counts = np.broadcast_to(t != 0, y.shape)
    return -(t * xp.log(np.where(counts, y + part.eps, 1 + 0 * y))).sum(axis=-1)


def _softmax_cross_entropy(xp: Numbers, part: Any, a: Array, t: Array) -> Array:
    top = a.max(axis=-1, keepdims=True)
    surprise = xp.log(xp.exp(a - top).sum(axis=-1, keepdims=True)) + top - a
    if part.eps:
        surprise = -xp.log(xp.exp(-surprise) + part.eps)
    return (t * surprise).sum(axis=-1)


def _binary_cross_entropy(xp: Numbers, part: Any, y: Array, t: Array, least: float) -> Array:
    one, other = np.where(y > least, y, least + 0 * y), np.where(1 - y > least, 1 - y, least + 0 * y)
    return (-t * xp.log(one) - (1 - t) * xp.log(other)).sum(axis=-1) / y.shape[-1]


def _huber(part: Any, y: Array, t: Array) -> Array:
    size = abs(y - t)
    return np.where(size <= part.delta, size * size / 2, part.delta * (size - part.delta / 2)).sum(-1) / y.shape[-1]


@attrs.frozen(eq=False)
class Exact:
    """Differences of the chosen entries by name, and `bound`, the most that round-off may move an estimate.

    It is 8 eps (1 + |L| + |a|) / h: the loss and what it is a function of are rounded. |L| is the samples' mean,
    and |a| the most that a relative error of one layer's values v, pre-activations or outputs, changes it: the mean of
    sum |v dL/dv| over the units. A loss may be as steep as it likes (a logarithm near 0): of the network's outputs
    dL/dv is taken over eps v, wherever they are moved to. And what is as steep as it likes at a place of its own (a
    jump) is met there or not: the difference is taken twice more, with all pre-activations that follow off by the
    rounding of their sums either way.
    """

    values: Mapping[str, Array]
    bound: float

    def error(self, gradient: Mapping[str, Array], entries: Mapping[str, Array]) -> float:
        """Return the largest error of a gradient's chosen entries, in bounds."""
        if not all(np.isfinite(gradient[name]).all() for name in entries):
            return float("inf")
        off = (self.values[n] - gradient[n].reshape(-1)[at].astype(np.longdouble) for n, at in entries.items())
        return max(float(abs(difference).max()) for difference in off) / self.bound


class ExactNetwork:
    """A network's loss over one batch, in other numbers than its own."""

    def __init__(self, network: Any, x: Array, t: Array, weights: Array | None, xp: Numbers) -> None:
        objective, self.xp = network.objective(x, t, weights), xp
        self.layers, self.loss, self.dtype = objective.layers, objective.loss_function, objective.x.dtype
        self.params = {name: xp.convert(value) for name, value in network.params.items()}
        self.trace = objective.trace(network.params)
        self.t = xp.convert(self._dense(objective.t))
        self.share = xp.convert(np.ones(len(objective.x)) if weights is None else objective.weights)
        self.share = self.share / (self.share.sum() or 1)
        self.output_sensitivity = 0.0
        self.inputs, self.a = [], []
        z = xp.convert(objective.x)
        for k, layer in enumerate(self.layers):
            self.inputs.append(z)
            self.a.append(z @ self.params[layer.weight] + self.params[layer.bias])
            if self._is_black_box(k):
                self.a[k] = xp.convert(self.trace.pre_activations[k])
            z = self.activate(k, self.a[k])
        self.y = z
        self.eps = float(np.finfo(self.dtype).eps)
        self.sizes: list[Array] = []
        for k in range(len(self.layers)):
            self.sizes.append(self._size(k))

    def _dense(self, t: Array) -> Array:
        outputs = self.layers[-1].outputs
        if t.ndim == 2:
            return t
        return t[:, np.newaxis] * 1.0 if self.loss.is_binary and outputs == 1 else np.eye(outputs)[t]

    def _is_black_box(self, k: int) -> bool:
        part = self.layers[k].activation
        return not hasattr(part, "exact") and name_of(part) not in ACTIVATIONS

    def activate(self, k: int, a: Array) -> Array:
        """Return the outputs of layer k, along the last axis."""
        part = self.layers[k].activation
        if hasattr(part, "exact"):
            return part.exact(self.xp, a)
        if self._is_black_box(k):
            return self.xp.convert(part(a.astype(self.dtype)))
        return ACTIVATIONS[name_of(part)](self.xp, part, a)

    def move(self, k: int, i: int | None, h: float) -> Array:
        """Return the moves (N,) of layer k's pre-activations where the weight of input i, or the bias, is moved."""
        if i is None:
            return self.xp.convert(np.full(len(self.y), h))
        if self._is_black_box(k):
            return self.xp.convert(self.trace.inputs[k][:, i] * self.dtype.type(h))
        return self.inputs[k][:, i] * self.xp.convert(h)

    def _size(self, k: int) -> Array:
        """Return what layer k's sums (N, units) are rounded in proportion to: nothing where their bits are given.

        Those of the layer before are passed on, as if by an activation of slope 1.
        """
        values = abs(self.inputs[k]) + (self.sizes[-1] if k else 0)
        size = values @ abs(self.params[self.layers[k].weight]) + abs(self.params[self.layers[k].bias])
        return 0 * size if self._is_black_box(k) else size

    def to_last(self, k: int, a: Array, off: int = 0) -> Array:
        """Return the last layer's pre-activations for pre-activations (..., N, units) of layer k.

        Those of each layer are `off` times the rounding of their sum away.
        """
        a = a + off * self.eps * self.sizes[k]
        for m in range(k + 1, len(self.layers)):
            a = self.activate(m - 1, a) @ self.params[self.layers[m].weight] + self.params[self.layers[m].bias]
            a = a + off * self.eps * self.sizes[m]
        return a

    def losses_at(self, a: Array) -> Array:
        """Return the losses for pre-activations (..., N, units) of the last layer."""
        name = (self.layers[-1].activation.computes, name_of(self.loss))
        if name == ("softmax", "cross-entropy"):
            return _softmax_cross_entropy(self.xp, self.loss, a, self.t)
        if name == ("sigmoid", "binary-cross-entropy"):
            return (_softplus(self.xp, a) - self.t * a).sum(axis=-1) / a.shape[-1]
        y = self.activate(len(self.layers) - 1, a)
        size = self.eps * np.maximum(abs(y), abs(self.y))
        self._note((self.losses(y + size) - self.losses(y - size)) / 2)
        return self.losses(y)

    def _note(self, off: Array) -> None:
        """Keep the largest change (E, N) of the losses by rounding what they are a function of."""
        self.output_sensitivity = max(self.output_sensitivity, float(np.max(abs(off) @ self.share)) / self.eps)

    def losses(self, y: Array) -> Array:
        """Return the losses of outputs (..., N, units)."""
        xp, loss, t = self.xp, self.loss, self.t
        if hasattr(loss, "exact"):
            return loss.exact(xp, y, t)
        least = float(np.finfo(self.dtype).tiny)
        return {
            "binary-cross-entropy": lambda: _binary_cross_entropy(xp, loss, y, t, least),
            "cross-entropy": lambda: _cross_entropy(xp, loss, y, t),
            "huber": lambda: _huber(loss, y, t),
            "mean-squared-error": lambda: ((y - t) ** 2).sum(axis=-1) / y.shape[-1],
        }[name_of(loss)]()

    def differences(self, k: int, units: Array, moves: Array) -> Array:
        """Return L(a + move) - L(a - move) (E, N) where units[e] of layer k is moved by moves[e] (N,)."""
        a = np.tile(self.a[k], (2 * len(units), 1, 1))
        for e, (unit, move) in enumerate(zip(units, moves, strict=True)):
            a[2 * e, :, unit] = self._add(k, a[2 * e, :, unit], move)
            a[2 * e + 1, :, unit] = self._add(k, a[2 * e + 1, :, unit], -move)
        found, *shifted = (losses[0::2] - losses[1::2] for losses in self._losses_around(k, a))
        for other in shifted:
            self._note((other - found) / 2)
        return found

    def _losses_around(self, k: int, a: Array) -> list[Array]:
        return [self.losses_at(self.to_last(k, a, off)) for off in (0, 1, -1)]

    def _add(self, k: int, a: Array, move: Array) -> Array:
        """Return a + move: where a black box sees the bits, as the dtype adds, which rounds once."""
        if self._is_black_box(k):
            return self.xp.convert(a.astype(self.dtype) + move.astype(self.dtype))
        return a + move

    def sensitivity(self, h: float) -> float:
        """Return the most that a relative error of a layer's values changes the mean loss."""
        found, h = [], self.xp.convert(h)
        for k, layer in enumerate(self.layers):
            units, moves = range(layer.outputs), np.tile(h, (layer.outputs, len(self.y)))
            slopes = self.differences(k, units, moves) / (2 * h)
            found.append((abs(slopes * self.a[k].T).sum(axis=0) * self.share).sum())
            if k:  # the outputs of the layer before
                by_output = abs(slopes.T) @ abs(self.params[layer.weight].T)
                found.append(((by_output * abs(self.inputs[k])).sum(axis=1) * self.share).sum())
        return max(self.output_sensitivity, *map(float, found))


def exact_differences(
    network: Any,
    x: Array,
    t: Array,
    h: float,
    entries: Mapping[str, Array],
    weights: Array | None = None,
    numbers: Numbers = EIGHTY_BITS,
) -> Exact:
    """Return the exact central differences by the chosen `entries`, flat indices by name, of a network's mean loss."""
    with np.errstate(all="ignore"), mpmath.workdps(50):
        exact = ExactNetwork(network, x, t, weights, numbers)
        h = float(exact.dtype.type(h))
        values = {}
        for k, layer in enumerate(exact.layers):
            for name in {layer.weight, layer.bias} & {*entries}:
                inputs, units = (None, entries[name]) if name == layer.bias else np.divmod(entries[name], layer.outputs)
                moves = [exact.move(k, None if inputs is None else inputs[e], h) for e in range(len(units))]
                changes = exact.differences(k, units, moves) @ exact.share
                values[name] = np.asarray(changes / (2 * numbers.convert(h)), np.longdouble)
        loss = float(abs(exact.losses_at(exact.a[-1])) @ exact.share)
        bound = 8 * float(np.finfo(exact.dtype).eps) * (1 + loss + exact.sensitivity(h)) / h
    return Exact(values, bound)


def choose_entries(network: Any, x: Array, seed: int = 0, weights_by_unit: int = 2) -> dict[str, Array]:
    """Return every bias and some weights of each unit, flat indices by name: the first layer's of inputs that count."""
    rng, entries = np.random.default_rng(seed), {}
    for k, layer in enumerate(network.layers):
        rows = np.flatnonzero(np.atleast_2d(x).any(axis=0)) if k == 0 else np.arange(layer.inputs)
        rows = rng.choice(rows if len(rows) else [0], (weights_by_unit, layer.outputs))
        entries[layer.weight] = np.unique(rows * layer.outputs + np.arange(layer.outputs))
        entries[layer.bias] = np.arange(layer.outputs)
    return entries
