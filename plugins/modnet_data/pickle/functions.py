"""Calls that a pickle asks for, and what stands for their results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np

from modnet import Array
from modnet_data.arrays.source import find_no_letters
from modnet_data.pickle.arrays import PickledArray, PickledDtype, get_dtype, in_bytes, is_dtype_code, to_latin1
from modnet_data.pickle.opcodes import SHORT, Piece, RefusedError
from modnet_data.pickle.values import DICT_TYPES, DICTS, Function, PickledDict, PickledSet, describe

LONGEST_SCALAR = 4 * SHORT  # bytes


def call(function: Any, args: Any) -> Any:
    """Return what stands for the result of a function, if it is one of ours and would be called in the usual way.

    A dict is empty at first: its entries are those of `entries_of`.
    """
    if type(function) is not Function:
        raise RefusedError(f"it calls {describe(function)}")
    if type(args) is not tuple:
        raise RefusedError(f"it calls {function.value} with {describe(args)}")
    result, counts = CALLS.get(function, (None, ()))
    return result(*args) if result and len(args) in counts else _refuse(function)


def entries_of(function: Function, args: tuple[Any, ...]) -> list[Any]:
    """Return the keys and values, in turn, of the dict that a call makes."""
    given: Any = args[-1] if args and function is not Function.DEFAULT_DICT else ()
    if type(given) in DICT_TYPES:
        return [each for pair in given.items() for each in pair]
    if type(given) not in {list, tuple} or not all(type(pair) in {list, tuple} and len(pair) == 2 for pair in given):
        _refuse(function)
    return [each for pair in given for each in pair]


def make_object(kind: Any, args: Any) -> PickledDict:
    """Return what stands for a new object: an empty dict, since no others are made."""
    if type(kind) is not Function or kind not in DICTS or type(args) is not tuple or args:
        raise RefusedError(f"it makes an object of {describe(kind)}")
    return PickledDict()


def _refuse(function: Function) -> Any:
    raise RefusedError(f"it calls {function.value} in another way than data needs")


def _dtype(code: Any, *_flags: Any) -> PickledDtype:
    if not is_dtype_code(code):
        raise RefusedError(f"values of dtype {describe(code)}")
    return PickledDtype(code)


def _reconstruct(kind: Any, _shape: Any, _code: Any) -> PickledArray:
    if kind is not Function.NDARRAY:
        raise RefusedError("it reconstructs something other than numpy.ndarray")
    return PickledArray()


def _scalar(dtype: Any, data: Any) -> Any:
    """Return a number, text or bytes of Python's: what is asked for is a single one."""
    if type(dtype) is PickledDtype and dtype.holds_objects:
        raise RefusedError(f"a single value of dtype {dtype.code!r}")
    made = get_dtype(dtype)
    if made.itemsize > LONGEST_SCALAR:
        raise RefusedError(f"a single text of {made.itemsize} bytes")
    content, start, size = in_bytes(data)
    if size != made.itemsize or (made.kind == "b" and content[start] > 1):
        raise RefusedError(f"a number of {size} bytes, expected one of {made}")
    if not size:  # text without letters
        return made.type().item()
    value: Array = np.ndarray((1,), made, content, start)
    if made.kind == "U" and find_no_letters(value).any():
        raise RefusedError("text of letters that there are none")
    return value[0].item()


def _frombuffer(data: Any, dtype: Any, shape: Any, order: Any, axes: Any = None) -> PickledArray:
    if type(order) is not str or order not in {"C", "F", "K"}:
        raise RefusedError("an array whose order is neither C nor F nor K")
    if axes is not None and (order != "K" or type(axes) is not tuple or not all(type(n) is int for n in axes)):
        raise RefusedError("an array whose order of axes is none")
    if type(data) is list:  # of objects, which lie in no buffer
        raise RefusedError("an array whose data is list")
    array = PickledArray()
    array.describe(shape, dtype, data, fortran=order == "F", axes=axes)
    return array


def _encode(text: Any, encoding: Any) -> Any:
    """Return text as bytes; a long piece of it stands for its bytes, and stays where it is."""
    if type(encoding) is not str or encoding != "latin1":
        _refuse(Function.ENCODE)
    if type(text) is Piece and not text.is_bytes:
        return attrs.evolve(text, is_bytes=True)
    if type(text) is not str:
        _refuse(Function.ENCODE)
    return to_latin1(text)


def _bytearray(data: Any = b"", encoding: Any = None) -> Any:
    """Return bytes, which are never changed here; Python 2 gives them as text."""
    if type(data) is bytes or (type(data) is Piece and data.is_bytes):
        return data if encoding is None else _refuse(Function.BYTEARRAY)
    if type(encoding) is not str or encoding != "latin-1":
        _refuse(Function.BYTEARRAY)
    if type(data) is Piece:
        return attrs.evolve(data, is_bytes=True)
    return to_latin1(data) if type(data) is str else _refuse(Function.BYTEARRAY)


def _complex(real: Any, imaginary: Any) -> complex:
    if type(real) is not float or type(imaginary) is not float:
        _refuse(Function.COMPLEX)
    return complex(real, imaginary)


def _set(elements: Any = ()) -> PickledSet:
    if type(elements) not in {list, tuple}:
        _refuse(Function.SET)
    return PickledSet(elements)


def _default_dict(factory: Any = None) -> PickledDict:
    """Return a dict; what it would call for a key that it lacks is left out."""
    if factory is not None and type(factory) is not Function:
        _refuse(Function.DEFAULT_DICT)
    return PickledDict()


def _rebuild(kind: Any, base: Any, _state: Any) -> PickledDict:
    if base is not Function.DICT:
        raise RefusedError(f"it calls copyreg._reconstructor for {describe(kind)}")
    return make_object(kind, ())


CALLS: dict[Function, tuple[Callable[..., Any], tuple[int, ...]]] = {
    Function.DTYPE: (_dtype, (1, 2, 3)),
    Function.RECONSTRUCT: (_reconstruct, (3,)),
    Function.SCALAR: (_scalar, (2,)),
    Function.FROMBUFFER: (_frombuffer, (4, 5)),
    Function.ENCODE: (_encode, (2,)),
    Function.BYTES: (lambda: b"", (0,)),
    Function.BYTEARRAY: (_bytearray, (0, 1, 2)),
    Function.COMPLEX: (_complex, (2,)),
    Function.SET: (_set, (0, 1)),
    Function.FROZENSET: (_set, (0, 1)),
    Function.ORDERED_DICT: (lambda _=(): PickledDict(), (0, 1)),
    Function.COUNTER: (lambda _=(): PickledDict(), (0, 1)),
    Function.DEFAULT_DICT: (_default_dict, (0, 1)),
    Function.REBUILD: (_rebuild, (3,)),
}
"""Placeholders for functions, and the numbers of arguments that each is called with; no others are ever called."""
