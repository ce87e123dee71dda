"""Raw rows of any kind as tables of numbers, with codes of text."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from importlib import import_module
from typing import Any

import attrs
import numpy as np

from modnet.data.columns import Column, check_are_numbers, describe_column
from modnet.data.labels import is_missing
from modnet.data.preparation import Preparation
from modnet.data.samples import Samples, check_rows, describe_part
from modnet.errors import DataError
from modnet.text import format_count, list_some
from modnet.types import Array

PIXEL_COLUMNS = 16
PIXEL_MAXIMUM = 255
FEWEST_LEVELS = 32  # of grey; shares in halves or fifths are whole numbers of 255 or 256, too
ROUNDING = 1e-4  # of float32 shares times 256


def list_names(rows: Any) -> list[str]:
    """Return the names that a frame has for its columns; none of other rows."""
    names = list(getattr(rows, "column_names", getattr(rows, "columns", ())))
    return names if all(isinstance(name, str) for name in names) else []


def find_features(rows: Any, names: Sequence[str]) -> Any:
    """Return rows with the columns of a frame in this order; raises DataError for one that it lacks."""
    if not names or not (known := list_names(rows)) or known == list(names):
        return rows
    counts = Counter(known)
    if wrong := [name for name in names if counts[name] != 1]:
        what = "two columns" if counts[wrong[0]] else "no column"
        raise DataError(f"the rows have {what} {wrong[0]!r}; they have {list_some(known, 12)}")
    return np.stack([np.asarray(rows[name], object) for name in names], axis=1)


def read_new_rows(rows: Any, columns: Sequence[Column], preparation: Preparation | None, scale: float) -> Samples:
    """Return raw rows, an array (N, ...) or a data frame, as samples without targets, prepared like those of training.

    Columns of a frame are found by name. Raises DataError for one that is missing, and for what training refuses.
    """
    rows = import_module("modnet_datasets.tensors").to_plain(rows, "new rows")  # not of the core
    if not hasattr(rows, "__len__") or not len(rows):
        raise DataError("there are no rows: expected an array (N, features), a data frame or a part, such as data.test")
    rows = find_features(rows, [column.name for column in columns if column.name])
    tables, found = encode_tables(
        read_tables({"new": rows}),
        [Column(column.name) for column in columns],
        {j for j, column in enumerate(columns) if column.words is not None},
    )
    # Which columns may lack a value, the preparation knows.
    (samples,) = make_samples({"new": tables[0]}, found, [preparation is not None] * len(found))
    check_are_numbers(columns, samples.columns)
    return attrs.evolve(samples, preparation=preparation, scale=scale)


def read_tables(parts: Mapping[str, Any]) -> list[Array]:
    """Return the raw rows of each part, arrays (N, ...) or frames, as tables (N, D) of any dtype; raises DataError."""
    tables = [_to_table(rows, describe_part(name)) for name, rows in parts.items()]
    for name, table in zip(parts, tables, strict=True):
        if table.shape[1] != tables[0].shape[1]:
            other = f"{describe_part(name)} rows {table.shape[1]}"
            raise DataError(f"training rows have {tables[0].shape[1]} features, {other}")
    return tables


def make_samples(parts: Mapping[str, Array], columns: tuple[Column, ...], may_lack: Sequence[bool]) -> list[Samples]:
    """Return the encoded table of each part as samples without targets; raises DataError for odd numbers.

    `may_lack` says of which columns a value may be missing. The rows are copied, unless nobody can write to them.
    """
    found = []
    for name, table in parts.items():
        x = np.array(table, order="C", copy=True if table.flags.writeable else None)
        samples = Samples(x, np.zeros(len(x)), is_finite=True, columns=columns)
        if x.dtype.kind == "f" or any(column.words is not None for column in columns):
            check_rows(samples, describe_part(name), may_lack)
        found.append(samples)
    return found


def _to_table(rows: Any, part: str) -> Array:
    """Return rows (N, D) of any dtype; raises DataError."""
    if np.ma.is_masked(rows):  # NumPy alone would take what is behind the mask
        rows = rows.astype(np.float64 if rows.dtype.kind in "buif" else object).filled(math.nan)
    try:
        x = np.asarray(rows)
    except ValueError:
        raise DataError(f"{part} rows are of different lengths") from None
    if x.dtype.kind == "U" and not hasattr(rows, "dtype"):
        # NumPy makes text of all cells of a list where some are: "nan" of a missing one.
        x = np.asarray(rows, object)
    if x.ndim == 0 or x.dtype.kind not in "buifOU":
        raise DataError(f"{part} rows: expected numbers of shape (N, features), found {x.dtype} of shape {x.shape}")
    if not (features := math.prod(x.shape[1:])):
        raise DataError(f"{part} rows have no features: their shape is {x.shape}")
    return x.reshape(len(x), features)


def infer_scale(samples: Samples) -> float | None:
    """Return 255 for what is evidently pixels, 1 where they are divided by 255 or 256 already, None for others."""
    table = samples.table
    is_text = any(column.words is not None for column in samples.columns)
    if table.shape[1] < PIXEL_COLUMNS or table.dtype.kind == "b" or is_text:
        return None
    largest = 0.0
    for block in samples.blocks():
        part = samples.unscaled(block)
        largest = max(largest, float(part.max()))
        if not 0 <= part.min() <= largest <= PIXEL_MAXIMUM:  # nor is NaN
            return None
    if largest > 1:
        return 255.0 if largest > PIXEL_MAXIMUM // 2 and _count_levels(samples, 1) else None
    return 1.0 if any(_count_levels(samples, whole) >= FEWEST_LEVELS for whole in (255, 256)) else None


def _count_levels(samples: Samples, factor: int) -> int:
    """Return how many different whole numbers the features are times a factor, 0 where one is not whole."""
    if samples.table.dtype.kind != "f":
        return int(factor == 1)
    seen = np.zeros(257, bool)
    for block in samples.blocks():
        numbers = samples.unscaled(block) * float(factor)
        whole = np.rint(numbers)
        if (abs(numbers - whole) > (factor > 1) * ROUNDING).any():
            return 0
        seen[np.unique(whole).astype(np.intp)] = True
    return int(seen.sum())


def encode_tables(
    tables: Sequence[Array], columns: Sequence[Column], listed: Container[int]
) -> tuple[list[Array], tuple[Column, ...]]:
    """Return raw tables of numbers, in which columns of text, and those that are listed as such, hold codes.

    The codes of a column are the same in all tables. Raises DataError.
    """
    if len(columns) != tables[0].shape[1]:
        raise DataError(f"rows have {format_count(tables[0].shape[1], 'column')}, expected {len(columns)}")
    as_text = {j for j, column in enumerate(columns) if j in listed and column.words is None}
    if not as_text and all(table.dtype.kind in "buif" for table in tables):
        return list(tables), tuple(columns)
    cells = np.concatenate([table.astype(object) for table in tables])
    found, known = np.empty(cells.shape), list(columns)
    for j, column in enumerate(columns):
        where = describe_column(column.name, j)
        found[:, j], words = encode_cells(cells[:, j].tolist(), j in as_text, where)
        if words is not None:
            known[j] = attrs.evolve(column, words=words)
    return np.split(found, np.cumsum([len(table) for table in tables[:-1]])), tuple(known)


def encode_cells(cells: list[Any], as_text: bool, where: str) -> tuple[list[Any], tuple[str, ...] | None]:
    """Return cells of any kind as numbers, or as codes with their words in alphabetical order; NaN where missing."""
    numbers = [math.nan if is_missing(cell) else _to_number(cell) for cell in cells]
    odd = [cell for cell, number in zip(cells, numbers, strict=True) if number is None]
    if not as_text and not odd:
        return numbers, None
    there = [cell for cell in cells if not is_missing(cell)]
    own = {cell for cell in there if isinstance(cell, str)}
    others = [cell for cell in there if not isinstance(cell, str)]
    if others and not as_text:
        raise DataError(f"{where}: {odd[0]!r:.80} stands among numbers: make all of them text, or numbers")
    if both := [cell for cell in others if _to_word(cell) in own]:
        problem = f"has {both[0]!r:.80} and {_to_word(both[0])!r:.80}, which would be one word"
        raise DataError(f"{where} {problem}: make all of them text, or numbers")
    words = sorted({_to_word(cell) for cell in there})
    codes = {word: float(code) for code, word in enumerate(words)}
    return [math.nan if is_missing(cell) else codes[_to_word(cell)] for cell in cells], tuple(words)


def _to_number(cell: Any) -> float | None:
    if isinstance(cell, str) and "_" in cell:
        return None
    try:
        return float(cell)
    except (TypeError, ValueError, OverflowError):
        return None


def _to_word(cell: Any) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)
