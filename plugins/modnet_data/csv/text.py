"""Text of a CSV file: lines, and the records in them."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import attrs

from modnet import DataError
from modnet.files import describe_foreign, opened, quote, reading
from modnet_data.csv.cells import Notation
from modnet_data.csv.encodings import likely_encodings, marked_encoding, unmarked_utf_16

LONGEST_LINE = 2**22
WHITESPACE = "whitespace"
"""The delimiter that is a run of spaces and tabs, of which those around a line are none."""

QUOTES = ('"', "'", "`")
"""Marks around cells."""
RUNS = {mark: re.compile(rf"({mark}(?:[^{mark}]|{mark}{mark})*{mark})|[ \t]+") for mark in QUOTES}
HEAD = 4096
SOME_LINES = 400
"""Lines beyond ASCII, by which the likely encodings are found."""


@attrs.frozen
class Dialect:
    """The delimiter of cells and the notation of numbers."""

    delimiter: str
    decimal: str
    comment: str | None
    encoding: str
    thousands: str | None = None
    quote: str = QUOTES[0]

    @cached_property
    def notation(self) -> Notation:
        """The notation of numbers."""
        return Notation(self.decimal, self.thousands)

    @property
    def character(self) -> str:
        """The character between cells of lines that are prepared."""
        return " " if self.delimiter == WHITESPACE else self.delimiter

    def prepare(self, lines: Iterable[str]) -> Iterable[str]:
        """Return lines with one space in place of each run of whitespace, where that is the delimiter."""
        if self.delimiter != WHITESPACE:
            return lines
        runs = RUNS[self.quote]
        return (_with_single_spaces(line, runs) for line in lines)


@attrs.frozen
class Record:
    """The cells of one row, the number of the line that it begins on, and the text that it was read from."""

    line: int
    cells: list[str]
    text: str

    def stray_quote(self, dialect: Dialect) -> int | None:
        """Return the first column whose quotes are not as they should be: around all of a cell, or doubled in it."""
        return _stray_quote(self.text, dialect) if dialect.quote in self.text else None


@attrs.frozen
class Broken:
    """A row that cannot be split into cells: where it begins, the column that is wrong, the problem, and its text."""

    line: int
    column: int
    problem: str
    text: str


def line_error(
    path: Path,
    problem: str,
    *,
    line: int,
    column: int | None = None,
    name: str | None = None,
    advice: Sequence[Mapping[str, Any]] = (),
) -> DataError:
    """Return the error of a problem in a line, and maybe in a column by its index."""
    place = "" if column is None else f", column {column + 1}" + (f" ({quote(name)})" if name else "")
    number = None if column is None else column + 1
    text = f"{path}, line {line}{place}: {problem}"
    return DataError(text, path=path, line=line, column=number, column_name=name, advice=advice)


@contextmanager
def bytes_of(path: Path, encoding: str) -> Iterator[IO[bytes]]:
    """Open a CSV file for reading; what is not of this encoding is reported by line."""
    with reading(path), opened(path) as binary:
        try:
            yield binary
        except UnicodeError as error:
            raise _not_text(path, encoding, error) from None


@contextmanager
def text_of(path: Path, encoding: str) -> Iterator[io.TextIOWrapper]:
    """Open a CSV file for reading as text."""
    with (
        bytes_of(path, encoding) as binary,
        io.TextIOWrapper(cast("BinaryIO", binary), encoding, newline="") as text,
    ):
        yield text


def records(lines: Iterable[str], dialect: Dialect, first: int = 1) -> Iterator[Record | Broken]:
    """Yield each row in some lines, of which `first` is the first one's number; blank lines and comments are none."""
    used: list[str] = []
    skipped = [0]

    def feed() -> Iterator[str]:
        for line in dialect.prepare(lines):
            if not used and dialect.comment and line.startswith(dialect.comment):
                skipped[0] += 1
                continue
            used.append(line)
            yield line

    reader = csv.reader(feed(), delimiter=dialect.character, quotechar=dialect.quote, strict=True)
    while True:
        used.clear()
        before = reader.line_num
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            text = "".join(used)
            column = _stray_quote(text, dialect)
            if column is None:
                cells = text.split(dialect.character)
                column = cells.index(max(cells, key=len))
            yield Broken(first + before + skipped[0], column, _reason(error), text)
            continue
        if cells:
            yield Record(first + before + skipped[0], cells, used[0] if len(used) == 1 else "".join(used))


