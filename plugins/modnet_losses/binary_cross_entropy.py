"""The binary cross entropy, and its fused form with the sigmoid."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np
from array_api_compat import array_namespace

from modnet import Activation, Array, FusedLoss, Loss, Task, one_hot


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
        losses = xp.maximum(a, 0.0) - _to_dense(t, a, axis) * a + xp.log1p(xp.exp(-size))
        return xp.mean(losses, axis=axis)

    def backward(self, a: Array, y: Array, t: Array, axis: int = -1) -> Array:  # noqa: ARG002 - y says it all
        """Return each sample's derivative by its pre-activations."""
        return (y - _to_dense(t, y, axis)) / y.shape[axis]


def _to_dense(t: Array, like: Array, axis: int) -> Array:
    """Return targets of the shape and dtype of `like`; of one output, the class indices 0 and 1 themselves."""
    if t.ndim == like.ndim or like.shape[axis] != 1:
        return one_hot(t, like, axis)
    xp = array_namespace(t)
    return xp.astype(xp.expand_dims(t, axis=axis), like.dtype)


def _find_least(y: Array) -> float:
    return float(np.finfo(str(y.dtype).rpartition(".")[2]).tiny)
