"""Layout of a CSV file, inferred from its first lines."""

from __future__ import annotations

import codecs
import math
import re
from collections import deque
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs

from modnet import DataError
from modnet.files import quote
from modnet_data.cached import Facts
from modnet_data.csv.cells import (
    OTHERS,
    Notation,
    Way,
    advise_notation,
    describe_notations,
    find_notations,
    is_number,
    is_number_with_commas,
    kind_of,
    number_of,
)
from modnet_data.csv.header import check_names, check_second, has_repeated_name, is_header, is_text
from modnet_data.csv.shape import COMMENT, check_start, choose_delimiter, is_title, measure
from modnet_data.csv.text import (
    LONGEST_LINE,
    Broken,
    Dialect,
    Record,
    encoding_of,
    line_error,
    records,
    text_of,
)
from modnet_data.table.columns import Columns, UnlabelledError, Value
from modnet_data.table.label import are_numbers
from modnet_data.table.plan import list_words
from modnet_data.table.words import MISSING, MissingValues

SAMPLE_LINES = 100
SAMPLE_CELLS = 20_000
SAID = re.compile(r"sep=(.)[\r\n]*", re.IGNORECASE)
"""A first line by which Excel says what the delimiter is; it is no row."""

MARK = "\ufeff"


@attrs.frozen
class Layout(Columns):
    """The layout of a CSV file."""

    dialect: Dialect
    header_line: int
    """The number of the line that the header, or else the first row, begins on."""
    first: int
    """The number of the line that the first row begins on."""
    sample: Sequence[Sequence[str]] = attrs.field(eq=False, repr=False)
    """The cells of the first rows, with a point before decimals."""
    rows: Sequence[Record] = attrs.field(eq=False, repr=False)
    """The same rows as they stand in the file."""
    footer: int = attrs.field(default=0, kw_only=True)
    """The number of last lines that are no rows."""
    has_points: bool = attrs.field(default=False, kw_only=True)
    """True where a point may be between thousands, as far as the settings and the first rows tell."""

    @cached_property
    def others(self) -> frozenset[int]:
        """The columns that are not of numbers in the first rows."""
        columns = zip(*self.first_rows(), strict=True)
        return frozenset(i for i, values in enumerate(columns) if not are_numbers(values))

    def first_rows(self) -> Sequence[Sequence[Value]]:
        """Return the first rows, by which columns are judged."""
        return [
            [(cell or None) if i in self.text else _value(cell) for i, cell in enumerate(row)] for row in self.sample
        ]

    @cached_property
    def kinds(self) -> list[frozenset[str]]:
        """The kinds of each column's cells in the first rows: "number", "text", "empty"."""
        return [frozenset(map(kind_of, column)) for column in zip(*self.sample, strict=True)]

    def with_words(self, given: MissingValues) -> Layout:
        """Return the layout with the words for missing values that are given: others of the usual ones are text."""
        text, listed = set(self.text), list_words(self, given)
        for i in range(self.count):
            words = listed.get(i)
            cells = set() if words is None else {row[i] for row in self.sample} - {"", *words}
            if cells & MISSING and not any(_is_usual_number(cell) for cell in cells):
                text.add(i)
            elif words is not None and not cells:
                text.discard(i)
        return attrs.evolve(self, text=frozenset(text))

    @cached_property
    def _notations(self) -> list[Way]:
        """The other notations in which all numbers of the first rows are still some: found once, not for each cell."""
        cells = {cell for row in self.rows for cell in row.cells}
        return find_notations({*filter(self.dialect.notation.is_number, cells)})

    def advise_notation(self, column: int, cell: str) -> list[dict[str, Any]]:
        """Return the settings by which a cell that is no number is one, as all in its column by the first rows."""
        if self.dialect.notation.is_number(cell) or self.dialect.thousands:
            return []
        column_cells = [cell, *(row.cells[column] for row in self.rows)]
        present = [other for other in column_cells if other.strip() not in MISSING]
        ways = advise_notation(present, self._notations, self.dialect.delimiter) if present else []
        return [way for way in ways if Notation(**{"decimal": self.dialect.decimal, **way}).is_number(cell)]

    def notation_error(self, column: int) -> DataError | None:
        """Return the error of a column that seems to be text, but holds numbers in another notation, or None."""
        for row in self.rows:
            cell = row.cells[column].strip()
            if cell in MISSING or self.dialect.notation.is_number(cell):
                continue
            if not (ways := self.advise_notation(column, cell)):
                return None
            problem = f"expected a number, found {quote(cell)}{describe_notations(ways)}"
            place = f", line {row.line}, {self.column(column)}"
            return self.error(problem, place, line=row.line, column=column, advice=ways)
        return None

    def header_error(self, problem: str, column: int, advice: Sequence[Mapping[str, Any]] = ()) -> DataError:
        """Return the error of a column's name, with the line of the header."""
        return self.error(problem, f", line {self.header_line}", line=self.header_line, column=column, advice=advice)

    def explain_single(self) -> str:
        """Say why there may be one column only: cells are delimited in another way."""
        line = f" line {self.header_line} is {quote(self.names[0])}" if self.names else ""
        return f"; is the delimiter right?{line}"

    def explain_unnamed(self, index: int) -> str:
        """Say why a column may have no name: programs save a row index, or end each line with a delimiter."""
        why = "a saved row index" if index < self.count - 1 else "a delimiter at the end of each line"
        return f" in the header ({why}?)"

    def is_text(self, cell: str) -> bool:
        """Say whether a cell of the first rows is text."""
        return is_text(_number_text(cell, self.dialect))

    def check_alike(self, train: Facts) -> None:
        """Raise DataError where a test file is not laid out as the training file, of which these are the facts."""
        names, count, empty = train["names"], train["columns"], [*train["empty"]]
        if self.count != count:
            columns = "1 column" if self.count == 1 else f"{self.count} columns"
            problem = f"{columns}, expected {count} as in the training file"
            label = train["label"] if isinstance(train["label"], list) else [train["label"]]
            kept = (
                None
                if names is None
                else [name for i, name in enumerate(names) if i not in empty and name not in label]
            )
            found = None if self.names is None else [name for i, name in enumerate(self.names) if i not in self.empty]
            if kept == found and count - len(empty) - len(label) == self.count - len(self.empty):
                raise UnlabelledError(f"{self.path}: {problem}: all but the label", self.path)
            raise self.error(problem)
        if names is not None and self.names is not None and (*names,) != self.names:
            i = next(i for i, (a, b) in enumerate(zip(self.names, names, strict=True)) if a != b)
            found_name = f"column {i + 1} is {quote(self.names[i])}, in the training file it is {quote(names[i])}"
            raise self.error(found_name, f", line {self.header_line}", line=self.header_line, column=i)


