"""Rows of a CSV file cell by cell, with mistakes by line and column."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, final

import attrs
import numpy as np

from modnet import Array, DataError
from modnet.files import quote
from modnet_data.csv.cells import (
    NOT_FINITE,
    WHOLE,
    Notation,
    describe_notations,
    is_number,
    label_problem,
    number_of,
    number_problem,
)
from modnet_data.csv.labels import Fault, Remedy, no_remedy, read_label
from modnet_data.csv.layout import Layout
from modnet_data.csv.ragged import describe_ragged
from modnet_data.csv.text import Broken, Record, records
from modnet_data.rows import EXACT
from modnet_data.table.missing import Advice, Missing
from modnet_data.table.plan import Plan
from modnet_data.table.texts import Texts
from modnet_data.table.words import LIKELY

FEW = 3  # mistakes that are shown; the others are counted
LONGEST_WORD = 3  # letters of a cell that is no line of words
MOST_FOOTER = 20  # lines that are advised to be skipped
UINT8 = np.dtype(np.uint8)
FLOAT32 = np.dtype(np.float32)

Block = tuple[Array, Array | None]
"""Features, and maybe weights behind them (n, columns); and labels: text (n,), numbers (n,), or (n, labels)."""


@final
class Mistakes:
    """Mistakes in a file: the first few, and how many there are."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._first: list[tuple[int, int | None, str, Remedy]] = []
        self.count = 0
        self.are_gaps = True
        """True as long as all of them are missing values."""
        self.footer: int | None = None
        """The number of the line from which on there are only lines of words, as far as was read, or None."""
        self.is_uncertain = False
        """True behind a mistake with an odd quote: what the rows are from there on is unknown."""

    def add(self, line: int, column: int | None, problem: str, remedy: Remedy = no_remedy) -> None:
        """Count a mistake, and remember it if it is one of the first: those of a row come in any order."""
        self.count += 1
        self.are_gaps &= remedy == Missing.advise_value
        self.footer = None
        if self.count <= FEW or line == self._first[-1][0]:
            self._first.append((line, column, problem, remedy))
            self._first.sort(key=lambda mistake: (mistake[0], mistake[1] or 0))
            del self._first[FEW:]

    def add_line(self, record: Record, column: int, problem: str) -> None:
        """Count a mistake in the number of a row's cells; it may be the first line of a footer."""
        words = record.cells[0].strip() if len(record.cells) == 1 < self._layout.count - 1 else ""
        may_begin = self.count == 0 or self.footer is not None
        first = self.footer or record.line
        self.add(record.line, column, problem)
        self.footer = first if may_begin and sum(map(str.isalpha, words)) > LONGEST_WORD else None

    def add_row(self) -> None:
        """Take note of a row without a mistake."""
        self.footer = None

    def error(self, gaps: Missing, lines: int) -> DataError:
        """Return an error about all of them, with the place of the first one, in a file of so many lines."""
        (line, column, problem, remedy), *others = self._first
        if self.footer is not None and lines - self.footer < MOST_FOOTER:
            footer = lines - self.footer + 1 + self._layout.footer
            remedy = lambda _: [{"footer": footer}]  # noqa: E731
        found = [f"line {other}{self._place(place)}: {what}" for other, place, what, _ in others]
        found += [f"and {self.count - FEW:,} more"] * (self.count > FEW)
        also = "\nalso " + "; ".join(found) if found else ""
        place = f", line {line}{self._place(column)}"
        return self._layout.error(problem + also, place, line=line, column=column, advice=remedy(gaps))

    def _place(self, column: int | None) -> str:
        if column is None:
            return ""
        return f", {self._layout.column(column) if column < self._layout.count else f'column {column + 1}'}"


@final
@attrs.frozen
class Found:
    """The findings in a file beside its numbers: mistakes, missing values, and words."""

    plan: Plan[Layout]
    mistakes: Mistakes
    gaps: Missing
    texts: Texts

    @classmethod
    def nothing(cls, plan: Plan[Layout]) -> Found:
        """Return what is found before the file is read."""
        return cls(plan, Mistakes(plan.table), Missing(plan), Texts(plan))


