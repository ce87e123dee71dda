"""What the first lines of a CSV file tell: its delimiter, its decimal mark, its header, and which column is what."""

from __future__ import annotations

import codecs
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
SOME = 10  # rows, in which labels repeat
LABEL_NAMES = frozenset(
    {"label", "labels", "class", "classes", "target", "targets"} | {"species", "variety", "category", "digit", "y", "t"}
)
DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
SAID = re.compile(r"sep=(.)[\r\n]*", re.IGNORECASE)
"""A first line by which Excel says what the delimiter is; it is no row."""

MARK = "\ufeff"
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
    identifiers: frozenset[int] = frozenset()
    """The columns of text of which more than half is different in the first rows, where these are some."""

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
        """Return the one column that is named as a label is, or else the one column of text, or None.

        Text that hardly repeats, as the names of persons do, is a label only if it is named so.
        """
        among = list(among)
        named = [i for i in among if self.names and self.names[i].lower() in LABEL_NAMES]
        found = named or [i for i in among if i in self.text]
        return found[0] if len(found) == 1 and (named or found[0] not in self.identifiers) else None


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
    if lines and (said := SAID.fullmatch(lines[0])):
        lines[0] = "\n"
        delimiter = delimiter or said[1]
    if delimiter is None:
        delimiter = _delimiter(path, lines, Dialect(",", mark, comment, encoding))
    dialect = Dialect(delimiter, mark, comment, encoding)
    sample, broken = _sample(lines, dialect)
    _check_first(path, sample, broken)
    first, rows = sample[0], sample[1:]
    if decimal is None:
        dialect = attrs.evolve(dialect, decimal=_decimal(path, [row.cells for row in sample], delimiter))
    numbers = [[_number_text(cell, dialect) for cell in row.cells] for row in sample]
    if header is None:
        header = _is_header(numbers)
        header = otherwise if header is None else header
    if header is None:
        where = f"{path}, line {first.line}"
        raise DataError(f"{where}: a header, or a row of data? say so: header = true or header = false")
    names = tuple(name.strip() for name in first.cells) if header else None
    if names:
        _check_names(path, first, names, delimiter)
        _check_second(path, names, rows, broken)
    # A row of another length is a mistake, found when all is read.
    whole = [cells for cells in (numbers[1:] if header else numbers) if len(cells) == len(first.cells)]
    columns = len(first.cells)
    widths = [max(map(len, column)) for column in zip(*whole, strict=True)] or [LONGEST_LINE] * columns
    begin = rows[0].line if header else first.line
    text, identifiers = _text_columns(whole)
    return Layout(path, dialect, names, columns, first.line, begin, text, tuple(widths), identifiers)


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
    if lines:
        lines[0] = _without_mark(path, lines[0], encoding)
    return lines


def _without_mark(path: Path, line: str, encoding: str) -> str:
    """Return the first line without a byte order mark; raises DataError where that is another encoding's."""
    line = line.removeprefix(MARK)
    if line.startswith(MARK):
        raise DataError(f"{path}, line 1: two byte order marks; take one out")
    if (foreign := codecs.BOM_UTF8.decode(encoding, "ignore").lstrip(MARK)) and line.startswith(foreign):
        raise DataError(f"{path}, line 1: begins as UTF-8 text does, not as {encoding.upper()}; leave encoding out")
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


def _check_first(path: Path, sample: list[Record], broken: Broken | None) -> None:
    """Raise DataError where the file does not begin with a row that can be read, of as many columns as the next."""
    if broken and (not sample or broken.line < sample[0].line):
        raise DataError(f"{path}, line {broken.line}, column {broken.column + 1}: {broken.problem}")
    if not any(cell.strip() for record in sample for cell in record.cells):
        raise DataError(f"{path}: the file is empty")
    if len(sample[0].cells) == 1 and len(sample) > 1 and len(sample[1].cells) > 1:
        found = f"1 column, {shown(sample[0].cells[0])}, and {len(sample[1].cells)} in line {sample[1].line}"
        hint = "if it is a title, take it out; if a comment, say so: comment = '#'"
        raise DataError(f"{path}, line {sample[0].line}: {found}; {hint}")


def _check_second(path: Path, names: tuple[str, ...], rows: list[Record], broken: Broken | None) -> None:
    """Raise DataError where the header is not followed by a row that can be read."""
    if broken and (not rows or broken.line < rows[0].line):
        name = f" ({shown(names[broken.column])})" if broken.column < len(names) else ""
        raise DataError(f"{path}, line {broken.line}, column {broken.column + 1}{name}: {broken.problem}")
    if not rows:
        raise DataError(f"{path}: a header and no rows")


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
    return fitting[0] if fitting else max(counts, key=lambda delimiter: max(counts[delimiter]))


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


def _is_header(rows: list[list[str]]) -> bool | None:
    """Say whether the first of some rows is a header; None where it could be either."""
    numbers = [cell for cell in rows[0] if is_number(cell)]
    if not numbers:
        return None if any(cell in MISSING for cell in rows[0] if cell) else True
    # 0, 1, 2, ... may be the names that a program gave to columns without names.
    counted = len(numbers) > 2 and numbers in [[str(i + start) for i in range(len(numbers))] for start in (0, 1)]
    text, *others = [{i for i, cell in enumerate(row) if _is_text(cell)} for row in rows[:2]]
    if not text:
        return None if counted else False
    alike = others == [text]
    names = [rows[0][i].lower() for i in text if _may_be_name(rows, i)]
    if (counted and not alike) or any(name in LABEL_NAMES and len(name) > 1 for name in names):
        return True
    if names or counted:
        return None
    # One column of text is a label in a row like the next one; in a row unlike it, it is a mistake to be found.
    return False if len(text) == 1 and (alike or len(rows[0]) > 2) else None


def _text_columns(rows: list[list[str]]) -> tuple[frozenset[int], frozenset[int]]:
    """Return the columns of some rows that have text and no number, and those of them that hardly have one twice."""
    some = {i for cells in rows for i, cell in enumerate(cells) if _is_text(cell)}
    text = some - {i for cells in rows for i in some if cells[i] not in MISSING and is_number(cells[i])}
    unlike = {i for i in text if len(rows) >= SOME and 2 * len({cells[i] for cells in rows}) > len(rows)}
    return frozenset(text), frozenset(unlike)


def _is_text(cell: str) -> bool:
    return cell not in MISSING and not is_number(cell)


def _may_be_name(rows: list[list[str]], column: int) -> bool:
    """Say whether no other cell of a column is as the first, which is named as a label is, or the others repeat."""
    name, *others = [row[column] for row in rows if column < len(row)]
    return name not in others and (name.lower() in LABEL_NAMES or 2 * len({*others}) < len(others))


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
        if "\0" in name:
            hint = "is it text at all? maybe UTF-16: encoding = 'utf-16-le' or 'utf-16-be'"
            raise DataError(f"{where}, column {i + 1}: {shown(name)} is no name; {hint}")
        if "\n" in name or "\r" in name:
            raise DataError(f"{where}, column {i + 1}: {shown(name)} is no name; is a quote left open?")
