"""Rows of a CSV file cell by cell, with mistakes by line and column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import attrs
import numpy as np

from modnet import Array, DataError
from modnet_data.csv.cells import MISSING, label_problem, number_of, number_problem, with_points
from modnet_data.csv.layout import Layout
from modnet_data.csv.ragged import describe_ragged
from modnet_data.csv.text import Broken, Record, records
from modnet_data.rows import EXACT
from modnet_data.table.columns import quote
from modnet_data.table.missing import Missing
from modnet_data.table.plan import Plan

FEW = 3  # mistakes that are shown; the others are counted
UINT8 = np.dtype(np.uint8)
FLOAT32 = np.dtype(np.float32)

Block = tuple[Array, Array | None]
"""Features (n, columns) and labels: text (n,), numbers (n,), or numbers (n, classes) that should be one-hot."""


@final
class Mistakes:
    """Mistakes in a file: the first few, and how many there are."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._first: list[tuple[int, int | None, str]] = []
        self.count = 0

    def add(self, line: int, column: int | None, problem: str) -> None:
        """Count a mistake, and remember it if it is one of the first: those of a row come in any order."""
        self.count += 1
        if self.count <= FEW or line == self._first[-1][0]:
            self._first.append((line, column, problem))
            self._first.sort(key=lambda mistake: (mistake[0], mistake[1] or 0))
            del self._first[FEW:]

    def error(self) -> DataError:
        """Return an error about all of them, with the place of the first one."""
        (line, column, problem), *others = self._first
        found = [f"line {other}{self._place(place)}: {what}" for other, place, what in others]
        found += [f"and {self.count - FEW:,} more"] * (self.count > FEW)
        also = "\nalso " + "; ".join(found) if found else ""
        return self._layout.error(problem + also, f", line {line}{self._place(column)}", line=line, column=column)

    def _place(self, column: int | None) -> str:
        if column is None:
            return ""
        return f", {self._layout.column(column) if column < self._layout.count else f'column {column + 1}'}"


def cell_by_cell(first: int, lines: Sequence[str], plan: Plan[Layout], mistakes: Mistakes, gaps: Missing) -> Block:
    """Return what some lines say, cell by cell; what is wrong goes to `mistakes`."""
    layout, features, labels = plan.table, list[list[float]](), list[Any]()
    for record in records(lines, layout.dialect, first):
        before = mistakes.count
        if isinstance(record, Broken):
            mistakes.add(record.line, record.column, record.problem)
            continue
        if len(record.cells) != layout.count:
            mistakes.add(record.line, *describe_ragged(record, layout))
            continue
        if (stray := record.stray_quote(layout.dialect.delimiter)) is not None:
            mistakes.add(record.line, stray, "a quote that is neither around the cell nor doubled in it")
            continue
        if (swallowing := _swallowing_cell(record, plan)) is not None:
            mistakes.add(record.line, swallowing, "rows within quotes; is a quote left open?")
            continue
        if plan.missing == "drop" and (lacking := _lacking(record.cells, plan)):
            gaps.dropped += 1
            for column in lacking:
                gaps.count(layout, column)
            continue
        row = _numbers(record, plan.features, plan, mistakes, gaps)
        label = _label(record, plan, mistakes, gaps)
        if mistakes.count == before:
            features.append(row)
            labels.append(label)
    x = np.array(features, np.float64).reshape(len(features), len(plan.features))
    if not plan.labels:
        return x, None
    return x, np.array(labels, np.str_ if plan.words else np.float64)


def _swallowing_cell(record: Record, plan: Plan[Layout]) -> int | None:
    """Return the first cell with a line end in it where two or more of the record's lines look like rows."""
    if '"' not in record.text:
        return None
    long = [i for i, cell in enumerate(record.cells) if "\n" in cell or "\r" in cell]
    if not long:
        return None
    rows = 0
    for line in record.text.replace("\r", "\n").split("\n"):
        cells = with_points(line.replace('"', "").split(plan.table.dialect.delimiter), plan.table.dialect.decimal)
        rows += len(cells) == plan.table.count and all(number_of(cells[i]) is not None for i in plan.features)
    return long[0] if rows > 1 else None


def _lacking(cells: list[str], plan: Plan[Layout]) -> list[int]:
    return [i for i in (*plan.features, *plan.labels) if cells[i].strip() in MISSING]


def _numbers(
    record: Record, columns: tuple[int, ...], plan: Plan[Layout], mistakes: Mistakes, gaps: Missing
) -> list[float]:
    comma = plan.table.dialect.decimal == ","
    cells = with_points([record.cells[i] for i in columns], plan.table.dialect.decimal)
    if not comma and record.text.isascii() and "_" not in record.text:
        try:  # at a glance
            values = list(map(float, cells))
        except ValueError:
            pass
        else:
            if all(abs(value) < EXACT for value in values) and plan.dtype != UINT8:
                return values
    found = []
    for i, cell in zip(columns, cells, strict=True):
        value = number_of(cell)
        if value is None and cell.strip() in MISSING and not isinstance(plan.missing, str):
            gaps.filled += 1
            gaps.count(plan.table, i)
            value = plan.missing
        if value is None:
            mistakes.add(record.line, i, number_problem(record.cells[i], comma))
        elif problem := _dtype_problem(value, plan.dtype):
            mistakes.add(record.line, i, f"{problem}, found {quote(cell)}")
        else:
            found.append(value)
    return found


def _dtype_problem(value: float, dtype: np.dtype[Any] | None) -> str | None:
    """Say what was expected where a dtype cannot hold a number; float64 holds all of them."""
    if dtype == UINT8 and not (value.is_integer() and 0 <= value <= np.iinfo(UINT8).max):
        return "expected a whole number from 0 to 255 (uint8)"
    if dtype == FLOAT32 and abs(value) > float(np.finfo(FLOAT32).max):
        return "expected a number that float32 can hold"
    return None


def _label(record: Record, plan: Plan[Layout], mistakes: Mistakes, gaps: Missing) -> Any:
    """Return a row's label: text, a whole number, a list of numbers that are one-hot, or None."""
    if not plan.labels:
        return None
    place, exact = plan.labels[0], attrs.evolve(plan, missing="refuse", dtype=None)
    if plan.words:
        cell = record.cells[place]
        problem = label_problem(cell)
        if problem:
            mistakes.add(record.line, place, problem)
        return cell.strip()
    before = mistakes.count
    values = _numbers(record, plan.labels, exact, mistakes, gaps)
    if mistakes.count > before:
        return None
    if len(values) > 1:
        if sorted(values)[-2:] != [0, 1] or sum(values) != 1:
            mistakes.add(record.line, place, "the one-hot columns from here on are not one 1 and otherwise 0")
        return values
    if not (values[0].is_integer() and abs(values[0]) < EXACT):
        problem = f"expected a class (a whole number or text), found {quote(record.cells[place])}"
        mistakes.add(record.line, place, problem)
    return values[0]
