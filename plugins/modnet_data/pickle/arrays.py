"""Placeholders for NumPy's dtypes and arrays in a pickle.

A placeholder holds numbers and a place in the file. An array is made of it by us, and only of what has been checked, so
that it never reaches beyond its bytes.
"""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from modnet import Array
from modnet_data.arrays.raw import MOST_AXES, MOST_BYTES
from modnet_data.pickle.opcodes import Content, Piece, RefusedError
from modnet_data.pickle.values import describe

SIZES = {
    "b": {1},
    "i": {1, 2, 4, 8},
    "u": {1, 2, 4, 8},
    "f": {2, 4, 8, np.dtype(np.longdouble).itemsize},
    "c": {8, 16, np.dtype(np.clongdouble).itemsize},
}
CODES = frozenset(f"{kind}{size}" for kind, sizes in SIZES.items() for size in sizes)
BYTE_ORDERS = ("<", ">", "|", "=")
TEXT_CODE = re.compile(r"[US](0|[1-9][0-9]{0,7})")
OBJECT_CODES = frozenset({"O4", "O8"})
NO_FIELDS = (None, None, None)
MOST_TEXT = 2**24
"""Letters of all short texts; and of labels of text, where each takes as many as the longest one."""


class PickledDtype:
    """A dtype, which has a byte order once its state is set."""

    __slots__ = ("code", "dtype")

    def __init__(self, code: str) -> None:
        self.code = code
        self.dtype: np.dtype[Any] | None = None

    @property
    def holds_objects(self) -> bool:
        """Say whether the values are any objects, of which no array is made."""
        return self.code[0] == "O"

    def build(self, state: tuple[Any, ...]) -> None:
        """Set the state, once."""
        if self.dtype is not None:
            raise RefusedError("it sets the state of a dtype a second time")
        if len(state) != 8 or type(state[0]) is not int or state[0] != 3:
            raise RefusedError("a dtype with a state of another version")
        order, *rest = state[1:]
        if type(order) is not str or order not in BYTE_ORDERS:
            raise RefusedError("a dtype of an unknown byte order")
        if not any(all(map(_is, rest, expected)) for expected in _rests(self.code)):
            raise RefusedError(f"dtype {self.code!r} is a dtype with fields, or of a size of its own")
        self.dtype = np.dtype(self.code if order == "|" else f"{order}{self.code}")


