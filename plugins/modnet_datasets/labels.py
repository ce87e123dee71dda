"""Labels of any kind as class indices or targets, and the weights of classes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, cast

import numpy as np

from modnet import Array, DataError
from modnet.data import is_missing, to_float64
from modnet.text import list_some, quote

LABELS_END = 2**53  # below it, float64 tells whole numbers apart


def to_label_array(labels: Any, part: str) -> Array:
    """Return labels of any kind as an array; raises DataError where one is missing, or text stands beside numbers.

    NumPy alone would make text of them: `["a", float("nan"), 1]` becomes `["a", "nan", "1"]`.
    """
    if np.ma.is_masked(labels):
        row = np.argwhere(np.ma.getmaskarray(labels))[0, 0]
        raise DataError(f"{part} row {row + 1}: the label is missing (masked)")
    if not isinstance(labels, (list, tuple)):
        labels = np.asarray(labels)
        if labels.dtype.kind != "O" or not labels.ndim:
            return cast("Array", labels)
        labels = labels.tolist()
    are_text = any(isinstance(item, str) for item in labels)
    truths = [row for row, item in enumerate(labels, start=1) if isinstance(item, (bool, np.bool_))]
    for row, item in enumerate(labels, start=1):
        if is_missing(item):
            raise DataError(f"{part} row {row}: the label is missing ({item})")
        if are_text and not isinstance(item, str):
            raise DataError(f"{part} row {row}: the label is {item!r}, others are text: make all of them text")
    if truths and len(truths) < len(labels):
        found = labels[truths[0] - 1]
        raise DataError(f"{part} row {truths[0]}: the label is {found}, others are numbers: make all of them numbers")
    try:
        return np.asarray(labels)
    except ValueError:
        raise DataError(f"{part} labels are of different lengths") from None


def to_labels(labels: Array, part: str) -> Array:
    """Return labels as (N,) integers or text; raises DataError where they are no classes."""
    if labels.dtype.kind in "mM" and (lacking := np.isnat(labels)).any():
        raise DataError(f"{part} row {np.argwhere(lacking)[0, 0] + 1}: the label is missing (NaT)")
    if labels.dtype.kind not in "buifU":
        raise DataError(f"{part} labels must be classes (whole numbers or text), found {labels.dtype}")
    if labels.ndim == 2 and labels.shape[1] > 1:
        if labels.dtype.kind == "U" or not is_one_hot(labels):
            raise DataError(f"{part} labels of shape {labels.shape} are not one-hot rows: one 1 each, otherwise 0")
        return cast("Array", labels.argmax(axis=1))
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.dtype.kind == "f":
        numbers = to_float64(labels)
        wrong = ~((numbers == np.trunc(numbers)) & (np.abs(numbers) < LABELS_END))
        if wrong.any():
            row = np.argwhere(wrong)[0, 0]
            if np.isnan(numbers[row]).any():
                raise DataError(f"{part} row {row + 1}: the label is missing (nan)")
            found = f"{numbers[wrong].flat[0]}, {labels.dtype} (row {row + 1})"
            advice = [{"task": "regression"}] * bool(np.isfinite(numbers).all())
            raise DataError(f"{part} labels must be classes (whole numbers or text), found {found}", advice=advice)
        return labels.astype(np.int64)
    if labels.dtype == np.uint64 and labels.max(initial=0) > np.iinfo(np.int64).max:
        raise DataError(f"{part} labels must be classes, found {labels.max()}")
    return labels.astype(np.int64) if labels.dtype.kind in "iu" else labels


def to_indices(labels: Array, classes: Sequence[Any], part: str) -> Array:
    """Return the place (N,) of each label among `classes`, or of each one-hot row's 1; raises DataError."""
    found = to_labels(labels, part)
    if labels.ndim == 2 and labels.shape[1] > 1:
        if labels.shape[1] != len(classes):
            raise DataError(f"{part} labels are one-hot rows of {labels.shape[1]}, 'classes' has {len(classes)}")
        return found.astype(np.int64)
    is_text, listed = found.dtype.kind == "U", list_some(map(repr, classes), 10)
    if found.ndim != 1 or (found.size and is_text != isinstance(classes[0], str)):
        raise DataError(f"{part} labels are {'text' if is_text else 'numbers'}, 'classes' has {listed}")
    places = {label: place for place, label in enumerate(classes)}
    distinct, at = np.unique(found, return_inverse=True)
    if unknown := [label for label in distinct.tolist() if label not in places]:
        row = int(np.argmax(found == unknown[0]))
        raise DataError(f"{part} row {row + 1}: the label {unknown[0]!r} is none of 'classes': {listed}")
    return np.array([places[label] for label in distinct.tolist()], np.int64)[at]


