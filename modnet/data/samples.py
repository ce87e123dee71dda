"""Samples: rows of features with class indices, in memory or mapped."""

from __future__ import annotations

import math
import mmap as mapping
from collections.abc import Iterator, Sequence
from importlib import import_module
from mmap import mmap
from typing import Any

import attrs
import numpy as np

from modnet.data.columns import Column
from modnet.data.labels import to_float64
from modnet.data.preparation import Preparation
from modnet.errors import DataError
from modnet.randomness import Stream
from modnet.types import Array

BLOCK = 2**20  # numbers that are read at once
PREPARED = 2**24  # numbers of features that are kept in memory, 128 MiB; of more, each batch is made anew
ROUNDING = 1e-4  # of sums of probabilities, float32 of others among them
SCATTERED = 64  # rows of a mapped file that are read at once; each may bring 2 MiB of it into memory


@attrs.frozen(eq=False, repr=False)
class Samples:
    """Samples as rows: features `x` (N, D) float64, and `t` (N,) int64 class indices or (N, targets) float64.

    `table` (M, columns) has raw rows as the source had them, of any dtype, in memory or in a file mapped into it; `x`
    is that divided by `scale`, or changed by the `preparation`, of the rows that are `chosen` (N,), or of all. It is
    made when it is first asked for, and takes 8 bytes a number; `rows` makes some of it at a time, in any dtype.
    `columns` say which columns of the table hold codes of text.

    >>> samples = Samples(np.array([[0], [51], [255]], np.uint8), np.array([0, 1, 1]), scale=255)
    >>> samples.rows([2, 1])
    array([[1. ],
           [0.2]])
    """

    table: Array = attrs.field(alias="x")
    t: Array
    scale: float = 1.0
    chosen: Array | None = None
    is_finite: bool = attrs.field(default=False, kw_only=True)
    """True where all numbers are known to be finite, or missing where that is imputed, and all codes to have a word."""
    columns: tuple[Column, ...] = attrs.field(default=(), kw_only=True)
    preparation: Preparation | None = attrs.field(default=None, kw_only=True)
    weights: Array | None = attrs.field(default=None, kw_only=True)
    """The weights (N,) in the loss, float64, at least 0; None where all are alike."""
    soft: Array | None = attrs.field(default=None, kw_only=True)
    """Probabilities of the classes (N, classes), float64, that a network learns in place of `t`; or None."""
    _made: dict[Any, Array] = attrs.field(factory=dict, init=False)
    """All features by their dtype, where they were made."""

    def __len__(self) -> int:
        return len(self.t)

    def __repr__(self) -> str:
        return f"<Samples: {len(self)} of {self.features} features>"

    @property
    def x(self) -> Array:
        """All features (N, D), float64."""
        is_table = self.preparation is None and self.scale == 1 and self.chosen is None
        return self.table if is_table and self.table.dtype == np.float64 else self._make_all(np.dtype(np.float64))

    @property
    def features(self) -> int:
        """The number of columns of `x`."""
        return self.preparation.features if self.preparation else int(self.table.shape[1])

    def targets(self, which: slice | Any, outputs: int) -> Array:
        """Return what a network of so many outputs learns of some samples: `t`, or soft targets where there are some.

        Of these a single output for two classes learns the second one's.
        """
        if self.soft is None:
            return self.t[which]
        return self.soft[which, 1:] if outputs == 1 else self.soft[which]

    def rows(self, which: slice | Any, dtype: Any = np.float64) -> Array:
        """Return the features of some samples, by a slice or by indices, in a dtype; they may be the table's own.

        Few that are prepared, divided, or narrower than the table's numbers, are made once and kept.
        """
        dtype = np.dtype(dtype)
        is_worth_it = self.preparation is not None or self.scale != 1 or dtype.itemsize < self.table.itemsize
        if is_worth_it and len(self) * self.features <= PREPARED:
            return _take(self._make_all(dtype), which)
        return self._make(which, dtype)

    def _make_all(self, dtype: Any) -> Array:
        if dtype not in self._made:
            found = np.empty((len(self), self.features), dtype)
            for block in self.blocks():
                found[block] = self._make(block, dtype)
            self._made[dtype] = found
        return self._made[dtype]

    def _make(self, which: slice | Any, dtype: Any) -> Array:
        found = self.unscaled(which)
        if self.preparation:
            return self.preparation.transform(found, self.columns).astype(dtype, copy=False)
        if self.scale == 1:  # not copied once more
            return found.astype(dtype, copy=False)
        return scale_features(found, self.scale, dtype)

    def has_made(self, rows: Any) -> bool:
        """Say whether an array is of the features that were made here, all or some of their rows."""
        return isinstance(rows, np.ndarray) and any(np.may_share_memory(rows, made) for made in self._made.values())

    def unscaled(self, which: slice | Any) -> Array:
        """Return the features of some samples as the source had them: in their own dtype, not divided."""
        if self.chosen is not None:
            which = self.chosen[which]
        mapped = find_mapping(self.table) if self.table.nbytes > 8 * PREPARED else None
        if mapped is None:  # a small file may stay in memory: to bring rows back takes longer than to learn from them
            return _take(self.table, which)
        if isinstance(which, slice):
            found = np.array(self.table[which])
            release(mapped)
            return found
        which = np.asarray(which)
        found = np.empty((len(which), self.table.shape[1]), self.table.dtype)
        for start in range(0, len(which), SCATTERED):
            some = slice(start, start + SCATTERED)
            found[some] = self.table[which[some]]
            release(mapped)
        return found

    def choose(self, rows: Array) -> Samples:
        """Return some of the samples, by their indices; no features are copied."""
        chosen = rows if self.chosen is None else self.chosen[rows]
        weights, soft = (None if own is None else own[rows] for own in (self.weights, self.soft))
        return attrs.evolve(self, t=self.t[rows], chosen=chosen, weights=weights, soft=soft)

    def split(
        self, fraction: float, stream: Stream, *, stratified: bool, one_of_each: bool = False
    ) -> tuple[Samples, Samples]:
        """Return the samples without a share of their rows, and these rows, both in their order.

        Where they are `stratified`, each class gives its share. With `one_of_each` a class keeps a row at least, where
        the rows are fewer than were asked for.
        """
        count = round(fraction * len(self))
        if not count:
            return self, attrs.evolve(self, x=self.table[:0], t=self.t[:0], chosen=None, weights=None, soft=None)
        order = stream.generator().permutation(len(self))
        places = np.arange(count)
        if stratified:
            # Class by class, every so many-th row: each class has its share to within one row.
            order = order[np.argsort(self.t[order], kind="stable")]
            places = ((places + 0.5) * (len(self) / count)).astype(np.int64)
        left, taken = np.delete(order, places), order[places]
        if one_of_each:
            found, first = np.unique(self.t[taken], return_index=True)
            back = first[~np.isin(found, self.t[left])]
            left, taken = np.append(left, taken[back]), np.delete(taken, back)
        return self.choose(np.sort(left)), self.choose(np.sort(taken))

    def blocks(self) -> Iterator[slice]:
        """Yield slices that cover all samples, each of a size that is no burden: about 8 MB of float64."""
        size = max(1, BLOCK // max(self.features, self.table.shape[1]))
        return (slice(start, min(start + size, len(self))) for start in range(0, len(self), size))


def _take(table: Array, which: slice | Any) -> Array:
    return table[which] if isinstance(which, slice) else table.take(which, axis=0)


def scale_features(x: Array, scale: float, dtype: Any = np.float64) -> Array:
    """Return features as a new array, row by row in memory, divided by `scale`: in float64, and then rounded."""
    # A quotient of numbers that float32 holds is the same if it is divided there: float64 has twice its bits.
    is_direct = np.can_cast(x.dtype, dtype) and np.asarray(scale, dtype).item() == scale
    return np.divide(x, scale, dtype=dtype if is_direct else np.float64, order="C").astype(dtype, copy=False)


def find_mapping(x: Array) -> mmap | None:
    """Return the mapped file that holds an array's numbers, or None where none does."""
    base: Any = x
    while isinstance(base, np.ndarray):
        base = base.base
    return base if isinstance(base, mmap) else None


def release(mapped: mmap) -> None:
    """Release the memory that reading a mapped file has taken; otherwise it would add up to the file's size."""
    if hasattr(mapped, "madvise"):  # not on Windows, which releases it by itself
        mapped.madvise(mapping.MADV_DONTNEED)


def describe_part(part: str) -> str:
    """Return the name of a part as it stands before "samples": training for `train`."""
    return {"train": "training"}.get(part, part)


def check_samples(part: object, name: str, columns: int | None, classes: int) -> int:
    """Return the number of raw columns of a part; raises DataError where networks cannot rely on the part.

    What is known of numbers is not read again: whole ones are finite, and `Samples.is_finite` says so of others.
    """
    if not isinstance(part, Samples):
        raise DataError(f"the {name} samples are a {type(part).__name__}, not modnet.Samples")
    _check_shape(part, name, columns, classes)
    if part.weights is not None:
        import_module("modnet_datasets.tensors").to_weights(part.weights, name, len(part))  # not of the core
    if not classes and not np.isfinite(part.t).all():
        raise DataError(f"a target of the {name} rows is not finite")
    soft: Any = part.soft
    if soft is not None:
        is_table = isinstance(soft, np.ndarray) and (soft.dtype, soft.shape) == (np.float64, (len(part), classes))
        if not is_table or not (soft >= 0).all() or not (abs(soft.sum(axis=1) - 1) <= ROUNDING).all():
            what = f"not {len(part)} rows of {classes} probabilities whose sum is 1"
            raise DataError(f"soft targets of the {name} rows are {_describe(soft)}, {what}")
    if classes and not _is_within(part.t, classes):
        raise DataError(f"a target of the {name} rows is not the index of a class, from 0 to {classes - 1}")
    if (part.table.dtype.kind == "f" or part.preparation) and not part.is_finite:
        prepared = part.preparation.columns if part.preparation else ()
        check_rows(part, name, [column.fill is not None for column in prepared] or False)
    return int(part.table.shape[1])


def check_rows(part: Samples, name: str, may_lack: Sequence[bool] | bool) -> None:
    """Raise DataError where a raw row has a number that is not finite, or a code that has no word, with the place."""
    ends = np.array([math.inf if column.words is None else len(column.words) for column in part.columns] or math.inf)
    is_text = ends < math.inf
    for block in part.blocks():
        rows = to_float64(part.unscaled(block))
        lacking = np.isnan(rows)
        with np.errstate(invalid="ignore"):  # of signalling NaN
            is_code = (rows >= 0) & (rows < ends) & (np.trunc(rows) == rows)
        right = np.where(lacking, may_lack, np.where(is_text, is_code, np.isfinite(rows)))
        if not right.all():
            row, j = np.argwhere(~right)[0]
            word = "a word (see 'impute')" if lacking[row, j] else "the code of a word"
            wanted = word if is_text.ndim and is_text[j] else "a finite number"
            where = f"{name} row {block.start + row + 1}, feature {j + 1}"
            raise DataError(f"{where}: expected {wanted}, found {part.unscaled(block)[row, j]}")


def _check_shape(part: Samples, name: str, columns: int | None, classes: int) -> None:
    # Whatever the annotations say: others made it.
    x: Any = part.table
    t: Any = part.t
    is_table = isinstance(x, np.ndarray) and x.dtype.kind in "buif" and x.ndim == 2 and x.shape[1] > 0
    if not is_table or x.shape[1] != (columns or x.shape[1]):
        raise DataError(f"{name} rows are {_describe(x)}, not numbers of shape (N, {columns or 'features'})")
    described = [column.words is None for column in part.columns] or [True] * x.shape[1]
    prepared = [each.words is None for each in part.preparation.columns] if part.preparation else [True] * x.shape[1]
    if described != prepared or len(described) != x.shape[1]:
        what = "and their columns or their preparation are described otherwise"
        raise DataError(f"{name} rows are {_describe(x)}, {what}")
    rows: Any = np.asarray(part.chosen) if part.chosen is not None else x
    if rows is not x and not (rows.ndim == 1 and rows.dtype.kind in "iu" and _is_within(rows, len(x))):
        raise DataError(f"the chosen {name} rows are {_describe(rows)}, not indices of {len(x)} rows")
    dtype, ndim = (np.int64, 1) if classes else (np.float64, 2)
    if not isinstance(t, np.ndarray) or (t.dtype, t.ndim) != (dtype, ndim) or len(t) != len(rows):
        shape = f"({len(rows)},)" if classes else f"({len(rows)}, targets)"
        raise DataError(f"{name} targets are {_describe(t)}, not {np.dtype(dtype)} of shape {shape}")
    if not 0 < part.scale < math.inf:
        raise DataError(f"{name} rows are divided by a number > 0, not {part.scale}")


def _is_within(indices: Array, count: int) -> bool:
    return not len(indices) or bool(0 <= indices.min() <= indices.max() < count)


def _describe(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} of shape {value.shape}"
    return f"a {type(value).__name__}"
