"""Blocks of whole rows of a CSV file, and grids among them."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from typing import IO, cast

import numpy as np

from modnet import Array
from modnet_data.csv.text import LONGEST_LINE, Dialect

BLOCK = 2**17
"""Bytes that are read in one go: few enough to stay in the processor's cache."""

NEWLINE, ZERO = b"\n", ord("0")
DIGITS = 10
BEFORE = 4  # line ends put before a block, so that each number has two characters before it


def row_blocks(file: IO[bytes], dialect: Dialect, footer: int = 0) -> Iterator[bytes]:
    """Yield the text of a file as UTF-8, but for lines of a footer, in blocks that end no row in its middle.

    A line that is longer than any row may be comes in pieces. Raises UnicodeError where the text is not of this
    encoding.
    """
    blocks = _row_blocks(file, dialect)
    return _without_footer(blocks, footer) if footer else blocks


def _row_blocks(file: IO[bytes], dialect: Dialect) -> Iterator[bytes]:
    encoding, quote = dialect.encoding, dialect.quote.encode()
    if codecs.lookup(encoding).name not in {"utf-8", "utf-8-sig"}:
        file = cast("IO[bytes]", codecs.EncodedFile(file, "utf-8", encoding))
    pending = file.read(BLOCK).removeprefix(codecs.BOM_UTF8)
    while more := file.read(BLOCK):
        pending += more
        end = _end_of_row(pending, quote)
        if not end and len(pending) > LONGEST_LINE:
            end = _end_of_line(pending, len(pending)) or len(pending)  # of a row with an open quote, as will be found
        if end:
            yield pending[:end]
            pending = pending[end:]
    if pending:
        yield pending


def _without_footer(blocks: Iterator[bytes], footer: int) -> Iterator[bytes]:
    """Yield blocks without their last lines; of those that are held back, the last has at least as many."""
    held = b""
    for block in blocks:
        if held and block.count(b"\n") + block.count(b"\r") > 2 * footer:  # a line may end in both
            yield held
            held = b""
        held += block
    if lines := lines_of(held)[:-footer]:
        yield "".join(lines).encode()


def lines_of(block: bytes) -> list[str]:
    r"""Return the lines of a block, ended by any of the three line ends.

    >>> lines_of(b"1,2\r3,4\r\n")
    ['1,2\r', '3,4\r\n']
    """
    return io.StringIO(block.decode(), newline="").readlines()


def grid(block: bytes, columns: int, delimiter: str, plain: int | None = None) -> Array | None:
    r"""Return the numbers of a block whose lines are each so many whole numbers from 0 to 255, and nothing else.

    None where there is anything else, or a number with a leading zero in the column `plain`. It takes less than half
    the time that `numpy.loadtxt` does.

    >>> grid(b"0,7\n255,12\n", 2, ",")
    array([[  0,   7],
           [255,  12]], dtype=uint8)
    """
    if b"\r" in block:
        block = block.replace(b"\r\n", b"\n")
    text = np.frombuffer(b"%b%b\n" % (NEWLINE * BEFORE, block.removesuffix(b"\n")), np.uint8)
    digits = text - np.uint8(ZERO)
    other = digits >= DIGITS  # what is no digit; 8 bits wrap around
    rows = np.count_nonzero(text == ord(NEWLINE)) - BEFORE
    between = np.count_nonzero(text == ord(delimiter)) if delimiter.isascii() else 0
    if between != rows * (columns - 1) or np.count_nonzero(other) != BEFORE + rows + between:
        return None
    within = other.view(np.uint8) - np.uint8(1)  # all bits of a digit, none of another character
    empty = (other[BEFORE:] & other[BEFORE - 1 : -1]).any()
    long = (within[3:] & within[2:-1] & within[1:-2] & within[:-3]).any()
    places = np.flatnonzero(other[BEFORE - 1 :])  # of the ends of cells, the first one that of the line before
    ends = places[1:]
    if empty or long or (text.take(ends[columns - 1 :: columns] + BEFORE - 1) != ord(NEWLINE)).any():
        return None
    if plain is not None:
        starts = places[plain:-1:columns] + BEFORE
        if ((text.take(starts) == ZERO) & (within.take(starts + 1) > 0)).any():
            return None
    numbers = _numbers(digits & within, within, ends)
    return None if numbers is None else numbers.reshape(rows, columns)


def _numbers(digits: Array, within: Array, ends: Array) -> Array | None:
    """Return the numbers of one to three digits that end before `ends`, or None where one is above 255.

    They are computed at each character, as if a number ended there: that takes less time than to pick the digits.
    """
    hundreds = digits[:-2] & within[1:-1] & within[2:]
    numbers = digits[1:-1] * np.uint8(10)
    numbers += digits[2:]
    if hundreds.max() > 2 or ((hundreds == 2) & (numbers > 55)).any():
        return None
    numbers += hundreds * np.uint8(100)
    return cast("Array", numbers.take(ends))


def _end_of_row(text: bytes, quote: bytes) -> int:
    """Return where the last whole row ends, 0 if there is none; a row may continue in quotes over many lines."""
    end = _end_of_line(text, len(text))
    within = quote in text and text.count(quote, 0, end) % 2
    while within and end:
        before = _end_of_line(text, text.rfind(quote, 0, end))
        within ^= text.count(quote, before, end) % 2
        end = before
    return end


def _end_of_line(text: bytes, before: int) -> int:
    if end := text.rfind(b"\n", 0, before) + 1:
        return end
    # Where lines end in a carriage return, one at the very end may be the first half of a longer line end.
    return 0 if b"\n" in text else text.rfind(b"\r", 0, min(before, len(text) - 1)) + 1
