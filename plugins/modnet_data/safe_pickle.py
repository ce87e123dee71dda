"""Arrays out of a pickle, without ever running what the pickle asks for.

A pickle is a program. Three walls stand around it, each enough alone against code execution:

1. its opcodes are read first, as bytes: only those that arrays are written with are let through, no length may be
   more than the file has, and there may be no more than 10,000 of them;
2. where it asks for a class or function, it gets a stand-in that only records what it was called with;
3. real arrays are made afterwards, by us, from the records, once every type and size in them is checked.
"""

from __future__ import annotations

import io
import math
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np

from modnet import Array, DataError
from modnet_data.pickle_opcodes import RefusedError, check_opcodes

SIZES = {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8)}
BYTE_ORDERS = ("<", ">", "|", "=")
LONGEST_AXIS = 2**40
LONGEST_NAME = 100
LONGEST_REASON = 160
MOST_AXES = 8


class _Record:
    """An object that the pickle believes to have made: a class's name, the arguments, and what BUILD gave it."""

    __slots__ = ("args", "kind", "state")

    def __init__(self, kind: str, args: tuple[Any, ...]) -> None:
        self.kind, self.args, self.state = kind, args, None

    def __setstate__(self, state: Any) -> None:
        if self.kind not in {"dtype", "_reconstruct"}:
            raise RefusedError(f"it sets the state of {self.kind}")
        self.state = state


class _StandIn:
    """A callable that is given to the pickle in place of a class or function. Made anew for each load."""

    __slots__ = ("kind",)

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __call__(self, *args: Any) -> _Record:
        if self.kind == "ndarray":
            raise RefusedError("it calls numpy.ndarray")
        if self.kind == "bytes" and args:
            raise RefusedError("it calls bytes with arguments")
        if self.kind == "encode" and (len(args) != 2 or not isinstance(args[0], str) or args[1] != "latin1"):
            raise RefusedError("it calls _codecs.encode otherwise than on text, as latin1")
        return _Record(self.kind, args)

    def __setstate__(self, state: Any) -> None:
        raise RefusedError(f"it changes {self.kind} itself")


def _allowed() -> dict[tuple[str, str], _StandIn]:
    """Return new stand-ins for all that pickled arrays name, by NumPy 1, NumPy 2, Python 2 and Python 3."""
    stand_ins = {
        ("numpy", "ndarray"): _StandIn("ndarray"),
        ("numpy", "dtype"): _StandIn("dtype"),
        ("_codecs", "encode"): _StandIn("encode"),
        ("builtins", "bytes"): _StandIn("bytes"),
        ("__builtin__", "bytes"): _StandIn("bytes"),
    }
    for core in ("numpy.core", "numpy._core"):
        stand_ins[f"{core}.multiarray", "_reconstruct"] = _StandIn("_reconstruct")
        stand_ins[f"{core}.multiarray", "scalar"] = _StandIn("scalar")
        stand_ins[f"{core}.numeric", "_frombuffer"] = _StandIn("_frombuffer")
    return stand_ins


class _Unpickler(pickle.Unpickler):
    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data), encoding="latin1")
        self._allowed = _allowed()

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self._allowed[module, name]
        except KeyError:
            raise RefusedError(f"it asks for {module}.{name}"[:LONGEST_NAME]) from None


def load(data: bytes, path: Path) -> Any:
    """Return what a pickle holds: dicts, lists, tuples, text, numbers, and records that `array_of` makes arrays of.

    Raises DataError where it asks for anything else, and where it is damaged.
    """
    with _refusals(path):
        check_opcodes(data)
        return _Unpickler(data).load()


def is_array(value: object) -> bool:
    """Say whether a value out of a pickle stands for an array."""
    return isinstance(value, _Record) and value.kind in {"_reconstruct", "_frombuffer"}


def array_of(value: Any, path: Path) -> Array:
    """Return the array that a value out of a pickle stands for; raises DataError where it is none, or is not sound."""
    with _refusals(path):
        if not is_array(value):
            raise RefusedError(f"an array is expected where it has {_described(value)}")
        shape, dtype, fortran, data = (
            _frombuffer(*value.args) if value.kind == "_frombuffer" else _state(value)
        )
        return _array(_dtype(dtype), shape, fortran, _bytes(data))


