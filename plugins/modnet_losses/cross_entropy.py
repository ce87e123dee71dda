"""The cross entropy, and its fused form with the softmax."""

from __future__ import annotations

import math
from typing import Any, ClassVar, cast

import attrs
import numpy as np
from array_api_compat import array_namespace, device
from attrs.validators import ge

from modnet import Activation, Array, FusedLoss, Loss, Task, one_hot
from modnet_losses.changes import log_change

LARGEST = 0.25  # exponents up to here are summed as power series: at most 12 terms in float64


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
            return -xp.log(_at_class(y, t, axis) + self.eps)
        # Where the target is 0 the logarithm counts for nothing, even if it is infinite.
        return -xp.sum(xp.where(t == 0, 0.0, t * xp.log(xp.where(t == 0, 1.0, y + self.eps))), axis=axis)

    def backward(self, y: Array, t: Array, axis: int = -1) -> Array:
        """Return dy_k = -t_k / (y_k + eps)."""
        xp = array_namespace(y, t)
        t = one_hot(t, y, axis)
        return xp.where(t == 0, 0.0, -t / xp.where(t == 0, 1.0, y + self.eps))

    def change(self, y: Array, t: Array, dy: Array, axis: int = -1) -> Array:
        """Return the change of each sample's loss: -sum_k t_k log(1 + dy_k / (y_k + eps))."""
        xp = array_namespace(y, t, dy)
        if t.ndim < y.ndim:
            y, dy = _at_class(y, t, axis), _at_class(dy, t, axis)
            return -log_change(y + self.eps, y + dy + self.eps, dy)
        y, dy = xp.where(t == 0, 1.0, y), xp.where(t == 0, 0.0, dy)
        return -xp.sum(t * log_change(y + self.eps, y + dy + self.eps, dy), axis=axis)

    def to_classes(self, t: Array) -> Array:
        """Return class indices where every row is exactly one-hot: what is computed of those is the same, and faster.

        >>> CrossEntropy().to_classes(np.array([[0.0, 1.0], [1.0, 0.0]]))
        array([1, 0])
        """
        if t.shape[1] < 2 or np.count_nonzero(t) != len(t):
            return t
        classes = t.argmax(axis=1)
        return classes if (t[np.arange(len(t)), classes] == 1).all() else t

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
        if _are_rows(a, t, axis):
            return self._evaluate_rows(a, t)
        xp = _namespace(a)
        shifted = a - xp.max(a, axis=axis, keepdims=True)
        if t.ndim == a.ndim:
            powers = xp.exp(shifted)
            losses = xp.sum(t * self._surprise(shifted, powers, _sums_of_others(powers, axis)), axis=axis)
            return losses, powers / xp.sum(powers, axis=axis, keepdims=True)
        shifted_class = shifted if self.loss.eps else _at_class(shifted, t, axis)  # with eps it is not needed
        powers = xp.exp(shifted)
        power_class, others = _class_and_others(powers, t, axis)
        total, losses = _keep_axis(power_class + others, axis), self._surprise(shifted_class, power_class, others)
        if isinstance(powers, np.ndarray):
            powers /= total
            return losses, powers
        return losses, powers / total

    def losses(self, a: Array, t: Array, axis: int = -1, *, overwrite_a: bool = False) -> Array:
        """Return the loss of each sample alone; where `a` may be lost, without an array of its size."""
        is_numpy = isinstance(a, np.ndarray)  # `Array` stands for the arrays of other libraries, too
        if not (overwrite_a and is_numpy and t.ndim < a.ndim and a.flags.c_contiguous):
            return self(a, t, axis)[0]
        a -= np.max(a, axis=axis, keepdims=True)
        places, flat = _places(a.shape, t, axis), a.reshape(-1)
        shifted = flat[places]
        flat[places] = -np.inf
        others = np.sum(np.exp(a, out=a), axis=axis)
        return self._surprise(shifted, np.exp(shifted), others)

    def _evaluate_rows(self, a: Array, t: Array) -> tuple[Array, Array]:
        """Return the loss of each row and y: the same numbers as from columns, which NumPy reduces much faster."""
        y = np.ascontiguousarray(a.T)
        y = y - y.max(axis=0)
        flat, places = y.reshape(-1), _places(y.shape, t, 0)
        shifted = flat[places]
        np.exp(y, out=y)
        power = flat[places]
        flat[places] = 0.0
        others = np.add.reduce(y, axis=0)
        flat[places] = power
        y /= others + power
        return self._surprise(shifted, power, others), y.T

    def _differentiate_rows(self, y: Array, t: Array) -> Array:
        """Return the derivative of rows: at the class itself it is minus the sum of the others."""
        columns = np.ascontiguousarray(y.T)
        places = _places(columns.shape, t, 0)
        y_class = columns.reshape(-1)[places]
        derivative = columns * (y_class / (y_class + self.loss.eps)) if self.loss.eps else columns.copy()
        flat = derivative.reshape(-1)
        flat[places] = 0.0
        flat[places] = -np.add.reduce(derivative, axis=0)
        return np.ascontiguousarray(derivative.T)

    def _surprise(self, shifted: Array, power: Array, others: Array) -> Array:
        """Return -log(y + eps), of logits less the largest one, their exponentials, and the sums of all others.

        The logits themselves count without eps alone.
        """
        xp, eps = _namespace(shifted), self.loss.eps
        if not eps:
            return xp.log1p(others + (power - 1.0)) - shifted
        total = others + power
        if eps >= 1:
            return -xp.log(power / total + eps)
        total *= eps
        return xp.log1p((others - total) / (power + total))

    def backward(self, a: Array, y: Array, t: Array, axis: int = -1) -> Array:  # noqa: ARG002 - y says it all
        """Return each sample's derivative by its logits."""
        eps = self.loss.eps
        if _are_rows(y, t, axis):
            return self._differentiate_rows(y, t)
        if t.ndim == y.ndim:
            r = t * y / (y + eps) if eps else t
            return y * _sums_of_others(r, axis) - r * _sums_of_others(y, axis)
        derivative, y_class = _derivative(y, t, axis)
        if eps:
            derivative *= _keep_axis(y_class / (y_class + eps), axis)
        return derivative

    def change(self, a: Array, y: Array, t: Array, da: Array, axis: int = -1) -> Array:
        """Return the change of each sample's loss, in which nothing cancels.

        1 / y_c grows by the factor 1 + g with g = sum_i y_i (exp(da_i - da_c) - 1). With w = exp(da) - 1 and the
        derivative r = y - t, this is g = (sum_i r_i w_i) / (1 + w_c).
        """
        xp, eps = array_namespace(a, da), self.loss.eps
        if t.ndim == a.ndim:
            return self._dense_change(a, y, t, da, axis)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):  # where `da` is large
            derivative, y_class = _derivative(y, t, axis)
            shrinkage = xp.exp(-_at_class(da, t, axis))
            growth = _sum_of_changes(derivative, da, axis) * shrinkage
            # -log(y_c + eps) changes by the logarithm of (1 + g) / (1 + g eps / (y_c + eps)).
            shares = y_class / (y_class + eps), eps / (y_class + eps)
            change = xp.log1p(growth * shares[0] / (1.0 + growth * shares[1]) if eps else growth)
        is_exact = (growth > -0.5) & (growth < 2.0) & (shrinkage < 3.0)
        if xp.all(is_exact):
            return change
        return xp.where(is_exact, change, FusedLoss.change(self, a, y, t, da, axis))

    def changes_along(self, a: Array, y: Array, t: Array, directions: Array, steps: Array) -> Array:
        """Return the changes by moves `directions * steps`; the exponentials of small ones are power series.

        The sum over the outputs is then one matrix product for each power, for all units and samples.
        """
        xp, eps = array_namespace(a, directions, steps), self.loss.eps
        largest = float(xp.max(xp.abs(directions))) * float(xp.max(xp.abs(steps)))
        if t.ndim == a.ndim or not largest <= LARGEST:
            return FusedLoss.changes_along(self, a, y, t, directions, steps)
        derivative, y_class = _derivative(y[:, 0, :], t[0, :], 0)
        growth = _sum_of_series(derivative, directions, steps, largest)
        at_class = -xp.take(directions, t[0, :], axis=0).T[:, None, :]
        growth *= xp.exp(at_class * steps)
        if not eps:
            return xp.log1p(growth)
        rest = growth * (eps / (y_class + eps))
        rest += 1.0
        growth *= y_class / (y_class + eps)
        growth /= rest
        return xp.log1p(growth)

    def _dense_change(self, a: Array, y: Array, t: Array, da: Array, axis: int) -> Array:
        """Return the change for dense targets; moves are taken less that of the class with the largest target."""
        xp, eps = array_namespace(a, t, da), self.loss.eps
        largest = xp.astype(_positions(t, axis) == xp.argmax(t, axis=axis, keepdims=True), da.dtype)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):  # where `da` is large
            moves = da - xp.sum(da * largest, axis=axis, keepdims=True)
            w = xp.expm1(moves)
            growth = xp.sum(y * w, axis=axis, keepdims=True)
            if eps:
                change = self.loss.change(y, t, y * (w - growth) / (1.0 + growth), axis)
            else:
                change = xp.sum(t * (xp.log1p(growth) - moves), axis=axis)
        is_exact = xp.all((moves <= 1.0) & (moves >= -1.0), axis=axis)
        if xp.all(is_exact):
            return change
        return xp.where(is_exact, change, FusedLoss.change(self, a, y, t, da, axis))


