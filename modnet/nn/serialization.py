"""Nested state as JSON and arrays and back, to the last bit.

Containers may be dict, list and tuple, NamedTuples, dataclasses and attrs classes; they may hold arrays, numbers (those
of NumPy, too), text, truth values and None. Of a class only the fields are written, not the name: it is taken from a
value of the same structure, so that nothing in a file decides which code runs. No pickle is involved.
"""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import attrs
import numpy as np

from modnet.nn.arrays import NUMPY, Library, to_numpy
from modnet.types import Array

STORABLE = "arrays, numbers, text and None in dict, list, tuple, NamedTuple, dataclass or attrs class"
_MAPPINGS: dict[str, Any] = {"dict": dict, "ordered dict": OrderedDict, "read-only dict": MappingProxyType}
_SEQUENCES: dict[str, Any] = {"list": list, "tuple": tuple}
_NAMES = {cls: name for name, cls in (_MAPPINGS | _SEQUENCES).items()}


def flatten(value: Any, like: Any, arrays: list[Array], place: str = "", native: type = np.ndarray) -> Any:
    """Return a nested value as JSON can hold it, its arrays appended to `arrays` as NumPy's.

    `like` has its structure, as far as there are classes in it; `native` is the class of the network's arrays. Raises
    TypeError with the place of a value that cannot be stored.
    """
    if value is None or type(value) in {bool, int, float, str}:
        return value
    if type(value) is complex:
        return ["complex", value.real, value.imag]
    if (type(value) is np.ndarray or isinstance(value, np.generic)) and not value.dtype.hasobject:
        arrays.append(np.asarray(value))
        return ["number" if isinstance(value, np.generic) else "array", len(arrays) - 1]
    if type(value) is native is not np.ndarray:
        arrays.append(to_numpy(value))
        return ["native", len(arrays) - 1]
    if (name := _NAMES.get(type(value))) and isinstance(value, Mapping):
        odd = [key for key in value if type(key) not in {str, int}]
        if odd:
            raise TypeError(f"the key {odd[0]!r} at {place}, not text or a whole number")
        inside = [[k, flatten(v, _find_like(like, k), arrays, f"{place}[{k!r}]", native)] for k, v in value.items()]
        return [name, inside]
    if name:
        return [name, [flatten(v, _find_like(like, i), arrays, f"{place}[{i}]", native) for i, v in enumerate(value)]]
    fields = _find_fields(value)
    if fields is None:
        raise TypeError(f"{type(value).__name__} at {place}")
    if type(like) is not type(value):
        raise TypeError(f"{type(value).__name__} at {place}, where {type(like).__name__} was at first")
    values = [[k, flatten(getattr(value, k), getattr(like, k, None), arrays, f"{place}.{k}", native)] for k in fields]
    return ["fields", values]


def unflatten(node: Any, like: Any, arrays: Sequence[Array], library: Library = NUMPY) -> Any:
    """Return the value that was flattened, for a network of a `library`.

    Raises ValueError where it does not have the structure of `like`.
    """
    if not isinstance(node, list):
        return node
    name, *rest = node
    if name == "complex":
        return complex(*rest)
    if name == "array":
        return arrays[rest[0]]
    if name == "number":
        return arrays[rest[0]][()]
    if name == "native":
        return library.convert(arrays[rest[0]])
    (inside,) = rest
    if name in _SEQUENCES:
        return _SEQUENCES[name](unflatten(v, _find_like(like, i), arrays, library) for i, v in enumerate(inside))
    if name in _MAPPINGS:
        return _MAPPINGS[name]({k: unflatten(v, _find_like(like, k), arrays, library) for k, v in inside})
    fields = {k: unflatten(v, getattr(like, k, None), arrays, library) for k, v in inside}
    if name != "fields" or list(fields) != _find_fields(like):
        raise ValueError(f"expected the fields {', '.join(fields)}, found {type(like).__name__}")
    return _build(type(like), fields)


def _find_like(like: Any, key: Any) -> Any:
    """Return the value at the same place of `like`; in a list that has grown, the last one."""
    if isinstance(like, Mapping):
        return like.get(key)
    if isinstance(like, (list, tuple)) and like:
        return like[min(key, len(like) - 1)]
    return None


def _find_fields(value: Any) -> list[str] | None:
    """Return the names of the fields of a NamedTuple, dataclass or attrs class; None of anything else."""
    if isinstance(value, type):
        return None
    if isinstance(value, tuple):
        return list(getattr(value, "_fields", ())) or None
    if attrs.has(type(value)):
        return [field.name for field in attrs.fields(type(value))]
    return [field.name for field in dataclasses.fields(value)] if dataclasses.is_dataclass(value) else None


def _build(cls: Any, fields: dict[str, Any]) -> Any:
    """Return an instance with these values in its fields; its `__init__` is not called."""
    if issubclass(cls, tuple):
        return cls._make(fields.values())
    made = object.__new__(cls)
    for name, value in fields.items():
        object.__setattr__(made, name, value)
    return made
