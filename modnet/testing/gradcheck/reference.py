"""Parts with measured derivatives, by differences at the best of many steps."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import attrs
import numpy as np

from modnet.interfaces import Activation, FusedLoss, Loss
from modnet.nn.objective import NetworkObjective
from modnet.testing.gradcheck.taylor import judge_entries
from modnet.types import Array


def measure_parts(objective: NetworkObjective, parts: Collection[int | None]) -> NetworkObjective:
    """Return a network's objective with derivatives measured: of layers' activations, by number, of the loss by None.

    >>> net = modnet.Network([3, 2], output="identity", loss="mean-squared-error")
    >>> objective = net.objective(np.ones((1, 3)), np.array([1]))
    >>> exact, found = (o.backward(net.params)["b1"] for o in (objective, measure_parts(objective, [1, None])))
    >>> bool(np.allclose(exact, found, rtol=1e-9))
    True
    """
    placed = list(objective.placed)
    for layer in objective.layers:
        if layer.number in parts:
            place = placed[2 * layer.number - 1]
            of_activation: Any = place.layer
            measured = attrs.evolve(of_activation, activation=_MeasuredActivation(layer.activation))
            placed[2 * layer.number - 1] = attrs.evolve(place, layer=measured)
    last = objective.layers[-1].activation
    fused = _MeasuredFused(objective.loss_function, last) if None in parts else objective.fused
    return attrs.evolve(objective, placed=tuple(placed), fused=fused)


def copy_batch(objective: NetworkObjective) -> NetworkObjective:
    """Return an objective with a batch of its own, whatever is done to it."""
    weights = None if objective.weights is None else objective.weights.copy()
    return attrs.evolve(objective, x=objective.x.copy(), t=objective.t.copy(), weights=weights)


def to_float64(objective: NetworkObjective) -> NetworkObjective:
    """Return an objective whose batch is in float64, but for class indices."""
    weights = None if objective.weights is None else objective.weights.astype(np.float64)
    t = objective.t.astype(np.float64) if objective.t.dtype.kind == "f" else objective.t
    return attrs.evolve(objective, x=objective.x.astype(np.float64), t=t, weights=weights)


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

    def backward(self, a: Array, z: Array, dz: Array, axis: int = -1) -> Array:  # noqa: ARG002 - rows, as in training
        """Return dz times the slopes; at a kink times one between those to both sides."""
        if self.elementwise:
            return np.asarray(dz * _measure_slopes(self, a, elementwise=True))
        return _measure_slopes(lambda moved: (dz * self(moved)).sum(axis=-1), a)


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
