"""The rows of a CSV file as arrays, and the place of what is wrong in them."""

from __future__ import annotations

import io
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from modnet import Array, DataError
from modnet_data.csv_layout import NUMBER, Layout, is_number, records, shown
from modnet_data.reading import compression, opened, reading

LABELS_END = 2**53  # below it, float64 tells whole numbers apart
LABEL_WIDTH = 32
LONGEST_LABEL = 1000


def read_table(path: Path, layout: Layout) -> Array:
    """Return all rows as numbers (N, columns): uint8 if they are whole numbers from 0 to 255, or else float64.

    Raises DataError that finds the place of a mistake.
    """
    table = _parsed(path, layout, np.dtype(np.uint8)) if layout.pixels else None
    if table is None:
        table = _parsed(path, layout, np.dtype(np.float64))
    if table is None or table.shape[1] != layout.columns or not _finite(table):
        raise _mistake(path, layout, None)
    return table


def read_labelled(path: Path, layout: Layout, label: int) -> tuple[Array, Array]:
    """Return the features (N, columns - 1) and the labels (N,), of which the column `label` has text.

    Blanks around a label are no part of it. Raises DataError that finds the place of a mistake.
    """
    width = LABEL_WIDTH
    while True:
        dtype = [
            ("before", "f8", (label,)),
            ("label", f"U{width}"),
            ("after", "f8", (layout.columns - label - 1,)),
        ]
        rows = _parsed(path, layout, np.dtype([field for field in dtype if field[-1] != (0,)]))
        if rows is None:
            raise _mistake(path, layout, label)
        labels = rows["label"]
        if width > LONGEST_LABEL or np.strings.str_len(labels).max(initial=0) < width:
            break
        width *= 4  # a label that fills its place may have been cut
    parts = [rows[name] for name in ("before", "after") if name in (rows.dtype.names or ())]
    x = np.concatenate(parts, axis=1)
    labels = np.strings.strip(labels)
    if not np.isfinite(x).all() or not _are_labels(labels):
        raise _mistake(path, layout, label)
    return x, labels


def whole_labels(path: Path, layout: Layout, table: Array, label: int) -> Array:
    """Return the labels (N,) in a table of numbers; raises DataError that finds one that is no whole number."""
    labels = table[:, label]
    if labels.dtype.kind == "f" and not ((labels == np.trunc(labels)) & (abs(labels) < LABELS_END)).all():
        raise _mistake(path, layout, label, whole=True)
    return labels.astype(np.int64)


def _parsed(path: Path, layout: Layout, dtype: np.dtype[Any]) -> Array | None:
    """Return what numpy.loadtxt makes of a file, or None where it finds something wrong.

    loadtxt is fastest when it opens the file itself, which it does by the suffix: it must tell the truth.
    """
    with reading(path), warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # a fraction read as a whole number is one in NumPy 2.3
        suffix = path.suffix if path.suffix in {".gz", ".bz2", ".xz", ".lzma"} else ""
        itself = compression(path) == suffix
        source = str(path.resolve()) if itself else io.TextIOWrapper(opened(path), "utf-8-sig")
        try:
            return np.loadtxt(
                source,
                dtype=dtype,
                comments=None,
                delimiter=layout.delimiter,
                quotechar='"',
                skiprows=layout.skip,
                ndmin=1 if dtype.names else 2,
                encoding="utf-8-sig",
            )
        except UnicodeDecodeError:
            raise
        except (ValueError, DeprecationWarning):
            return None
        finally:
            if not isinstance(source, str):
                source.close()


def _finite(table: Array) -> bool:
    return table.dtype.kind != "f" or bool(np.isfinite(table).all())


def _are_labels(labels: Array) -> bool:
    lengths = np.strings.str_len(labels)
    broken = np.strings.find(labels, "\n").max(initial=-1) >= 0
    return bool(lengths.min(initial=1) > 0 and lengths.max(initial=1) < LONGEST_LABEL) and not broken


def _mistake(path: Path, layout: Layout, label: int | None, whole: bool = False) -> DataError:
    """Return the error of the first mistake in a file, found by reading it again, cell by cell.

    The column `label` has text, or `whole` numbers only.
    """
    for line, row in records(path, layout.delimiter):
        if line <= layout.skip:
            continue
        place = f"{path}, line {line}"
        if len(row) != layout.columns:
            expected = f"as the {'header' if layout.names else 'first row'} has"
            return DataError(f"{place}: {_count(row)}, expected {layout.columns}, {expected}")
        for i in _suspects(row, label):
            problem = _label_problem(row[i], whole) if i == label else _number_problem(row[i])
            if problem:
                return DataError(f"{place}, {layout.column(i)}: {problem}")
    return DataError(f"{path}: not readable as a table of numbers; is a quote left open?")


def _count(row: list[str]) -> str:
    return "1 column" if len(row) == 1 else f"{len(row)} columns"


def _suspects(row: list[str], label: int | None) -> range:
    """Return the columns to look at one by one: none where a glance finds finite numbers only."""
    text = "".join(row)
    try:
        fine = label is None and text.isascii() and "_" not in text and all(map(math.isfinite, map(float, row)))
    except ValueError:
        fine = False
    return range(0) if fine else range(len(row))


def _number_problem(cell: str) -> str | None:
    if NUMBER.fullmatch(cell.strip()) and math.isfinite(float(cell)):
        return None
    wanted = "a finite number" if is_number(cell) else "a number"
    return f"expected {wanted}, found {shown(cell) if cell.strip() else 'an empty cell'}"


def _label_problem(cell: str, whole: bool) -> str | None:
    if not cell.strip():
        return "expected a label, found an empty cell"
    if "\n" in cell or len(cell) >= LONGEST_LABEL:
        return f"expected a label, found {len(cell)} characters in quotes; is a quote left open?"
    if whole and _number_problem(cell):
        return _number_problem(cell)
    if whole and not (float(cell).is_integer() and abs(float(cell)) < LABELS_END):
        return f"expected a class (a whole number or text), found {shown(cell)}"
    return None
