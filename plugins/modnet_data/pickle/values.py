"""Placeholders for functions, dicts and sets of a pickle."""

from __future__ import annotations

from enum import Enum
from typing import Any

import attrs

from modnet.files import printable

LONGEST_NAME = 40


class Function(Enum):
    """The names that a pickle may ask for. No function stands behind them."""

    NDARRAY = "numpy.ndarray"
    DTYPE = "numpy.dtype"
    RECONSTRUCT = "numpy._reconstruct"
    SCALAR = "numpy.scalar"
    FROMBUFFER = "numpy._frombuffer"
    ENCODE = "_codecs.encode"
    BYTES = "bytes"
    BYTEARRAY = "bytearray"
    COMPLEX = "complex"
    SET = "set"
    FROZENSET = "frozenset"
    DICT = "dict"
    ORDERED_DICT = "collections.OrderedDict"
    DEFAULT_DICT = "collections.defaultdict"
    COUNTER = "collections.Counter"
    BUNCH = "sklearn.utils.Bunch"
    REBUILD = "copyreg._reconstructor"
    TYPE = "a type of Python's"


NAMES = {
    ("numpy", "ndarray"): Function.NDARRAY,
    ("numpy", "dtype"): Function.DTYPE,
    ("_codecs", "encode"): Function.ENCODE,
    ("collections", "OrderedDict"): Function.ORDERED_DICT,
    ("collections", "defaultdict"): Function.DEFAULT_DICT,
    ("collections", "Counter"): Function.COUNTER,
}
for core in ("numpy.core", "numpy._core"):  # of NumPy 1 and 2
    NAMES[f"{core}.multiarray", "_reconstruct"] = Function.RECONSTRUCT
    NAMES[f"{core}.multiarray", "scalar"] = Function.SCALAR
    NAMES[f"{core}.numeric", "_frombuffer"] = Function.FROMBUFFER
for builtins, copyreg in (("__builtin__", "copy_reg"), ("builtins", "copyreg")):  # of Python 2 and 3
    for plain in ("BYTES", "BYTEARRAY", "COMPLEX", "SET", "FROZENSET", "DICT"):
        NAMES[builtins, plain.lower()] = Function[plain]
    for plain in ("bool", "int", "long", "float", "str", "unicode", "list", "tuple"):
        NAMES[builtins, plain] = Function.TYPE
    NAMES[copyreg, "_reconstructor"] = Function.REBUILD
for module in ("sklearn.utils", "sklearn.utils._bunch", "sklearn.datasets.base", "sklearn.datasets._base"):
    NAMES[module, "Bunch"] = Function.BUNCH

DICTS = frozenset({Function.ORDERED_DICT, Function.DEFAULT_DICT, Function.COUNTER, Function.BUNCH})

INSTEAD = {
    "numpy": "save plain arrays, by numpy.asarray",
    "pandas": "save the table as CSV or Parquet, by its to_csv or to_parquet",
    "polars": "save the table as CSV or Parquet, by its write_csv or write_parquet",
    "torch": "save tensors as arrays, by numpy.savez and their numpy()",
    "tensorflow": "save tensors as arrays, by numpy.savez and their numpy()",
    "jax": "save arrays of NumPy, by numpy.savez",
    "jaxlib": "save arrays of NumPy, by numpy.savez",
    "scipy": "save a sparse matrix as an array, by numpy.savez and its toarray()",
    "sklearn": "save arrays, by numpy.savez",
    "joblib": "load it by joblib, and save its arrays by numpy.savez",
    "datetime": "save dates as text or numbers",
    "PIL": "save images as arrays, by numpy.savez and numpy.asarray",
}
"""Advice for objects that are often found in pickles of data, by the module that makes them."""


class PickledDict(dict[Any, Any]):
    """An OrderedDict, defaultdict, Counter or Bunch, whose attributes and default are left out."""

    __slots__ = ()


@attrs.frozen(eq=False)
class Key:
    """A key of a dict that is no text, which is not compared either."""

    value: Any


class PickledSet(list[Any]):
    """The elements of a set or frozenset, which are not compared: none of them can be chosen to be slow."""

    __slots__ = ()


DICT_TYPES = frozenset({dict, PickledDict})


def to_key(value: Any) -> str | bytes | Key:
    """Return text and bytes as they are, since no pickle knows how those are hashed; other keys are not compared.

    >>> to_key("x"), to_key(3)
    ('x', Key(value=3))
    """
    return value if type(value) in {str, bytes, Key} else Key(value)


def find_name(module: str, name: str) -> Function | str:
    """Return the placeholder for a name, or else why there is none."""
    if (function := NAMES.get((module, name))) is not None:
        return function
    words = f"it asks for {printable(f'{module}.{name}', 2 * LONGEST_NAME)}"
    instead = INSTEAD.get(module.partition(".")[0])
    return f"{words}; {instead}" if instead else words


def describe(value: Any) -> str:
    """Say in a word what a value out of a pickle is."""
    if type(value) is str:
        return repr(printable(value, LONGEST_NAME))
    if type(value) is Function:
        return str(value.value)
    return describe_type(type(value))


def describe_type(kind: type) -> str:
    """Say in a word of what type a value is."""
    words = {
        "PickledArray": "array",
        "PickledDtype": "dtype",
        "PickledDict": "dict",
        "PickledSet": "set",
        "Piece": "a long text",
    }
    return words.get(kind.__name__, kind.__name__)
