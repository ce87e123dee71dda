"""Parts with measured derivatives, by differences at the best of many steps."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import attrs
import numpy as np

from modnet.interfaces import Activation, FusedLoss, Layer, Loss, Param
from modnet.nn.objective import NetworkObjective
from modnet.randomness import Stream
from modnet.testing.gradcheck.forward import Visit
from modnet.testing.gradcheck.layers import INPUTS, measure_size
from modnet.testing.gradcheck.taylor import judge_entries
from modnet.types import Array, Grads, Mode, Params, Shape

METHODS = ("backward", "gradients")
STEP = 2.0**-13  # of a layer's inputs or parameters, in proportion to their size
MOST_NUMBERS = 10**9  # that are evaluated, four times each, to measure a layer


def measure_parts(objective: NetworkObjective, parts: Mapping[int | None, Collection[str]]) -> NetworkObjective:
    """Return a network's objective with derivatives measured: these methods of layers, by index, or the loss by None.

    >>> net = modnet.Network([3, 2], output="identity", loss="mean-squared-error")
    >>> objective = net.objective(np.ones((1, 3)), np.array([1]))
    >>> exact, found = (
    ...     o.backward(net.params)["b1"] for o in (objective, measure_parts(objective, {2: METHODS, None: METHODS}))
    ... )
    >>> bool(np.allclose(exact, found, rtol=1e-9))
    True
    """
    placed = []
    for place in objective.placed:
        if place.index in parts:
            measured = _MeasuredLayer(place.layer, parts[place.index])
            place = attrs.evolve(place, layer=measured, params=measured.params(place.inputs))
        placed.append(place)
    fused = _MeasuredFused(objective.loss_function, objective.activation) if None in parts else objective.fused
    return attrs.evolve(objective, placed=tuple(placed), fused=fused)


def is_costly(visit: Visit) -> bool:
    """Return whether measuring a layer's derivatives takes very long."""
    if visit.activation is not None or visit.place.layer.elementwise:
        return False
    is_coupled = visit.mode == "train" and visit.place.layer.couples_samples
    entries = visit.x.size if is_coupled else visit.x[0].size
    entries += sum(visit.own[param.name].size for param in visit.place.params)
    return entries * max(visit.x.size, visit.z.size) > MOST_NUMBERS


def copy_batch(objective: NetworkObjective) -> NetworkObjective:
    """Return an objective with a batch of its own, whatever is done to it."""
    weights = None if objective.weights is None else objective.weights.copy()
    buffers = {name: value.copy() for name, value in objective.buffers.items()}
    return attrs.evolve(objective, x=objective.x.copy(), t=objective.t.copy(), weights=weights, buffers=buffers)


def to_float64(objective: NetworkObjective) -> NetworkObjective:
    """Return an objective whose batch and buffers are in float64, but for class indices."""
    weights = None if objective.weights is None else objective.weights.astype(np.float64)
    t = objective.t.astype(np.float64) if objective.t.dtype.kind == "f" else objective.t
    buffers = {name: value.astype(np.float64) for name, value in objective.buffers.items()}
    return attrs.evolve(objective, x=objective.x.astype(np.float64), t=t, weights=weights, buffers=buffers)


def _forget_form(param: Param) -> Param:
    return attrs.evolve(param, channel_axis=None, linear=False)


@attrs.frozen(repr=False)
class _MeasuredLayer(Layer):
    """A layer that is called with copies, and has derivatives and changes by evaluations alone."""

    layer: Layer
    methods: Collection[str]
    """Those that are measured; the other ones are its own."""

    def __repr__(self) -> str:
        return repr(self.layer)

    @property
    def activation(self) -> Activation | None:
        return None if self.layer.activation is None else _MeasuredActivation(self.layer.activation)

    @property
    def elementwise(self) -> bool:
        return self.layer.elementwise

    @property
    def couples_samples(self) -> bool:
        return self.layer.couples_samples

    def shape(self, inputs: Shape) -> Shape:
        return self.layer.shape(inputs)

    def params(self, inputs: Shape) -> tuple[Param, ...]:
        return tuple(_forget_form(param) for param in self.layer.params(inputs))

    def buffers(self, inputs: Shape) -> tuple[Param, ...]:
        return self.layer.buffers(inputs)

    def forward(self, params: Params, x: Array, mode: Mode, stream: Stream) -> tuple[Array, Any]:
        own = {name: value.copy() for name, value in params.items()}
        z, memo = self.layer.forward(own, x.copy(), mode, stream)
        return np.array(z), (mode, stream, memo)

    def backward(self, params: Params, x: Array, z: Array, memo: Any, dz: Array) -> Array:
        if self.activation is not None:
            return self.activation.backward(x, z, dz, 1 - x.ndim)
        if "backward" not in self.methods:
            return self.layer.backward(params, x, z, memo[-1], dz)
        run = self._run_with(params, memo)
        if self.elementwise:
            found = _measure_slopes(lambda moved: run(INPUTS, moved, x), x.reshape(len(x), -1), elementwise=True)
            return np.asarray(dz * found.reshape(x.shape))
        of_samples = not (self.couples_samples and memo[0] == "train")
        return _measure_sums(lambda moved: run(INPUTS, moved, x), x, dz, of_samples=of_samples)

    def gradients(self, params: Params, x: Array, z: Array, memo: Any, dz: Array) -> Grads:
        if "gradients" not in self.methods:
            return self.layer.gradients(params, x, z, memo[-1], dz)
        run = self._run_with(params, memo)

        def measure(name: str) -> Array:
            return _measure_sums(lambda moved: run(name, moved, x), params[name], dz, of_samples=False)

        return {param.name: measure(param.name) for param in self.params(x.shape[1:])}

    def _run_with(self, params: Params, memo: Any) -> Callable[[str, Array, Array], Array]:
        """Return a function of an array of a name, and the inputs, to the outputs, in the dtype of that array."""

        def run(name: str, moved: Array, x: Array) -> Array:
            own = {other: value.astype(moved.dtype) for other, value in params.items()} | {name: moved.copy()}
            given = own.pop(INPUTS) if name == INPUTS else x.astype(moved.dtype)
            return self.layer.forward(own, given.reshape(x.shape), *memo[:2])[0].reshape(
                moved.shape if self.elementwise and name == INPUTS else (len(x), -1)
            )

        return run