@attrs.frozen
class LayoutSettings:
    """Settings of a CSV file's layout; delimiter, decimal and header are inferred where they are None."""

    delimiter: str | None
    decimal: str | None
    comment: str | None
    encoding: str
    header: bool | None
    skip_rows: int = 0
    thousands: str | None = None
    otherwise: bool | None = None
    """True or false where the first line could be either, a header or a row; None raises DataError then."""
    names: Sequence[str] = ()
    """Names that show the first line to be a header: all of them, or one that is no number."""
    guarded: bool = False
    """True where a line that is skipped may not have as many columns as the rows."""
    footer: int = 0
    quote: str = '"'


def layout_of(path: Path, given: LayoutSettings) -> Layout:
    """Return the layout of a CSV file, by its first lines and what is given."""
    encoding = encoding_of(path, given.encoding)
    lines, skipped = _first_lines(path, encoding, given)
    dialect = _choose_dialect(path, lines, encoding, given)
    sample, broken = _sample(lines, dialect)
    _check_first(path, sample, broken, given)
    check_start(path, sample, broken, guarded=given.guarded)
    first, rows = sample[0], sample[1:]
    if given.guarded:
        _check_skipped(path, skipped, first, dialect)
    if given.decimal is None:
        dialect = attrs.evolve(dialect, decimal=_decimal(path, [row.cells for row in sample], dialect))
    plain = {cell: _number_text(cell, dialect) for cell in {cell for row in sample for cell in row.cells}}
    numbers = [[plain[cell] for cell in row.cells] for row in sample]
    header = _has_header(path, first, numbers, given)
    count, empty = measure(first, rows, header)
    names = _read_names(path, first, count, dialect) if header else None
    if names:
        check_second(path, names, rows, broken)
    if given.guarded and given.footer:
        _check_footer(path, dialect, count, given.footer)
    # A row of another length is a mistake, found when all is read.
    whole = [cells for cells in numbers[header:] if len(cells) == count]
    as_is = [row for row in sample[header:] if len(row.cells) == count]
    text = _text_columns(whole)
    begin = rows[0].line if header else first.line
    ends = frozenset(range(count - empty, count))
    doubt = dialect.delimiter == ";" and given.decimal is given.thousands is None and dialect.decimal == "."
    return Layout(
        path,
        names,
        count,
        text,
        dialect,
        first.line,
        begin,
        whole,
        as_is,
        empty=ends,
        footer=given.footer,
        has_points=doubt,
    )


