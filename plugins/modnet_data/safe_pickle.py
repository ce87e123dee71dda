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
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from modnet import Array, DataError
from modnet_data.pickle_opcodes import check_opcodes

SIZES = {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8)}
BYTE_ORDERS = ("<", ">", "|", "=")
LONGEST_AXIS = 2**40
LONGEST_NAME = 100


class RefusedError(Exception):
    """What a pickle asks for and does not get; it never leaves this package."""


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


def load_arrays(data: bytes, path: Path) -> Any:
    """Return what a pickle holds: dicts, lists, tuples, text and numbers, and an `Unchecked` for each array.

    Raises DataError where it asks for anything else, and where it is damaged.
    """
    try:
        check_opcodes(data)
        return _Unpickler(data).load()
    except RefusedError as error:
        raise DataError(
            f"{path}: refused, nothing of it was run: {_printable(str(error))}; "
            "a pickle may hold NumPy arrays of numbers, in dicts, lists and tuples, only"
        ) from None
    except Exception as error:  # noqa: BLE001 - a damaged pickle can fail in any way, and each way means the same
        raise DataError(f"{path}: a damaged pickle: {_printable(str(error)) or type(error).__name__}") from None
