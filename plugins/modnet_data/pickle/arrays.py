"""Placeholders for NumPy's functions, dtypes and arrays in a pickle.

A placeholder holds numbers and a place in the file. An array is made of it by us, and only of what has been checked, so
that it never reaches beyond its bytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum
from typing import Any

import numpy as np

from modnet import Array
from modnet.files import printable
from modnet_data.pickle.opcodes import Content, Piece, RefusedError

SIZES = {
    "b": {1},
    "i": {1, 2, 4, 8},
    "u": {1, 2, 4, 8},
    "f": {2, 4, 8, np.dtype(np.longdouble).itemsize},
    "c": {8, 16, np.dtype(np.clongdouble).itemsize},
}
CODES = frozenset(f"{kind}{size}" for kind, sizes in SIZES.items() for size in sizes)
BYTE_ORDERS = ("<", ">", "|", "=")
DTYPE_REST = (None, None, None, -1, -1, 0)
"""The end of the state of a dtype that is a number's: no fields, no size and alignment of its own, no flags."""

MOST_AXES = 32
MOST_BYTES = 2**62
LONGEST_NAME = 40
MOST_TEXT = 2**24
"""Letters of all short texts; and of labels of text, where each takes as many as the longest one."""


class Function(Enum):
    """The names that a pickle may ask for. No function stands behind them."""

    NDARRAY = "numpy.ndarray"
    DTYPE = "numpy.dtype"
    RECONSTRUCT = "numpy._reconstruct"
    SCALAR = "numpy.scalar"
    FROMBUFFER = "numpy._frombuffer"
    ENCODE = "_codecs.encode"
    BYTES = "bytes"


NAMES = {
    ("numpy", "ndarray"): Function.NDARRAY,
    ("numpy", "dtype"): Function.DTYPE,
    ("_codecs", "encode"): Function.ENCODE,
    ("builtins", "bytes"): Function.BYTES,
    ("__builtin__", "bytes"): Function.BYTES,
}
for core in ("numpy.core", "numpy._core"):  # of NumPy 1 and 2
    NAMES[f"{core}.multiarray", "_reconstruct"] = Function.RECONSTRUCT
    NAMES[f"{core}.multiarray", "scalar"] = Function.SCALAR
    NAMES[f"{core}.numeric", "_frombuffer"] = Function.FROMBUFFER


class PickledDtype:
    """A dtype, which has a byte order once its state is set."""

    __slots__ = ("code", "dtype")

    def __init__(self, code: str) -> None:
        self.code = code
        self.dtype: np.dtype[Any] | None = None

    def build(self, state: tuple[Any, ...]) -> None:
        """Set the state, once."""
        if self.dtype is not None:
            raise RefusedError("it sets the state of a dtype a second time")
        if len(state) != 8 or type(state[0]) is not int or state[0] != 3:
            raise RefusedError("a dtype with a state of another version")
        order, *rest = state[1:]
        if type(order) is not str or order not in BYTE_ORDERS:
            raise RefusedError("a dtype of an unknown byte order")
        if not all(_is(value, expected) for value, expected in zip(rest, DTYPE_REST, strict=True)):
            raise RefusedError("a dtype with fields, or of a size of its own")
        self.dtype = np.dtype(self.code if order == "|" else f"{order}{self.code}")


class PickledArray:
    """An array: shape, dtype, order and bytes, once its state is set."""

    __slots__ = ("axes", "data", "dtype", "fortran", "shape")

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
        if math.prod(n or 1 for n in shape) * self.dtype.itemsize > MOST_BYTES:
            raise RefusedError("an array of a size that nothing has")
        if axes is not None and sorted(axes) != list(range(len(shape))):
            raise RefusedError("an array whose order of axes is none")
        if type(data) in {bytes, str}:
            self._must_be(len(data))
        elif type(data) is not Piece:
            raise RefusedError(f"an array whose data is {describe(data)}")
        elif not data.encoding:
            self._must_be(data.end - data.start)

    def make(self) -> Array:
        """Return the array, read only: as it lies in the file, if it can be used from there."""
        if self.dtype is None:
            raise RefusedError("an array without its state")
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

    def _must_be(self, size: int) -> None:
        if self.dtype is not None and (needed := math.prod(self.shape) * self.dtype.itemsize) != size:
            raise RefusedError(f"an array of {size} bytes whose shape and dtype need {needed}")


def in_bytes(data: Any) -> tuple[Content | bytearray, int, int]:
    """Return an array's bytes, or the text that Python 2 and old protocols keep them in: in what, from where, size."""
    if type(data) is Piece:
        return data.latin1()
    if type(data) is str:
        data = _latin1(data)
    if type(data) is not bytes:
        raise RefusedError(f"numbers whose bytes are {describe(data)}")
    return data, 0, len(data)


