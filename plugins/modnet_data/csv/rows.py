"""Conversion of a CSV file's rows to arrays."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import final

import numpy as np

from modnet import Array, DataError
from modnet.files import quote
from modnet_data.cached import Facts, Put
from modnet_data.csv.blocks import grid, lines_of, row_blocks
from modnet_data.csv.careful import UINT8, Block, Found, cell_by_cell
from modnet_data.csv.cells import Notation, number_of
from modnet_data.csv.fast import FLOAT64, are_labels, one_or_all, pick_columns, read_regular
from modnet_data.csv.labels import is_oddly_spelled
from modnet_data.csv.layout import Layout, LayoutSettings, layout_of
from modnet_data.csv.text import LONGEST_LINE, WHITESPACE, Record, bytes_of, records, text_of
from modnet_data.table.columns import Value
from modnet_data.table.plan import Plan, list_words
from modnet_data.table.words import MISSING, MissingValues

REUSED = 2**24  # bytes
LEAST = 100  # rows that are shown of a table, however many columns it has

POINTED = re.compile(
    rb'(?:^|[;\n\r])[ \t"]*([+-]?(?:\d+\.\d*|\.\d+)(?:e[+-]?\d+)?)(?=[ \t"]*(?:[;\n\r]|$))', re.IGNORECASE
)
GROUPED = re.compile(rb"[+-]?[1-9]\d{0,2}\.\d{3}")
"""A number whose point may be between thousands."""

QUOTED = re.compile(rb'"[^"]*+(?:"|$)')

Watch = Callable[[Block, bool], None]
"""Called with each block of rows, and whether all so far were without mistakes and missing values."""


def convert(plan: Plan[Layout], put: Put, watch: Watch | None = None) -> Facts:
    """Read a file in blocks: `put` its features "x" and its class indices or numbers "t", and return the facts.

    "classes" are labels of text by class index, in the order in which they came; the other entries are those of
    `Missing` and `Texts`. Weights are put as "weights". Raises DataError with the first mistakes.
    """
    return _Conversion(plan, put, watch).run()


@final
class _Conversion:
    """A reading of a file from its beginning to its end."""

    def __init__(self, plan: Plan[Layout], put: Put, watch: Watch | None) -> None:
        self._plan, self._put, self._watch = plan, put, watch
        self._found = Found.nothing(plan)
        self._mistakes, self._gaps, self._texts = self._found.mistakes, self._found.gaps, self._found.texts
        self._classes: dict[str, int] = {}
        self._count = 0
        self._spelled = plan.labels[0] if plan.spelling_matters else None
        self._points = _Points() if plan.table.has_points else None
        self._whole = plan.dtype in {None, UINT8}  # as long as all numbers are whole and from 0 to 255

    def run(self) -> Facts:
        """Read the file, and return the facts."""
        layout = self._plan.table
        np.empty(REUSED, UINT8)  # once that much was given back, glibc reuses memory for the next block: a third faster
        with bytes_of(layout.path, layout.dialect.encoding) as file:
            line = 1
            for block in row_blocks(file, layout.dialect, layout.footer):
                rows, lines = self._read(block, line)
                if self._points:
                    self._points.add(block, line)
                line += lines
                if self._watch:
                    self._watch(rows, not (self._mistakes.count or self._gaps))
                if not self._mistakes.count and len(rows[0]):
                    self._put_rows(*rows)
        question = self._texts.question() if self._mistakes.are_gaps else None
        if question:
            raise question
        if self._mistakes.count:
            raise self._mistakes.error(self._gaps, line - 1)
        if self._points and self._points.found:
            raise self._points.error(layout)
        self._gaps.check_rows(self._count)
        self._gaps.check_labels(self._classes, "line", self._find_lines)
        return {"classes": list(self._classes), **self._gaps.facts, **self._texts.facts}

    def _read(self, block: bytes, line: int) -> tuple[Block, int]:
        """Return the rows of a block that begins with this line, and how many lines it has."""
        plan, layout = self._plan, self._plan.table
        plain = not plan.missing_numbers  # no number stands for a missing value
        if line >= layout.first and not (plan.words or plan.text) and plain and layout.dialect.delimiter != WHITESPACE:
            numbers = grid(block, layout.count, layout.dialect.delimiter, self._spelled)
            labels = None if numbers is None else pick_columns(numbers, plan.labels)
            if numbers is not None and labels is not None and are_labels(labels, plan):
                rows = pick_columns(numbers, plan.inputs), one_or_all(labels)
                self._gaps.add_whole(len(numbers), rows[1])
                self._mistakes.add_row()
                return rows, len(numbers)
        if len(block) > LONGEST_LINE and b"\n" not in block[:-1]:
            self._mistakes.add(line, None, f"more than {LONGEST_LINE:,} characters in a line")
            return (np.empty((0, 0)), None), 1
        lines = lines_of(block)
        count = len(lines)
        if line < layout.first:
            lines, line = lines[layout.first - line :], layout.first
        found = read_regular(lines, plan, UINT8, self._texts) if self._whole and plain and block.isascii() else None
        if found is None and plain:
            found = read_regular(lines, plan, FLOAT64, self._texts)
        if found is None or not self._is_certain(found, block * (len(lines) == count), lines):
            return cell_by_cell(line, lines, self._found), count
        self._gaps.add_whole(len(found[0]), found[1])
        self._mistakes.add_row()
        return found, count

    def _is_certain(self, found: Block, block: bytes, lines: list[str]) -> bool:
        """Say whether there is nothing to check more closely in rows that were read at once."""
        plan = self._plan
        if plan.dtype == UINT8 and not _are_bytes(found[0][:, : len(plan.features)]):
            return False
        return not (plan.spelling_matters and is_oddly_spelled(block, lines, plan))

    def _find_lines(self, labels: Sequence[str]) -> dict[str, int]:
        """Return the number of the first line of each label of text."""
        layout, place = self._plan.table, self._plan.labels[0]
        lines: dict[str, int] = {}
        with bytes_of(layout.path, layout.dialect.encoding) as file:
            blocks = row_blocks(file, layout.dialect, layout.footer)
            rows = islice(chain.from_iterable(map(lines_of, blocks)), layout.first - 1, None)
            for record in records(rows, layout.dialect, layout.first):
                if isinstance(record, Record) and (label := record.cells[place].strip()) in labels:
                    lines.setdefault(label, record.line)
        return lines

    def _put_rows(self, x: Array, labels: Array | None) -> None:
        if self._plan.weights is not None:
            self._put("weights", x[:, -1].astype(np.float64))
            x = x[:, :-1]
        x = self._to_dtype(x)
        self._whole = x.dtype == UINT8
        self._put("x", x)
        self._count += len(x)
        if self._plan.words and labels is not None:
            labels = self._to_indices(labels)
        if labels is not None and self._plan.is_regression:
            self._put("t", labels.astype(np.float64))
        elif labels is not None:
            self._put("t", labels.astype(np.int64) if labels.ndim == 1 else labels.argmax(axis=1))

    def _to_dtype(self, x: Array) -> Array:
        """Return features in their final dtype: the plan's, or uint8 as long as all of them fit."""
        if self._plan.dtype is not None:
            return x.astype(self._plan.dtype, copy=False)
        if not self._whole or x.dtype == UINT8:
            return x
        # -0.0 is not from 0 on, either.
        return x.astype(UINT8) if _are_bytes(x) and not np.signbit(x).any() else x

    def _to_indices(self, labels: Array) -> Array:
        """Return the class index of each label of text; new labels become classes."""
        classes = self._classes
        return np.array([classes.setdefault(name, len(classes)) for name in labels.tolist()], np.int64)


