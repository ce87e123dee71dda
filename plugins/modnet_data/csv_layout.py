"""What the first lines of a CSV file tell: its delimiter, its decimal mark, its header, and which column is what."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

import attrs

from modnet import DataError
from modnet_data.csv_cells import MISSING, is_number, listed, shown
from modnet_data.csv_text import LONGEST_LINE, Broken, Dialect, Record, records, text_of

DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab"}
SAMPLE_LINES = 100
SAMPLE_CELLS = 20_000
LABEL_NAMES = frozenset(
    (
        "label",
        "labels",
        "class",
        "classes",
        "target",
        "targets",
        "species",
        "variety",
        "category",
        "digit",
        "y",
        "t",
    )
)
DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+", re.ASCII)

Column = str | int


@attrs.frozen
class Layout:
    """How a CSV file is laid out."""

    path: Path
    dialect: Dialect
    names: tuple[str, ...] | None
    """The header's names, or None without a header."""
    columns: int
    header_line: int
    """The number of the line that the header, or else the first row, begins on."""
    first: int
    """The number of the line that the first row begins on."""
    text: frozenset[int]
    """The columns that have text in the first rows, and no number."""
    widths: tuple[int, ...]
    """The length of each column's longest cell in the first rows."""

    def column(self, index: int) -> str:
        """Say which column is meant: its number, counted from 1, and its name."""
        return f"column {index + 1}" + (f" ({shown(self.names[index])})" if self.names else "")

    def named(self, index: int) -> Column:
        """Return what a setting calls a column: its name, or its number from 0."""
        return self.names[index] if self.names and self.names[index] else index

    def find(self, column: Column) -> int | None:
        """Return the index of a column by its name, its number from 0, "first" or "last"; None where there is none."""
        if isinstance(column, str):
            wanted = column.strip()
            if self.names and wanted in self.names:
                return self.names.index(wanted)
            places = {"first": 0, "last": self.columns - 1}
            column = places.get(wanted, int(wanted) if wanted.isdecimal() else self.columns)
        return column % self.columns if -self.columns <= column < self.columns else None

    def index_of(self, column: Column) -> int:
        """Return the index of a column; raises DataError where there is none."""
        if (index := self.find(column)) is not None:
            return index
        if self.names is None:
            found = f"without a header, columns are numbered from 0 to {self.columns - 1}"
            raise DataError(f"{self.path}: no column {column!r}: {found}")
        near = get_close_matches(str(column), self.names, n=1)
        hint = f", did you mean {near[0]!r}?" if near else ""
        raise DataError(f"{self.path}: no column {column!r}{hint}; there is: {listed(self.names)}")

    def inferred_label(self, among: Iterable[int]) -> int | None:
        """Return the one column that is named as a label is, or else the one column of text, or None."""
        among = list(among)
        named = [i for i in among if self.names and self.names[i].lower() in LABEL_NAMES]
        found = named or [i for i in among if i in self.text]
        return found[0] if len(found) == 1 else None


def layout_of(
    path: Path,
    delimiter: str | None,
    decimal: str | None,
    comment: str | None,
    encoding: str,
    header: bool | None,
    otherwise: bool | None = None,
) -> Layout:
    """Return the layout of a CSV file; what is None is inferred, but the comment mark.

    Where the first line could be either, `otherwise` says whether it is a header; raises DataError if it is None.
    """
    lines = _first_lines(path, encoding)
    mark = decimal or "."
    if delimiter is None:
        delimiter = _delimiter(path, lines, Dialect(",", mark, comment, encoding))
    dialect = Dialect(delimiter, mark, comment, encoding)
    sample, broken = _sample(lines, dialect)
    if broken and not sample:
        raise DataError(f"{path}, line {broken.line}, column {broken.column + 1}: {broken.problem}")
    if not sample:
        raise DataError(f"{path}: the file is empty")
    first, rows = sample[0], sample[1:]
    if decimal is None:
        dialect = attrs.evolve(dialect, decimal=_decimal(path, [row.cells for row in sample], delimiter))
    numbers = [[_number_text(cell, dialect) for cell in row.cells] for row in sample]
    if header is None:
        header = _is_header(first.cells, numbers)
        header = otherwise if header is None else header
    if header is None:
        where = f"{path}, line {first.line}"
        raise DataError(f"{where}: a header, or a row of data? say so: header = true or header = false")
    names = tuple(name.strip() for name in first.cells) if header else None
    if names:
        _check_names(path, first, names, delimiter)
    if names and not rows and broken:
        name = f" ({shown(names[broken.column])})" if broken.column < len(names) else ""
        raise DataError(f"{path}, line {broken.line}, column {broken.column + 1}{name}: {broken.problem}")
    if header and not rows:
        raise DataError(f"{path}: a header and no rows")
    # A row of another length is a mistake, found when all is read.
    whole = [cells for cells in (numbers[1:] if header else numbers) if len(cells) == len(first.cells)]
    words = {i for cells in whole for i, cell in enumerate(cells) if cell not in MISSING and not is_number(cell)}
    text = words - {i for cells in whole for i in words if cells[i] not in MISSING and is_number(cells[i])}
    widths = [max(map(len, column)) for column in zip(*whole, strict=True)] or [0] * len(first.cells)
    begin = rows[0].line if header else first.line
    return Layout(path, dialect, names, len(first.cells), first.line, begin, frozenset(text), tuple(widths))


