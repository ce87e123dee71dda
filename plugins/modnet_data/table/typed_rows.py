"""Rows of tables with types in blocks, with mistakes by row and column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from modnet import Array, DataError
from modnet.cached import Facts, Put
from modnet.files import format_size, tell_progress
from modnet_data.rows import EXACT
from modnet_data.table.columns import Columns
from modnet_data.table.missing import Missing, describe_outside
from modnet_data.table.plan import Plan
from modnet_data.table.typed import TypedTable, Values
from modnet_data.table.words import LONGEST_LABEL

LABEL = np.dtype(np.int64)  # of an index of a class
UINT8 = np.iinfo(np.uint8)


def convert(table: TypedTable, plan: Plan[Columns], put: Put, most_bytes: int | None = None) -> Facts:
    """Put a table's features "x" and its labels "t", block by block, and count missing values.

    Raises DataError with the first mistake, or where rows take more than `most_bytes`.
    """
    dtypes = _check_types(table, plan)
    each = len(dtypes) * np.result_type(*dtypes).itemsize + LABEL.itemsize
    most = None if most_bytes is None else most_bytes // each
    _check_rows(table, table.rows, most)
    gaps, labels, first, found = Missing(plan), Labels(), 0, 0
    refused: _Refusal | None = None
    for columns in table.blocks((*plan.features, *plan.labels)):
        if plan.words and not columns[-1].words:
            columns[-1] = _to_text(columns[-1])
        block = _Block(plan, first, columns, np.result_type(*dtypes), labels)
        try:
            x, t, missing = block.read(gaps)
        except DataError:
            if refused is None:
                raise
            break  # the mistake that comes first is the one that is raised
        refused = refused or missing
        if len(x) and refused is None:
            put("x", x)
            if plan.labels:
                put("t", t)
        found += len(x)
        first += len(columns[0].values)
        _check_rows(table, first, most)
        tell_progress(table.path, first, table.rows)
    if refused is not None:
        raise refused.error(gaps)
    gaps.check_rows(found)
    gaps.check_labels(labels.indices, "row", labels.find_rows)
    return {"classes": list(labels.indices), **gaps.facts}


def _check_rows(table: TypedTable, rows: int, most: int | None) -> None:
    """Raise DataError where a file has more rows than its size lets one expect: an accident, or an attack."""
    if most is not None and rows > most:
        what = f"more than {most:,} rows in {format_size(table.path.stat().st_size)}"
        hint = "if that is meant, save it as an Arrow file that is not compressed"
        raise table.columns.error(f"{what}: {hint}")


def _check_types(table: TypedTable, plan: Plan[Columns]) -> list[np.dtype[Any]]:
    """Return the dtypes of the features; raises DataError where a column has values of another type."""
    if len(plan.labels) == 1 and table.kinds[plan.labels[0]] == "text" and not plan.words:
        classes = plan.wanted.classes
        as_text = {"text_labels": True} if classes is None else {"classes": [*map(str, classes)]}
        raise plan.table.column_error(plan.labels[0], "is of text, expected labels that are numbers", [as_text])
    for i in plan.labels:
        wanted = "text or whole numbers" if len(plan.labels) == 1 else "0 and 1"
        if table.kinds[i] is None or (table.kinds[i] == "text" and len(plan.labels) > 1):
            raise plan.table.column_error(i, f"is of type {table.types[i]}, expected a label of {wanted}: save it so")
    if others := [i for i in plan.features if not isinstance(table.kinds[i], np.dtype)]:
        what = f"is of type {table.types[others[0]]}, expected numbers"
        raise plan.table.column_error(others[0], what, plan.advise_leaving_out(others))
    return [dtype for i in plan.features if isinstance(dtype := table.kinds[i], np.dtype)]


@attrs.define
class Labels:
    """The labels of text that were found so far."""

    indices: dict[str, int] = attrs.field(factory=dict)
    rows: dict[str, int] = attrs.field(factory=dict)
    """The row, from 1, in which each of them came first."""

    def find_rows(self, labels: Sequence[str]) -> dict[str, int]:
        """Return the row in which each of some labels came first."""
        return {label: self.rows[label] for label in labels}


@attrs.frozen
class _Refusal:
    """The first value that is missing and may not be."""

    block: _Block
    row: int
    column: int

    def error(self, gaps: Missing) -> DataError:
        """Return the error, with what can be done once the file is read."""
        is_label = self.column >= len(self.block.plan.features)
        advice = gaps.advise_label() if is_label else gaps.advise_value()
        return self.block.error(self.row, self.column, "a missing value", advice)


@attrs.frozen
class _Block:
    """Some rows of a file."""

    plan: Plan[Columns]
    first: int
    columns: Sequence[Values]
    dtype: np.dtype[Any]
    labels: Labels

    def read(self, gaps: Missing) -> tuple[Array, Array, _Refusal | None]:
        """Return features and labels, rows with missing values left out or filled in, and what is refused.

        Raises DataError for other mistakes.
        """
        plan = self.plan
        x, lacks = self._features()
        labels, no_label = self._labels()
        partial = lacks.any(axis=1) | no_label
        self._count(gaps, np.column_stack([lacks, no_label]))
        self._count_classes(gaps, labels, partial, no_label)
        rows = np.flatnonzero(~(partial if isinstance(plan.missing, str) else no_label))
        if plan.missing == "drop":
            gaps.dropped += len(x) - len(rows)
        elif not isinstance(plan.missing, str) and lacks.any():
            x = _fill(x, lacks, plan.missing)
            gaps.filled += int(lacks.sum())
        if len(rows) < len(x):
            x, labels = x[rows], labels[rows]
        self._check_finite(x, rows)
        self._check_classes(labels, rows, gaps)
        t = self._to_indices(labels, rows) if plan.words else labels
        return self._to_dtype(x, rows), t, self._find_refused(lacks, no_label)

    def _find_refused(self, lacks: Array, no_label: Array) -> _Refusal | None:
        """Return the first missing value that may not be, if there is one."""
        if self.plan.missing == "drop":
            return None
        refused = np.column_stack([lacks if self.plan.missing == "refuse" else np.zeros_like(lacks), no_label])
        if not refused.any():
            return None
        row, column = np.argwhere(refused)[0]
        return _Refusal(self, int(row), int(column))

    def _features(self) -> tuple[Array, Array]:
        """Return the features, and which of them are missing."""
        x = np.empty((len(self.columns[0].values), len(self.plan.features)), self.dtype)
        lacks = np.zeros(x.shape, bool)
        for j in range(x.shape[1]):
            values, lacking = self._column(j)
            self._check_exact(values, j)
            x[:, j] = values
            if lacking is not None:
                lacks[:, j] = lacking
        return x, lacks

    def _count(self, gaps: Missing, lacks: Array) -> None:
        for j in np.flatnonzero(lacks.any(axis=0)):
            gaps.count((*self.plan.features, *self.plan.labels)[j], int(lacks[:, j].sum()))

    def _count_classes(self, gaps: Missing, labels: Array, partial: Array, no_label: Array) -> None:
        whole = labels[~partial]
        found = np.unique(labels[partial & ~no_label]) if partial.any() else np.empty(0)
        if self.plan.words:
            words = np.array([*(word.strip() for word in self.columns[-1].words), ""], object)
            known = np.flatnonzero(~no_label)
            for i, at in zip(*np.unique(labels[known], return_index=True), strict=True):
                self.labels.rows.setdefault(words[i], self.first + int(known[at]) + 1)
            gaps.add_whole(len(whole), words[np.unique(whole)])
            gaps.add_partial(words[found.astype(np.int64)].tolist())
        else:
            gaps.add_whole(len(whole), whole if self.plan.labels else None)
            gaps.add_partial(found.tolist())
        gaps.rows += int(partial.sum())

    def _column(self, j: int) -> tuple[Array, Array | None]:
        """Return a column's values, and which are missing."""
        values, lacking = self.columns[j].values, self.columns[j].missing
        if values.dtype.kind == "f" and (nan := np.isnan(values)).any():
            lacking = nan if lacking is None else lacking | nan
        numbers = self.plan.missing_numbers.get((*self.plan.features, *self.plan.labels)[j])
        if numbers and (found := np.isin(values, [*numbers])).any():
            lacking = found if lacking is None else lacking | found
        return values, lacking

    def _labels(self) -> tuple[Array, Array]:
        """Return the labels, of one column or of several that are one-hot, and which rows have none."""
        count, rows = len(self.plan.features), len(self.columns[0].values)
        found = [self._column(count + i) for i in range(len(self.plan.labels))]
        lacking = np.zeros(rows, bool)
        for _, some in found:
            lacking |= False if some is None else some
        if not found:
            return np.empty((rows, 0)), lacking
        if len(found) == 1:
            if self.plan.words:
                place, words = self.plan.labels[0], self.columns[-1].words
                lacking |= np.isin(
                    found[0][0], [i for i, word in enumerate(words) if self.plan.is_missing(place, word)]
                )
            return found[0][0], lacking
        ones = np.stack([values for values, _ in found], axis=1)
        wrong = ((ones != 0) & (ones != 1)).any(axis=1) | (ones.sum(axis=1) != 1)
        if (wrong & ~lacking).any():
            what = "the one-hot columns from here on are not one 1 and otherwise 0"
            raise self.error(int(np.argmax(wrong & ~lacking)), count, what)
        return ones.argmax(axis=1), lacking

    def _to_indices(self, labels: Array, rows: Array) -> Array:
        """Return class indices of labels that number the words of a block."""
        words, found = self.columns[-1].words, self.labels
        used, first, places = np.unique(labels, return_index=True, return_inverse=True)
        for i, at in zip(used, first, strict=True):
            if len(words[i]) >= LONGEST_LABEL:
                what = f"expected a label, found text of {len(words[i]):,} characters"
                raise self.error(int(rows[at]), len(self.plan.features), what)
        indices = [found.indices.setdefault(words[i].strip(), len(found.indices)) for i in used]
        return np.array(indices, LABEL)[places]

    def _check_classes(self, labels: Array, rows: Array, gaps: Missing) -> None:
        """Raise DataError where a label is none of the classes that are given."""
        classes = self.plan.wanted.classes
        if classes is None or len(self.plan.labels) != 1:
            return
        words = self.columns[-1].words
        known = [i for i, word in enumerate(words) if word.strip() in classes] if self.plan.words else classes
        outside = ~np.isin(labels, known)
        if outside.any():
            at = int(np.argmax(outside))
            label: Any = words[labels[at]].strip() if self.plan.words else labels[at].item()
            others = {words[i].strip() for i in labels[outside]} if self.plan.words else {*labels[outside].tolist()}
            for other in [label, *sorted(others - {label})]:
                gaps.add_word(self.plan.labels[0], str(other))
            advice = gaps.advise_more_classes()
            raise self.error(int(rows[at]), len(self.plan.features), describe_outside(str(label), classes), advice)

    def error(self, row: int, j: int, problem: str, advice: Sequence[dict[str, Any]] = ()) -> DataError:
        """Return the error of a value in one of the columns that are read."""
        table, column = self.plan.table, (*self.plan.features, *self.plan.labels)[j]
        place = f", row {self.first + row + 1}, {table.column(column)}"
        return table.error(problem, place, column=column, advice=advice)

    def _check_exact(self, values: Array, j: int) -> None:
        if values.dtype.kind not in "iu" or values.dtype.itemsize < 8:
            return
        if (wrong := (values > EXACT) | (values < -EXACT)).any():
            row = int(np.argmax(wrong))
            what = f"{values[row]} has more digits than a float64 can hold: is it an identifier?"
            raise self.error(row, j, what, self.plan.advise_leaving_out([self.plan.features[j]]))

    def _check_finite(self, x: Array, rows: Array) -> None:
        if x.dtype.kind == "f" and (wrong := ~np.isfinite(x)).any():
            row, j = np.argwhere(wrong)[0]
            raise self.error(rows[row], j, f"expected a finite number, found {x[row, j]}")

    def _to_dtype(self, x: Array, rows: Array) -> Array:
        """Return features in the dtype that is asked for; raises DataError where uint8 does not hold them."""
        if self.plan.dtype is None or x.dtype == self.plan.dtype:
            return x
        if self.plan.dtype == np.uint8 and (wrong := (x < UINT8.min) | (x > UINT8.max) | (x != np.trunc(x))).any():
            row, j = np.argwhere(wrong)[0]
            what = f"expected a whole number from 0 to 255 (uint8), found {x[row, j]}"
            raise self.error(rows[row], j, what, [{"dtype": "float64"}])
        return x.astype(self.plan.dtype)


def _to_text(column: Values) -> Values:
    """Return a column of numbers as one of text: whole ones without a point."""
    used, places = np.unique(column.values, return_inverse=True)
    words = [str(int(value)) if float(value).is_integer() else str(value) for value in used.tolist()]
    nan = np.isnan(column.values) if column.values.dtype.kind == "f" else np.zeros(len(places), bool)
    missing = nan if column.missing is None else nan | column.missing
    return Values(places.astype(np.int32), missing if missing.any() else None, tuple(words))


def _fill(x: Array, lacks: Array, filling: float) -> Array:
    """Return features with a number in place of what is missing, in a dtype that holds both."""
    whole = float(filling).is_integer() and abs(filling) < EXACT
    x = x.astype(np.result_type(x.dtype, np.min_scalar_type(int(filling)) if whole else np.float64))
    x[lacks] = filling
    return x