def _with_single_spaces(line: str, runs: re.Pattern[str]) -> str:
    text = line.rstrip("\r\n")
    return runs.sub(lambda run: run[1] or " ", text.strip(" \t")) + line[len(text) :]


def _reason(error: csv.Error) -> str:
    if "end of data" in str(error):
        return "a quote in this cell is never closed"
    if "field limit" in str(error):
        return f"a cell of more than {csv.field_size_limit():,} characters; is a quote left open?"
    if "expected after" in str(error):
        return "text behind a closing quote; a quote within quotes is written twice"
    return f"not readable as CSV: {error}"


def _stray_quote(text: str, dialect: Dialect) -> int | None:
    """Return the first column in a record's text that has a quote which neither opens, closes nor is doubled."""
    delimiter, mark = dialect.character, dialect.quote
    column, at, end = 0, 0, len(text.rstrip("\r\n"))
    while at <= end:
        if at < end and text[at] == mark:
            at += 1
            while (close := text.find(mark, at)) >= 0 and text.startswith(mark * 2, close):
                at = close + 2
            if close < 0 or (close + 1 < end and text[close + 1] != delimiter):
                return column
            at = close + 2
        else:
            stop = text.find(delimiter, at, end)
            stop = end if stop < 0 else stop
            if mark in text[at:stop]:
                return column
            at = stop + 1
        column += 1
    return None


def encoding_of(path: Path, encoding: str) -> str:
    """Return the encoding that a file is read by: its byte order mark's, or else the one that is given.

    Raises DataError where the file is of another format than text, or likely of another encoding.
    """
    with reading(path), opened(path) as file:
        head = file.read(HEAD)
    if foreign := describe_foreign(head):
        raise DataError(f"{path}: {foreign}", path=path)
    if codecs.lookup(encoding).name not in {"utf-8", "utf-8-sig"}:
        return encoding
    marked = marked_encoding(head)
    if not marked and not head.startswith(codecs.BOM_UTF8) and (unmarked := unmarked_utf_16(head)):
        what = "NUL bytes as UTF-16 text has them"
        raise DataError(f"{path}, line 1: {what}", path=path, line=1, advice=[{"encoding": unmarked}])
    return marked or encoding


def _not_text(path: Path, encoding: str, error: UnicodeError) -> DataError:
    """Return the error of the first line that cannot be decoded, with the encodings that it is likely of."""
    with opened(path) as file:
        marked = file.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8  # it is UTF-8, and damaged
        file.seek(0)
        others = deque[bytes](maxlen=SOME_LINES)
        for number, line in enumerate(file, start=1):
            if line.isascii():
                continue
            others.append(line)
            try:
                line.decode(encoding)
            except UnicodeDecodeError as here:
                found = f"byte 0x{line[here.start]:02x} is not {encoding.upper()} text"
                others.extend(line for line in islice(file, SOME_LINES // 2) if not line.isascii())
                likely = [name for name in likely_encodings(b"".join(others)) if name != encoding and not marked]
                hint = "" if likely else "; save it as UTF-8"
                advice = [{"encoding": name} for name in likely]
                return DataError(f"{path}, line {number}: {found}{hint}", path=path, line=number, advice=advice)
            except UnicodeError:
                break
    return DataError(f"{path}: not {encoding.upper()} text ({error}); save it as UTF-8", path=path)