def _first_lines(path: Path, encoding: str) -> list[str]:
    with text_of(path, encoding) as text:
        lines: list[str] = []
        filled = size = 0  # blank lines do not count: many may come before the first row
        while filled < SAMPLE_LINES and size < LONGEST_LINE and (line := text.readline(LONGEST_LINE)):
            if len(line) == LONGEST_LINE:
                raise DataError(f"{path}, line {len(lines) + 1}: more than {LONGEST_LINE} characters in a line")
            lines.append(line)
            filled += line.strip("\r\n") != ""
            size += len(line)
    return lines


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


def _number_text(cell: str, dialect: Dialect) -> str:
    cell = cell.strip()
    return cell.replace(",", ".", 1) if dialect.decimal == "," and "." not in cell else cell


def _delimiter(path: Path, lines: list[str], dialect: Dialect) -> str:
    """Return the one delimiter that cuts the first two records into equally many cells, two or more."""
    counts = {}
    for delimiter in DELIMITERS:
        found = islice(records(lines, attrs.evolve(dialect, delimiter=delimiter)), 2)
        counts[delimiter] = [len(row.cells) if isinstance(row, Record) else 0 for row in found] or [0]
    fitting = [delimiter for delimiter, count in counts.items() if count[0] > 1 and len(set(count)) == 1]
    if len(fitting) > 1:
        kinds = " or ".join(DELIMITERS[delimiter] for delimiter in fitting)
        raise DataError(f"{path}: the delimiter could be {kinds}; say which: delimiter = {fitting[0]!r}")
    # Where none fits, the one that cuts most gives the error that helps most.
    return fitting[0] if fitting else max(counts, key=lambda delimiter: counts[delimiter][0])


def _decimal(path: Path, rows: list[list[str]], delimiter: str) -> str:
    """Return the mark before decimals: a comma where cells have one and none has a point."""
    if delimiter == ",":
        return "."
    cells = [cell.strip() for row in rows for cell in row]
    with_comma = [cell for cell in cells if DECIMAL_COMMA.fullmatch(cell)]
    if not with_comma or any("." in cell and is_number(cell) for cell in cells):
        return "."
    if all(THOUSANDS.fullmatch(cell) for cell in with_comma):
        found = shown(with_comma[0])
        raise DataError(f"{path}: is the comma in {found} a decimal mark? say so: decimal = ',' (or take it out)")
    return ","


def _is_header(first: list[str], rows: list[list[str]]) -> bool | None:
    """Say whether the first of some rows is a header; None where it could be either."""
    numbers = [cell for cell in rows[0] if is_number(cell)]
    if not numbers:
        return True
    counted = [[str(i + start) for i in range(len(numbers))] for start in (0, 1)]
    if len(numbers) == len(first):
        # 0, 1, 2, ... may be the names that a program gave to columns without names.
        return None if len(first) > 2 and numbers in counted else False
    if numbers in counted and len(numbers) > 2:
        return True  # a label's name, and numbers for the other columns
    text = {i for i, cell in enumerate(rows[0]) if not is_number(cell)}
    alike = len(rows) > 1 and {i for i, cell in enumerate(rows[1]) if not is_number(cell)} == text
    # One column of text is a label in a row like the next one; in a row unlike it, it is a mistake to be found.
    return False if len(text) == 1 and (alike or len(first) > 2) else None


def _check_names(path: Path, header: Record, names: tuple[str, ...], delimiter: str) -> None:
    where = f"{path}, line {header.line}"
    if (stray := header.stray_quote(delimiter)) is not None:
        raise DataError(f"{where}, column {stray + 1}: a quote that is neither around the name nor doubled in it")
    seen: dict[str, int] = {}
    for i, name in enumerate(names):
        if name and name in seen:
            first = seen[name] + 1
            raise DataError(f"{where}, column {i + 1}: {shown(name)} is the name of column {first} already; rename one")
        seen[name] = i
        if "\n" in name or "\0" in name:
            raise DataError(f"{where}, column {i + 1}: {shown(name)} is no name; is a quote left open?")
