"""Rows of tables with types in blocks, with mistakes by row and column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import numpy as np

from modnet import Array, DataError
from modnet.files import format_size, tell_progress
from modnet_data.cached import Facts, Put
from modnet_data.rows import EXACT
from modnet_data.table.columns import Columns
from modnet_data.table.missing import Missing, describe_outside
from modnet_data.table.plan import Plan
from modnet_data.table.texts import Texts
from modnet_data.table.typed import TypedTable, Values
from modnet_data.table.words import LONGEST_LABEL

LABEL = np.dtype(np.int64)  # of an index of a class
CODE = np.dtype(np.int32)  # of a word
UINT8 = np.iinfo(np.uint8)


def convert(table: TypedTable, plan: Plan[Columns], put: Put, most_bytes: int | None = None) -> Facts:
    """Put a table's features "x", labels "t" and "weights", block by block, and count missing values and words.

    Raises DataError with the first mistake, or where rows take more than `most_bytes`.
    """
    dtype = _check_types(table, plan)
    most = None if most_bytes is None else most_bytes // (len(plan.features) * dtype.itemsize + LABEL.itemsize)
    _check_rows(table, table.rows, most)
    found, first, count = _Found(Missing(plan), Texts(plan), Labels()), 0, 0
    refused: _Refusal | None = None
    for columns in table.blocks((*plan.inputs, *plan.labels)):
        block = _Block(plan, first, [*_name_words(plan, columns)], dtype, found)
        try:
            arrays, missing = block.read()
        except DataError:
            if refused is None:
                raise
            break  # the mistake that comes first is the one that is raised
        refused = refused or missing
        for name, array in arrays.items():
            if len(array) and refused is None:
                put(name, array)
        count += len(arrays["x"])
        first += len(columns[0].values)
        _check_rows(table, first, most)
        tell_progress(table.path, first, table.rows)
    if question := found.texts.question():
        raise question
    if refused is not None:
        raise refused.error()
    found.gaps.check_rows(count)
    found.gaps.check_labels(found.labels.indices, "row", found.labels.find_rows)
    return {"classes": list(found.labels.indices), **found.gaps.facts, **found.texts.facts}


def _name_words(plan: Plan[Columns], columns: Sequence[Values]) -> Iterator[Values]:
    """Yield columns, those of numbers that are to be text as text."""
    for i, values in zip((*plan.inputs, *plan.labels), columns, strict=True):
        is_text = i in plan.text or (plan.words and i in plan.labels)
        yield _to_text(values) if is_text and not values.words else values


def _check_rows(table: TypedTable, rows: int, most: int | None) -> None:
    """Raise DataError where a file has more rows than its size lets one expect: an accident, or an attack."""
    if most is not None and rows > most:
        what = f"more than {most:,} rows in {format_size(table.path.stat().st_size)}"
        hint = "if that is meant, save it as an Arrow file that is not compressed"
        raise table.columns.error(f"{what}: {hint}")


def _check_types(table: TypedTable, plan: Plan[Columns]) -> np.dtype[Any]:
    """Return the dtype that holds the features; raises DataError where a column has values of another type."""
    if len(plan.labels) == 1 and table.kinds[plan.labels[0]] == "text" and not plan.words and not plan.is_regression:
        classes = plan.wanted.classes
        as_text = {"text_labels": True} if classes is None else {"classes": [*map(str, classes)]}
        raise plan.table.column_error(plan.labels[0], "is of text, expected labels that are numbers", [as_text])
    is_many = len(plan.labels) > 1
    wanted = "numbers" if plan.is_regression else "0 and 1" if is_many else "text or whole numbers"
    for i in plan.labels:
        if table.kinds[i] is None or (table.kinds[i] == "text" and (is_many or plan.is_regression)):
            raise plan.table.column_error(i, f"is of type {table.types[i]}, expected a label of {wanted}: save it so")
    if plan.weights is not None and not isinstance(table.kinds[plan.weights], np.dtype):
        raise plan.table.column_error(plan.weights, f"is of type {table.types[plan.weights]}, expected weights >= 0")
    others = [i for i in plan.features if table.kinds[i] is None or (table.kinds[i] == "text" and i not in plan.text)]
    if others:
        what = f"is of type {table.types[others[0]]}, expected numbers or text"
        raise plan.table.column_error(others[0], what, plan.advise_leaving_out(others))
    return np.result_type(*(CODE if i in plan.text else np.dtype(table.kinds[i]) for i in plan.features))


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
class _Found:
    """Missing values, words, and labels of text, as they are found in a table."""

    gaps: Missing
    texts: Texts
    labels: Labels


@attrs.frozen
class _Refusal:
    """The first value that is missing and may not be."""

    block: _Block
    row: int
    column: int

    def error(self) -> DataError:
        """Return the error, with what can be done once the table is read."""
        is_label, gaps = self.column >= len(self.block.plan.inputs), self.block.found.gaps
        advice = gaps.advise_label() if is_label else gaps.advise_value()
        return self.block.error(self.row, self.column, "a missing value", advice)


@attrs.frozen
class _Block:
    """Some rows of a table."""

    plan: Plan[Columns]
    first: int
    columns: Sequence[Values]
    dtype: np.dtype[Any]
    found: _Found

    def read(self) -> tuple[dict[str, Array], _Refusal | None]:
        """Return features, labels and weights, rows with missing values left out or filled in, and what is refused.

        Raises DataError for other mistakes.
        """
        plan, gaps = self.plan, self.found.gaps
        x, lacks = self._features()
        labels, no_label = self._labels()
        arrays = {"x": x}
        if plan.weights is not None:
            arrays["weights"], lacking = self._weights()
            lacks = np.column_stack([lacks, lacking])
        self._count(np.column_stack([lacks, no_label]))
        x, lacks = self._impute(x, lacks)
        partial = lacks.any(axis=1) | no_label
        self._count_classes(labels, partial, no_label)
        refused = self._find_refused(lacks, no_label)
        rows = np.flatnonzero(~refused.any(axis=1)) if plan.missing != "drop" else np.flatnonzero(~partial)
        if plan.missing == "drop":
            gaps.dropped += len(x) - len(rows)
        elif not isinstance(plan.missing, str) and lacks.any():
            x = _fill(x, lacks[:, : x.shape[1]], plan.missing)
            gaps.filled += int(lacks.sum())
        arrays = {name: array[rows] if len(rows) < len(array) else array for name, array in {**arrays, "x": x}.items()}
        labels = labels[rows] if len(rows) < len(labels) else labels
        self._check_finite(arrays["x"], rows)
        if plan.labels:
            self._check_classes(labels, rows)
            arrays["t"] = self._to_indices(labels, rows) if plan.words else labels
        arrays["x"] = self._to_dtype(arrays["x"], rows)
        if plan.missing == "drop" or not refused.any():
            return arrays, None
        row, column = np.argwhere(refused)[0]
        return arrays, _Refusal(self, int(row), int(column))

    def _find_refused(self, lacks: Array, no_label: Array) -> Array:
        """Return which values (N, columns) are missing and may not be, unless their rows are dropped."""
        no_filling = [i in self.plan.text or i == self.plan.weights for i in self.plan.inputs]
        may_not = [isinstance(self.plan.missing, str) or each for each in no_filling]
        return np.column_stack([lacks & may_not, no_label])

    def _features(self) -> tuple[Array, Array]:
        """Return the features, words as their numbers, and which of them are missing."""
        x = np.empty((len(self.columns[0].values), len(self.plan.features)), self.dtype)
        lacks = np.zeros(x.shape, bool)
        for j, i in enumerate(self.plan.features):
            values, lacking = self._words(j) if i in self.plan.text else self._column(j)
            self._check_exact(values, j)
            x[:, j] = values
            if lacking is not None:
                lacks[:, j] = lacking
        return x, lacks

    def _words(self, j: int) -> tuple[Array, Array]:
        """Return the numbers of a column's words, and which are missing; raises DataError for one that cannot be."""
        place, values = self.plan.features[j], self.columns[j]
        words = [word.strip() for word in values.words]
        lacking = self._lacks_word(j)
        used, first, cells = np.unique(values.values[~lacking], return_index=True, return_counts=True)
        for i, at in zip(used.tolist(), first, strict=True):
            if problem := self.found.texts.problem(place, words[i]):
                row = int(np.flatnonzero(~lacking)[at])
                raise self.error(row, j, problem, self.plan.advise_encoding([place]))
        numbers = np.zeros(max(1, len(words)), CODE)
        numbers[used] = self.found.texts.to_numbers(place, [words[i] for i in used.tolist()], int(cells.sum()))
        return numbers[values.values], lacking

    def _lacks_word(self, j: int) -> Array:
        """Return which cells of a column of text are missing, or hold a word for it, which is remembered."""
        place, values = (*self.plan.inputs, *self.plan.labels)[j], self.columns[j]
        lacking = np.zeros(len(values.values), bool) if values.missing is None else values.missing
        unsaid = [i for i, word in enumerate(values.words) if self.plan.is_missing(place, word)]
        found = np.isin(values.values, unsaid) & ~lacking
        if place in self.plan.text:
            for i in np.unique(values.values[found]).tolist():
                self.found.gaps.add_word(place, values.words[i])
        return lacking | found

    def _weights(self) -> tuple[Array, Array]:
        """Return the rows' weights, and which are missing; raises DataError for one that cannot be."""
        j = len(self.plan.features)
        values, lacking = self._column(j)
        lacking = np.zeros(len(values), bool) if lacking is None else lacking
        weights = np.where(lacking, 0, values).astype(np.float64)
        if (wrong := ~((weights >= 0) & np.isfinite(weights))).any():
            row = int(np.argmax(wrong))
            raise self.error(row, j, f"expected a weight >= 0, found {weights[row]}")
        return weights, lacking

    def _impute(self, x: Array, lacks: Array) -> tuple[Array, Array]:
        """Return the features with NaN where a missing value is imputed later, and which others are missing."""
        imputed = lacks & [i in self.plan.imputed for i in self.plan.inputs]
        if not imputed.any():
            return x, lacks
        self.found.gaps.imputed += int(imputed.sum())
        x = x.astype(np.result_type(x.dtype, np.float32))
        x[imputed[:, : x.shape[1]]] = np.nan
        return x, lacks & ~imputed

    def _count(self, lacks: Array) -> None:
        for j in np.flatnonzero(lacks.any(axis=0)):
            self.found.gaps.count((*self.plan.inputs, *self.plan.labels)[j], int(lacks[:, j].sum()))

    def _count_classes(self, labels: Array, partial: Array, no_label: Array) -> None:
        gaps, whole = self.found.gaps, labels[~partial]
        if self.plan.is_regression:
            gaps.add_whole(len(whole), None)
            return
        found = np.unique(labels[partial & ~no_label]) if partial.any() else np.empty(0)
        if self.plan.words:
            words = np.array([*(word.strip() for word in self.columns[-1].words), ""], object)
            known = np.flatnonzero(~no_label)
            for i, at in zip(*np.unique(labels[known], return_index=True), strict=True):
                self.found.labels.rows.setdefault(words[i], self.first + int(known[at]) + 1)
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
        numbers = self.plan.missing_numbers.get((*self.plan.inputs, *self.plan.labels)[j])
        if numbers and (found := np.isin(values, [*numbers])).any():
            lacking = found if lacking is None else lacking | found
        return values, lacking

    def _labels(self) -> tuple[Array, Array]:
        """Return the labels, of one column or of several that are one-hot, and which rows have none."""
        count, rows = len(self.plan.inputs), len(self.columns[0].values)
        found = [self._column(count + i) for i in range(len(self.plan.labels))]
        lacking = np.zeros(rows, bool)
        for _, some in found:
            lacking |= False if some is None else some
        if not found:
            return np.empty((rows, 0)), lacking
        if self.plan.is_regression:
            return self._targets([values for values, _ in found], lacking), lacking
        if len(found) == 1 and self.plan.words:
            return found[0][0], lacking | self._lacks_word(count)
        if len(found) == 1:
            self._check_whole(found[0][0], lacking)
            return found[0][0], lacking
        ones = np.stack([values for values, _ in found], axis=1)
        wrong = ((ones != 0) & (ones != 1)).any(axis=1) | (ones.sum(axis=1) != 1)
        if (wrong & ~lacking).any():
            what = "the one-hot columns from here on are not one 1 and otherwise 0"
            raise self.error(int(np.argmax(wrong & ~lacking)), count, what)
        return ones.argmax(axis=1), lacking

    def _check_whole(self, labels: Array, lacking: Array) -> None:
        """Raise DataError where a label is no class, but a number with decimals."""
        if labels.dtype.kind == "f" and (wrong := (labels != np.trunc(labels)) & ~lacking).any():
            row = int(np.argmax(wrong))
            what = f"labels must be classes (whole numbers or text), found {labels[row]}"
            raise self.error(row, len(self.plan.inputs), what, [{"task": "regression"}])

    def _targets(self, columns: Sequence[Array], lacking: Array) -> Array:
        """Return numbers to be predicted, (N,) of one column or (N, targets); raises DataError for an infinite one."""
        targets = np.stack(columns, axis=1).astype(np.float64)
        if (wrong := np.isinf(targets) & ~lacking[:, None]).any():
            row, j = np.argwhere(wrong)[0]
            what = f"expected a finite number, found {targets[row, j]}"
            raise self.error(int(row), len(self.plan.inputs) + int(j), what)
        return targets[:, 0] if len(columns) == 1 else targets

    def _to_indices(self, labels: Array, rows: Array) -> Array:
        """Return class indices of labels that number the words of a block."""
        words, found = self.columns[-1].words, self.found.labels
        used, first, places = np.unique(labels, return_index=True, return_inverse=True)
        for i, at in zip(used, first, strict=True):
            if len(words[i]) >= LONGEST_LABEL:
                what = f"expected a label, found text of {len(words[i]):,} characters"
                raise self.error(int(rows[at]), len(self.plan.inputs), what)
        indices = [found.indices.setdefault(words[i].strip(), len(found.indices)) for i in used]
        return np.array(indices, LABEL)[places]

    def _check_classes(self, labels: Array, rows: Array) -> None:
        """Raise DataError where a label is none of the classes that are given."""
        classes, gaps = self.plan.wanted.classes, self.found.gaps
        if classes is None or self.plan.is_regression or len(self.plan.labels) != 1:
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
            raise self.error(int(rows[at]), len(self.plan.inputs), describe_outside(str(label), classes), advice)

    def error(self, row: int, j: int, problem: str, advice: Sequence[dict[str, Any]] = ()) -> DataError:
        """Return the error of a value in one of the columns that are read."""
        table, column = self.plan.table, (*self.plan.inputs, *self.plan.labels)[j]
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
        if x.dtype.kind == "f" and (wrong := np.isinf(x)).any():
            row, j = np.argwhere(wrong)[0]
            raise self.error(int(rows[row]), int(j), f"expected a finite number, found {x[row, j]}")

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