@attrs.frozen(repr=False)
class _MeasuredActivation(Activation):
    """An activation that is called with copies, and has a derivative and a change by evaluations alone."""

    activation: Activation

    def __repr__(self) -> str:
        return repr(self.activation)

    @property
    def elementwise(self) -> bool:  # type: ignore[override]
        return self.activation.elementwise

    def __call__(self, a: Array, axis: int = -1) -> Array:
        return np.array(self.activation(a.copy(), axis))

    def backward(self, a: Array, z: Array, dz: Array, axis: int = -1) -> Array:  # noqa: ARG002 - of its interface
        """Return dz times the slopes; at a kink times one between those to both sides."""
        if self.elementwise:
            slopes = _measure_slopes(self, a.reshape(len(a), -1), elementwise=True)
            return np.asarray(dz * slopes.reshape(a.shape))
        rows, dz = np.moveaxis(a, axis, -1), np.moveaxis(dz, axis, -1).reshape(-1, a.shape[axis])
        slopes = _measure_slopes(lambda moved: (dz * self(moved)).sum(axis=-1), rows.reshape(dz.shape))
        return np.moveaxis(slopes.reshape(rows.shape), -1, axis)


@attrs.frozen
class _MeasuredFused(FusedLoss):
    """A loss from the pre-activations, whether it has such a form or not."""

    loss: Loss
    activation: Activation

    def __call__(self, a: Array, t: Array, axis: int = -1) -> tuple[Array, Array]:
        fused = self.loss.fused(self.activation)
        if fused is not None:
            losses, y = fused(a.copy(), t.copy(), axis)
            return np.array(losses), np.array(y)
        y = np.array(self.activation(a.copy(), axis))
        return np.array(self.loss(y.copy(), t.copy(), axis)), y

    def backward(self, a: Array, y: Array, t: Array, axis: int = -1) -> Array:  # noqa: ARG002 - rows, as in training
        return _measure_slopes(lambda moved: self(moved, t)[0], a)


def _measure_slopes(f: Callable[[Array], Array], a: Array, *, elementwise: bool = False) -> Array:
    """Return the slopes (N, C) of an elementwise function, or of one of each row."""
    found = judge_entries(f, np.zeros_like(a), a, np.arange(a.shape[1]), 1.0, elementwise=elementwise)
    return found.slope.reshape(a.shape[::-1]).T.astype(a.dtype)


def _measure_sums(run: Callable[[Array], Array], at: Array, dz: Array, *, of_samples: bool) -> Array:
    """Return the derivative of the sum of dz times outputs (N, -1) by each entry, from differences with two steps.

    `of_samples`: each sample of `at` moves its own outputs alone.
    """
    wide, weights = at.astype(np.float64), dz.reshape(len(dz), -1).astype(np.float64)
    h, found = STEP * measure_size(wide), np.empty(at.shape)
    for index in np.ndindex(at.shape[1:] if of_samples else at.shape):
        entry = (slice(None), *index) if of_samples else index
        slopes = []
        for step in (h, h / 2):
            ends = [wide.copy(), wide.copy()]
            ends[0][entry] -= step
            ends[1][entry] += step
            change = weights * (run(ends[1]) - run(ends[0])) / (2 * step)
            slopes.append(change.sum(axis=1) if of_samples else change.sum())
        found[entry] = (4 * slopes[1] - slopes[0]) / 3
    return found.astype(at.dtype)
