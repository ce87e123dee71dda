"""Labels as class indices and as one-hot rows."""

from __future__ import annotations

from typing import cast

import numpy as np
from array_api_compat import array_namespace

from modnet.errors import DataError
from modnet.types import Array

LABELS_END = 2**53  # below it, float64 tells whole numbers apart


def one_hot(t: Array, like: Array, axis: int = -1) -> Array:
    """Return targets in the dense form: the shape of `like`, its dtype, classes along `axis`.

    Targets that are dense already keep their values.

    >>> one_hot(np.array([2, 0]), np.zeros((2, 3)))
    array([[0., 0., 1.],
           [1., 0., 0.]])
    """
    if t.ndim == like.ndim:
        dense: Array = array_namespace(t).astype(t, like.dtype, copy=False)
        return dense
    is_numpy = isinstance(like, np.ndarray)  # `Array` stands for the arrays of other libraries, too
    if is_numpy and like.ndim == 2 and axis == -1:  # rows, as in training: four times faster
        rows = np.zeros(like.shape, like.dtype)
        rows[np.arange(len(t)), t] = 1
        return rows
    xp = array_namespace(like)
    shape = [1] * like.ndim
    shape[axis] = -1
    classes = xp.reshape(xp.arange(like.shape[axis], dtype=t.dtype), tuple(shape))
    return cast("Array", xp.astype(xp.expand_dims(t, axis=axis) == classes, like.dtype))


def to_labels(labels: Array, part: str) -> Array:
    """Return labels as (N,) integers or text; raises DataError where they are no classes."""
    if labels.dtype.kind not in "buifU":
        raise DataError(f"{part} labels must be classes (whole numbers or text), found {labels.dtype}")
    if labels.ndim == 2 and labels.shape[1] > 1:
        if labels.dtype.kind == "U" or not _is_one_hot(labels):
            raise DataError(f"{part} labels of shape {labels.shape} are not one-hot rows: one 1 each, otherwise 0")
        return cast("Array", labels.argmax(axis=1))
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.dtype.kind == "f":
        numbers = to_float64(labels)
        wrong = ~((numbers == np.trunc(numbers)) & (np.abs(numbers) < LABELS_END))
        if wrong.any():
            found = f"{numbers[wrong].flat[0]}, {labels.dtype}"
            raise DataError(f"{part} labels must be classes (whole numbers or text), found {found}")
        return labels.astype(np.int64)
    if labels.dtype == np.uint64 and labels.max(initial=0) > np.iinfo(np.int64).max:
        raise DataError(f"{part} labels must be classes, found {labels.max()}")
    return labels.astype(np.int64) if labels.dtype.kind in "iu" else labels


def join_labels(train: Array, test: Array) -> Array:
    """Return the labels of both parts as one array; raises DataError where they are of two kinds."""
    words = {"b": "truth values", "i": "numbers", "U": "text"}
    if train.dtype.kind != test.dtype.kind and len(test):
        raise DataError(f"training labels are {words[train.dtype.kind]}, test labels {words[test.dtype.kind]}")
    return np.concatenate([train, test]) if len(test) else train


def to_float64(numbers: Array) -> Array:
    """Return numbers as float64, in which a long double may be no more than infinite."""
    with np.errstate(over="ignore", invalid="ignore"):
        return numbers.astype(np.float64, copy=False)


def _is_one_hot(rows: Array) -> bool:
    return bool(((rows == 0) | (rows == 1)).all() and (rows.sum(axis=1) == 1).all())
