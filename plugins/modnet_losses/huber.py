"""The Huber loss."""

from __future__ import annotations

from typing import ClassVar

import attrs
from array_api_compat import array_namespace
from attrs.validators import gt

from modnet import Array, Loss, Task, one_hot


@attrs.frozen
class Huber(Loss):
    """The Huber loss, for regression with outliers: squared for small errors, straight for large ones.

    The mean over a sample's n outputs of e²/2 where |e| <= `delta`, otherwise of delta (|e| - delta/2), with
    e = y - t. Targets are standardised, so that `delta` is in standard deviations of the training targets.
    Huber (1964), "Robust estimation of a location parameter".

    >>> Huber()(np.array([[0.5], [3.0]]), np.array([[0.0], [0.0]]))
    array([0.125, 2.5  ])
    """

    task: ClassVar[Task | None] = "regression"

    delta: float = attrs.field(default=1.0, validator=gt(0))

    def __call__(self, y: Array, t: Array, axis: int = -1) -> Array:
        """Return the loss of each sample; `t` are class indices, or dense targets of the shape of `y`."""
        xp = array_namespace(y)
        error = y - one_hot(t, y, axis)
        size = _size(error)
        losses = xp.where(size <= self.delta, error * error / 2, self.delta * (size - self.delta / 2))
        return xp.mean(losses, axis=axis)

    def backward(self, y: Array, t: Array, axis: int = -1) -> Array:
        """Return dy_k = e_k / n, at most delta / n either way."""
        xp = array_namespace(y)
        error = y - one_hot(t, y, axis)
        return xp.clip(error, -self.delta, self.delta) / y.shape[axis]

    def change(self, y: Array, t: Array, dy: Array, axis: int = -1) -> Array:
        """Return the change of each sample's loss, from that of the error within `delta` and that of the rest."""
        xp = array_namespace(y, dy)
        error = y - one_hot(t, y, axis)
        within = xp.minimum(xp.maximum(error, -self.delta), self.delta)
        beyond = error - within
        d_within = xp.minimum(xp.maximum(dy + beyond, -self.delta - within), self.delta - within)
        d_beyond = dy - d_within
        sign = xp.where(error < 0, -xp.ones_like(error), xp.ones_like(error))
        turned = sign * (beyond + d_beyond)
        d_size = xp.where((beyond == 0) | (turned < 0), _size(turned) - _size(beyond), sign * d_beyond)
        return xp.mean(d_within * (within + d_within / 2) + self.delta * d_size, axis=axis)


def _size(error: Array) -> Array:
    """Return |error|; not by abs, which takes the imaginary part of a complex step along."""
    return array_namespace(error).where(error < 0, -error, error)
