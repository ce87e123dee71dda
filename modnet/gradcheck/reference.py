"""Parts with measured derivatives, by differences at the best of many steps."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import attrs
import numpy as np

from modnet.gradcheck.taylor import judge
from modnet.interfaces import Activation, FusedLoss, Loss, Objective
from modnet.types import Array


def measure_parts(objective: Any, layers: Collection[int], *, loss: bool) -> Objective:
    """Return a network's objective with the derivatives of some layers' activations, by number, and the loss measured.

    >>> net = modnet.Network([3, 2], output="identity", loss="mean-squared-error")
    >>> objective = net.objective(np.ones((1, 3)), np.array([1]))
    >>> exact, found = (o.backward(net.params)["b1"] for o in (objective, measure_parts(objective, [1], loss=True)))
    >>> bool(np.allclose(exact, found, rtol=1e-9))
    True
    """
    if not layers and not loss:
        unchanged: Objective = objective
        return unchanged
    changed = tuple(
        attrs.evolve(layer, activation=_MeasuredActivation(layer.activation)) if layer.number in layers else layer
        for layer in objective.layers
    )
    fused = _MeasuredFused(objective.loss_function, objective.layers[-1].activation) if loss else objective.fused
    evolved: Objective = attrs.evolve(objective, layers=changed, fused=fused)
    return evolved


@attrs.frozen
class _MeasuredActivation(Activation):
    activation: Activation

    @property
    def elementwise(self) -> bool:  # type: ignore[override]
        """As the activation's."""
        return self.activation.elementwise

    def __call__(self, a: Array, axis: int = -1) -> Array:
        """Return the activation's outputs."""
        return self.activation(a, axis)

    def backward(self, a: Array, z: Array, dz: Array, axis: int = -1) -> Array:  # noqa: ARG002 - rows, as in training
        """Return dz times the slopes; at a kink times one between those to both sides."""
        if not self.elementwise:
            return _measure_columns(lambda moved: (dz * self.activation(moved)).sum(axis=-1), a)

        def values(s: float) -> Array:
            return self.activation(a + a.dtype.type(s)).ravel()

        slopes: Array = judge(values, np.zeros(a.size), np.abs(a).ravel(), a.dtype).slope.reshape(a.shape)
        return np.asarray(dz * slopes.astype(a.dtype))


@attrs.frozen
class _MeasuredFused(FusedLoss):
    """A loss from the pre-activations, whether it has such a form or not."""

    loss: Loss
    activation: Activation

    def __call__(self, a: Array, t: Array, axis: int = -1) -> tuple[Array, Array]:
        """Return the losses and the outputs."""
        fused = self.loss.fused(self.activation)
        if fused is not None:
            return fused(a, t, axis)
        y = self.activation(a, axis)
        return self.loss(y, t, axis), y

    def backward(self, a: Array, y: Array, t: Array, axis: int = -1) -> Array:  # noqa: ARG002 - rows, as in training
        """Return the slopes of each sample's loss."""
        return _measure_columns(lambda moved: self(moved, t)[0], a)


def _measure_columns(rows: Callable[[Array], Array], a: Array) -> Array:
    """Return the slopes of a function of each row, column by column."""
    slopes = np.empty_like(a)
    for column in range(a.shape[1]):

        def values(s: float, column: int = column) -> Array:
            moved = a.copy()
            moved[:, column] += a.dtype.type(s)
            return rows(moved)

        slopes[:, column] = judge(values, np.zeros(len(a)), np.abs(a[:, column]), a.dtype).slope
    return slopes
