"""Files, compressed or not: opening them, and saying in words what goes wrong."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from modnet import DataError

LIMIT = 2**30
"""How many bytes a compressed file may hold: a small file could unpack to more than any memory holds."""

CHUNK = 2**20

_OPENERS = {b"\x1f\x8b": (gzip.open, ".gz"), b"BZh": (bz2.open, ".bz2"), b"\xfd7zXZ\x00": (lzma.open, ".xz")}


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
    """Return the suffix that goes with how the file is compressed, by its content; an empty one where it is not."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise DataError(f"{path}: a device or a pipe, expected a file")
    with path.open("rb") as file:
        head = file.read(6)
    return next((suffix for magic, (_, suffix) in _OPENERS.items() if head.startswith(magic)), "")


def opened(path: Path) -> IO[bytes]:
    """Return a file opened for reading, decompressed if its content is compressed."""
    suffix = compression(path)
    opener = next((opener for opener, its_suffix in _OPENERS.values() if its_suffix == suffix), None)
    return cast("IO[bytes]", opener(path, "rb")) if opener else path.open("rb")


def read_bytes(path: Path, most: int | None = None) -> bytes:
    """Return the content of a file, decompressed, or its first `most` bytes.

    Raises DataError where it cannot be read, or where a compressed file holds more than `LIMIT` bytes.
    """
    with reading(path), opened(path) as file:
        if compression(path) == "":
            return file.read(-1 if most is None else most)
        chunks, size = [], 0
        while size != most and (chunk := file.read(CHUNK if most is None else min(CHUNK, most - size))):
            chunks.append(chunk)
            size += len(chunk)
            if size > LIMIT:
                raise DataError(
                    f"{path}: unpacks to more than {LIMIT // 2**20} MiB; decompress it first if it is meant"
                )
        return b"".join(chunks)
