"""Columns of data frames as values with types."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from numbers import Integral, Real
from typing import Any, Literal

import attrs
import numpy as np

from modnet import Array
from modnet_data.table.typed import Values

MISSING = {"NAType", "NaTType"}  # the types of pandas' missing values
NUMBERS = "biuf"  # kinds of NumPy's dtypes


@attrs.frozen
class Cells:
    """A column's values; their kind, None where they are neither numbers nor text; and the name of their type."""

    kind: np.dtype[Any] | Literal["text"] | None
    type: str
    values: Values | None = None


def cells_of(series: Any) -> Cells:
    """Return the cells of one of narwhals' series."""
    dtype = series.dtype
    name = str(dtype)
    if (dtype.is_numeric() and not dtype.is_decimal()) or name == "Boolean":
        missing = series.is_null().to_numpy()
        whole = series.fill_null(False if name == "Boolean" else 0) if missing.any() else series
        return from_array(whole.to_numpy(), missing if missing.any() else None)
    if dtype.is_temporal() or dtype.is_nested() or name == "Binary":
        return Cells(None, name.partition("(")[0].lower())
    words = series.cat.get_categories().to_list() if name.startswith(("Categorical", "Enum")) else None
    return from_list(series.to_list(), words)


def from_array(array: Any, missing: Array | None = None) -> Cells:
    """Return the cells of a NumPy array (N,)."""
    if array.dtype.kind not in NUMBERS:
        return from_list(array.tolist()) if array.dtype.kind in "OU" else Cells(None, str(array.dtype))
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    native = native.astype(np.float64) if native.dtype.itemsize > 8 else native
    return Cells(native.dtype, str(native.dtype), Values(native, missing))


def from_list(cells: Sequence[Any], words: Iterable[Any] | None = None) -> Cells:
    """Return the cells of Python objects, of which None, NaN and pandas' own are missing; `words` are in this order.

    >>> from_list(["b", None, "a"]).values
    Values(values=array([0, 0, 1], dtype=int32), missing=array([False,  True, False]), words=('b', 'a'))
    """
    missing = np.array([is_missing(cell) for cell in cells], bool)
    present = [cell for cell, lacks in zip(cells, missing, strict=True) if not lacks]
    lacks = missing if missing.any() else None
    if words is not None or (present and all(isinstance(cell, str) for cell in present)):
        return Cells("text", "text", _number_words(cells, missing, words))
    for kind, to_number in NUMBER_KINDS:
        if present and all(map(kind, present)):
            values = np.array([0 if gap else to_number(cell) for cell, gap in zip(cells, missing, strict=True)])
            return from_array(values.astype(bool) if to_number is bool else values, lacks)
    if not present:  # as a column of floats that are all NaN
        return from_array(np.full(len(cells), np.nan))
    kinds = sorted({"text" if isinstance(cell, str) else type(cell).__name__ for cell in present})
    return Cells(None, " and ".join(kinds[:3]))


def is_missing(cell: object) -> bool:
    """Say whether a cell is None, NaN or NaT, those of pandas among them."""
    if isinstance(cell, (float, np.generic)):
        return bool(cell != cell)
    return cell is None or type(cell).__name__ in MISSING


def _number_words(cells: Sequence[Any], missing: Array, words: Iterable[Any] | None) -> Values:
    """Return text as numbers of words, which are in the order in which they come, or in that of the given ones."""
    numbers: dict[str, int] = {}
    for word in words or ():
        numbers.setdefault(str(word), len(numbers))
    values = np.zeros(len(cells), np.int32)
    for row in np.flatnonzero(~missing).tolist():
        values[row] = numbers.setdefault(str(cells[row]), len(numbers))
    return Values(values, missing if missing.any() else None, tuple(numbers))


def _is_truth(cell: object) -> bool:
    return isinstance(cell, (bool, np.bool_))


def _is_whole(cell: object) -> bool:
    return isinstance(cell, Integral) and not _is_truth(cell) and -(2**63) <= int(cell) < 2**63


def _is_number(cell: object) -> bool:
    return isinstance(cell, (Real, Decimal)) and not _is_truth(cell)


NUMBER_KINDS: list[tuple[Callable[[object], bool], Callable[[Any], Any]]] = [
    (_is_truth, bool),
    (_is_whole, int),
    (_is_number, float),
]
"""Tests of cells that are all of a kind, and what makes a plain number of one."""
