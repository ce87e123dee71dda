"""Regular rows of a CSV file, read by NumPy."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from itertools import groupby
from typing import Any

import numpy as np

from modnet import Array
from modnet_data.csv.careful import Block
from modnet_data.csv.cells import Notation
from modnet_data.csv.labels import is_text_label
from modnet_data.csv.layout import Layout
from modnet_data.rows import EXACT
from modnet_data.table.plan import Plan

LABEL_WIDTH = 32
FLOAT64 = np.dtype(np.float64)


def read_regular(lines: Sequence[str], plan: Plan[Layout], dtype: np.dtype[Any]) -> Block | None:
    """Return the rows in some lines by numpy.loadtxt, or None where there is anything to check more closely.

    Lines that are read as whole numbers are to be ASCII: NumPy asks C's `isdigit` of each character, which is defined
    for these alone.
    """
    dialect = plan.table.dialect
    if dialect.notation != Notation() or dialect.comment is not None:
        return None
    well_quoted, lines = _well_quoted(dialect.character), [*dialect.prepare(lines)]
    if not all(well_quoted(line) for line in lines if '"' in line or "\0" in line):
        return None
    if not any(line.strip() for line in lines):  # of which NumPy warns
        return None
    fields = _fields(plan, dtype)
    try:
        rows = np.loadtxt(
            lines,
            dtype=dtype if fields is None else fields,
            comments=None,
            delimiter=dialect.character,
            quotechar='"',
            ndmin=2 if fields is None else 1,
        )
    except ValueError:
        return None
    return _checked_block(rows, fields, plan, dtype)


def _checked_block(rows: Array, fields: np.dtype[Any] | None, plan: Plan[Layout], dtype: np.dtype[Any]) -> Block | None:
    """Return features and labels of some rows, or None where there is anything to check more closely."""
    if fields is None:
        if rows.shape[1] != plan.table.count:
            return None
        x, labels = pick_columns(rows, plan.features), pick_columns(rows, plan.labels)
    else:
        at = _places(fields)
        if any((rows[at[i][0]][:, at[i][1]] != "").any() for i in plan.table.empty):
            return None
        x = _gather([rows[at[i][0]][:, at[i][1]] for i in plan.features], dtype)
        if plan.words:
            words = _checked_words(rows[at[plan.labels[0]][0]][:, 0], plan)
            return None if words is None or not _are_exact(x) else (x, words)
        labels = _gather([rows[at[i][0]][:, at[i][1]] for i in plan.labels], dtype)
    if not _are_exact(x) or not are_labels(labels, plan):
        return None
    return x, one_or_all(labels)


def _checked_words(words: Array, plan: Plan[Layout]) -> Array | None:
    """Return labels of text without space around them, or None where one cannot be a label or may have been cut."""
    if np.strings.str_len(words).max() == LABEL_WIDTH:  # one that fills its place
        return None
    words = np.strings.strip(words)
    return words if all(is_text_label(word, plan) for word in {*words.tolist()}) else None


def one_or_all(labels: Array) -> Array | None:
    """Return the labels of one column (n,), those of several that are one-hot (n, classes), or None for none."""
    return labels[:, 0] if labels.shape[1] == 1 else labels if labels.shape[1] else None


@cache
def _well_quoted(delimiter: str) -> Callable[[str], Any]:
    """Return the test whether quotes in a line are around whole cells, or doubled; cells end in their line."""
    other = re.escape(delimiter)
    cell = rf'(?:"(?:[^"\0]++|"")*+"|[^"\0{other}\r\n]*+)'  # nothing is tried twice
    return re.compile(rf"{cell}(?:{other}{cell})*+[\r\n]*").fullmatch


def _fields(plan: Plan[Layout], dtype: np.dtype[Any]) -> np.dtype[Any] | None:
    """Return a row's dtype, columns of one role in a field; None where all columns are numbers that are read."""
    numbers = {*plan.features, *plan.labels}
    words = {*plan.labels} if plan.words else set[int]()
    if len(numbers) == plan.table.count and not words:
        return None
    roles = [f"U{LABEL_WIDTH}" if i in words else dtype if i in numbers else "U1" for i in range(plan.table.count)]
    groups = [(role, len(list(group))) for role, group in groupby(roles)]
    return np.dtype([(str(i), role, (length,)) for i, (role, length) in enumerate(groups)])


def _places(fields: np.dtype[Any]) -> list[tuple[str, int]]:
    """Return the field and the place in it of each column."""
    return [(name, i) for name in fields.names or () for i in range(fields[name].shape[0])]


def pick_columns(rows: Array, columns: tuple[int, ...]) -> Array:
    """Return some columns, of which most often all but the first or the last are wanted: a view then."""
    if columns and columns == tuple(range(columns[0], columns[0] + len(columns))):
        return rows[:, columns[0] : columns[0] + len(columns)]
    return rows[:, list(columns)]


def _gather(columns: list[Array], dtype: np.dtype[Any]) -> Array:
    return np.stack(columns, axis=1) if columns else np.empty((0, 0), dtype)


def _are_exact(x: Array) -> bool:
    """Say whether all numbers are finite, and so small that whole ones are exact."""
    return x.dtype.kind != "f" or bool((np.abs(x) < EXACT).all())


def are_labels(labels: Array, plan: Plan[Layout]) -> bool:
    """Say whether the labels of one column are whole numbers, all among the classes if these are given, or one-hot."""
    known = plan.wanted.classes
    return are_classes(labels) and (known is None or labels.shape[1] != 1 or bool(np.isin(labels, known).all()))


def are_classes(labels: Array) -> bool:
    """Say whether the labels of one column are whole numbers, or those of several are one-hot."""
    if labels.shape[1:] in {(0,), (1,)}:
        return labels.dtype.kind != "f" or bool(_are_exact(labels) and (labels == np.trunc(labels)).all())
    return bool((((labels == 0) | (labels == 1)).all(axis=1) & (labels.sum(axis=1) == 1)).all())
