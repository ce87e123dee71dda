"""Conduct of parts: writes into arguments, wrong types, arrays of other libraries."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any

import numpy as np

from modnet.errors import NoDerivativeError
from modnet.nn.arrays import to_numpy
from modnet.text import format_error
from modnet.types import Array

OTHER = "array_api_strict"
RELATIVE = 1e-6  # a difference of numbers that rounding may make, of losses that are subtracted, too
NEW = "let it return a new array"
# `a += 1` and `np.tanh(a, out=a)` change an argument; these packages only carry out what a part's code asks for.
OURS = frozenset({"modnet", "numpy", "array_api_compat"})


class MisconductError(Exception):
    """A part that does not keep to its interface; the message says what it does, and what to do."""


def call_part(what: str, function: Callable[..., Any], given: Mapping[str, Array]) -> Any:
    """Return what a part's function returns for copies of the arrays `given`, by name; `what` names the function.

    Raises MisconductError where it raises an error of its own or writes into one of them; that it has no derivative is
    raised as it is.

    >>> call_part("it", lambda a: a.sort(), {"a": np.array([2.0, 1.0])})
    Traceback (most recent call last):
        ...
    modnet.testing.gradcheck.conduct.MisconductError: it writes into a, which it was given: let it return a new array
    """
    copies = {name: array.copy() for name, array in given.items()}
    try:
        with np.errstate(all="ignore"):
            found = function(*copies.values())
    except (NoDerivativeError, MisconductError):
        raise
    except Exception as error:  # of third-party code
        raise MisconductError(f"{what} raises {format_error(error)}{find_line(error)}") from error
    if written := [name for name, array in given.items() if not _are_equal(array, copies[name])]:
        raise MisconductError(f"{what} writes into {' and '.join(written)}, which it was given: {NEW}")
    return found


def check_array(what: str, found: Any, shape: tuple[int, ...]) -> Array:
    """Return a copy of the array of real numbers that a part's function returned.

    Raises MisconductError where it is none, or has another shape.
    """
    if not isinstance(found, np.ndarray) or isinstance(found, (np.matrix, np.ma.MaskedArray)):
        kind = type(found).__name__
        raise MisconductError(f"{what} returns a {kind}, not an array of shape {shape}: let it return a NumPy array")
    if found.shape != shape:
        raise MisconductError(f"{what} returns shape {found.shape}, not {shape}")
    if found.dtype.kind not in "fiu":
        raise MisconductError(f"{what} returns an array of {found.dtype}: real numbers are expected")
    return np.array(found)


def check_memory(what: str, function: Callable[..., Any], given: Mapping[str, Array]) -> None:
    """Raise MisconductError where what a part's function returned is overwritten by its next call."""
    first = call_part(what, function, given)
    before = np.array(first)
    call_part(what, function, vary(given))
    if not _are_equal(before, np.asarray(first)):
        raise MisconductError(f"{what} returns an array that its next call overwrites: {NEW} each time")


def vary(given: Mapping[str, Array]) -> dict[str, Array]:
    """Return other arguments of the same shapes: `a` of the other sign, others smaller, classes as they are."""
    factors = {name: -0.9 if name == "a" else 0.9 for name in given}
    return {
        name: array.dtype.type(factors[name]) * array if array.dtype.kind == "f" else array
        for name, array in given.items()
    }


def find_line(error: BaseException) -> str:
    """Return the last line of third-party code that an error came through, as " (file:line)"; "" if there is none."""
    frames = [
        f" ({frame.f_code.co_filename}:{line})"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if str(frame.f_globals.get("__name__")).partition(".")[0] not in OURS
    ]
    return frames[-1] if frames else ""


def _are_equal(one: Array, other: Array) -> bool:
    return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


def compare_libraries(part: Any, call: Callable[..., Any], inputs: Any) -> None:
    """Raise AssertionError where `call(part, **inputs)` gives other numbers for another library's arrays."""
    expected, found = list(_list_arrays(call(part, **inputs))), call_with_others(part, call, inputs)
    assert len(found) == len(expected), f"it returns {len(expected)} arrays for NumPy's, and {len(found)} for others"
    for array, other in zip(expected, found, strict=True):
        limit = RELATIVE * max(float(np.abs(each).max(initial=0)) for each in expected)
        np.testing.assert_allclose(to_numpy(other), array, rtol=RELATIVE, atol=limit)


def call_with_others(part: Any, call: Callable[..., Any], inputs: Any) -> list[Any]:
    """Return all arrays that a part returns for another library's; raises where it does not take them."""
    found = list(_list_arrays(call(part, **_convert(inputs, import_module(OTHER)))))
    assert not any(isinstance(each, np.ndarray) for each in found), "it returns NumPy's arrays for others"
    return found


def _convert(value: Any, xp: Any) -> Any:
    if isinstance(value, np.ndarray):
        return xp.asarray(value.copy())
    return {name: _convert(each, xp) for name, each in value.items()} if isinstance(value, dict) else value


def _list_arrays(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        value = [value[name] for name in sorted(value)]
    if isinstance(value, (list, tuple)):
        for each in value:
            yield from _list_arrays(each)
    elif value is not None:
        yield value