def _sum_of_series(r: Array, directions: Array, steps: Array, largest: float) -> Array:
    """Return sum_i r_i (exp(d_i s) - 1) for exponents d_i s of at most `largest`, by its power series.

    `r` is (outputs, N), `directions` d (outputs, units), `steps` s (units, M, N) as is the sum.
    """
    xp = array_namespace(r, directions, steps)
    eps, terms = float(np.finfo(str(r.dtype).rpartition(".")[2]).eps), 1
    while largest**terms / math.factorial(terms + 1) > eps / 8:
        terms += 1
    powers = [directions.T]
    for n in range(2, terms + 1):
        powers.append(powers[-1] * (directions.T / n))
    sums = xp.stack(powers) @ r
    total: Array = sums[-1, :, None, :] * steps
    for n in range(terms - 2, -1, -1):  # Horner's rule
        total += sums[n, :, None, :]
        total *= steps
    return total


def _namespace(values: Array) -> Any:
    """Return the namespace of an array; NumPy's without a search, which takes longer than a hundred logarithms."""
    is_numpy = isinstance(values, np.ndarray)  # `Array` stands for the arrays of other libraries, too
    return np if is_numpy else array_namespace(values)


def _are_rows(values: Array, t: Array, axis: int) -> bool:
    """Return whether these are a batch's rows and class indices, in NumPy: as columns they are reduced much faster."""
    is_numpy = isinstance(values, np.ndarray)
    return is_numpy and axis == -1 and t.ndim < values.ndim == 2


