"""Numerical differentiation and gradient descent, which move the caller's array."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import modnet
from modnet import Array

H = 1e-4  # the book's step


def numerical_diff(f: Callable[[Any], Any], x: Any) -> Any:
    """Return the central difference (f(x + h) - f(x - h)) / 2h with h = 1e-4. Chapter 4.3.1.

    >>> numerical_diff(lambda x: 0.01 * x**2 + 0.1 * x, 5)
    0.1999999999990898
    """
    return (f(x + H) - f(x - H)) / (2 * H)


def numerical_gradient(f: Callable[[Any], Any], x: Any) -> Any:
    """Return the gradient of `f` at `x`, an array of any shape, by central differences with h = 1e-4. Chapter 4.4.

    The entries of `x` itself are moved one after the other, and restored bit for bit: `f` may read the array from
    elsewhere and ignore its argument, as `lambda W: network.loss(x, t)` does. Of integers, which cannot be moved by h,
    a copy in floats is moved. Where `f` returns a number for each row of `x`, so is the gradient of each row.

    Warns where `f` does not read `x`, and where h vanishes beside an entry, whose difference is 0 then, as after steps
    that were too large. Raises ShapeError where `f` returns more than a number.

    >>> numerical_gradient(lambda x: np.sum(x**2), np.array([3.0, 4.0])).round(6)
    array([6., 8.])
    """
    moved = x if _is_movable(x) else np.array(x, np.float64)
    if moved.ndim == 2 and np.shape(f(moved)) == (len(moved),):
        return np.array([numerical_gradient(f, row) for row in moved])
    lost = np.isfinite(moved) & ((moved + H == moved) | (moved - H == moved))
    if not lost.any():
        return modnet.numerical_gradient(f, moved, H, in_place=True)
    largest = np.abs(moved[lost]).max()
    what = f"h={H:g} vanishes beside {largest:g}, whose difference is 0: after steps that diverge, take a smaller lr"
    warnings.warn(what, modnet.PrecisionWarning, stacklevel=2)
    return _compute_differences(f, moved)


def gradient_descent(f: Callable[[Any], Any], init_x: Any, lr: float = 0.01, step_num: int = 100) -> Any:
    """Return where `step_num` steps `x -= lr * numerical_gradient(f, x)` lead. Chapter 4.4.1.

    As in the book, `init_x` itself is moved and returned, unless it is of integers; `modnet.gradient_descent` moves a
    copy.

    >>> gradient_descent(lambda x: np.sum(x**2), np.array([-3.0, 4.0]), lr=0.1).round(9)
    array([-1.e-09,  1.e-09])
    """
    if not _is_movable(init_x):
        return modnet.gradient_descent(f, init_x, lr, step_num)
    x = init_x
    for _ in range(step_num):
        x -= lr * numerical_gradient(f, x)
    return x


def _compute_differences(f: Callable[[Any], Any], x: Array) -> Array:
    """Return the differences of the book's loop, in which a step may vanish."""
    gradient: Array = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        value = x[index]
        try:
            x[index] = value + H
            above = f(x)
            x[index] = value - H
            gradient[index] = (above - f(x)) / (2 * H)
        finally:
            x[index] = value
    return gradient


def _is_movable(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"