class PickledArray:
    """An array: shape, dtype, order and bytes, once its state is set."""

    __slots__ = ("axes", "code", "data", "dtype", "fortran", "shape")

    def __init__(self) -> None:
        self.dtype: np.dtype[Any] | None = None

    def build(self, state: tuple[Any, ...]) -> None:
        """Set the state, once."""
        if self.dtype is not None:
            raise RefusedError("it sets the state of an array a second time")
        if len(state) != 5 or type(state[0]) is not int or state[0] != 1:
            raise RefusedError("an array with a state of another version")
        _, shape, dtype, fortran, data = state
        if type(fortran) not in {bool, int}:
            raise RefusedError("an array whose order is not a flag")
        self.describe(shape, dtype, data, fortran=bool(fortran))

    def describe(
        self, shape: Any, dtype: Any, data: Any, *, fortran: bool, axes: tuple[int, ...] | None = None
    ) -> None:
        """Set what the array is made of, once it is known to fit together; `axes` are in another order afterwards."""
        if type(shape) is not tuple or len(shape) > MOST_AXES or not all(type(n) is int and n >= 0 for n in shape):
            raise RefusedError("an array whose shape is not a few whole numbers")
        self.dtype, self.shape, self.data, self.fortran, self.axes = get_dtype(dtype), shape, data, fortran, axes
        self.code = dtype.code
        if math.prod(n or 1 for n in shape) * self.dtype.itemsize > MOST_BYTES:
            raise RefusedError("an array of a size that nothing has")
        if not self.dtype.itemsize and math.prod(shape):
            raise RefusedError("an array of texts without letters")
        if axes is not None and sorted(axes) != list(range(len(shape))):
            raise RefusedError("an array whose order of axes is none")
        if dtype.holds_objects:
            if type(data) is not list:
                raise RefusedError(f"an array of dtype {self.code!r} whose data is {describe(data)}")
        elif type(data) in {bytes, str}:
            self._must_be(len(data))
        elif type(data) is not Piece:
            raise RefusedError(f"an array whose data is {describe(data)}")
        elif not data.encoding:
            self._must_be(data.end - data.start)

    def make(self) -> Array:
        """Return the array, read only: as it lies in the file, if it can be used from there."""
        if self.dtype is None:
            raise RefusedError("an array without its state")
        if self.dtype.hasobject:
            raise RefusedError(f"an array of dtype {self.code!r}, expected numbers; save it by its astype(float)")
        content, start, size = in_bytes(self.data)
        self._must_be(size)
        if not size:  # of which there is nothing to map
            array: Array = np.empty(self.shape, self.dtype)
        else:
            if self.dtype.kind == "b" and np.ndarray(size, np.uint8, content, start).max() > 1:
                raise RefusedError("an array of truth values that are neither 0 nor 1")
            array = np.ndarray(self.shape, self.dtype, content, start, order="F" if self.fortran else "C")
        # NumPy would copy an array that is not aligned, or foreign, again and again.
        array = array.astype(self.dtype.newbyteorder("="), copy=not array.flags.aligned)
        array.flags.writeable = False
        return array if self.axes is None else array.transpose(self.axes)

    @property
    def most_bytes(self) -> int:
        """The most bytes that all arrays of its file hold together."""
        return max(MOST_TEXT, len(self.data.content) if type(self.data) is Piece else 0)

    def objects(self) -> list[Any] | None:
        """Return the values of a column of objects, or None where it is another array."""
        if self.dtype is None or not self.dtype.hasobject:
            return None
        if len(self.data) != math.prod(self.shape) or math.prod(self.shape[1:]) != 1:
            raise RefusedError(f"an array of dtype {self.code!r} that is no column")
        return list(self.data)

    def _must_be(self, size: int) -> None:
        if self.dtype is not None and (needed := math.prod(self.shape) * self.dtype.itemsize) != size:
            raise RefusedError(f"an array of {size} bytes whose shape and dtype need {needed}")


def in_bytes(data: Any) -> tuple[Content | bytearray, int, int]:
    """Return an array's bytes, or the text that Python 2 and old protocols keep them in: in what, from where, size."""
    if type(data) is Piece:
        return data.latin1()
    if type(data) is str:
        data = to_latin1(data)
    if type(data) is not bytes:
        raise RefusedError(f"numbers whose bytes are {describe(data)}")
    return data, 0, len(data)


def get_dtype(dtype: Any) -> np.dtype[Any]:
    """Return the dtype of a placeholder, once its state is set."""
    if type(dtype) is not PickledDtype or dtype.dtype is None:
        raise RefusedError("numbers without a dtype that has its state")
    return dtype.dtype


def is_dtype_code(code: Any) -> bool:
    """Say whether a dtype is of numbers, truth values, text, or of objects."""
    return type(code) is str and (code in CODES or code in OBJECT_CODES or TEXT_CODE.fullmatch(code) is not None)


def to_latin1(text: str) -> bytes:
    """Return the bytes that text stands for, each as a letter."""
    try:
        return text.encode("latin-1")
    except UnicodeError:
        raise RefusedError("text that stands for no bytes") from None


def _rests(code: str) -> list[tuple[int | None, ...]]:
    """Return how the state of a dtype may end: without fields, of the usual size and alignment, with its flags."""
    if code in OBJECT_CODES:
        return [(*NO_FIELDS, -1, -1, 63)]
    if code[0] == "S":
        return [(*NO_FIELDS, int(code[1:]), 1, 0)]
    if code[0] == "U":  # older NumPy has no flags
        return [(*NO_FIELDS, 4 * int(code[1:]), 4, flags) for flags in (0, 8)]
    return [(*NO_FIELDS, -1, -1, 0)]


def _is(value: Any, expected: int | None) -> bool:
    """Say whether a value is this number or None; what it is compared with may be anything."""
    return value is None if expected is None else type(value) is int and value == expected
