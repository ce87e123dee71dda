"""Arrays that lie in a file as they lie in memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import attrs
import numpy as np

from modnet import Array, DataError
from modnet.files import CHUNK, compression, opened, reading
from modnet_data import cached

UNPACKED, RATIO = 2**26, 100
"""A compressed file may always unpack to so many bytes; to more only if they are no more than so many times its own."""

MOST_AXES = 32
MOST_BYTES = 2**62
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


def check_shape(raw: Raw, what: str) -> None:
    """Raise DataError, which begins with `what`, where an array has no rows of anything, or a size that nothing has."""
    shape, dtype = raw.shape, raw.dtype
    most = math.prod(n or 1 for n in shape) * dtype.itemsize
    # The size of what is not empty is compared with the file's.
    if (
        not shape
        or 0 in shape[1:]
        or not dtype.itemsize
        or len(shape) > MOST_AXES
        or (not raw.size and most > MOST_BYTES)
    ):
        found = f"{dtype} of shape {shape if len(shape) <= MOST_AXES else f'with {len(shape)} axes'}"
        raise DataError(f"{what} cannot be read: expected numbers of shape (N, features), found {found}")


def check_packed(what: str, size: int, packed: int) -> None:
    """Raise DataError, which begins with `what`, where so few packed bytes become so many."""
    if size > max(UNPACKED, RATIO * packed):
        much = f"unpacks to more than {UNPACKED // 2**20} MiB and {RATIO} times its size"
        raise DataError(f"{what} {much}; save it uncompressed if that is meant")


def _read(file: IO[bytes], size: int) -> bytes:
    """Return the next `size` bytes, or as many as are left: memory is taken for bytes that are there only."""
    pieces: list[bytes] = []
    while size and (piece := file.read(min(size, CHUNK))):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
