"""The cross entropy, and its fused form with the softmax."""

from __future__ import annotations

import math
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
    From outputs near 1 alone the loss has the rounding error of 1; after a softmax it is exact, however small.
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
    """Softmax and cross entropy in one, from the logits a, with y = softmax(a): -sum_k t_k log(y_k + eps).

    Evaluated as log(1 + (q_k - eps) / (y_k + eps)), where q_k = 1 - y_k is the sum of the other outputs: the rounding
    error is in proportion to the loss, however small. With eps = 0 it is finite for all finite logits. The derivative
    is da = y sum_k r_k - r with r_k = t_k y_k / (y_k + eps), for one-hot t and eps = 0 that is y - t.
    """

    loss: CrossEntropy

    def __call__(self, a: Array, t: Array, axis: int = -1) -> tuple[Array, Array]:
        """Return the loss of each sample and y."""
        if _is_batch(a, t, axis):
            return self._evaluate_batch(a, t)
        xp = array_namespace(a, t)
        shifted = a - xp.max(a, axis=axis, keepdims=True)
        powers = xp.exp(shifted)
        if t.ndim == a.ndim:
            others = _sums_of_others(powers, axis)
            losses = xp.sum(t * self._surprise(shifted, powers, others), axis=axis)
            return losses, powers / xp.sum(powers, axis=axis, keepdims=True)
        power = _at_class(powers, t, axis)
        others = xp.sum(_without_class(powers, t, axis), axis=axis, keepdims=True)
        losses = xp.squeeze(self._surprise(_at_class(shifted, t, axis), power, others), axis=axis)
        return losses, powers / (others + power)

    def _evaluate_batch(self, a: Array, t: Array) -> tuple[Array, Array]:
        """Return the same for a batch, to the same bits: twice as fast, as training does little else."""
        y = a - a.max(axis=1, keepdims=True)
        numbers, classes = y.reshape(-1), _find_classes(y, t)
        shifted = numbers.take(classes)
        np.exp(y, out=y)
        power = numbers.take(classes)
        numbers[classes] = 0.0
        others = y.sum(axis=1)
        numbers[classes] = power
        losses = self._surprise(shifted, power, others)
        y /= (others + power)[:, np.newaxis]
        return losses, y

    def losses(self, a: Array, t: Array, axis: int = -1, *, overwrite_a: bool = False) -> Array:
        """Return the loss of each sample alone; where `a` may be lost, without an array of its size."""
        is_numpy = isinstance(a, np.ndarray)  # `Array` stands for the arrays of other libraries, too
        if not (overwrite_a and is_numpy and t.ndim < a.ndim):
            return self(a, t, axis)[0]
        a -= np.max(a, axis=axis, keepdims=True)
        shifted = _at_class(a, t, axis)
        np.put_along_axis(a, np.expand_dims(t, axis), -np.inf, axis)
        others = np.sum(np.exp(a, out=a), axis=axis, keepdims=True)
        return np.squeeze(self._surprise(shifted, np.exp(shifted), others), axis=axis)

    def _surprise(self, shifted: Array, power: Array, others: Array) -> Array:
        """Return -log(y + eps) of logits less the largest one, their exponentials, and the sums of all others."""
        xp, eps = array_namespace(shifted), self.loss.eps
        if not eps:
            return xp.log1p(others + (power - 1.0)) - shifted
        total = others + power
        if eps >= 1:
            return -xp.log(power / total + eps)
        return xp.log1p((others - eps * total) / (power + eps * total))

    def backward(self, a: Array, y: Array, t: Array, axis: int = -1) -> Array:  # noqa: ARG002 - y says it all
        """Return each sample's derivative by its logits."""
        eps = self.loss.eps
        if t.ndim == y.ndim:
            r = t * y / (y + eps) if eps else t
            return y * _sums_of_others(r, axis) - r * _sums_of_others(y, axis)
        derivative = _derivative(y, t, axis)
        if not eps:
            return derivative
        y_class = _at_class(y, t, axis)
        return derivative * (y_class / (y_class + eps))

    def change(self, a: Array, y: Array, t: Array, da: Array, axis: int = -1) -> Array:
        """Return the change of each sample's loss, in which nothing cancels.

        1 / y_c grows by the factor 1 + g with g = sum_i y_i (exp(da_i - da_c) - 1). With w = exp(da) - 1 and the
        derivative r = y - t, this is g = (sum_i r_i w_i) / (1 + w_c).
        """
        if t.ndim == a.ndim:
            return FusedLoss.change(self, a, y, t, da, axis)
        xp, eps = array_namespace(a, da), self.loss.eps
        with np.errstate(over="ignore", invalid="ignore"):  # where `da` is large
            shrinkage = xp.squeeze(xp.exp(-_at_class(da, t, axis)), axis=axis)
            growth = _sum_of_changes(_derivative(y, t, axis), da, axis) * shrinkage
            y_class = xp.squeeze(_at_class(y, t, axis), axis=axis)
            # -log(y_c + eps) changes by the logarithm of (1 + g) / (1 + g eps / (y_c + eps)).
            shares = y_class / (y_class + eps), eps / (y_class + eps)
            change = xp.log1p(growth * shares[0] / (1.0 + growth * shares[1]) if eps else growth)
        is_exact = (growth > -0.5) & (growth < 2.0) & (shrinkage < 3.0)
        if xp.all(is_exact):
            return change
        return xp.where(is_exact, change, FusedLoss.change(self, a, y, t, da, axis))


