"""Order of arrays in memory, which NumPy's alone show."""

from __future__ import annotations

from typing import Any

import numpy as np

from modnet import Array


def put_in_order(values: Array, like: Array) -> Array:
    """Return values in the order in which `like`, of the same shape, lies in memory: a copy where theirs is another.

    Arrays of other libraries come back as they are.

    >>> put_in_order(np.zeros((2, 3)), np.zeros((3, 2)).T).strides
    (8, 16)
    """
    if not is_numpy(values) or values.strides == like.strides:
        return values
    ordered = np.empty_like(like, values.dtype)
    ordered[...] = values
    return ordered


def is_numpy(values: Any) -> bool:
    """Return whether an array is NumPy's, and may be made in place; `Array` stands for those of other libraries, too.

    >>> is_numpy(np.zeros(3))
    True
    """
    return isinstance(values, np.ndarray)
