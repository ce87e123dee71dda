"""Parts with measured derivatives, by differences at the best of many steps."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import attrs
import numpy as np

from modnet.interfaces import Activation, FusedLoss, Layer, Loss, Param
from modnet.nn.objective import NetworkObjective
from modnet.randomness import Stream
from modnet.testing.gradcheck.taylor import judge_entries
from modnet.types import Array, Mode, Params, Shape


def measure_parts(objective: NetworkObjective, parts: Collection[int | None]) -> NetworkObjective:
    """Return a network's objective with derivatives measured: of layers, by index, of the loss by None.

    >>> net = modnet.Network([3, 2], output="identity", loss="mean-squared-error")
    >>> objective = net.objective(np.ones((1, 3)), np.array([1]))
    >>> exact, found = (o.backward(net.params)["b1"] for o in (objective, measure_parts(objective, [2, None])))
    >>> bool(np.allclose(exact, found, rtol=1e-9))
    True
    """
    placed = []
    for place in objective.placed:
        if place.index in parts:
            params = tuple(_forget_form(param) for param in place.params)
            place = attrs.evolve(place, layer=_MeasuredLayer(place.layer), params=params)
        placed.append(place)
    fused = _MeasuredFused(objective.loss_function, objective.activation) if None in parts else objective.fused
    return attrs.evolve(objective, placed=tuple(placed), fused=fused)


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

    def forward(self, params: Params, x: Array, mode: Mode, stream: Stream) -> tuple[Array, None]:
        own = {name: value.copy() for name, value in params.items()}
        return np.array(self.layer.forward(own, x.copy(), mode, stream)[0]), None

    def backward(self, params: Params, x: Array, z: Array, memo: Any, dz: Array) -> Array:
        """Return dz times the slopes of an activation; of another layer it is measured without it."""
        if self.activation is None:
            return super().backward(params, x, z, memo, dz)
        return self.activation.backward(x, z, dz, 1 - x.ndim)


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
