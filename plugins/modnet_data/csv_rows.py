"""The rows of a CSV file as arrays: fast where a block of lines is as it should be, cell by cell where it is not."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from itertools import groupby
from typing import Any

import attrs
import numpy as np

from modnet import Array, DataError
from modnet_data.csv_blocks import grid, lines_of, row_blocks
from modnet_data.csv_careful import UINT8, Block, Missing, Mistakes, Plan, cell_by_cell
from modnet_data.csv_cells import EXACT, label_problem
from modnet_data.csv_layout import Layout
from modnet_data.csv_text import LONGEST_LINE, bytes_of

LABEL_WIDTH = 32
REUSED = 2**24  # bytes
FLOAT64 = np.dtype(np.float64)

Put = Callable[[str, Array], None]


def convert(plan: Plan, put: Put) -> dict[str, Any]:
    """Read a file in blocks: `put` its features "x" and its class indices or numbers "t", and return what was found.

    "classes" are labels of text by class index, in the order in which they came; the other entries are those of
    `Missing`. Raises DataError with the first mistakes.
    """
    layout, mistakes = plan.layout, Mistakes(plan.layout)
    gaps = Missing()
    classes: dict[str, int] = {}
    found = 0
    whole = plan.dtype in {None, UINT8}  # as long as all numbers are whole and from 0 to 255
    np.empty(REUSED, UINT8)  # once that much was given back, glibc keeps memory for the next block: a third faster
    with bytes_of(layout.path, layout.dialect.encoding) as file:
        first = 1
        for block in row_blocks(file, layout.dialect.encoding):
            rows, lines = _read(block, first, plan, whole, mistakes, gaps)
            first += lines
            if mistakes.count or not len(rows[0]):
                continue
            x, labels = rows
            x = _kept(x, plan, whole)
            whole = x.dtype == UINT8
            put("x", x)
            found += len(x)
            if plan.words and labels is not None:
                labels = _coded(labels, classes)
            if labels is not None:
                put("t", labels.astype(np.int64) if labels.ndim == 1 else labels.argmax(axis=1))
    if mistakes.count:
        raise mistakes.error()
    if not found:
        raise DataError(f"{layout.path}: no rows" + " without a missing value" * bool(gaps.dropped))
    return {"classes": list(classes), **attrs.asdict(gaps)}


def _read(block: bytes, first: int, plan: Plan, whole: bool, mistakes: Mistakes, gaps: Missing) -> tuple[Block, int]:
    """Return what a block says, whose first line is the `first`, and how many lines it has."""
    layout = plan.layout
    if first >= layout.first and not plan.words:
        numbers = grid(block, layout.columns, layout.dialect.delimiter)
        labels = None if numbers is None else _picked(numbers, plan.labels)
        if numbers is not None and labels is not None and _are_classes(labels):
            return (_picked(numbers, plan.features), _one_or_all(labels)), len(numbers)
    if len(block) > LONGEST_LINE and b"\n" not in block[:-1]:
        mistakes.add(first, None, f"more than {LONGEST_LINE:,} characters in a line")
        return (np.empty((0, 0)), None), 1
    lines = lines_of(block)
    count = len(lines)
    if first < layout.first:
        lines, first = lines[layout.first - first :], layout.first
    found = _fast(lines, plan, UINT8) if whole else None
    if found is None and plan.dtype != UINT8:
        found = _fast(lines, plan, FLOAT64)
    if found is None:
        found = cell_by_cell(first, lines, plan, mistakes, gaps)
    return found, count


def counting_column(layout: Layout, among: Sequence[int]) -> int:
    """Return the first or the last of some columns, whichever alone counts classes from 0 or 1 without a gap.

    Raises DataError where that is neither or both, and where a cell of them is no number.
    """
    first, last = among[0], among[-1]
    values: list[Array] = [np.empty((0, 2))]
    plan = Plan(layout, (first, last), (), "drop", FLOAT64)
    try:
        convert(plan, lambda _, block: values.append(np.unique(block, axis=0)))
    except DataError:  # no row is whole, or a mistake: of all columns, the first of them is told
        convert(attrs.evolve(plan, features=tuple(among), missing="refuse"), lambda *_: None)
        raise
    ends = np.concatenate(values)
    found = [column for column, side in ((first, 0), (last, 1)) if _counts(np.unique(ends[:, side]))]
    if len(found) != 1:
        convert(attrs.evolve(plan, features=tuple(among)), lambda *_: None)  # a mistake in a cell goes first
        which = "both the first and the last could be" if found else "neither the first nor the last seems to be"
        last = layout.columns - 1
        raise DataError(f"{layout.path}: which column is the label? {which}; say so: label = a number from 0 to {last}")
    return found[0]


def _counts(values: Array) -> bool:
    start = values[0]
    return len(values) > 1 and start in {0, 1} and np.array_equal(values, np.arange(start, start + len(values)))


def _kept(x: Array, plan: Plan, whole: bool) -> Array:
    """Return features in the dtype that they are kept in."""
    if plan.dtype is not None:
        return x.astype(plan.dtype, copy=False)
    # -0.0 is not from 0 on, either.
    if whole and x.dtype != UINT8 and ((x == np.trunc(x)) & ~np.signbit(x) & (x <= np.iinfo(UINT8).max)).all():
        return x.astype(UINT8)
    return x


def _coded(labels: Array, classes: dict[str, int]) -> Array:
    """Return the class index of each label; new labels become classes."""
    return np.array([classes.setdefault(name, len(classes)) for name in labels.tolist()], np.int64)


def _fast(lines: Sequence[str], plan: Plan, dtype: np.dtype[Any]) -> Block | None:
    """Return what numpy.loadtxt makes of some lines, or None where there is anything to look at more closely."""
    layout = plan.layout
    dialect = layout.dialect
    if dialect.decimal != "." or dialect.comment is not None:
        return None
    well_quoted = _well_quoted(dialect.delimiter)
    if not all(well_quoted(line) for line in lines if '"' in line or "\0" in line):
        return None
    fields = _fields(plan, dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a fraction read as a whole number is a DeprecationWarning in NumPy 2.3
        try:
            rows = np.loadtxt(
                lines,
                dtype=dtype if fields is None else fields,
                comments=None,
                delimiter=dialect.delimiter,
                quotechar='"',
                ndmin=2 if fields is None else 1,
            )
        except (ValueError, Warning):
            return None
    if fields is None:
        if rows.shape[1] != layout.columns:
            return None
        x, labels = _picked(rows, plan.features), _picked(rows, plan.labels)
    else:
        at = _places(fields)
        x = _gathered([rows[at[i][0]][:, at[i][1]] for i in plan.features], dtype)
        if plan.words:
            words = rows[at[plan.labels[0]][0]][:, 0]
            if np.strings.str_len(words).max() == LABEL_WIDTH:  # one that fills its place may have been cut
                return None
            words = np.strings.strip(words)
            return None if any(map(label_problem, {*words.tolist()})) or not _fine(x) else (x, words)
        labels = _gathered([rows[at[i][0]][:, at[i][1]] for i in plan.labels], dtype)
    if not _fine(x) or not _are_classes(labels):
        return None
    return x, _one_or_all(labels)


def _one_or_all(labels: Array) -> Array | None:
    """Return the labels of one column (n,), those of several that are one-hot (n, classes), or None for none."""
    return labels[:, 0] if labels.shape[1] == 1 else labels if labels.shape[1] else None


@cache
def _well_quoted(delimiter: str) -> Callable[[str], Any]:
    """Return what tells whether quotes in a line are around whole cells, or doubled; cells end in their line."""
    other = re.escape(delimiter)
    cell = rf'(?:"(?:[^"\0]|"")*"|[^"\0{other}\r\n]*)'
    return re.compile(rf"{cell}(?:{other}{cell})*[\r\n]*").fullmatch


def _fields(plan: Plan, dtype: np.dtype[Any]) -> np.dtype[Any] | None:
    """Return a row's dtype, columns of one role in a field; None where all columns are numbers that are read."""
    numbers = {*plan.features, *plan.labels}
    words = {*plan.labels} if plan.words else set[int]()
    if len(numbers) == plan.layout.columns and not words:
        return None
    roles = [f"U{LABEL_WIDTH}" if i in words else dtype if i in numbers else "U1" for i in range(plan.layout.columns)]
    groups = [(role, len(list(group))) for role, group in groupby(roles)]
    return np.dtype([(str(i), role, (length,)) for i, (role, length) in enumerate(groups)])


def _places(fields: np.dtype[Any]) -> list[tuple[str, int]]:
    """Return the field and the place in it of each column."""
    return [(name, i) for name in fields.names or () for i in range(fields[name].shape[0])]


def _picked(rows: Array, columns: tuple[int, ...]) -> Array:
    """Return some columns, of which most often all but the first or the last are wanted: a view then."""
    if columns and columns == tuple(range(columns[0], columns[0] + len(columns))):
        return rows[:, columns[0] : columns[0] + len(columns)]
    return rows[:, list(columns)]


def _gathered(columns: list[Array], dtype: np.dtype[Any]) -> Array:
    return np.stack(columns, axis=1) if columns else np.empty((0, 0), dtype)


def _fine(x: Array) -> bool:
    """Say whether all numbers are finite, and so small that whole ones are exact."""
    return x.dtype.kind != "f" or bool((np.abs(x) < EXACT).all())


def _are_classes(labels: Array) -> bool:
    if labels.shape[1:] in {(0,), (1,)}:
        return labels.dtype.kind != "f" or bool(_fine(labels) and (labels == np.trunc(labels)).all())
    return bool((((labels == 0) | (labels == 1)).all(axis=1) & (labels.sum(axis=1) == 1)).all())
