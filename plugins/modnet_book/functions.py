"""Activations and losses under the book's names."""

from __future__ import annotations

from typing import Any

import numpy as np

import modnet
from modnet import Array, ShapeError


def identity_function(x: Any) -> Any:
    """Return `x` itself. Saitoh, "Deep Learning from Scratch", chapter 3.4.3."""
    return x


def step_function(x: Any) -> Array:
    """Return 1 where `x` > 0 and 0 elsewhere, as integers. Chapter 3.2.3.

    >>> step_function(np.array([-1.0, 1.0, 2.0]))
    array([0, 1, 1])
    """
    return np.array(np.asarray(x) > 0, dtype=int)


def sigmoid(x: Any) -> Any:
    """Return 1 / (1 + exp(-x)) of a number or of each entry. Chapter 3.2.4.

    >>> sigmoid(np.array([-1.0, 1.0, 2.0])).round(4)
    array([0.2689, 0.7311, 0.8808])
    """
    return modnet.activation("sigmoid")(_to_floats(x))[()]


def sigmoid_grad(x: Any) -> Any:
    """Return the derivative of the sigmoid at `x`, (1 - sigmoid(x)) * sigmoid(x).

    >>> float(sigmoid_grad(0.0))
    0.25
    """
    z = sigmoid(x)
    return (1.0 - z) * z


def relu(x: Any) -> Any:
    """Return the larger of 0 and `x`, of a number or of each entry. Chapter 3.2.7.

    >>> relu(np.array([-1, 2]))
    array([0, 2])
    """
    return np.maximum(0, x)


def softmax(x: Any) -> Array:
    """Return the softmax of one sample (K,), or of each row of a batch (N, K). Chapter 3.5.

    >>> softmax(np.array([0.3, 2.9, 4.0])).round(4)
    array([0.0182, 0.2452, 0.7366])
    """
    return modnet.activation("softmax")(_to_floats(x))


def sum_squared_error(y: Any, t: Any) -> Any:
    """Return half the sum of the squares of y - t, over all entries. Chapter 4.2.1, in newer editions under this name.

    Raises ShapeError where `y` and `t` are of other shapes: (N, 1) beside (N,) would be all pairs of them.

    >>> print(sum_squared_error(np.array([0.1, 0.9]), np.array([0, 1])).round(6))
    0.01
    """
    outputs, targets = np.asarray(y), np.asarray(t)
    if outputs.shape != targets.shape and outputs.ndim and targets.ndim:
        what = f"targets of shape {targets.shape} beside outputs of shape {outputs.shape}"
        raise ShapeError(f"{what}: give one for each output, one-hot rows of classes")
    return 0.5 * np.sum((outputs - targets) ** 2)


def mean_squared_error(y: Any, t: Any) -> Any:
    """Return what `sum_squared_error` returns, which older editions call so: a sum and no mean. Chapter 4.2.1."""
    return sum_squared_error(y, t)


def cross_entropy_error(y: Any, t: Any) -> Any:
    """Return the cross entropy -log(y + 1e-7) at the target, of one sample (K,) or the mean over a batch (N, K).

    Targets `t` are one-hot, of the shape of `y`, or class indices: (N,), or one for one sample. Chapter 4.2.2 to 4.2.4.
    Raises ShapeError where there is not one target for each sample, or where one is not a class.

    >>> print(cross_entropy_error(np.array([[0.1, 0.9], [0.5, 0.5]]), np.array([1, 0])).round(6))
    0.399254
    >>> print(cross_entropy_error(np.array([0.1, 0.9]), np.array([0, 1])).round(6))
    0.10536
    """
    rows, targets = np.atleast_2d(_to_floats(y)), np.asarray(t)
    if targets.size == rows.size:
        targets = targets.reshape(rows.shape).argmax(axis=1)
    elif targets.size != len(rows):
        what = f"targets of shape {targets.shape} beside outputs of shape {np.shape(y)}"
        raise ShapeError(f"{what}: give a class index for each sample, or one-hot rows of the shape of the outputs")
    classes = targets.reshape(-1)
    is_class = (classes >= 0) & (classes < rows.shape[1]) & (classes == np.rint(classes))
    if not is_class.all():
        what = f"target {classes[~is_class][0]} is no class"
        raise ShapeError(f"{what}: {rows.shape[1]} outputs stand for the classes 0 to {rows.shape[1] - 1}")
    return modnet.loss("cross-entropy")(rows, classes.astype(np.intp)).mean()


def function_1(x: Any) -> Any:
    """Return 0.01 x² + 0.1 x, the function of one variable of chapter 4.3.2."""
    return 0.01 * x**2 + 0.1 * x


def function_2(x: Any) -> Any:
    """Return x0² + x1², the function of two variables of chapter 4.3.3; `x` may hold a grid of each."""
    return x[0] ** 2 + x[1] ** 2


def _to_floats(x: Any) -> Array:
    """Return an array of floats; one that is so already as it is."""
    array = np.asarray(x)
    return array if array.dtype.kind == "f" else array.astype(np.float64)
