"""What a data source hands over: training and test samples, and the classes their labels stand for."""

from __future__ import annotations

import math
from typing import Any, Literal, cast

import attrs
import numpy as np
from array_api_compat import array_namespace

from modnet.errors import DataError
from modnet.randomness import Stream
from modnet.types import Array

PIXEL_COLUMNS = 16
PIXEL_MAXIMUM = 255
LABELS_END = 2**53  # below it, float64 tells whole numbers apart


@attrs.frozen(eq=False)
class Samples:
    """Samples as rows: `x` (N, D) float64, and `t` (N,) int64 class indices."""

    x: Array
    t: Array

    def __len__(self) -> int:
        return len(self.x)


@attrs.frozen(eq=False)
class Dataset:
    """Training and test samples. Class index i stands for the label `classes[i]`.

    `settings` are the source's settings that were inferred from the data, so that nothing is inferred twice.
    """

    train: Samples
    test: Samples
    classes: tuple[Any, ...]
    settings: dict[str, Any] = attrs.field(factory=dict)

    @property
    def features(self) -> int:
        """How many columns `x` has."""
        return int(self.train.x.shape[1])

    @property
    def scale(self) -> float:
        """What the features were divided by."""
        return float(self.settings.get("scale", 1.0))

    @classmethod
    def from_arrays(
        cls,
        train: tuple[Any, Any],
        test: tuple[Any, Any] | None = None,
        *,
        scale: float | Literal["auto"] = "auto",
        test_fraction: float = 0.2,
        split_seed: int = 0,
        **settings: Any,
    ) -> Dataset:
        """Return a data set from rows (N, ...) and their labels (N,) or one-hot labels (N, classes).

        Features are flattened to (N, D), divided by `scale` and made float64; `"auto"` divides by 255 what is
        evidently pixels: 16 or more columns of whole numbers from 0 to 255, at least one above 127. Without
        `test`, a `test_fraction` of the rows, drawn at random by `split_seed`, becomes the test samples.
        Raises DataError where rows and labels do not fit, or numbers are not finite.

        >>> data = Dataset.from_arrays(([[0.5], [1.5], [2.5]], ["b", "a", "b"]), test_fraction=0.4)
        >>> data.classes, data.train.t, data.test.t
        (('a', 'b'), array([0, 1]), array([1]))
        """
        x, labels = _rows(*train, "training")
        if test is None:
            (x, labels), (x_test, labels_test) = _split(x, labels, test_fraction, split_seed)
        else:
            x_test, labels_test = _rows(*test, "test")
            if x_test.shape[1] != x.shape[1]:
                raise DataError(f"training rows have {x.shape[1]} features, test rows {x_test.shape[1]}")
        if not len(x):
            raise DataError("no training rows")
        divisor = _inferred_scale(x) if scale == "auto" else float(scale)
        if not 0 < divisor < math.inf:
            raise DataError(f"features are divided by a number > 0, not {divisor}")
        classes, indices = np.unique(_joined_labels(labels, labels_test), return_inverse=True)
        indices = indices.astype(np.int64)
        return cls(
            Samples(scaled(x, divisor), indices[: len(x)]),
            Samples(scaled(x_test, divisor), indices[len(x) :]),
            tuple(classes.tolist()),
            {"scale": divisor, **settings},
        )


def scaled(x: Array, scale: float) -> Array:
    """Return features as a new array of float64, row by row in memory, divided by `scale`.

    >>> scaled(np.array([[0, 51, 255]], dtype=np.uint8), 255)
    array([[0. , 0.2, 1. ]])
    """
    if scale == 1:
        return np.array(x, dtype=np.float64, order="C")
    return np.divide(x, scale, dtype=np.float64, order="C")


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
    if isinstance(like, np.ndarray) and like.ndim == 2 and axis == -1:  # rows, as in training: four times faster
        rows = np.zeros(like.shape, like.dtype)
        rows[np.arange(len(t)), t] = 1
        return rows
    xp = array_namespace(like)
    shape = [1] * like.ndim
    shape[axis] = -1
    classes = xp.reshape(xp.arange(like.shape[axis], dtype=t.dtype), tuple(shape))
    return cast("Array", xp.astype(xp.expand_dims(t, axis=axis) == classes, like.dtype))


def _rows(x: Any, labels: Any, part: str) -> tuple[Array, Array]:
    """Return rows as (N, D) and labels as (N,), integers or text, once they are known to fit."""
    x, labels = _plain(x, f"{part} rows"), _labels(_plain(labels, f"{part} labels"), part)
    if x.ndim == 0 or x.dtype.kind not in "buif":
        raise DataError(f"{part} rows: expected numbers of shape (N, features), found {x.dtype} of shape {x.shape}")
    if labels.ndim != 1 or len(labels) != len(x):
        raise DataError(f"{part}: {len(x)} rows need {len(x)} labels, found labels of shape {labels.shape}")
    features = math.prod(x.shape[1:])
    if not features:
        raise DataError(f"{part} rows have no features: their shape is {x.shape}")
    x = x.reshape(len(x), features)
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        row, column = np.argwhere(~np.isfinite(x))[0]
        raise DataError(f"{part} row {row + 1}, feature {column + 1}: expected a finite number, found {x[row, column]}")
    return x, labels


def _plain(values: Any, what: str) -> Array:
    try:
        return np.asarray(values)
    except ValueError:
        raise DataError(f"{what} are of different lengths") from None


def _labels(labels: Array, part: str) -> Array:
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
        numbers = labels.astype(np.float64)
        wrong = ~((numbers == np.trunc(numbers)) & (np.abs(numbers) < LABELS_END))
        if wrong.any():
            found = f"{numbers[wrong].flat[0]}, {labels.dtype}"
            raise DataError(f"{part} labels must be classes (whole numbers or text), found {found}")
        return labels.astype(np.int64)
    if labels.dtype == np.uint64 and labels.max(initial=0) > np.iinfo(np.int64).max:
        raise DataError(f"{part} labels must be classes, found {labels.max()}")
    return labels.astype(np.int64) if labels.dtype.kind in "iu" else labels


def _joined_labels(train: Array, test: Array) -> Array:
    words = {"b": "truth values", "i": "numbers", "U": "text"}
    if train.dtype.kind != test.dtype.kind and len(test):
        raise DataError(f"training labels are {words[train.dtype.kind]}, test labels {words[test.dtype.kind]}")
    return np.concatenate([train, test]) if len(test) else train


def _is_one_hot(rows: Array) -> bool:
    return bool(((rows == 0) | (rows == 1)).all() and (rows.sum(axis=1) == 1).all())


def _split(x: Array, labels: Array, fraction: float, seed: int) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    if not 0 <= fraction < 1:
        raise DataError(f"the test fraction must be >= 0 and < 1: {fraction}")
    order = Stream(seed, ("test split",)).generator().permutation(len(x))
    count = round(fraction * len(x))
    train, test = np.sort(order[count:]), np.sort(order[:count])
    return (x[train], labels[train]), (x[test], labels[test])


def _inferred_scale(x: Array) -> float:
    """Return 255 for what is evidently pixels, otherwise 1."""
    if x.shape[1] < PIXEL_COLUMNS or x.dtype.kind == "b":
        return 1.0
    if not (x.min() >= 0 and PIXEL_MAXIMUM // 2 < x.max() <= PIXEL_MAXIMUM):
        return 1.0
    return float(PIXEL_MAXIMUM) if x.dtype.kind in "iu" or np.array_equal(x, np.trunc(x)) else 1.0
