"""Regular rows of a CSV file, read by NumPy."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
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
from modnet_data.table.texts import Texts

LABEL_WIDTH = 32
MOST_WIDTH = 512
FLOAT64 = np.dtype(np.float64)


def read_regular(lines: Sequence[str], plan: Plan[Layout], dtype: np.dtype[Any], texts: Texts) -> Block | None:
    """Return the rows in some lines by numpy.loadtxt, or None where there is anything to check more closely.

    Words of features are numbered by `texts`.

    Lines that are read as whole numbers are to be ASCII: NumPy asks C's `isdigit` of each character, which is defined
    for these alone.
    """
    dialect = plan.table.dialect
    if dialect.notation != Notation() or dialect.comment is not None:
        return None
    well_quoted, lines = _well_quoted(dialect.character, dialect.quote), [*dialect.prepare(lines)]
    if not all(well_quoted(line) for line in lines if dialect.quote in line or "\0" in line):
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
            quotechar=dialect.quote,
            ndmin=2 if fields is None else 1,
        )
    except ValueError:
        return None
    return _checked_block(rows, fields, plan, texts)


def _checked_block(rows: Array, fields: np.dtype[Any] | None, plan: Plan[Layout], texts: Texts) -> Block | None:
    """Return features and labels of some rows, or None where there is anything to check more closely."""
    if fields is None:
        if rows.shape[1] != plan.table.count:
            return None
        x, labels = pick_columns(rows, plan.inputs), pick_columns(rows, plan.labels)
        return (x, one_or_all(labels)) if _are_exact(x) and are_labels(labels, plan) and _are_weights(x, plan) else None
    at = _places(fields)
    columns = {i: rows[at[i][0]][:, at[i][1]] for i in (*plan.inputs, *plan.labels, *plan.table.empty)}
    if any((columns[i] != "").any() for i in plan.table.empty):
        return None
    if not all(_are_exact(columns[i]) for i in plan.inputs if i not in plan.text):
        return None
    words = {i: found for i in plan.text if (found := _checked_words(columns[i], i, plan, texts)) is not None}
    checked = _checked_labels(columns, plan)
    if len(words) < len(plan.text) or checked is None:
        return None
    x = np.stack([_to_numbers(words[i], i, plan, texts) if i in words else columns[i] for i in plan.inputs], axis=1)
    return (x, checked if plan.words else one_or_all(checked)) if _are_weights(x, plan) else None


def _checked_labels(columns: Mapping[int, Array], plan: Plan[Layout]) -> Array | None:
    """Return labels, of text (n,) without space around them, or None where there is anything to check more closely."""
    if not plan.words:
        labels = np.stack([columns[i] for i in plan.labels], axis=1) if plan.labels else np.empty((0, 0))
        return labels if are_labels(labels, plan) else None
    words = columns[plan.labels[0]]
    if np.strings.str_len(words).max() == LABEL_WIDTH:  # one that fills its place may have been cut
        return None
    words = np.strings.strip(words)
    return words if all(is_text_label(word, plan) for word in {*words.tolist()}) else None


def _checked_words(words: Array, column: int, plan: Plan[Layout], texts: Texts) -> list[str] | None:
    """Return the words of a feature, or None where one is wrong, or may have been cut."""
    found = [word.strip() for word in words.tolist()]
    wide = np.dtype(words.dtype).itemsize // np.dtype("U1").itemsize
    gaps = frozenset() if column in plan.imputed else plan.words_of(column)
    for word in {*found}:
        if word in gaps or texts.problem(column, word):
            return None
    return None if np.strings.str_len(words).max() == wide else found


def _to_numbers(words: list[str], column: int, plan: Plan[Layout], texts: Texts) -> Array:
    """Return the numbers of a feature's words, NaN for those that are missing and imputed later."""
    gaps = plan.words_of(column)
    if gaps.isdisjoint(words):
        return texts.to_numbers(column, words)
    numbers = np.full(len(words), np.nan)
    present = [i for i, word in enumerate(words) if word not in gaps]
    numbers[present] = texts.to_numbers(column, [words[i] for i in present])
    return numbers


def one_or_all(labels: Array) -> Array | None:
    """Return the labels of one column (n,), those of several that are one-hot (n, classes), or None for none."""
    return labels[:, 0] if labels.shape[1] == 1 else labels if labels.shape[1] else None


@cache
def _well_quoted(delimiter: str, quote: str) -> Callable[[str], Any]:
    """Return the test whether quotes in a line are around whole cells, or doubled; cells end in their line."""
    other, mark = re.escape(delimiter), re.escape(quote)
    cell = rf"(?:{mark}(?:[^{mark}\0]++|{mark}{mark})*+{mark}|[^{mark}\0{other}\r\n]*+)"  # nothing is tried twice
    return re.compile(rf"{cell}(?:{other}{cell})*+[\r\n]*").fullmatch


def _fields(plan: Plan[Layout], dtype: np.dtype[Any]) -> np.dtype[Any] | None:
    """Return a row's dtype, columns of one role in a field; None where all columns are numbers that are read."""
    numbers = {*plan.inputs, *plan.labels} - plan.text
    words = {i: _word_width(plan, i) for i in plan.text}
    if plan.words:
        words[plan.labels[0]] = LABEL_WIDTH
    if len(numbers) == plan.table.count and not words:
        return None
    roles = [f"U{words[i]}" if i in words else dtype if i in numbers else "U1" for i in range(plan.table.count)]
    groups = [(role, len(list(group))) for role, group in groupby(roles)]
    return np.dtype([(str(i), role, (length,)) for i, (role, length) in enumerate(groups)])


def _word_width(plan: Plan[Layout], column: int) -> int:
    """Return how many characters a feature's words may have, by those of the first rows."""
    longest = max((len(row[column]) for row in plan.table.sample), default=0)
    return min(max(LABEL_WIDTH, 2 * longest), MOST_WIDTH)


def _places(fields: np.dtype[Any]) -> list[tuple[str, int]]:
    """Return the field and the place in it of each column."""
    return [(name, i) for name in fields.names or () for i in range(fields[name].shape[0])]


def pick_columns(rows: Array, columns: tuple[int, ...]) -> Array:
    """Return some columns, of which most often all but the first or the last are wanted: a view then."""
    if columns and columns == tuple(range(columns[0], columns[0] + len(columns))):
        return rows[:, columns[0] : columns[0] + len(columns)]
    return rows[:, list(columns)]


def _are_weights(x: Array, plan: Plan[Layout]) -> bool:
    """Say whether the last column, if it is that of weights, has no negative number."""
    return plan.weights is None or bool((x[:, -1] >= 0).all())


def _are_exact(x: Array) -> bool:
    """Say whether all numbers are finite, and so small that whole ones are exact."""
    return x.dtype.kind != "f" or bool((np.abs(x) < EXACT).all())


def are_labels(labels: Array, plan: Plan[Layout]) -> bool:
    """Say whether the labels of one column are whole numbers, all among the classes if these are given, or one-hot.

    For regression, any numbers are labels.
    """
    if plan.is_regression:
        return _are_exact(labels)
    known = plan.wanted.classes
    return are_classes(labels) and (known is None or labels.shape[1] != 1 or bool(np.isin(labels, known).all()))


def are_classes(labels: Array) -> bool:
    """Say whether the labels of one column are whole numbers, or those of several are one-hot."""
    if labels.shape[1:] in {(0,), (1,)}:
        return labels.dtype.kind != "f" or bool(_are_exact(labels) and (labels == np.trunc(labels)).all())
    return bool((((labels == 0) | (labels == 1)).all(axis=1) & (labels.sum(axis=1) == 1)).all())