def _choose_dialect(path: Path, lines: list[str], encoding: str, given: LayoutSettings) -> Dialect:
    """Return the dialect of a file; a first line that says the delimiter is taken out of its lines."""
    dialect = Dialect(",", given.decimal or ".", given.comment, encoding, given.thousands, given.quote)
    delimiter = given.delimiter
    if lines and (said := SAID.fullmatch(lines[0])):
        lines[0] = "\n"
        delimiter = delimiter or said[1]
    if delimiter is None:
        delimiter = choose_delimiter(path, lines, attrs.evolve(dialect, thousands=None))
    return attrs.evolve(dialect, delimiter=delimiter)


def _read_names(path: Path, first: Record, count: int, dialect: Dialect) -> tuple[str, ...]:
    """Return the names in the header, "" for columns without one; raises DataError where they are none."""
    names = (*(name.strip() for name in first.cells[:count]), *[""] * (count - len(first.cells)))
    check_names(path, first, names, dialect)
    return names


def _has_header(path: Path, first: Record, numbers: list[list[str]], given: LayoutSettings) -> bool:
    header = given.header
    if header is None and (known := {*given.names} & {name.strip() for name in first.cells}):
        header = len(known) == len(given.names) or not all(map(is_number, known)) or None
    if header is None:
        header = is_header(numbers)
    header = given.otherwise if header is None else header
    if header is None:
        ways = [False] if given.names or has_repeated_name(first) else [True, False]
        advice = [{"header": way} for way in ways]
        raise line_error(path, "a header, or a row of data?", line=first.line, advice=advice)
    return header


def _first_lines(path: Path, encoding: str, given: LayoutSettings) -> tuple[list[str], list[str]]:
    """Return the first lines, with blank ones in place of those that are skipped, and these."""
    with text_of(path, encoding) as text:
        lines: list[str] = []
        filled = size = 0  # blank lines and comments do not count: many may come before the first row
        while filled < SAMPLE_LINES + given.footer and size < LONGEST_LINE and (line := text.readline(LONGEST_LINE)):
            if len(line) == LONGEST_LINE:
                raise line_error(path, f"more than {LONGEST_LINE} characters in a line", line=len(lines) + 1)
            lines.append(line)
            if len(lines) > given.skip_rows:
                filled += not (_is_passed_over(line, given.comment) or (not filled and COMMENT.match(line)))
                size += len(line)
    if lines:
        lines[0] = _without_mark(path, lines[0], given.encoding)
    if given.footer:
        del lines[-given.footer :]
    skipped = lines[: given.skip_rows]
    return ["\n"] * len(skipped) + lines[given.skip_rows :], skipped


def _is_passed_over(line: str, comment: str | None) -> bool:
    return not line.strip("\r\n") or (comment is not None and line.removeprefix(MARK).startswith(comment))


def _without_mark(path: Path, line: str, encoding: str) -> str:
    """Return the first line without a byte order mark; raises DataError where that is another encoding's."""
    line = line.removeprefix(MARK)
    if line.startswith(MARK):
        raise line_error(path, "two byte order marks; take one out", line=1)
    if (foreign := codecs.BOM_UTF8.decode(encoding, "ignore").lstrip(MARK)) and line.startswith(foreign):
        what = f"begins as UTF-8 text does, not as {encoding.upper()}"
        raise line_error(path, what, line=1, advice=[{"encoding": "utf-8"}])
    return line


