"""Arrays that lie in a file as they lie in memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import attrs
import numpy as np

from modnet import Array, DataError, cached
from modnet.files import CHUNK, LIMIT, compression, opened, reading

# A file that unpacks to more than `LIMIT` bytes and to so many times its size is taken for an accident, or an attack.
RATIO = 100
BLOCK = 4 * CHUNK


@attrs.frozen
class Raw:
    """Place and type of an array in a file: from byte `start` on, row by row, or column by column if `fortran`."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    start: int
    fortran: bool = False

    @property
    def size(self) -> int:
        """The number of bytes that the array takes."""
        return math.prod(self.shape) * self.dtype.itemsize

    def __str__(self) -> str:
        """Say what is declared."""
        return f"{' x '.join(map(str, self.shape))} values of {self.dtype.itemsize} bytes"


def raw_array(path: Path, recipe: str, header: Callable[[IO[bytes]], Raw]) -> Array:
    """Return the one array in a file, read only, of any byte order; it need not fit into memory.

    `header` reads where and what it is. A file of 4 MiB or more is mapped into memory, one that is compressed is
    unpacked into the cache folder before, for each `recipe` once. Raises DataError where the array is not of the size
    that is declared, before memory is taken for it.
    """
    with reading(path):
        with opened(path) as file:
            raw = header(file)
        packed = path.stat().st_size
        if compression(path):
            check_packed(f"{path}:", raw.size, packed)
        elif packed != raw.start + raw.size:
            raise DataError(f"{path}: {packed - raw.start} bytes of data, expected {raw.size}: {raw}")
        elif packed >= cached.SMALL:
            return map_array(path, raw)

    def convert(put: cached.Put) -> cached.Facts:
        with reading(path), opened(path) as file:
            file.read(raw.start)
            for _, block in blocks(file, raw, str(path)):
                put("x", block)
        return {}

    return cached.arrays_of(path, recipe, convert)[0]["x"]


def map_array(path: Path, raw: Raw) -> Array:
    """Return the array as it lies in an uncompressed file, read only."""
    if not raw.size:
        return np.empty(raw.shape, raw.dtype)  # of which there is nothing to map
    return np.asarray(np.memmap(path, raw.dtype, "r", raw.start, raw.shape, "F" if raw.fortran else "C"))


def blocks(file: IO[bytes], raw: Raw, what: str) -> Iterator[tuple[int, Array]]:
    """Yield the rows of an array, some at a time, native; and how many bytes have been read.

    Raises DataError, which begins with `what`, where there are fewer or more bytes than are declared.
    """
    rows, *rest = raw.shape
    each = math.prod(rest) * raw.dtype.itemsize
    at_once = rows if raw.fortran else BLOCK // max(each, 1)
    done = 0
    for start in range(0, max(rows, 1), max(at_once, 1)):
        shape = (min(max(at_once, 1), rows - start), *rest)
        data = _read(file, shape[0] * each)
        done += len(data)
        if len(data) < shape[0] * each:
            raise DataError(f"{what}: {done} bytes of data, expected {raw.size}: {raw}")
        block: Array = np.ndarray(shape, raw.dtype, data, order="F" if raw.fortran else "C")
        yield done, block.astype(raw.dtype.newbyteorder("="), copy=False)
    if file.read(1):
        raise DataError(f"{what}: more than {raw.size} bytes of data, expected {raw.size}: {raw}")


def check_packed(what: str, size: int, packed: int) -> None:
    """Raise DataError, which begins with `what`, where so few packed bytes become so many."""
    if size > max(LIMIT, RATIO * packed):
        raise DataError(f"{what} unpacks to more than {LIMIT // 2**20} MiB; save it uncompressed if that is meant")


def _read(file: IO[bytes], size: int) -> bytes:
    """Return the next `size` bytes, or as many as are left: memory is taken for bytes that are there only."""
    pieces: list[bytes] = []
    while size and (piece := file.read(min(size, CHUNK))):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
