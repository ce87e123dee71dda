"""What the first lines of a CSV file tell: its delimiter, its header, and which column is the label."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import attrs

from modnet import DataError
from modnet_data.reading import opened, reading

DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab"}
SAMPLE_LINES = 100
LONGEST_LINE = 2**22
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
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.ASCII | re.IGNORECASE)


@attrs.frozen
class Layout:
    """How a CSV file is laid out."""

    delimiter: str
    names: tuple[str, ...] | None
    """The header's names, or None without a header."""
    columns: int
    skip: int
    """How many lines come before the first row."""
    text: frozenset[int]
    """The columns that have text in the first rows, and no number."""
    pixels: bool
    """Whether the first rows have whole numbers from 0 to 255 only."""

    def column(self, index: int) -> str:
        """Say which column is meant: its number, counted from 1, and its name."""
        return f"column {index + 1}" + (f" ({shown(self.names[index])})" if self.names else "")

    def index_of(self, label: str | int) -> int | None:
        """Return the index of a column by its name or number; None where there is no such column."""
        if isinstance(label, str):
            wanted = label.strip()
            if self.names is not None:
                return self.names.index(wanted) if self.names.count(wanted) == 1 else None
            label = int(wanted) if wanted.isdecimal() else self.columns
        return label % self.columns if -self.columns <= label < self.columns else None

    def inferred_label(self) -> int | None:
        """Return the one column that is named as a label is, or else the one column of text, or None."""
        named = [i for i, name in enumerate(self.names or ()) if name.lower() in LABEL_NAMES]
        found = named or sorted(self.text)
        return found[0] if len(found) == 1 else None


def layout_of(path: Path, delimiter: str | None, header: bool | None, otherwise: bool | None = None) -> Layout:
    """Return the layout of a CSV file; what is None is inferred.

    Where the first line could be either, `otherwise` says whether it is a header; raises DataError if it is None.
    """
    lines = _first_lines(path)
    delimiter = delimiter or _delimiter(path, lines)
    parsed = list(_parsed(path, lines, delimiter))
    if not parsed:
        raise DataError(f"{path}: the file is empty")
    (line, first), rows = parsed[0], [row for _, row in parsed[1:]]
    if header is None:
        header = _is_header(first, rows)
        header = otherwise if header is None else header
    if header is None:
        raise DataError(f"{path}, line {line}: a header, or a row of data? say so: header = true or header = false")
    names = _names(path, line, first) if header else None
    rows = rows if header else [first, *rows]
    if not rows:
        raise DataError(f"{path}: a header and no rows")
    # A row of another length is a mistake, found when all is read; or it was cut off with the sample.
    whole = [row for row in rows if len(row) == len(first)]
    words = {i for row in whole for i, cell in enumerate(row) if cell.strip() and not is_number(cell)}
    text = words - {i for row in whole for i in words if is_number(row[i])}
    pixels = all(cell.isdecimal() and len(cell) <= 3 and int(cell) <= 255 for row in whole for cell in row)
    return Layout(delimiter, names, len(first), line if header else 0, frozenset(text), pixels)


def records(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each record of a CSV file, a header too, with the number of the line that it ends on."""
    with reading(path), io.TextIOWrapper(opened(path), "utf-8-sig", newline="") as text:
        yield from _parsed(path, text, delimiter)


def is_number(cell: str) -> bool:
    """Say whether a cell holds a number, NaN and infinity among them.

    >>> is_number(" -1.5e3 "), is_number("nan"), is_number("1_000"), is_number("")
    (True, True, False, False)
    """
    return bool(NUMBER.fullmatch(cell.strip()) or NOT_FINITE.fullmatch(cell.strip()))


def shown(text: str) -> str:
    """Return text from a file in quotes, cut where it is long.

    >>> shown("abc")
    "'abc'"
    """
    return repr(text if len(text) <= 40 else f"{text[:40]}...")


def listed(names: Sequence[str]) -> str:
    """Return column names in a row, only the first and last of many.

    >>> listed([f"pixel{i}" for i in range(784)])
    'pixel0, pixel1, pixel2, pixel3, pixel4, pixel5, ..., pixel783'
    """
    names = [name if len(name) <= 40 else f"{name[:40]}..." for name in names]
    return ", ".join(names if len(names) <= 12 else [*names[:6], "...", names[-1]])


def _parsed(
    path: Path, lines: Iterator[str] | Sequence[str] | io.TextIOWrapper, delimiter: str
) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        for record in reader:
            if record:
                yield reader.line_num, record
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: not readable as CSV: {error}") from None


def _first_lines(path: Path) -> list[str]:
    with reading(path), io.TextIOWrapper(opened(path), "utf-8-sig", newline="") as text:
        lines: list[str] = []
        filled = 0  # blank lines do not count: many may come before the first row
        while filled < SAMPLE_LINES and (line := text.readline(LONGEST_LINE)):
            if len(line) == LONGEST_LINE:
                raise DataError(f"{path}, line {len(lines) + 1}: more than {LONGEST_LINE} characters in a line")
            lines.append(line)
            filled += line.strip("\r\n") != ""
    return lines


def _delimiter(path: Path, lines: list[str]) -> str:
    """Return the one delimiter that cuts the first two records into equally many cells, two or more."""
    counts = {}
    for delimiter in DELIMITERS:
        counts[delimiter] = [len(row) for _, row in islice(_parsed(path, lines, delimiter), 2)] or [0]
    fitting = [delimiter for delimiter, count in counts.items() if count[0] > 1 and len(set(count)) == 1]
    if len(fitting) > 1:
        kinds = " or ".join(DELIMITERS[delimiter] for delimiter in fitting)
        raise DataError(f"{path}: the delimiter could be {kinds}; say which: delimiter = {fitting[0]!r}")
    # Where none fits, the one that cuts most gives the error that helps most.
    return fitting[0] if fitting else max(counts, key=lambda delimiter: counts[delimiter][0])


def _is_header(first: list[str], rows: list[list[str]]) -> bool | None:
    """Say whether the first record is a header; None where it could be either."""
    numbers = [cell.strip() for cell in first if is_number(cell)]
    if not numbers:
        return True
    counted = [[str(i + start) for i in range(len(numbers))] for start in (0, 1)]
    if len(numbers) == len(first):
        # 0, 1, 2, ... may be the names that a program gave to columns without names.
        return None if len(first) > 2 and numbers in counted else False
    if numbers in counted and len(numbers) > 2:
        return True  # a label's name, and numbers for the other columns
    text = {i for i, cell in enumerate(first) if not is_number(cell)}
    alike = bool(rows) and {i for i, cell in enumerate(rows[0]) if not is_number(cell)} == text
    # One column of text is a label in a row like the next one; in a row unlike it, it is a mistake to be found.
    return False if len(text) == 1 and (alike or len(first) > 2) else None


def _names(path: Path, line: int, header: list[str]) -> tuple[str, ...]:
    names = tuple(name.strip() for name in header)
    if "" in names:
        column = names.index("") + 1
        raise DataError(
            f"{path}, line {line}: column {column} has no name in the header (a saved row index?); "
            "name it, or take it out"
        )
    return names