def _sample(lines: list[str], dialect: Dialect) -> tuple[list[Record], Broken | None]:
    """Return the first records, a header too, as many as tell what there is to tell; and the first broken one."""
    sample: list[Record] = []
    broken = None  # maybe only because the lines end in the middle of a row
    cells = 0
    for record in records(lines, dialect):
        if isinstance(record, Broken):
            broken = broken or record
            continue
        sample.append(record)
        cells += len(record.cells)
        if cells > SAMPLE_CELLS and len(sample) > 2:
            break
    return sample, broken


def _check_first(path: Path, sample: list[Record], broken: Broken | None, given: LayoutSettings) -> None:
    """Raise DataError where the file does not begin with a row that can be read."""
    if broken and (not sample or broken.line < sample[0].line):
        raise line_error(path, broken.problem, line=broken.line, column=broken.column)
    if not any(cell.strip() for record in sample for cell in record.cells):
        where = f" but for the lines that are skipped: skip_rows is {given.skip_rows}" * (given.skip_rows > 0)
        raise DataError(f"{path}: the file is empty{where}", path=path)


def _check_skipped(path: Path, skipped: list[str], first: Record, dialect: Dialect) -> None:
    """Raise DataError where a line that is skipped could be a row or the header."""
    for row in records(skipped, dialect):
        if isinstance(row, Record) and not is_title(row, len(first.cells)):
            what = f"skip_rows skips a line of {len(row.cells)} columns, which may be a row"
            raise line_error(path, f"{what}: put as many lines above the table as in the training file", line=row.line)


def _check_footer(path: Path, dialect: Dialect, count: int, footer: int) -> None:
    """Raise DataError where one of the last lines, which are skipped, could be a row."""
    with text_of(path, dialect.encoding) as text:
        last = deque(text, maxlen=footer)
    if any(isinstance(row, Record) and not is_title(row, count) for row in records(last, dialect)):
        what = f"footer skips a line of {count} columns, which may be a row"
        remedy = "put as many lines below the table as in the training file"
        raise DataError(f"{path}: {what}: {remedy}", path=path, advice=[{"footer": 0}])


def _number_text(cell: str, dialect: Dialect) -> str:
    """Return a cell with a point before decimals and nothing between thousands, in whatever notation it is a number."""
    cell = cell.strip()
    if dialect.notation.is_number(cell):
        return dialect.notation.to_plain(cell)
    return re.sub(r"[^\d]", "", cell) if is_number_with_commas(cell) else cell


def _decimal(path: Path, rows: list[list[str]], dialect: Dialect) -> str:
    """Return the mark before decimals: a comma where cells have one and none has a point."""
    if dialect.thousands in {",", "."} or dialect.delimiter == ",":
        return "," if dialect.thousands == "." else "."
    cells = [cell.strip() for row in rows for cell in row]
    decimal = Notation(",", dialect.thousands)
    with_comma = [cell for cell in cells if is_number_with_commas(cell) or ("," in cell and decimal.is_number(cell))]
    point = any("." in cell and is_number(cell) for cell in cells)
    if not with_comma or point or not all(map(decimal.is_number, with_comma)):
        return "."
    if dialect.thousands is None and all(map(Notation(thousands=",").is_number, with_comma)):
        ways = advise_notation(with_comma, OTHERS, dialect.delimiter)
        problem = f"{path}: {quote(with_comma[0])}{describe_notations(ways)}"
        raise DataError(problem, path=path, advice=ways)
    return ","


def _text_columns(rows: list[list[str]]) -> frozenset[int]:
    """Return the columns of some rows that have text and no number."""
    some = {i for cells in rows for i, cell in enumerate(cells) if is_text(cell)}
    return frozenset(some - {i for cells in rows for i in some if cells[i] not in MISSING and is_number(cells[i])})


def _value(cell: str) -> Value:
    value = number_of(cell)
    if value is not None or cell in MISSING:
        return value
    return math.nan if is_number(cell) else cell


def _is_usual_number(cell: str) -> bool:
    return cell not in MISSING and is_number(cell)
