"""Files, compressed or not: opening them, and saying in words what goes wrong."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from modnet import DataError

LIMIT = 2**30
"""How many bytes a compressed file may hold: a small file could unpack to more than any memory holds."""

CHUNK = 2**20

_FORMATS: dict[str, tuple[bytes, Callable[..., Any]]] = {
    ".gz": (b"\x1f\x8b", gzip.open),
    ".bz2": (b"BZh", bz2.open),
    ".xz": (b"\xfd7zXZ\x00", lzma.open),
}


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn whatever goes wrong while the file at `path` is read into a DataError that names it."""
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise DataError(f"{path}: a folder, expected a file") from None
    except (EOFError, gzip.BadGzipFile, lzma.LZMAError, zlib.error) as error:
        raise DataError(f"{path}: the compressed file is damaged or cut off: {error}") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise DataError(f"{path}: not UTF-8 text (byte 0x{byte:02x}); save it as UTF-8") from None
    except MemoryError:
        raise DataError(f"{path}: does not fit into memory") from None


def compression(path: Path) -> str:
    """Return the suffix that goes with how the content of a file is compressed, "" where it is not."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise DataError(f"{path}: a device or a pipe, expected a file")
    with path.open("rb") as file:
        head = file.read(6)
    return next((suffix for suffix, (magic, _) in _FORMATS.items() if head.startswith(magic)), "")


def opened(path: Path) -> IO[bytes]:
    """Return a file opened for reading, decompressed if its content is compressed."""
    suffix = compression(path)
    return cast("IO[bytes]", _FORMATS[suffix][1](path, "rb")) if suffix else path.open("rb")


def read_bytes(path: Path, most: int | None = None) -> bytes:
    """Return the content of a file, decompressed, or its first `most` bytes.

    Raises DataError where it cannot be read, or where a compressed file holds more than `LIMIT` bytes.
    """
    with reading(path), opened(path) as file:
        if isinstance(file, io.BufferedReader):
            return file.read(most)
        chunks, size = [], 0
        while chunk := file.read(CHUNK if most is None else min(CHUNK, most - size)):
            chunks.append(chunk)
            size += len(chunk)
            if size > LIMIT:
                what = f"unpacks to more than {LIMIT // 2**20} MiB"
                raise DataError(f"{path}: {what}; if that is meant, decompress it first")
        return b"".join(chunks)


def printable(text: str, longest: int) -> str:
    """Return text from a file so that it can stand in a message: no control characters, and cut where it is long.

    >>> printable("pixel" + chr(7) + "123456789", 8)
    'pixel?12...'
    """
    shown = "".join(letter if letter.isprintable() else "?" for letter in text[:longest])
    return shown + "..." * (len(text) > longest)
