"""Failing inputs, reduced to smaller ones that fail too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from modnet.types import Array

ATTEMPTS = 300
BYTES = 4096  # content longer than this is cut at its end only


def shrunk(inputs: Mapping[str, Any], fails: Callable[[Mapping[str, Any]], bool]) -> Mapping[str, Any]:
    """Return inputs, as small and plain as they get in a limited number of attempts, for which `fails` is true.

    >>> shrunk({"a": np.linspace(-1, 7, 9).reshape(3, 3)}, lambda inputs: (inputs["a"] > 2).any())
    {'a': array([[3.]])}
    """
    left = ATTEMPTS
    found = True
    while found:
        found = False
        for candidate in _smaller(inputs):
            if not left:
                return inputs
            left -= 1
            if fails(candidate):
                inputs, found = candidate, True
                break
    return inputs


def _smaller(inputs: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield inputs that are a step smaller, the boldest steps first."""
    arrays = {key: value for key, value in inputs.items() if isinstance(value, np.ndarray) and value.size}
    yield from ({**inputs, **fewer} for fewer in _fewer_names(inputs))
    yield from ({**inputs, **fewer} for fewer in _fewer_rows(arrays))
    if len(arrays) == 1:  # where there are more, they have a shape in common
        ((key, only),) = arrays.items()
        yield from ({**inputs, key: fewer} for axis in range(1, only.ndim) for fewer in _fewer(only, axis))
    else:
        yield from ({**inputs, **fewer} for fewer in _fewer_columns(arrays))
    for key, value in inputs.items():
        if isinstance(value, np.ndarray):
            yield from ({**inputs, key: plainer} for plainer in _plainer(value))
        elif isinstance(value, bytes):
            yield from ({**inputs, key: shorter} for shorter in _shorter(value))
        elif type(value) is dict:
            yield from ({**inputs, key: smaller} for smaller in _smaller(value))


def _fewer_names(inputs: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield all mappings that have the same names with one name less, the same of each."""
    nested = {key: value for key, value in inputs.items() if type(value) is dict and value}
    names = {tuple(value) for value in nested.values()}
    for left_out in names.pop() if len(names) == 1 else ():
        fewer = {key: {n: v for n, v in value.items() if n != left_out} for key, value in nested.items()}
        if all(fewer.values()):
            yield fewer


def _fewer_rows(arrays: Mapping[str, Array]) -> Iterator[dict[str, Array]]:
    """Yield all arrays with fewer rows, the same of each."""
    lengths = {len(array) if array.ndim else 0 for array in arrays.values()}
    if len(lengths) != 1:
        return
    for rows in _parts(lengths.pop()):
        yield {key: array[rows] for key, array in arrays.items()}


def _fewer_columns(arrays: Mapping[str, Array]) -> Iterator[dict[str, Array]]:
    """Yield all arrays of rows with fewer columns, the same of each: outputs without some classes."""
    wide = {key: array for key, array in arrays.items() if array.ndim > 1}
    widths = {array.shape[-1] for array in wide.values()}
    if len(widths) != 1:
        return
    for columns in _parts(widths.pop()):
        yield {key: array[..., columns] for key, array in wide.items()}


def _fewer(array: Array, axis: int) -> Iterator[Array]:
    for rows in _parts(array.shape[axis]):
        yield np.take(array, np.arange(array.shape[axis])[rows], axis=axis)


def _parts(length: int) -> Iterator[Any]:
    """Yield what to keep of so many: either half, then all but one."""
    if length > 1:
        yield slice(length // 2)
        yield slice(length // 2, None)
        if length > 2:
            yield from (np.delete(np.arange(length), i) for i in range(length))


def _plainer(array: Array) -> Iterator[Array]:
    """Yield arrays with plainer numbers."""
    if array.dtype.kind not in "fiu" or not array.size or not np.isfinite(array).all():
        return
    low, high = _range(array)
    plain: list[Any] = [v for v in (0, 1, -1) if low <= v <= high]
    wholes = [np.full_like(array, value) for value in plain]
    if array.dtype.kind == "f":
        wholes += [array.round(digits) for digits in (0, 1, 2)]
    yield from (w for w in wholes if _plainness(w) < _plainness(array) and low <= w.min() and w.max() <= high)
    for index in np.ndindex(array.shape):
        for value in [*plain, *(array[index].round(digits) for digits in (0, 1))]:
            if _plainness(value) < _plainness(array[index]) and low <= value <= high:
                other = array.copy()
                other[index] = value
                yield other


def _range(array: Array) -> tuple[float, float]:
    """Return what plainer numbers must lie between: probabilities stay some."""
    low, high = float(array.min()), float(array.max())
    if array.dtype.kind == "f" and low > 0 and high < 1:
        return min(low, 0.1), max(high, 0.9)
    return 0.0 if array.dtype.kind == "u" else -np.inf, np.inf


def _plainness(numbers: Any) -> tuple[float, ...]:
    """Return what is smaller for plainer numbers: fewer digits, nearer to 0; so that shrinking comes to an end."""
    values = np.asarray(numbers, np.float64).reshape(-1)
    digits = sum(len(repr(value)) for value in values.tolist())
    return digits, float(np.abs(values).sum()), float((values < 0).sum())


def _shorter(content: bytes) -> Iterator[bytes]:
    lines = content.splitlines(keepends=True)
    if len(lines) < BYTES // 64:
        yield from (b"".join(np.array(lines, object)[rows]) for rows in _parts(len(lines)))
    size = len(content)
    yield from (content[: size // 2], content[: size - size // 8 - 1]) if size else ()
    if 0 < size <= BYTES:
        step = max(1, size // 8)
        yield from (content[:start] + content[start + step :] for start in range(0, size, step))