def _positions(t: Array, axis: int) -> Array:
    """Return the positions along `axis`, in the number of axes of `t`."""
    shape = [1] * t.ndim
    shape[axis] = -1
    xp = array_namespace(t)
    return xp.reshape(xp.arange(t.shape[axis], device=device(t)), tuple(shape))


def _derivative(y: Array, t: Array, axis: int) -> tuple[Array, Array]:
    """Return y - t for class indices, at the class itself as minus the sum of the others; and the class's y."""
    is_numpy = isinstance(y, np.ndarray)  # `Array` stands for the arrays of other libraries, too
    if is_numpy:
        derivative = np.array(y, order="C")
        places, flat = _places(y.shape, t, axis), derivative.reshape(-1)
        at_class = flat[places]
        flat[places] = 0.0
        flat[places] = -np.add.reduce(derivative, axis=axis)
        return derivative, at_class
    xp = array_namespace(y, t)
    at_class, others = _class_and_others(y, t, axis)
    return xp.where(one_hot(t, y, axis) > 0, -xp.expand_dims(others, axis=axis), y), at_class


def _class_and_others(values: Array, t: Array, axis: int) -> tuple[Array, Array]:
    """Return the value at each sample's class, and the sum of the others.

    A contiguous NumPy array is written to on the way, and is what it was in the end.
    """
    is_numpy = isinstance(values, np.ndarray)
    if is_numpy and values.flags.c_contiguous:
        places, flat = _places(values.shape, t, axis), values.reshape(-1)
        at_class = flat[places]
        flat[places] = 0.0
        others = np.add.reduce(values, axis=axis)
        flat[places] = at_class
        return at_class, others
    xp = array_namespace(values, t)
    is_class, nothing = one_hot(t, values, axis) > 0, xp.zeros_like(values)
    at_class = xp.sum(xp.where(is_class, values, nothing), axis=axis)
    return at_class, xp.sum(xp.where(is_class, nothing, values), axis=axis)


