"""The cross entropy, and its fused form with the softmax."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np
from array_api_compat import array_namespace
from attrs.validators import ge

from modnet import Activation, Array, FusedLoss, Loss, Task, one_hot


@attrs.frozen
class CrossEntropy(Loss):
    """The cross entropy of outputs that are probabilities: -sum_k t_k log(y_k + eps).

    For a sample of class c that is -log(y_c + eps).
    `eps` keeps an output of 0 from giving an infinite loss; with 0 the formula is the literature's.
    Saitoh, "Deep Learning from Scratch", eq. 4.2 and chapter 4.2.4.

    >>> y = np.array([0.1, 0.05, 0.6, 0.0, 0.05, 0.1, 0.0, 0.1, 0.0, 0.0])
    >>> print(CrossEntropy()(y, np.array(2)).round(6), CrossEntropy()(y, np.array(7)).round(6))
    0.510825 2.302584
    """

    task: ClassVar[Task | None] = "classification"

    smooth: ClassVar[bool] = True

    eps: float = attrs.field(default=1e-7, validator=ge(0))

    def __call__(self, y: Array, t: Array, axis: int = -1) -> Array:
        """Return the loss of each sample; `t` are class indices, or dense targets of the shape of `y`."""
        xp = array_namespace(y, t)
        if t.ndim < y.ndim:
            return -xp.log(xp.squeeze(_at_class(y, t, axis), axis=axis) + self.eps)
        # Where the target is 0 the logarithm counts for nothing, even if it is infinite.
        return -xp.sum(xp.where(t == 0, 0.0, t * xp.log(xp.where(t == 0, 1.0, y + self.eps))), axis=axis)

    def backward(self, y: Array, t: Array, axis: int = -1) -> Array:
        """Return dy_k = -t_k / (y_k + eps)."""
        xp = array_namespace(y, t)
        t = one_hot(t, y, axis)
        return xp.where(t == 0, 0.0, -t / xp.where(t == 0, 1.0, y + self.eps))

    def fused(self, activation: Activation) -> FusedLoss | None:
        """Return the fused form with the softmax."""
        return SoftmaxCrossEntropy(self) if activation.computes == "softmax" else None


@attrs.frozen
class SoftmaxCrossEntropy(FusedLoss):
    """Softmax and cross entropy in one, from the logits a, with y = softmax(a).

    With eps = 0 the loss is sum_k t_k (log sum_i exp(a_i) - a_k), finite for all finite logits; otherwise it
    is the cross entropy of y. Its derivative is da = y sum_k r_k - r with r_k = t_k y_k / (y_k + eps), for
    one-hot t and eps = 0 that is y - t.
    """

    loss: CrossEntropy

    def __call__(self, a: Array, t: Array, axis: int = -1) -> tuple[Array, Array]:
        """Return the loss of each sample and y."""
        xp = array_namespace(a, t)
        shifted = a - xp.max(a, axis=axis, keepdims=True)
        powers = xp.exp(shifted)
        total = xp.sum(powers, axis=axis, keepdims=True)
        y = powers / total
        if self.loss.eps:
            return self.loss(y, t, axis), y
        surprise = xp.log(total) - shifted
        if t.ndim == a.ndim:
            return xp.sum(t * surprise, axis=axis), y
        return xp.squeeze(_at_class(surprise, t, axis), axis=axis), y

    def losses(self, a: Array, t: Array, axis: int = -1, *, overwrite_a: bool = False) -> Array:
        """Return the loss of each sample alone; where `a` may be lost, without an array of its size."""
        is_numpy = isinstance(a, np.ndarray)  # `Array` stands for the arrays of other libraries, too
        if not (overwrite_a and is_numpy and t.ndim < a.ndim):
            return self(a, t, axis)[0]
        if not self.loss.eps:
            a -= np.max(a, axis=axis, keepdims=True)
            at_class = np.squeeze(_at_class(a, t, axis), axis=axis)
            return np.log(np.sum(np.exp(a, out=a), axis=axis)) - at_class
        # 1 / y_c = sum_i exp(a_i - a_c): where that overflows, y_c is the 0 that is meant, and no maximum is needed.
        a -= _at_class(a, t, axis)
        with np.errstate(over="ignore"):
            y: Array = np.sum(np.exp(a, out=a), axis=axis)
        np.divide(1.0, y, out=y)
        y += self.loss.eps
        return np.negative(np.log(y, out=y), out=y)

    def change(self, a: Array, y: Array, t: Array, da: Array, axis: int = -1) -> Array:
        """Return the change of each sample's loss."""
        if t.ndim == y.ndim:
            return super(SoftmaxCrossEntropy, self).change(a, y, t, da, axis)
        classes = np.broadcast_to(t, da.shape[1:])
        n = classes.size
        index = classes.reshape(-1) * n
        index += np.arange(n)
        e = da - da.reshape(-1).take(index).reshape(1, *classes.shape)
        np.expm1(e, out=e)
        e *= y
        q = e.sum(axis=0)
        yc = y.reshape(len(y), -1)[t.reshape(-1), np.arange(t.size)].reshape(t.shape)
        f = self.loss.eps / (yc + self.loss.eps)
        return np.log1p(q * (1 - f) / (1 + f * q))

    def backward(self, a: Array, y: Array, t: Array, axis: int = -1) -> Array:  # noqa: ARG002 - y says it all
        """Return each sample's derivative by its logits."""
        xp = array_namespace(y, t)
        eps = self.loss.eps
        if t.ndim == y.ndim:
            r = t * y / (y + eps) if eps else t
            return y * xp.sum(r, axis=axis, keepdims=True) - r
        y_class = _at_class(y, t, axis)
        difference = y - one_hot(t, y, axis)
        return difference * (y_class / (y_class + eps)) if eps else difference


def _at_class(values: Array, t: Array, axis: int) -> Array:
    """Return the value at each sample's class, with `axis` kept as length 1."""
    is_numpy = isinstance(values, np.ndarray)
    if is_numpy and values.ndim == 2 and axis == -1:  # rows, as in training: five times faster
        return values[np.arange(len(t)), t][:, np.newaxis]
    if is_numpy and values.ndim == 2 and axis == 0 and values.flags.c_contiguous:
        columns = np.arange(len(t))
        return values.reshape(-1).take(columns + len(t) * t.astype(np.intp, copy=False))[np.newaxis]
    xp = array_namespace(values, t)
    return xp.take_along_axis(values, xp.expand_dims(t, axis=axis), axis=axis)
