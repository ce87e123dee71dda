"""Rows and labels of values out of a pickle."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np

from modnet import Array
from modnet_data.pickle.arrays import MOST_TEXT, PickledArray
from modnet_data.pickle.machine import MOST_OPCODES
from modnet_data.pickle.opcodes import MisfitError, Piece, RefusedError
from modnet_data.pickle.values import describe, describe_type

LISTS = {list, tuple}
NUMBERS = {int, float, bool}
DEEPEST = 4
"""Lists of numbers in each other: (N, height, width, channels)."""

INTEGERS = range(-(2**63), 2**63)


def array_of(value: Any) -> Array:
    """Return the array of rows that a value out of a pickle stands for."""
    if type(value) in LISTS and value:
        return _stack(value) if type(value[0]) is PickledArray else _numbers_of(value)
    if type(value) is not PickledArray:
        raise RefusedError(f"an array is expected where it has {describe(value)}")
    array = value.make()
    if not array.ndim:
        raise RefusedError("an array of rows is expected where it has an array of a single number")
    return array


def labels_of(value: Any) -> Array:
    """Return labels: an array, or a list or tuple of text, of whole numbers or of truth values, as an array.

    Bytes are text in UTF-8.
    """
    if type(value) is PickledArray and (objects := value.objects()) is not None:
        value = objects
    if type(value) not in LISTS:
        return array_of(value)
    kinds = set(map(type, value))
    if kinds and kinds <= LISTS and value[0]:  # one-hot rows, or each label in a list
        return _numbers_of(value)
    if Piece in kinds:
        _check_readings(value)
    if kinds in ({str}, {bytes}):
        return _texts_of(value)
    if kinds not in ({int}, {bool}):
        found = ", ".join(sorted(map(describe_type, kinds))) or "nothing"
        raise RefusedError(f"labels are text or whole numbers, found {found}")
    if not all(n in INTEGERS for n in value):
        raise RefusedError("labels that are whole numbers of more than 64 bits")
    return np.array(value)


def _texts_of(labels: list[Any] | tuple[Any, ...]) -> Array:
    texts = [_to_text(label, row) if type(label) is bytes else label for row, label in enumerate(labels, 1)]
    longest = max(map(len, texts))  # each takes as much memory as that
    if len(texts) * longest > MOST_TEXT:
        raise RefusedError(f"{len(texts)} labels of text, of up to {longest} letters, are too many")
    return np.array(texts)


def is_table(value: Any) -> bool:
    """Say whether a value is evidently rows, under no name: an array, or a list of lists of numbers."""
    first: Any = value[0] if type(value) in LISTS and value else None
    return type(value) is PickledArray or (type(first) in LISTS and bool(first) and type(first[0]) in NUMBERS)


def _check_readings(labels: list[Any] | tuple[Any, ...]) -> None:
    for row, label in enumerate(labels, 1):
        if type(label) is Piece and label.is_ambiguous:
            what = f"label {row} could be UTF-8 or Latin-1, as Python 2 wrote it"
            raise MisfitError(f"{what}; write the pickle anew with labels of type unicode")


def _to_text(label: bytes, row: int) -> str:
    try:
        return label.decode()
    except UnicodeDecodeError:
        raise MisfitError(f"label {row} is no text in UTF-8; save labels as text") from None


def _stack(arrays: list[Any] | tuple[Any, ...]) -> Array:
    """Return arrays of one shape as the rows of one."""
    first, made = arrays[0].make(), []
    if (
        len(arrays) * first.nbytes > arrays[0].most_bytes
    ):  # of which more can only be if bytes are there again and again
        raise MisfitError(f"{len(arrays)} arrays of {first.nbytes} bytes are more than lie in the file")
    for row, each in enumerate(arrays, 1):
        if type(each) is not PickledArray:
            raise MisfitError(f"row {row}: expected an array, as row 1 is, found {describe(each)}")
        array = each.make()
        if array.shape != first.shape or array.dtype != first.dtype:
            found, expected = (f"{one.dtype} of shape {one.shape}" for one in (array, first))
            raise MisfitError(f"row {row}: expected {expected}, as row 1 is, found {found}")
        made.append(array)
    return _freeze(np.stack(made))


def _numbers_of(value: list[Any] | tuple[Any, ...]) -> Array:
    """Return the array of lists of numbers, in others of one length each; of a single list it has one axis."""
    shape, values = [len(value)], value
    while type(values[0]) in LISTS:
        size = len(values[0])
        if len(shape) == DEEPEST or not size:
            raise MisfitError(f"expected rows of numbers, found {'lists' if size else 'nothing'} in them")
        for i, each in enumerate(values):
            if type(each) not in LISTS or len(each) != size:
                found = f"{len(each)} values" if type(each) in LISTS else describe(each)
                row = i * shape[0] // len(values) + 1
                raise MisfitError(f"row {row}: expected {size} values, as in row 1, found {found}")
        if len(values) * size > MOST_OPCODES:  # of which more can only be if lists are there again and again
            raise MisfitError(f"more than {MOST_OPCODES} numbers in lists; save them as an array, by numpy.savez")
        values = list(chain.from_iterable(values))
        shape.append(size)
    for i, each in enumerate(values):
        if type(each) not in NUMBERS or (type(each) is int and each not in INTEGERS):
            row, column = divmod(i, len(values) // shape[0])
            place = f"row {row + 1}, feature {column + 1}"
            raise MisfitError(f"{place}: expected a number, found {describe(each)}")
    return _freeze(np.array(values).reshape(shape))


def _freeze(array: Array) -> Array:
    """Return an array that nobody else has, so that it need not be copied once more."""
    array.flags.writeable = False
    return array
