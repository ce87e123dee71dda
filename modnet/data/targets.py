"""Targets of a regression, and weights of samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import attrs
import numpy as np

from modnet.data.labels import to_float64, to_label_array
from modnet.errors import DataError
from modnet.text import list_some, quote
from modnet.types import Array

HEAVIEST = 1e30  # weight, which float32 can add up
WIDEST = 1e150  # deviation of targets: the squares of errors are numbers


@attrs.frozen
class TargetScale:
    """The mean and the deviation of each target in the training rows: targets are learned standardized."""

    mean: tuple[float, ...] = attrs.field(converter=tuple)
    deviation: tuple[float, ...] = attrs.field(converter=tuple)
    """1 for a target that does not vary."""

    @classmethod
    def fit(cls, targets: Array, weights: Array | None = None) -> Self:
        """Return the scale of targets (N, targets) that are weighted by `weights` (N,); raises DataError."""
        seen = targets if weights is None else targets[weights > 0]
        with np.errstate(over="ignore"):
            mean = np.average(targets, axis=0, weights=weights)
            deviation = np.sqrt(np.average((targets - mean) ** 2, axis=0, weights=weights))
        varies = (seen != seen[0]).any(axis=0)
        if (varies & ~((deviation > 1 / WIDEST) & (deviation < WIDEST))).any():
            raise DataError(
                f"targets deviate by less than {1 / WIDEST:g} or more than {WIDEST:g}: give them in another unit"
            )
        return cls(np.where(varies, mean, seen[0]).tolist(), np.where(varies, deviation, 1.0).tolist())

    def standardize(self, targets: Array) -> Array:
        """Return targets (N, targets) with mean 0 and deviation 1."""
        return np.asarray((targets - self.mean) / self.deviation)

    def restore(self, outputs: Array) -> Array:
        """Return standardized targets or outputs (N, targets) in the unit that the source has them in."""
        return np.asarray(outputs * np.array(self.deviation) + self.mean)


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


def to_weights(weights: Any, part: str, count: int) -> Array:
    """Return weights of rows as (N,) float64; raises DataError where they are not numbers >= 0, one for each row."""
    try:
        found = np.array(weights, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise DataError(f"{part} weights must be numbers, one for each row") from None
    if found.shape != (count,):
        raise DataError(f"{part}: {count} rows need {count} weights, found weights of shape {found.shape}")
    if not (right := (found == 0) | ((found >= 1 / HEAVIEST) & (found <= HEAVIEST))).all():
        row, ends = int(np.argmin(right)), f"0 or from {1 / HEAVIEST:g} to {HEAVIEST:g}"
        raise DataError(f"{part} row {row + 1}: a weight must be a number >= 0 ({ends}), found {found[row]}")
    if count and not found.any():
        raise DataError(f"{part} weights are all 0: one at least must be above 0")
    return found


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