def to_classes(classes: Any) -> tuple[Any, ...]:
    """Return classes that were given as plain values; raises DataError where they are not all text, or all numbers."""
    if isinstance(classes, (Mapping, AbstractSet)) or not isinstance(classes, Iterable):
        raise DataError(f"'classes' must be a list of labels, in their order, not a {type(classes).__name__}")
    found = tuple(classes.tolist() if isinstance(classes, np.ndarray) else classes)
    plain = all(isinstance(item, str) for item in found) or all(isinstance(item, (int, np.integer)) for item in found)
    if isinstance(classes, str) or not found or not plain or len({*found}) < len(found):
        raise DataError(f"'classes' must be a list of different texts, or of different whole numbers: {classes!r:.200}")
    return tuple(np.array(found).tolist())


def to_targets(labels: Any, part: str) -> Array:
    """Return the labels of a regression, (N,) or (N, targets), as (N, targets) float64; raises DataError."""
    found = to_label_array(labels, part)
    if found.dtype.kind not in "buif" or found.ndim not in {1, 2} or not found.shape[-1]:
        what = f"found {found.dtype} of shape {found.shape}"
        raise DataError(f"{part} labels must be numbers for task = 'regression', {what}", advice=[{"task": None}])
    targets = to_float64(found).reshape(len(found), -1)
    if not (right := np.isfinite(targets).all(axis=1)).all():
        row = int(np.argmin(right))
        raise DataError(f"{part} row {row + 1}: the label is missing, or not finite ({targets[row].tolist()})")
    return targets


def weigh_classes(given: Any, t: Array, classes: tuple[Any, ...], weights: Array | None) -> Array | None:
    """Return the weights (K,) of classes, by training rows with class indices `t` (N,) and `weights` (N,).

    `given` is None, "balanced" or a mapping by label, in which others have 1. "balanced" is N / (K n_k) for the n_k of
    N rows in one of K classes that have rows, as in scikit-learn. Raises DataError.
    """
    if given is None:
        return None
    if given == "balanced":
        counts = np.bincount(t, weights, minlength=len(classes)).astype(np.float64)
        there = counts > 0
        of_class: Array = np.divide(counts.sum() / there.sum(), counts, out=np.zeros(len(classes)), where=there)
    else:
        table: Mapping[str, float] = {str(label): weight for label, weight in given.items()}
        known = {str(label): label for label in classes}
        if unknown := [label for label in table if label not in known]:
            what = f"'class_weight' names the class {quote(unknown[0])}, and there is none"
            raise DataError(f"{what}: available: {list_some(map(quote, known), 12)}")
        of_class = np.array([table.get(label, 1.0) for label in known])
    if not (of_class[t] * (1.0 if weights is None else weights)).any():
        raise DataError("'class_weight' gives all training rows the weight 0: one class at least needs more")
    return of_class


def is_one_hot(rows: Array) -> bool:
    """Say whether each row has one 1, and is 0 otherwise."""
    return bool(((rows == 0) | (rows == 1)).all() and ((rows == 1).sum(axis=1) == 1).all())
