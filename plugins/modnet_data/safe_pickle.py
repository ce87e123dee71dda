"""Arrays out of a pickle, without ever running what the pickle asks for.

A pickle is a program. Three walls stand around it:

1. its opcodes are read first, as bytes: only those that arrays are written with are let through, no length may
   be more than the file has, and there may be no more than 10,000 of them. So no file takes more memory than a
   few times its size, and nothing is had but by a name that the second wall is asked for;
2. where it asks for a class or function by name, it gets a stand-in that only records what it was called with,
   or is refused. So nothing is run;
3. arrays are made afterwards, by us, from the records, once every type and size in them is checked. So no array
   reaches beyond its bytes.
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
from modnet.files import printable
from modnet_data.pickle_opcodes import RefusedError, check_opcodes

SIZES = {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8)}
BYTE_ORDERS = ("<", ">", "|", "=")
LONGEST_AXIS = 2**40
LONGEST_NAME = 40
LONGEST_PATH = 150
LONGEST_REASON = 160
MOST_AXES = 8


class _Record:
    """An object that the pickle believes to have made: by what, from which arguments, with what state."""

    __slots__ = ("args", "kind", "state")

    def __init__(self, kind: str, args: tuple[Any, ...]) -> None:
        self.kind, self.args = kind, args
        self.state: Any = None

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
            raise RefusedError(f"it asks for {module}.{name}") from None


def load(data: bytes, path: Path) -> Any:
    """Return what a pickle holds: dicts, lists, tuples, text, numbers, and records for `array_of`.

    Raises DataError where it asks for anything else, and where it is damaged.
    """
    with _refusals(path):
        check_opcodes(data)
        return _Unpickler(data).load()


def is_array(value: object) -> bool:
    """Say whether a value out of a pickle stands for an array."""
    return isinstance(value, _Record) and value.kind in {"_reconstruct", "_frombuffer"}


def array_of(value: Any, path: Path) -> Array:
    """Return the array that a value out of a pickle stands for; raises DataError where it is no sound one."""
    with _refusals(path):
        if not is_array(value):
            raise RefusedError(f"an array is expected where it has {described(value)}")
        parts = _frombuffer(*value.args) if value.kind == "_frombuffer" else _state(value)
        shape, dtype, fortran, data = parts
        return _array(_dtype(dtype), shape, fortran, _bytes(data))


@contextmanager
def _refusals(path: Path) -> Iterator[None]:
    try:
        yield
    except RefusedError as error:
        raise DataError(
            f"{_named(path)}: refused, and nothing of it was run: {printable(str(error), LONGEST_REASON)}. "
            "A pickle may hold NumPy arrays of numbers in dicts, lists and tuples, and nothing else"
        ) from None
    except Exception as error:  # a damaged pickle fails in any way, and each way means the same
        reason = printable(str(error), LONGEST_REASON) or type(error).__name__
        raise DataError(f"{_named(path)}: a damaged pickle: {reason}") from None


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
        raise RefusedError(f"an array of dtype {described(code)}")
    if type(state) is not tuple or len(state) != 8 or type(state[0]) is not int or state[0] != 3:
        raise RefusedError("a dtype without its state")
    order, *fields = state[1:5]
    if type(order) is not str or order not in BYTE_ORDERS or any(field is not None for field in fields):
        raise RefusedError("a dtype with fields, or of an unknown byte order")
    return np.dtype(code if order == "|" else f"{order}{code}")


def _bytes(data: Any) -> bytes | bytearray:
    """Return an array's bytes: as they are, or as the text that Python 2 and old protocols keep them in."""
    if isinstance(data, _Record) and data.kind == "bytes":
        return b""
    if isinstance(data, _Record) and data.kind == "encode":
        data = data.args[0]
    if type(data) is str:
        return data.encode("latin1")
    if type(data) not in {bytes, bytearray}:
        raise RefusedError(f"an array whose data is {described(data)}")
    return cast("bytes | bytearray", data)


def _array(dtype: np.dtype[Any], shape: Any, fortran: bool, data: bytes | bytearray) -> Array:
    if type(shape) is not tuple or len(shape) > MOST_AXES or not all(_is_length(n) for n in shape):
        raise RefusedError("an array whose shape is not a few whole numbers")
    needed = math.prod(shape) * dtype.itemsize
    if needed != len(data):
        raise RefusedError(f"an array of {len(data)} bytes whose shape and dtype need {needed}")
    array = np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
    if dtype.kind == "b" and array.view(np.uint8).max(initial=0) > 1:
        raise RefusedError("an array of truth values that are neither 0 nor 1")
    return array.astype(dtype.newbyteorder("="), copy=False)


def _is_length(n: object) -> bool:
    return type(n) is int and 0 <= n <= LONGEST_AXIS


def described(value: Any) -> str:
    """Say in a word what a value out of a pickle is."""
    if type(value) is str:
        return repr(printable(value, LONGEST_NAME))
    return value.kind if isinstance(value, (_Record, _StandIn)) else type(value).__name__


def _named(path: Path) -> str:
    """Return a path for a message of bounded length: its end is what tells it apart."""
    text = str(path)
    return text if len(text) <= LONGEST_PATH else f"...{text[-LONGEST_PATH:]}"