@final
class _Points:
    """The first number with a point between semicolons, as long as all such points may be between thousands."""

    def __init__(self) -> None:
        self.found: tuple[int, int, str] | None = None
        """The number of its line, its column's index, and the cell."""
        self._certain = False

    def add(self, block: bytes, line: int) -> None:
        """Take a block of lines, the first of which has this number."""
        if self._certain or b"." not in block:
            return
        for number in POINTED.finditer(block):
            if not GROUPED.fullmatch(number[1]):
                self.found, self._certain = None, True
                return
            if self.found is None:
                at = number.start(1)
                start = max(block.rfind(b"\n", 0, at), block.rfind(b"\r", 0, at)) + 1
                before = QUOTED.sub(b"", block[start:at])
                self.found = line + len(block[:start].splitlines()), before.count(b";"), number[1].decode()

    def error(self, layout: Layout) -> DataError:
        """Return the question which of both the points are."""
        line, column, cell = self.found or (0, 0, "")
        column = min(column, layout.count - 1)  # delimiters may stand in a cell of several lines
        advice = [{"decimal": "."}, {"decimal": ",", "thousands": "."}]
        problem = f"{quote(cell)}; is the point a decimal mark, or between thousands?"
        place = f", line {line}, {layout.column(column)}"
        return layout.error(problem, place, line=line, column=column, advice=advice)


def _are_bytes(x: Array) -> bool:
    """Say whether all numbers are whole and from 0 to 255."""
    return x.dtype == UINT8 or bool(((x == np.trunc(x)) & (x >= 0) & (x <= np.iinfo(UINT8).max)).all())


def read_first_cells(
    path: Path, given: LayoutSettings, missing: MissingValues, most: int
) -> list[tuple[str, str, list[Value]]]:
    """Return the name of each column, no type, and its first cells, of all columns about so many.

    A row of another length is cut, or lacks some; one that cannot be split is left out. Raises DataError where nothing
    says how the file is laid out.
    """
    layout = layout_of(path, given)
    listed, notation = list_words(layout, missing), layout.dialect.notation
    columns: list[list[Value]] = [[] for _ in range(layout.count)]
    for record in islice(_read_records(layout), max(LEAST, most // layout.count)):
        cells = [*record.cells[: layout.count], *[""] * (layout.count - len(record.cells))]
        for i, cell in enumerate(cells):
            columns[i].append(_to_value(cell.strip(), {"", *listed[i]} if i in listed else MISSING, notation))
    names = layout.names or [""] * layout.count
    return [(names[i], "", column) for i, column in enumerate(columns) if i not in layout.empty]


def _read_records(layout: Layout) -> Iterator[Record]:
    """Yield the rows that can be split into cells, the header left out."""
    with text_of(layout.path, layout.dialect.encoding) as text:
        lines = iter(lambda: text.readline(LONGEST_LINE), "")
        for record in records(islice(lines, layout.first - 1, None), layout.dialect, layout.first):
            if isinstance(record, Record) and any(cell.strip() for cell in record.cells):
                yield record


def _to_value(cell: str, missing: frozenset[str] | set[str], notation: Notation) -> Value:
    if cell in missing:
        return None
    number = number_of(notation.to_plain(cell))
    return cell if number is None else number
