"""Numbers and lists as people type them, for parts that compute with floats."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from array_api_compat import is_array_api_obj

from modnet import Activation, Array, Loss, ShapeError, find_name, one_hot
from modnet.text import printable

LONGEST = 60  # letters of what was found, in a message


def call(method: Callable[..., Any], part: Any, given: Sequence[Any], settings: Mapping[str, Any]) -> Any:
    """Return what a method of an activation, a loss or a metric returns for arrays that are given as people type them.

    The result of numbers is a number. Arrays of other libraries are handed on as they are. Raises ShapeError where
    there are no numbers, or where targets are no classes.

    >>> modnet.activation("sigmoid")(0), modnet.activation("relu")([-1, 2])
    (0.5, array([0., 2.]))
    >>> modnet.loss("cross-entropy")([[0.1, 0.9], [0.5, 0.5]], [1.0, 0.0]).round(4)
    array([0.1054, 0.6931])
    """
    signature = inspect.signature(method)
    arguments = signature.bind(part, *given, **settings)
    needed = [
        name
        for name, each in signature.parameters.items()
        if each.default is each.empty and each.kind is each.POSITIONAL_OR_KEYWORD
    ][1:]
    if not needed:  # a method of any arguments
        return method(part, *given, **settings)
    typed = {name: arguments.arguments[name] for name in needed}
    if any(is_array_api_obj(value) and not isinstance(value, (np.ndarray, np.generic)) for value in typed.values()):
        return method(part, *given, **settings)
    name, axis = find_name(part), arguments.arguments.get("axis", -1)
    if isinstance(part, Activation):
        arrays = [to_floats(value, f"inputs of {name}") for value in typed.values()]
    else:
        y, t, *others = typed.values()
        y = np.atleast_1d(to_floats(y, f"outputs for {name}"))
        is_loss = isinstance(part, Loss)
        arrays = [y, _to_loss_targets(t, y, axis, part) if is_loss else to_numbers(t, f"targets of {name}"), *others]
    arguments.arguments.update(zip(needed, arrays, strict=True))
    try:
        result = method(*arguments.args, **arguments.kwargs)
    except (ValueError, IndexError):
        if arrays[0].ndim and arrays[0].size:
            raise
        found = "one number" if arrays[0].size else "none"
        what = f"{name} works along rows of numbers, found {found}: give it a list, such as [0.3, 2.9, 4.0]"
        raise ShapeError(what) from None
    return _to_result(result, next(iter(typed.values())))


def _to_result(result: Any, given: Any) -> Any:
    """Return a number for a number, and what is one number as such, unless an array was given."""
    if isinstance(given, np.ndarray) or np.ndim(result):
        return result
    return np.asarray(result)[()] if isinstance(given, np.generic) else np.asarray(result).item()


def to_numbers(value: Any, what: str) -> Array:
    """Return an array of numbers, 0 and 1 of bools; raises ShapeError where a value is none."""
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):
        raise ShapeError(f"{what} must be numbers in rows of one length, found {_describe(value)}") from None
    if array.dtype.kind == "O":
        numbers = [each for each in array.flat if isinstance(each, (bool, int, float, np.number))]
        if array.size and len(numbers) == array.size:
            array = array.astype(np.float64)
    if array.dtype.kind not in "buif":
        is_text = array.dtype.kind in "UST" or any(isinstance(each, str) for each in array.flat)
        advice = ": modnet.Dataset.from_arrays(rows, labels) takes text" if is_text else ""
        raise ShapeError(f"{what} must be real numbers, found {_describe(value)}{advice}")
    return array.astype(np.int64) if array.dtype.kind == "b" else array


def to_floats(value: Any, what: str) -> Array:
    """Return an array of floats or complex numbers as it is, any other numbers in float64; raises ShapeError."""
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "fc":
        return np.asarray(value)
    return to_numbers(value, what).astype(np.float64)


def _describe(value: Any) -> str:
    dtype = getattr(value, "dtype", None)
    if dtype is not None and np.ndim(value):
        return f"an array of {'text' if getattr(dtype, 'kind', '') in 'UST' else dtype}"
    return printable(repr(value), LONGEST)


def make_one_hot(t: Any, like: Any, axis: int) -> Array:
    """Return one-hot rows of float64 for class indices and the number of classes, or as `like` says; raises ShapeError.

    >>> modnet.one_hot([2, 0], 3)
    array([[0., 0., 1.],
           [1., 0., 0.]])
    """
    indices = to_numbers(t, "class indices")
    if np.ndim(like):
        return one_hot(indices, np.asarray(like), axis)
    if not isinstance(like, (int, np.integer)) or isinstance(like, bool) or like < 1:
        raise ShapeError(f"one_hot needs the number of classes, or an array of the shape that is wanted: {like!r}")
    classes = int(like)
    if indices.ndim == 2 and indices.shape[1] == classes != 1:
        return indices.astype(np.float64)  # dense already
    if indices.ndim > 1 and indices.shape != (len(indices), 1):
        raise ShapeError(f"class indices must be of shape (N,), or rows of {classes} numbers: found {indices.shape}")
    return np.eye(classes)[to_classes(indices.reshape(-1) if indices.ndim else indices, classes)]


def _to_loss_targets(value: Any, y: Array, axis: int, loss: Loss) -> Array:
    """Return targets of outputs `y` along `axis`, dense or class indices; raises ShapeError where they are neither."""
    t = to_numbers(value, f"targets of {find_name(loss)}")
    outputs = y.shape[axis]
    of_samples = np.empty(y.shape, np.bool_).any(axis=axis).shape
    if t.shape == y.shape or (t.ndim == 0 and y.size == 1):
        return np.asarray(t.reshape(y.shape), y.dtype)
    if t.shape not in {of_samples, (*of_samples, 1)}:
        what = f"targets of shape {t.shape} do not fit outputs of shape {y.shape}"
        raise ShapeError(f"{what}: give class indices of shape {of_samples}, or values of shape {y.shape}")
    return to_classes(t.reshape(of_samples), 2 if loss.is_binary and outputs == 1 else outputs)


def to_classes(t: Array, classes: int) -> Array:
    """Return class indices, which may be given as floats, as whole numbers; raises ShapeError that names the wrong one.

    >>> to_classes(np.array([1.0, 0.0]), 2)
    array([1, 0])
    """
    right = (t >= 0) & (t < classes) & (t == np.rint(t))
    if not right.all():
        i = int(np.flatnonzero(~right)[0])
        raise ShapeError(f"target {t.flat[i]} of sample {i} is not one of the {classes} classes, 0 to {classes - 1}")
    return t.astype(np.int64)