@contextmanager
def _refusals(path: Path) -> Iterator[None]:
    try:
        yield
    except RefusedError as error:
        raise DataError(
            f"{path}: refused, and nothing of it was run: {_printable(str(error))}. "
            "A pickle may hold NumPy arrays of numbers in dicts, lists and tuples, and nothing else"
        ) from None
    except Exception as error:  # a damaged pickle fails in any way, and each way means the same
        reason = _printable(str(error)) or type(error).__name__
        raise DataError(f"{path}: a damaged pickle: {reason}") from None


def _state(record: _Record) -> tuple[Any, Any, Any, Any]:
    """Return shape, dtype, order and data of an array made by _reconstruct, then BUILD."""
    kind = record.args[0] if len(record.args) == 3 else None
    if not isinstance(kind, _StandIn) or kind.kind != "ndarray":
        raise RefusedError("it reconstructs something other than numpy.ndarray")
    if type(record.state) is not tuple or len(record.state) != 5:
        raise RefusedError("an array without its state")
    _, shape, dtype, fortran, data = record.state
    if type(fortran) not in {bool, int}:
        raise RefusedError("an array whose order is not a flag")
    return shape, dtype, bool(fortran), data


def _frombuffer(
    data: Any = None, dtype: Any = None, shape: Any = None, order: Any = "C", *rest: Any
) -> tuple[Any, Any, Any, Any]:
    """Return shape, dtype, order and data of an array made by _frombuffer."""
    if rest or type(order) is not str or order not in {"C", "F"}:
        raise RefusedError("an array whose order is neither C nor F")
    return shape, dtype, order == "F", data


def _dtype(record: Any) -> np.dtype[Any]:
    """Return the dtype that a record stands for, if it is one of plain numbers."""
    if not isinstance(record, _Record) or record.kind != "dtype" or not record.args:
        raise RefusedError("an array without a dtype")
    code, state = record.args[0], record.state
    if type(code) is not str or not any(code in {f"{kind}{size}" for size in SIZES[kind]} for kind in SIZES):
        raise RefusedError(f"an array of dtype {_described(code)}")
    if type(state) is not tuple or len(state) != 8 or type(state[0]) is not int or state[0] != 3:
        raise RefusedError("a dtype without its state")
    order, *fields = state[1:5]
    if type(order) is not str or order not in BYTE_ORDERS or any(field is not None for field in fields):
        raise RefusedError("a dtype with fields, or of an unknown byte order")
    return np.dtype(code).newbyteorder("=" if order == "|" else order)


def _bytes(data: Any) -> bytes | bytearray:
    """Return an array's bytes: as they are, or as the text that Python 2 and old protocols keep them in."""
    if isinstance(data, _Record) and data.kind == "bytes":
        return b""
    if isinstance(data, _Record) and data.kind == "encode":
        data = data.args[0]
    if type(data) is str:
        return data.encode("latin1")
    if type(data) not in {bytes, bytearray}:
        raise RefusedError(f"an array whose data is {_described(data)}")
    return cast("bytes | bytearray", data)


def _array(dtype: np.dtype[Any], shape: Any, fortran: bool, data: bytes | bytearray) -> Array:
    if (
        type(shape) is not tuple
        or not all(type(n) is int and 0 <= n <= LONGEST_AXIS for n in shape)
        or len(shape) > MOST_AXES
    ):
        raise RefusedError("an array whose shape is not a few whole numbers")
    if math.prod(shape) * dtype.itemsize != len(data):
        raise RefusedError(
            f"an array of {len(data)} bytes whose shape and dtype need {math.prod(shape) * dtype.itemsize}"
        )
    array = np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
    if dtype.kind == "b" and array.view(np.uint8).max(initial=0) > 1:
        raise RefusedError("an array of truth values that are neither 0 nor 1")
    return array.astype(dtype.newbyteorder("="), copy=False)


def _described(value: Any) -> str:
    return (
        repr(value[:LONGEST_NAME])
        if type(value) is str
        else getattr(value, "kind", None) or type(value).__name__
    )


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)[:LONGEST_REASON]
