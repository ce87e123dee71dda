"""Opcodes of a pickle: names and arguments.

An argument is read as a number, text or bytes and as nothing else; what is done with it is the machine's business.
"""

from __future__ import annotations

import codecs
import re
import struct
from collections.abc import Callable
from mmap import mmap
from typing import Any

import attrs

from modnet.files import CHUNK

Content = bytes | mmap
Reader = Callable[[Content, int], tuple[Any, int]]
"""From a file's content and where an argument begins to the argument and where it ends."""

SHORT = 1024
"""Text and bytes of up to so many bytes are read at once; longer ones stay where they are until they are needed."""

LONGEST_NUMBER = 200  # bytes
LONGEST_LINE = 500
PYTHON_2 = frozenset({"latin-1", "repr"})
"""Encodings of what may be bytes or text."""

CUT_OFF = "cut off"
TRUTH = {b"00": False, b"01": True}
WHOLE = re.compile(rb"[+-]?[0-9]{1,499}")
HALF = re.compile("[\ud800-\udfff]")
QUOTED = re.compile(rb"(?:[^\\]++|\\(?:x[0-9a-fA-F]{2}|[\\nrt'\"]))*+")  # what Python 2 writes between quotes


class RefusedError(Exception):
    """Something that a pickle asks for and does not get; it never leaves this package."""


class DamagedError(Exception):
    """Damage that makes a file no pickle; it never leaves this package."""


class MisfitError(Exception):
    """Values that make no data set, though they may be read; it never leaves this package."""


@attrs.frozen(eq=False)
class Piece:
    """Long text or bytes, as they lie in the file from `start` to `end`; bytes have no `encoding`.

    Old protocols keep bytes as text. Short text is a piece where it could be read in two ways.
    """

    content: Content
    start: int
    end: int
    encoding: str = ""
    is_bytes: bool = False

    @property
    def is_ambiguous(self) -> bool:
        """Say whether it is short text of Python 2, which could be read in two ways."""
        return self.encoding in PYTHON_2 and self.end - self.start <= SHORT

    def latin1(self) -> tuple[Content | bytearray, int, int]:
        """Return the bytes, where text stands for its code points; as what they lie in, from where, and how many."""
        if self.encoding in {"", "latin-1"}:
            return self.content, self.start, self.end - self.start
        if self.encoding == "repr":
            found = _from_repr(self.content[self.start : self.end])
            return found, 0, len(found)
        decoder = codecs.getincrementaldecoder(self.encoding)()
        decoded = bytearray()
        try:
            for at in range(self.start, self.end, CHUNK):
                stop = min(at + CHUNK, self.end)
                decoded += decoder.decode(self.content[at:stop], stop == self.end).encode("latin-1")
        except UnicodeError:
            raise RefusedError("text that stands for no bytes") from None
        return decoded, 0, len(decoded)


def _constant_reader(value: Any) -> Reader:
    return lambda _, at: (value, at)


def _end(content: Content, at: int, size: int) -> int:
    if at + size > len(content):
        raise DamagedError(CUT_OFF)
    return at + size


def _integer_reader(size: int, *, signed: bool = False) -> Reader:
    def read(content: Content, at: int) -> tuple[int, int]:
        end = _end(content, at, size)
        return int.from_bytes(content[at:end], "little", signed=signed), end

    return read


def _read_frame(content: Content, at: int) -> tuple[int, int]:
    """Return where the frame ends that begins behind its size."""
    begin = _end(content, at, 8)
    return _end(content, begin, int.from_bytes(content[at:begin], "little")), begin


def _read_double(content: Content, at: int) -> tuple[float, int]:
    end = _end(content, at, 8)
    return struct.unpack_from(">d", content, at)[0], end


def _span(content: Content, at: int, size: int) -> tuple[int, int]:
    """Return where bytes begin and end whose count stands before them; a negative count reads as a huge one."""
    start = at + size
    end = start + int.from_bytes(content[at:start], "little")
    if end > len(content):
        raise DamagedError(CUT_OFF)
    return start, end