def cell_by_cell(first: int, lines: Sequence[str], found: Found) -> Block:
    """Return what some lines say, cell by cell; what is wrong goes to the mistakes that are `found`."""
    plan, mistakes = found.plan, found.mistakes
    features, labels = list[list[float]](), list[Any]()
    for record in records(lines, plan.table.dialect, first):
        if mistakes.is_uncertain:
            break
        if isinstance(record, Broken):
            mistakes.add(record.line, record.column, record.problem)
            mistakes.is_uncertain = _has_odd_quote(record.text, plan.table.dialect.quote)
        elif problem := _row_problem(record, plan):
            mistakes.add_line(record, *problem)
            mistakes.is_uncertain = _has_odd_quote(record.text, plan.table.dialect.quote)
        elif row := _read_row(record, found):
            mistakes.add_row()
            features.append(row[0])
            labels.append(row[1])
    x = np.array(features, np.float64).reshape(len(features), len(plan.inputs))
    if not plan.labels:
        return x, None
    return x, np.array(labels, np.str_ if plan.words else np.float64)


def _has_odd_quote(text: str, quote: str) -> bool:
    """Say whether one of the quotes in a row is not one of a pair."""
    return text.count(quote) % 2 == 1


def _row_problem(record: Record, plan: Plan[Layout]) -> tuple[int, str] | None:
    """Return the column where a row is not as the layout has it, and what is wrong; None where all is right."""
    layout = plan.table
    if len(record.cells) != layout.count:
        return describe_ragged(record, layout)
    if (stray := record.stray_quote(layout.dialect)) is not None:
        return stray, "a quote that is neither around the cell nor doubled in it"
    if filled := [i for i in layout.empty if record.cells[i].strip()]:
        return filled[0], f"expected an empty cell, as in the first rows, found {quote(record.cells[filled[0]])}"
    if (swallowing := _swallowing_cell(record, plan)) is not None:
        return swallowing, "rows within quotes; is a quote left open?"
    return None


def _swallowing_cell(record: Record, plan: Plan[Layout]) -> int | None:
    """Return the first cell with a line end in it where two or more of the record's lines look like rows."""
    mark = plan.table.dialect.quote
    if mark not in record.text:
        return None
    long = [i for i, cell in enumerate(record.cells) if "\n" in cell or "\r" in cell]
    if not long:
        return None
    rows, to_plain = 0, plan.table.dialect.notation.to_plain
    for line in record.text.replace("\r", "\n").split("\n"):
        cells = line.replace(mark, "").split(plan.table.dialect.character)
        rows += len(cells) == plan.table.count and all(
            i in plan.text or number_of(to_plain(cells[i])) is not None for i in plan.features
        )
    return long[0] if rows > 1 else None


def _read_row(record: Record, found: Found) -> tuple[list[float], Any] | None:
    """Return the features and the label of a row, or None where it is left out, or wrong."""
    plan, mistakes, gaps = found.plan, found.mistakes, found.gaps
    before, row = mistakes.count, _at_a_glance(record, plan)
    lacking = _lacking(record.cells, plan.labels if row else (*plan.inputs, *plan.labels), plan)
    label = None if lacking and lacking[-1] in plan.labels else read_label(record.cells, plan)
    if isinstance(label, Fault):
        mistakes.add(record.line, label.column, label.problem, label.remedy)
        gaps.add_word(label.column, record.cells[label.column])
        label = None
    for column in lacking:
        gaps.count(column, word=record.cells[column])
    is_lacking = any(column not in plan.imputed for column in lacking)
    if is_lacking and plan.missing == "drop":
        gaps.dropped += 1
        gaps.add_row(label, lacks=True)
        return None
    for column in lacking:
        if column in plan.labels:
            what = f"expected a label, found {_describe_found(record.cells[column])}"
            mistakes.add(record.line, column, what, Missing.advise_label)
    row = row or [_read_cell(record, i, i in lacking, found) for i in plan.inputs]
    gaps.add_row(label, lacks=is_lacking or mistakes.count > before)
    return None if mistakes.count > before else (row, label)


def _lacking(cells: list[str], columns: tuple[int, ...], plan: Plan[Layout]) -> list[int]:
    return [i for i in columns if plan.is_missing(i, cells[i])]


def _at_a_glance(record: Record, plan: Plan[Layout]) -> list[float]:
    """Return the features of a row where all of them are numbers as float knows them, or else nothing."""
    plain = plan.table.dialect.notation == Notation() and plan.dtype != UINT8 and not plan.missing_numbers
    if not (plain and record.text.isascii() and "_" not in record.text) or plan.text or plan.weights is not None:
        return []
    try:
        values = [float(record.cells[i]) for i in plan.features]
    except ValueError:
        return []
    return values if all(abs(value) < EXACT for value in values) else []


