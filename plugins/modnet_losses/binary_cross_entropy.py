"""The binary cross entropy, and its fused form with the sigmoid."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np
from array_api_compat import array_namespace

from modnet import Activation, Array, FusedLoss, Loss, Task, one_hot
from modnet_losses.changes import log_change


@attrs.frozen
class BinaryCrossEntropy(Loss):
    """The cross entropy of outputs that are each a probability of its own: -t log(y) - (1 - t) log(1 - y).

    One output tells two classes apart: y is the probability of the second one. Several outputs are independent, and a
    sample's loss is their mean. A logarithm of 0 is taken at the smallest number of the dtype; after a sigmoid the
    loss is exact for all pre-activations. Goodfellow, Bengio and Courville (2016), "Deep Learning", eq. 6.19.

    >>> BinaryCrossEntropy()(np.array([[0.25], [0.25]]), np.array([0, 1])).round(6)
    array([0.287682, 1.386294])
    """

    task: ClassVar[Task | None] = "classification"
    is_binary: ClassVar[bool] = True
    smooth: ClassVar[bool] = True

    def __call__(self, y: Array, t: Array, axis: int = -1) -> Array:
        """Return the loss of each sample; `t` are class indices, or dense targets of the shape of `y`."""
        xp = array_namespace(y)
        t, least = _to_dense(t, y, axis), _find_least(y)
        losses = -t * xp.log(xp.maximum(y, least)) - (1 - t) * xp.log(xp.maximum(1 - y, least))
        return xp.mean(losses, axis=axis)

    def backward(self, y: Array, t: Array, axis: int = -1) -> Array:
        """Return dy_k = ((1 - t_k) / (1 - y_k) - t_k / y_k) / n."""
        xp = array_namespace(y)
        t, least = _to_dense(t, y, axis), _find_least(y)
        return ((1 - t) / xp.maximum(1 - y, least) - t / xp.maximum(y, least)) / y.shape[axis]

    def change(self, y: Array, t: Array, dy: Array, axis: int = -1) -> Array:
        """Return the change of each sample's loss: of -t log(1 + dy / y) - (1 - t) log(1 - dy / (1 - y)) the mean."""
        xp = array_namespace(y, dy)
        t, least = _to_dense(t, y, axis), _find_least(y)
        changes = -t * _log_change(y, dy, least) - (1 - t) * _log_change(1 - y, -dy, least)
        return xp.mean(changes, axis=axis)

    def fused(self, activation: Activation) -> FusedLoss | None:
        """Return the fused form with the sigmoid."""
        return SigmoidBinaryCrossEntropy(activation) if activation.computes == "sigmoid" else None


@attrs.frozen
class SigmoidBinaryCrossEntropy(FusedLoss):
    """Sigmoid and binary cross entropy in one: log(1 + exp(a)) - t a, exact and finite for all finite a.

    Its derivative is y - t, divided by the number of outputs.
    """

    sigmoid: Activation

    def __call__(self, a: Array, t: Array, axis: int = -1) -> tuple[Array, Array]:
        """Return the loss of each sample and y."""
        return self.losses(a, t, axis), self.sigmoid(a, axis)

    def losses(self, a: Array, t: Array, axis: int = -1, *, overwrite_a: bool = False) -> Array:  # noqa: ARG002
        """Return the loss of each sample alone, with log(1 + exp(a)) as max(a, 0) + log(1 + exp(-|a|))."""
        xp = array_namespace(a)
        size = xp.where(a < 0, -a, a)  # not abs, which takes the imaginary part of a complex step along
        positive = xp.where(a < 0, xp.zeros_like(a), a)  # not max, which autodiff differentiates otherwise at 0
        losses = positive - _to_dense(t, a, axis) * a + xp.log1p(xp.exp(-size))
        return xp.mean(losses, axis=axis)

    def backward(self, a: Array, y: Array, t: Array, axis: int = -1) -> Array:  # noqa: ARG002 - near 1 y is too coarse
        """Return each sample's derivative by its pre-activations."""
        sign, rest = _nearest_class(_to_dense(t, a, axis))
        return sign * (self.sigmoid(sign * a, axis) - rest) / a.shape[axis]

    def change(self, a: Array, y: Array, t: Array, da: Array, axis: int = -1) -> Array:
        """Return the change of each sample's loss, in which nothing cancels.

        With the sign s of the class that t is nearer to, and its distance m from that, the loss is
        log(1 + exp(s a)) - s m a.
        """
        xp = array_namespace(a, da)
        sign, rest = _nearest_class(_to_dense(t, a, axis))
        moves = sign * da
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):  # where `da` is large
            changes = xp.log1p(self.sigmoid(sign * a, axis) * xp.expm1(moves)) - rest * moves
            change = xp.mean(changes, axis=axis)
        is_exact = xp.all((da < 1.0) & (da > -1.0), axis=axis)
        return change if xp.all(is_exact) else xp.where(is_exact, change, super().change(a, y, t, da, axis))


def _to_dense(t: Array, like: Array, axis: int) -> Array:
    """Return targets of the shape and dtype of `like`; of one output, the class indices 0 and 1 themselves."""
    if t.ndim == like.ndim or like.shape[axis] != 1:
        return one_hot(t, like, axis)
    xp = array_namespace(t)
    return xp.astype(xp.expand_dims(t, axis=axis), like.dtype)


def _nearest_class(t: Array) -> tuple[Array, Array]:
    """Return for targets t the sign of the pre-activation that makes the loss larger, and how far t is from 0 or 1."""
    xp = array_namespace(t)
    is_low = t < 0.5
    return xp.where(is_low, xp.ones_like(t), -xp.ones_like(t)), xp.where(is_low, t, 1 - t)


def _log_change(y: Array, dy: Array, least: float) -> Array:
    """Return the change of log(max(y, least))."""
    xp = array_namespace(y, dy)
    before = xp.maximum(y, least)
    return log_change(before, xp.maximum(y + dy, least), xp.maximum(dy + (y - before), least - before))


def _find_least(y: Array) -> float:
    return float(np.finfo(str(y.dtype).rpartition(".")[2]).tiny)