def _counted_reader(size: int, encoding: str = "") -> Reader:
    def read(content: Content, at: int) -> tuple[Any, int]:
        start, end = _span(content, at, size)
        return _to_value(content, start, end, encoding), end

    return read


def _long_reader(size: int) -> Reader:
    def read(content: Content, at: int) -> tuple[int, int]:
        start, end = _span(content, at, size)
        if end - start > LONGEST_NUMBER:
            raise RefusedError(f"a whole number of {end - start} bytes")
        return int.from_bytes(content[start:end], "little", signed=True), end

    return read


def _line_end(content: Content, at: int) -> int:
    end = content.find(b"\n", at)
    if end < 0:
        raise DamagedError(CUT_OFF)
    return end


def _read_line(content: Content, at: int) -> tuple[bytes, int]:
    end = content.find(b"\n", at, at + LONGEST_LINE)
    if end < 0:
        raise DamagedError(CUT_OFF if len(content) - at < LONGEST_LINE else "a line that does not end")
    return content[at:end], end + 1


def _read_whole(content: Content, at: int) -> tuple[int, int]:
    line, end = _read_line(content, at)
    return _to_number(line), end


def _read_int(content: Content, at: int) -> tuple[int, int]:
    line, end = _read_line(content, at)
    return TRUTH[line] if line in TRUTH else _to_number(line), end


def _read_long_line(content: Content, at: int) -> tuple[int, int]:
    line, end = _read_line(content, at)
    return _to_number(line.removesuffix(b"L")), end


def _to_number(line: bytes) -> int:
    if not line.isdigit() and not WHOLE.fullmatch(line):
        raise DamagedError("a line that is no whole number")
    return int(line)


def _read_float(content: Content, at: int) -> tuple[float, int]:
    line, end = _read_line(content, at)
    try:
        return float(line), end
    except ValueError:
        raise DamagedError("a line that is no number") from None


def _read_names(content: Content, at: int) -> tuple[tuple[str, str], int]:
    """Return the module and the name that two lines hold."""
    end = _line_end(content, _line_end(content, at) + 1)
    module, _, name = content[at : min(end, at + SHORT)].decode("utf-8", "replace").partition("\n")
    return (module, name), end + 1


def _read_quoted(content: Content, at: int) -> tuple[Any, int]:
    """Return text as Python 2 shows it: in quotes."""
    end = _line_end(content, at)
    start, stop = at + 1, end - 1
    if stop < start or content[at] not in b"'\"" or content[at] != content[stop]:
        raise DamagedError("text without quotes around it")
    return _to_value(content, start, stop, "repr"), end + 1


def _read_unicode_line(content: Content, at: int) -> tuple[Any, int]:
    end = _line_end(content, at)
    return _to_value(content, at, end, "raw-unicode-escape"), end + 1


def _to_value(content: Content, start: int, end: int, encoding: str) -> Any:
    if end - start > SHORT:
        return Piece(content, start, end, encoding, is_bytes=not encoding)
    found = content[start:end]
    if not encoding:
        return found
    if encoding in PYTHON_2:
        given = _from_repr(found) if encoding == "repr" else found
        return Piece(content, start, end, encoding) if _is_utf8(given) else given.decode("latin-1")
    try:
        text = found.decode(encoding)
        if HALF.search(text):  # Python 2 writes what lies beyond 16 bits as two halves; one half alone is no text
            text = text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeError:
        raise DamagedError("text that cannot be read") from None
    return text


def _is_utf8(text: bytes) -> bool:
    """Say whether bytes that are not all ASCII are text in UTF-8: text of Python 2 that could be read in two ways."""
    try:
        return not text.isascii() and bool(text.decode())
    except UnicodeDecodeError:
        return False


def _from_repr(text: bytes) -> bytes:
    if not QUOTED.fullmatch(text):
        raise DamagedError("text with a wrong backslash in it")
    return codecs.escape_decode(text)[0]