def get_dtype(dtype: Any) -> np.dtype[Any]:
    """Return the dtype of a placeholder, once its state is set."""
    if type(dtype) is not PickledDtype or dtype.dtype is None:
        raise RefusedError("numbers without a dtype that has its state")
    return dtype.dtype


def call(function: Any, args: Any) -> Any:
    """Return what stands for the result of a function, if it is one of ours and would be called in the usual way."""
    if type(function) is not Function:
        raise RefusedError(f"it calls {describe(function)}")
    if type(args) is not tuple:
        raise RefusedError(f"it calls {function.value} with {describe(args)}")
    result, counts = CALLS[function]
    return result(*args) if len(args) in counts else _refuse(function)


def _refuse(function: Function) -> Any:
    raise RefusedError(f"it calls {function.value} in another way than arrays need")


def _dtype(code: Any, *_flags: Any) -> PickledDtype:
    if type(code) is not str or code not in CODES:
        raise RefusedError(f"values of dtype {describe(code)}")
    return PickledDtype(code)


def _reconstruct(kind: Any, _shape: Any, _code: Any) -> PickledArray:
    if kind is not Function.NDARRAY:
        raise RefusedError("it reconstructs something other than numpy.ndarray")
    return PickledArray()


def _scalar(dtype: Any, data: Any) -> Any:
    """Return a number of Python's: what is asked for is a single one."""
    made = get_dtype(dtype)
    content, start, size = in_bytes(data)
    if size != made.itemsize or (made.kind == "b" and content[start] > 1):
        raise RefusedError(f"a number of {size} bytes, expected one of {made}")
    return np.ndarray((), made, content, start).item()


def _frombuffer(data: Any, dtype: Any, shape: Any, order: Any, axes: Any = None) -> PickledArray:
    if type(order) is not str or order not in {"C", "F", "K"}:
        raise RefusedError("an array whose order is neither C nor F nor K")
    if axes is not None and (order != "K" or type(axes) is not tuple or not all(type(n) is int for n in axes)):
        raise RefusedError("an array whose order of axes is none")
    array = PickledArray()
    array.describe(shape, dtype, data, fortran=order == "F", axes=axes)
    return array


def _encode(text: Any, encoding: Any) -> Any:
    """Return text as bytes; a long piece of it stands for its bytes, and stays where it is."""
    if type(encoding) is not str or encoding != "latin1":
        _refuse(Function.ENCODE)
    if type(text) is Piece and text.encoding:
        return text
    if type(text) is not str:
        _refuse(Function.ENCODE)
    return _latin1(text)


def _latin1(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeError:
        raise RefusedError("text that stands for no bytes") from None


CALLS: dict[Function, tuple[Callable[..., Any], tuple[int, ...]]] = {
    Function.NDARRAY: (lambda: None, ()),
    Function.DTYPE: (_dtype, (1, 2, 3)),
    Function.RECONSTRUCT: (_reconstruct, (3,)),
    Function.SCALAR: (_scalar, (2,)),
    Function.FROMBUFFER: (_frombuffer, (4, 5)),
    Function.ENCODE: (_encode, (2,)),
    Function.BYTES: (lambda: b"", (0,)),
}
"""Placeholders for the functions, and the numbers of arguments that each is called with; numpy.ndarray never is."""


def array_of(value: Any) -> Array:
    """Return the array of rows that a value out of a pickle stands for."""
    if type(value) is not PickledArray:
        raise RefusedError(f"an array is expected where it has {describe(value)}")
    array = value.make()
    if not array.ndim:
        raise RefusedError("an array of rows is expected where it has an array of a single number")
    return array


def labels_of(value: Any) -> Array:
    """Return labels: an array, or a list or tuple of text, of whole numbers or of truth values, as an array."""
    if type(value) not in {list, tuple}:
        return array_of(value)
    kinds = set(map(type, value))
    if kinds == {str}:
        longest = max(map(len, value))  # each takes as much memory as that
        if len(value) * longest > MOST_TEXT:
            raise RefusedError(f"{len(value)} labels of text, of up to {longest} letters, are too many")
    elif kinds == {int}:
        if not all(-(2**63) <= n < 2**63 for n in value):
            raise RefusedError("labels that are whole numbers of more than 64 bits")
    elif kinds != {bool}:
        found = ", ".join(sorted(map(_word, kinds))) or "nothing"
        raise RefusedError(f"labels are text or whole numbers, found {found}")
    return np.array(value)


def describe(value: Any) -> str:
    """Say in a word what a value out of a pickle is."""
    if type(value) is str:
        return repr(printable(value, LONGEST_NAME))
    if type(value) is Function:
        return str(value.value)
    return _word(type(value))


def _word(kind: type) -> str:
    return {PickledArray: "array", PickledDtype: "dtype", Piece: "a long text"}.get(kind, kind.__name__)


def _is(value: Any, expected: int | None) -> bool:
    """Say whether a value is this number or None; what it is compared with may be anything."""
    return value is None if expected is None else type(value) is int and value == expected