def _read_cell(record: Record, column: int, is_missing: bool, found: Found) -> float:
    """Return the number that a cell is, or that its word has; a mistake is added, and NaN returned."""
    plan, cell = found.plan, record.cells[column]
    if is_missing:
        return _fill(record, column, found)
    if column in plan.text:
        word = cell.strip()
        if wrong := found.texts.problem(column, word):
            ways = plan.advise_encoding([column]) if column in plan.orders else plan.advise_leaving_out([column])
            found.mistakes.add(record.line, column, wrong, lambda _: ways)
            return math.nan
        return float(found.texts.to_numbers(column, [word])[0])
    value = number_of(plan.table.dialect.notation.to_plain(cell))
    if value is None:
        why, remedy, is_gap = _explain(column, cell, plan)
        if is_gap:
            found.gaps.count(column, word=cell)
        found.mistakes.add(record.line, column, why, remedy)
    elif column == plan.weights:
        if value < 0:
            found.mistakes.add(record.line, column, f"expected a weight >= 0, found {quote(cell)}")
    elif problem := _dtype_problem(value, plan.dtype):
        what = f"{problem}, found {quote(cell)}"
        found.mistakes.add(record.line, column, what, lambda _: [{"dtype": "float64"}])
    return math.nan if value is None else value


def _fill(record: Record, column: int, found: Found) -> float:
    """Return what stands for a missing value, NaN if that is imputed later or is a mistake."""
    plan, cell = found.plan, record.cells[column]
    if column in plan.imputed:
        found.gaps.imputed += 1
        return math.nan
    if column == plan.weights or column in plan.text or isinstance(plan.missing, str):
        finite = "finite number" if NOT_FINITE.fullmatch(cell.strip()) else "number"
        wanted = "weight >= 0" if column == plan.weights else "word" if column in plan.text else finite
        what = f"expected a {wanted}, found {_describe_found(cell)}"
        found.mistakes.add(record.line, column, what, Missing.advise_value)
        return math.nan
    found.gaps.filled += 1
    return plan.missing


def _explain(column: int, cell: str, plan: Plan[Layout]) -> tuple[str, Remedy, bool]:
    """Return why a feature is no number, what mends it, and whether its word may stand for a missing value."""
    problem, text, table = number_problem(cell), cell.strip(), plan.table

    def leave_out(_: Missing) -> Advice:
        return plan.advise_leaving_out([i for i in plan.features if i in {*table.others, column} - plan.text])

    def encode_or_leave_out(gaps: Missing) -> Advice:
        return [*plan.advise_encoding([column]), *leave_out(gaps)]

    def encode_or_list_word(gaps: Missing) -> Advice:
        words = gaps.advise_word()[:1] if gaps.has_few_words(column) else []
        return [*plan.advise_encoding([column]), *words, *plan.advise_leaving_out([column])]

    if ways := table.advise_notation(column, cell):
        return problem + describe_notations(ways), lambda _: ways, False
    if column == plan.weights:
        return problem, no_remedy, False
    if LIKELY.fullmatch(text) and not NOT_FINITE.fullmatch(text):
        return problem, Missing.advise_word, True
    if WHOLE.fullmatch(text):
        return problem, leave_out, False
    if is_number(text) or label_problem(cell) or "\n" in cell:  # no word, either
        return problem, leave_out if column in table.others else no_remedy, False
    if column in table.others:
        return problem, encode_or_leave_out, False
    return problem, encode_or_list_word, True


def _describe_found(cell: str) -> str:
    return quote(cell.strip()) if cell.strip() else "an empty cell"


def _dtype_problem(value: float, dtype: np.dtype[Any] | None) -> str | None:
    """Say what was expected where a dtype cannot hold a number; float64 holds all of them."""
    if dtype == UINT8 and not (value.is_integer() and 0 <= value <= np.iinfo(UINT8).max):
        return "expected a whole number from 0 to 255 (uint8)"
    if dtype == FLOAT32 and abs(value) > float(np.finfo(FLOAT32).max):
        return "expected a number that float32 can hold"
    return None
