"""What a data source hands over: training and test samples, and the classes their labels stand for."""

from __future__ import annotations

import math
import mmap as mapping
from collections.abc import Iterator, Mapping
from functools import cached_property
from mmap import mmap
from typing import Any, Literal, cast

import attrs
import numpy as np
from array_api_compat import array_namespace

from modnet.errors import DataError
from modnet.randomness import Stream
from modnet.types import Array

PIXEL_COLUMNS = 16
PIXEL_MAXIMUM = 255
BLOCK = 2**20  # numbers that are looked at in one go
SCATTERED = 64  # rows of a mapped file that are read in one go; each may bring 2 MiB of it into memory
LABELS_END = 2**53  # below it, float64 tells whole numbers apart


@attrs.frozen(eq=False, repr=False)
class Samples:
    """Samples as rows: features `x` (N, D) float64, and `t` (N,) int64 class indices.

    `table` (M, D) has the features as the source had them, of any dtype, in memory or in a file mapped into it; `x` is
    that divided by `scale`, of the rows that are `chosen` (N,), or of all. It is made when it is first asked for, and
    takes 8 bytes a number; `rows` makes some of it at a time.

    >>> samples = Samples(np.array([[0], [51], [255]], np.uint8), np.array([0, 1, 1]), scale=255)
    >>> samples.rows([2, 1])
    array([[1. ],
           [0.2]])
    """

    table: Array = attrs.field(alias="x")
    t: Array
    scale: float = 1.0
    chosen: Array | None = None

    def __len__(self) -> int:
        return len(self.t)

    def __repr__(self) -> str:
        return f"<Samples: {len(self)} of {self.features} features>"

    @cached_property
    def x(self) -> Array:
        """All features (N, D), float64."""
        if self.scale == 1 and self.chosen is None and self.table.dtype == np.float64:
            return self.table
        return self.rows(slice(None))

    @property
    def features(self) -> int:
        """How many columns there are."""
        return int(self.table.shape[1])

    def rows(self, which: slice | Any) -> Array:
        """Return the features of some samples, by a slice or by indices, as float64; they may be the table's own."""
        found = self.unscaled(which)
        if self.scale == 1:  # not copied once more
            return found.astype(np.float64, copy=False)
        return scaled(found, self.scale)

    def unscaled(self, which: slice | Any) -> Array:
        """Return the features of some samples as the source had them: in their own dtype, not divided."""
        if self.chosen is not None:
            which = self.chosen[which]
        mapped = _mapping(self.table)
        if mapped is None:
            return self.table[which] if isinstance(which, slice) else self.table.take(which, axis=0)
        if isinstance(which, slice):
            found = np.array(self.table[which])
            _let_go(mapped)
            return found
        which = np.asarray(which)
        found = np.empty((len(which), self.features), self.table.dtype)
        for start in range(0, len(which), SCATTERED):
            some = slice(start, start + SCATTERED)
            found[some] = self.table[which[some]]
            _let_go(mapped)
        return found

    def blocks(self) -> Iterator[slice]:
        """Yield slices that cover all samples, each of a size that is no burden: about 8 MB of float64."""
        return _blocks(len(self), self.features)


@attrs.frozen(eq=False, repr=False)
class Dataset:
    """Training and test samples. Class index i stands for the label `classes[i]`.

    `settings` are the source's settings that were inferred from the data, so that nothing is inferred twice.
    `feature_names` are the columns' names, where the source knows them; `notes` say what the user should know of how
    the data was read, such as rows that were left out.
    """

    train: Samples
    test: Samples
    classes: tuple[Any, ...]
    settings: dict[str, Any] = attrs.field(factory=dict)
    feature_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    more_parts: Mapping[str, Samples] = attrs.field(factory=dict)
    """Samples besides those for training and test, by the name of their part."""

    def __repr__(self) -> str:
        samples = " and ".join(f"{len(part)} {kind_of_samples(name)}" for name, part in self.parts.items())
        return f"<Dataset: {samples} samples of {self.features} features in {len(self.classes)} classes>"

    @property
    def parts(self) -> dict[str, Samples]:
        """All samples by the name of their part: `train`, `test`, then those of `more_parts`."""
        return {"train": self.train, "test": self.test, **self.more_parts}

    def with_parts(self, parts: Mapping[str, Samples]) -> Dataset:
        """Return the data set with other samples in its parts."""
        others = {name: samples for name, samples in parts.items() if name not in {"train", "test"}}
        return attrs.evolve(self, train=parts["train"], test=parts["test"], more_parts=others)

    @property
    def features(self) -> int:
        """How many columns `x` has."""
        return self.train.features

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
        stratified: bool = False,
        **settings: Any,
    ) -> Dataset:
        """Return a data set from rows (N, ...) and their labels (N,) or one-hot labels (N, classes).

        Features are flattened to (N, D), divided by `scale` and made float64; `"auto"` divides by 255 what is
        evidently pixels: 16 or more columns of whole numbers from 0 to 255, at least one above 127. Without
        `test`, a `test_fraction` of the rows, drawn at random by `split_seed`, becomes the test samples: of all rows
        alike, or `stratified`, so that each class has its share in both parts.
        The rows are copied, unless nobody can write to them (`x.flags.writeable`, a mapped file). Raises DataError
        where rows and labels do not fit, or numbers are not finite.

        >>> data = Dataset.from_arrays(([[0.5], [1.5], [2.5]], ["b", "a", "b"]), test_fraction=0.4)
        >>> data.classes, data.train.t, data.test.t
        (('a', 'b'), array([0, 1]), array([1]))
        """
        x, labels = _rows(*train, "training")
        chosen = chosen_test = None
        if test is None:
            x_test = x
            chosen, chosen_test = _split(labels, test_fraction, split_seed, stratified)
            labels, labels_test = labels[chosen], labels[chosen_test]
            if not len(chosen_test):  # all rows in their order: nothing to choose
                chosen, x_test = None, x[:0]
                chosen_test = None
        else:
            x_test, labels_test = _rows(*test, "test")
            if x_test.shape[1] != x.shape[1]:
                raise DataError(f"training rows have {x.shape[1]} features, test rows {x_test.shape[1]}")
        if not len(labels):
            raise DataError("no training rows")
        divisor = _inferred_scale(x, chosen) if scale == "auto" else float(scale)
        if not 0 < divisor < math.inf:
            raise DataError(f"features are divided by a number > 0, not {divisor}")
        classes, indices = np.unique(_joined_labels(labels, labels_test), return_inverse=True)
        indices = indices.astype(np.int64)
        return cls(
            Samples(x, indices[: len(labels)], divisor, chosen),
            Samples(x_test, indices[len(labels) :], divisor, chosen_test),
            tuple(classes.tolist()),
            {"scale": divisor, **settings},
        )

    def check(self) -> None:
        """Raise DataError where networks cannot rely on it: float64 rows, all finite, a class index for each.

        For those who write a data source that makes its `Dataset` without `from_arrays`. Looks at every number.
        """
        if not len(self.train):
            raise DataError("no training rows")
        if len(set(self.classes)) != len(self.classes):
            raise DataError(f"classes are there twice: {self.classes}")
        for key, part in self.parts.items():
            name = kind_of_samples(key)
            n, x, t = len(part), part.x, part.t
            if x.ndim != 2 or x.shape != (n, self.features) or x.dtype != np.float64:
                raise DataError(f"{name} rows are {x.dtype} of shape {x.shape}, not float64 of shape ({n}, features)")
            if t.shape != (n,) or t.dtype != np.int64:
                raise DataError(f"{name} targets are {t.dtype} of shape {t.shape}, not int64 of shape {(n,)}")
            if not np.isfinite(x).all():
                raise DataError(f"a number in the {name} rows is not finite")
            if not np.isin(t, np.arange(len(self.classes))).all():
                raise DataError(f"a target of the {name} rows is not the index of a class")