def _sums_of_others(values: Array, axis: int) -> Array:
    """Return for each value the sum of all others along `axis`, which cancels for no value that is not negative."""
    xp = array_namespace(values)
    is_largest = _positions(values, axis) == xp.argmax(values, axis=axis, keepdims=True)
    nothing = xp.zeros_like(values)
    others = xp.sum(xp.where(is_largest, nothing, values), axis=axis, keepdims=True)
    # Not max, which autodiff differentiates by all of the largest.
    largest = xp.sum(xp.where(is_largest, values, nothing), axis=axis, keepdims=True)
    return others + (largest - values)


def _sum_of_changes(r: Array, da: Array, axis: int) -> Array:
    """Return sum_i r_i (exp(da_i) - 1), class by class, so that what lies between stays in the cache."""
    xp = array_namespace(r, da)
    is_numpy = isinstance(da, np.ndarray)
    if not is_numpy:
        return xp.sum(r * xp.expm1(da), axis=axis)
    rows, moves = np.moveaxis(r, axis, 0), np.moveaxis(da, axis, 0)
    total: Array = np.zeros(np.broadcast_shapes(rows.shape[1:], moves.shape[1:]), da.dtype)
    term = np.empty_like(total)
    for r_i, da_i in zip(rows, moves, strict=True):
        total += np.multiply(np.expm1(da_i, out=term), r_i, out=term)
    return total


def _at_class(values: Array, t: Array, axis: int) -> Array:
    """Return the value at each sample's class."""
    is_numpy = isinstance(values, np.ndarray)
    if is_numpy and values.flags.c_contiguous:  # as in training and in differences: two to five times faster
        return values.reshape(-1)[_places(values.shape, t, axis)]
    xp = array_namespace(values, t)
    t = xp.broadcast_to(t, values.shape[: axis % values.ndim] + values.shape[axis % values.ndim + 1 :])
    return xp.squeeze(xp.take_along_axis(values, xp.expand_dims(t, axis=axis), axis=axis), axis=axis)


def _keep_axis(values: Array, axis: int) -> Array:
    """Return values with `axis` as length 1 once more."""
    if axis in {0, -1}:
        return values[..., None] if axis else values[None, ...]
    return cast("Array", _namespace(values).expand_dims(values, axis=axis))


def _places(shape: tuple[int, ...], t: Array, axis: int) -> Array:
    """Return the place of each sample's class in a contiguous array of this shape; `t` broadcasts against it."""
    k, t = axis % len(shape), t.astype(np.intp, copy=False)
    classes, after = shape[k], math.prod(shape[k + 1 :])
    places: Array
    if not k and len(shape) == 2:
        places = np.arange(after) + t * after
        return places
    first = np.arange(math.prod(shape[:k])) * (classes * after)
    if after != 1:
        first = first[:, np.newaxis] + np.arange(after)
    places = first.reshape(shape[:k] + shape[k + 1 :]) + t * after
    return places