# What data is written with: the name, and how what follows is read, if anything does.
ALLOWED: dict[bytes, tuple[str, Reader | None]] = {
    b"\x80": ("PROTO", _integer_reader(1)),
    b"\x95": ("FRAME", _read_frame),
    b"(": ("MARK", None),
    b".": ("STOP", None),
    b"0": ("POP", None),
    b"1": ("POP_MARK", None),
    b"2": ("DUP", None),
    b"N": ("NONE", _constant_reader(None)),
    b"\x88": ("NEWTRUE", _constant_reader(True)),
    b"\x89": ("NEWFALSE", _constant_reader(False)),
    b"I": ("INT", _read_int),
    b"J": ("BININT", _integer_reader(4, signed=True)),
    b"K": ("BININT1", _integer_reader(1)),
    b"M": ("BININT2", _integer_reader(2)),
    b"L": ("LONG", _read_long_line),
    b"\x8a": ("LONG1", _long_reader(1)),
    b"\x8b": ("LONG4", _long_reader(4)),
    b"F": ("FLOAT", _read_float),
    b"G": ("BINFLOAT", _read_double),
    b"S": ("STRING", _read_quoted),
    b"U": ("SHORT_BINSTRING", _counted_reader(1, "latin-1")),
    b"T": ("BINSTRING", _counted_reader(4, "latin-1")),
    b"C": ("SHORT_BINBYTES", _counted_reader(1)),
    b"B": ("BINBYTES", _counted_reader(4)),
    b"\x8e": ("BINBYTES8", _counted_reader(8)),
    b"\x96": ("BYTEARRAY8", _counted_reader(8)),
    b"V": ("UNICODE", _read_unicode_line),
    b"\x8c": ("SHORT_BINUNICODE", _counted_reader(1, "utf-8")),
    b"X": ("BINUNICODE", _counted_reader(4, "utf-8")),
    b"\x8d": ("BINUNICODE8", _counted_reader(8, "utf-8")),
    b"]": ("EMPTY_LIST", None),
    b"a": ("APPEND", None),
    b"e": ("APPENDS", None),
    b"l": ("LIST", None),
    b")": ("EMPTY_TUPLE", _constant_reader(())),
    b"t": ("TUPLE", None),
    b"\x85": ("TUPLE1", _constant_reader(1)),
    b"\x86": ("TUPLE2", _constant_reader(2)),
    b"\x87": ("TUPLE3", _constant_reader(3)),
    b"\x8f": ("EMPTY_SET", None),
    b"\x90": ("ADDITEMS", None),
    b"\x91": ("FROZENSET", None),
    b"}": ("EMPTY_DICT", None),
    b"d": ("DICT", None),
    b"s": ("SETITEM", None),
    b"u": ("SETITEMS", None),
    b"p": ("PUT", _read_whole),
    b"q": ("BINPUT", _integer_reader(1)),
    b"r": ("LONG_BINPUT", _integer_reader(4)),
    b"\x94": ("MEMOIZE", None),
    b"g": ("GET", _read_whole),
    b"h": ("BINGET", _integer_reader(1)),
    b"j": ("LONG_BINGET", _integer_reader(4)),
    b"c": ("GLOBAL", _read_names),
    b"\x93": ("STACK_GLOBAL", None),
    b"R": ("REDUCE", None),
    b"\x81": ("NEWOBJ", None),
    b"b": ("BUILD", None),
}

# Everything else: other objects, other ways to call something, and data outside the file.
REFUSED = {
    b"P": "PERSID",
    b"Q": "BINPERSID",
    b"i": "INST",
    b"o": "OBJ",
    b"\x92": "NEWOBJ_EX",
    b"\x82": "EXT1",
    b"\x83": "EXT2",
    b"\x84": "EXT4",
    b"\x97": "NEXT_BUFFER",
    b"\x98": "READONLY_BUFFER",
}