def kind_of_samples(part: str) -> str:
    """Return the name of a part as it stands before "samples": training for `train`."""
    return {"train": "training"}.get(part, part)


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
    x = np.array(x.reshape(len(x), features), order="C", copy=True if x.flags.writeable else None)
    for block in _blocks(len(x), features) if x.dtype.kind == "f" else ():
        finite = np.isfinite(_as_float64(x[block]))
        if not finite.all():
            row, column = np.argwhere(~finite)[0]
            row += block.start
            raise DataError(
                f"{part} row {row + 1}, feature {column + 1}: expected a finite number, found {x[row, column]}"
            )
        _let_go(_mapping(x))
    return x, labels


def _as_float64(numbers: Array) -> Array:
    """Return numbers as float64, in which a long double may be no more than infinite."""
    with np.errstate(over="ignore", invalid="ignore"):
        return numbers.astype(np.float64, copy=False)


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
        numbers = _as_float64(labels)
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


def _split(labels: Array, fraction: float, seed: int, stratified: bool) -> tuple[Array, Array]:
    """Return which rows are for training and which for the test, both in their order."""
    if not 0 <= fraction < 1:
        raise DataError(f"the test fraction must be >= 0 and < 1: {fraction}")
    order = Stream(seed, ("test split",)).generator().permutation(len(labels))
    count = round(fraction * len(labels))
    places = np.arange(count)
    if stratified and count:
        # Class by class, every so many-th row: each class has its share to within one row.
        order = order[np.argsort(labels[order], kind="stable")]
        places = ((places + 0.5) * (len(labels) / count)).astype(np.int64)
    return np.sort(np.delete(order, places)), np.sort(order[places])


def _inferred_scale(x: Array, chosen: Array | None) -> float:
    """Return 255 for what is evidently pixels, otherwise 1, as the chosen rows tell."""
    if x.shape[1] < PIXEL_COLUMNS or x.dtype.kind == "b":
        return 1.0
    largest = 0.0
    count = len(x) if chosen is None else len(chosen)
    for block in _blocks(count, x.shape[1]):
        part = x[block] if chosen is None else x[chosen[block]]
        largest = max(largest, float(part.max()))
        if part.min() < 0 or largest > PIXEL_MAXIMUM or (part.dtype.kind == "f" and (part != np.trunc(part)).any()):
            return 1.0
        _let_go(_mapping(x))
    return float(PIXEL_MAXIMUM) if largest > PIXEL_MAXIMUM // 2 else 1.0


def _blocks(rows: int, columns: int) -> Iterator[slice]:
    size = max(1, BLOCK // columns)
    return (slice(start, min(start + size, rows)) for start in range(0, rows, size))


def _mapping(x: Array) -> mmap | None:
    """Return the file's mapping that an array's numbers lie in, if they lie in one."""
    base: Any = x
    while isinstance(base, np.ndarray):
        base = base.base
    return base if isinstance(base, mmap) else None


def _let_go(mapped: mmap | None) -> None:
    """Give back the memory of what has been read from a mapped file, so that it does not add up to the file's size."""
    if mapped is not None and hasattr(mapped, "madvise"):  # not on Windows, which lets go by itself
        mapped.madvise(mapping.MADV_DONTNEED)