def _derivative(y: Array, t: Array, axis: int) -> Array:
    """Return y - t for class indices, at the class itself as minus the sum of the others."""
    if _is_batch(y, t, axis):
        derivative = y.copy()
        numbers, classes = derivative.reshape(-1), _find_classes(y, t)
        numbers[classes] = 0.0
        numbers[classes] = -derivative.sum(axis=1)
        return derivative
    xp = array_namespace(y, t)
    others = _without_class(y, t, axis)
    at_class = -xp.sum(others, axis=axis, keepdims=True)
    is_numpy = isinstance(others, np.ndarray)  # `Array` stands for the arrays of other libraries, too
    if is_numpy:
        np.put_along_axis(others, np.expand_dims(t, axis), at_class, axis)
        return others
    return xp.where(one_hot(t, y, axis) > 0, at_class, others)


def _without_class(values: Array, t: Array, axis: int) -> Array:
    """Return the values with 0 at each sample's class."""
    is_numpy = isinstance(values, np.ndarray)
    if is_numpy:
        others = values.copy()
        np.put_along_axis(others, np.expand_dims(t, axis), 0.0, axis)
        return others
    xp = array_namespace(values, t)
    return xp.where(one_hot(t, values, axis) > 0, xp.zeros_like(values), values)


def _sums_of_others(values: Array, axis: int) -> Array:
    """Return for each value the sum of all others along `axis`, which cancels for no value that is not negative."""
    xp = array_namespace(values)
    largest = xp.argmax(values, axis=axis)
    others = xp.sum(_without_class(values, largest, axis), axis=axis, keepdims=True)
    return others + (xp.max(values, axis=axis, keepdims=True) - values)


def _sum_of_changes(r: Array, da: Array, axis: int) -> Array:
    """Return sum_i r_i (exp(da_i) - 1), class by class, so that what lies between stays in the cache."""
    xp = array_namespace(r, da)
    is_numpy = isinstance(da, np.ndarray)
    if not is_numpy:
        return xp.sum(r * xp.expm1(da), axis=axis)
    first, *others = zip(np.moveaxis(r, axis, 0), np.moveaxis(da, axis, 0), strict=True)
    total: Array = first[0] * np.expm1(first[1])
    for r_i, da_i in others:
        total += r_i * np.expm1(da_i)
    return total


def _is_batch(values: Array, t: Array, axis: int) -> bool:
    """Return whether values are a batch of rows in NumPy's memory, with the index of a class for each."""
    is_rows = isinstance(values, np.ndarray) and values.ndim == 2 and axis in {-1, 1} and t.ndim == 1
    return is_rows and values.flags.c_contiguous


def _find_classes(values: Array, t: Array) -> Array:
    """Return the place of each row's class among all numbers of a batch."""
    return np.arange(0, values.size, values.shape[1]) + t.astype(np.intp, copy=False)


def _at_class(values: Array, t: Array, axis: int) -> Array:
    """Return the value at each sample's class, with `axis` kept as length 1."""
    if _is_batch(values, t, axis):  # five times faster
        return values.reshape(-1).take(_find_classes(values, t))[:, np.newaxis]
    is_numpy = isinstance(values, np.ndarray)
    if is_numpy and axis == 0 and values.flags.c_contiguous:  # as in differences: twice as fast
        columns = np.arange(math.prod(values.shape[1:])).reshape(values.shape[1:])
        return values.reshape(-1).take(columns + columns.size * t.astype(np.intp, copy=False))[np.newaxis]
    xp = array_namespace(values, t)
    index = xp.expand_dims(t, axis=axis)
    return xp.take_along_axis(values, index, axis=axis)
