"""Labels as class indices or one-hot rows, targets and weights of samples."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any, Self, cast

import attrs
import numpy as np
from array_api_compat import array_namespace, device

from modnet.errors import DataError
from modnet.types import Array

WIDEST = 1e150  # deviation of targets: the squares of errors are numbers


def one_hot(t: Any, like: Any, axis: int = -1) -> Array:
    """Return targets in the dense form: the shape of `like`, its dtype, classes along `axis`.

    Targets that are dense already keep their values. `like` may be the number of classes: `one_hot(t, 10)`.

    >>> one_hot(np.array([2, 0]), np.zeros((2, 3)))
    array([[0., 0., 1.],
           [1., 0., 0.]])
    """
    if not (getattr(like, "ndim", 0) and hasattr(t, "ndim")):
        return import_module("modnet_datasets.typed").make_one_hot(t, like, axis)  # type: ignore[no-any-return]
    if t.ndim == like.ndim:
        return cast("Array", array_namespace(t).astype(t, like.dtype, copy=False))
    is_numpy = isinstance(like, np.ndarray)  # `Array` stands for the arrays of other libraries, too
    if is_numpy and like.ndim == 2 and axis == -1:  # rows, as in training: four times faster
        rows = np.zeros(like.shape, like.dtype)
        rows[np.arange(len(t)), t] = 1
        return rows
    xp = array_namespace(like)
    shape = [1] * like.ndim
    shape[axis] = -1
    classes = xp.reshape(xp.arange(like.shape[axis], dtype=t.dtype, device=device(t)), tuple(shape))
    return cast("Array", xp.astype(xp.expand_dims(t, axis=axis) == classes, like.dtype))


def check_classes(classes: Sequence[Any]) -> None:
    """Raise DataError where the labels of classes are none, are there twice, or look alike."""
    if not isinstance(classes, (tuple, list)) or not classes:
        raise DataError(f"classes must be a tuple of labels, not {classes!r}")
    odd = [name for name in classes if not isinstance(name, (str, int, float))]
    if odd:
        raise DataError(f"classes must be text or numbers, not {odd[0]!r}")
    if len({str(name) for name in classes}) != len(classes):
        raise DataError(f"classes are there twice: {classes}")
    find = import_module("modnet_datasets.unclear").find_unclear_labels  # not of the core
    if found := find(name for name in classes if isinstance(name, str)):
        raise DataError(found[0])


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


def to_float64(numbers: Array) -> Array:
    """Return numbers as float64, in which a long double may be no more than infinite."""
    with np.errstate(over="ignore", invalid="ignore"):
        return numbers.astype(np.float64, copy=False)


def is_missing(label: object) -> bool:
    """Say whether a label or a cell is None, NaN or NaT, those of pandas among them."""
    if isinstance(label, (float, np.generic)):
        return bool(label != label)
    return label is None or type(label).__name__ in {"NAType", "NaTType"}
