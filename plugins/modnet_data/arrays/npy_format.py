"""NumPy's .npy format, whose header is checked before anything is made of it."""

from __future__ import annotations

import tokenize
from collections.abc import Iterable
from typing import IO, Any

import numpy as np

from modnet import Array, DataError
from modnet.files import printable
from modnet_data.arrays.raw import Raw


def npy_header(file: IO[bytes], what: str) -> Raw:
    """Return how the array lies in a file that is open at its beginning.

    Raises DataError, which begins with `what`, where it is not an array of rows: of numbers, truth values or text.
    """
    try:
        version = np.lib.format.read_magic(file)
        if version not in {(1, 0), (2, 0)}:
            raise DataError(f"{what}: format version {version[0]}.{version[1]}, expected 1.0 or 2.0")
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(file)
    # NumPy reads a header as Python source, and on Python 3.12 and later also fails in the tokenizer's way.
    except (ValueError, SyntaxError, tokenize.TokenError) as error:
        raise DataError(f"{what} cannot be read: {printable(str(error).splitlines()[0], 200)}") from None
    if dtype.hasobject:
        raise DataError(f"{what} cannot be read: it holds pickled objects, expected numbers or text")
    if dtype.names is not None or dtype.subdtype is not None or dtype.kind not in "buifcU":
        raise DataError(f"{what} cannot be read: values of {printable(str(dtype), 60)}, expected numbers or text")
    if not shape or min(shape) < 0:
        raise DataError(f"{what}: expected numbers of shape (N, features), found {dtype} of shape {shape}")
    return Raw(shape, dtype, file.tell(), fortran and len(shape) > 1)


def write_npy(file: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[Any], some: Iterable[Array]) -> None:
    """Write an array row by row, in blocks."""
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    for block in some:
        file.write(block.tobytes())
