"""Steps and central differences of parts that have no derivative of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from modnet.types import Array


def default_step(dtype: Any) -> float:
    """Return the step h of central differences in a dtype: the book's 1e-4, or the cube root of eps where it is larger.

    The cube root balances the truncation error, of order h², and the round-off error, of order eps / h.
    Press et al., "Numerical Recipes", eq. 5.7.8; Saitoh, "Deep Learning from Scratch", chapter 4.3.1.

    >>> default_step("float64"), round(default_step("float32"), 4)
    (0.0001, 0.0049)
    """
    return max(1e-4, float(np.cbrt(np.finfo(dtype).eps)))


def compute_partial_differences(f: Callable[[Array], Array], a: Array) -> Iterator[Array]:
    """Yield (f(a + h e_k) - f(a - h e_k)) / 2h for each position k along the last axis, for all others at once.

    `f` treats these independently, as an activation and a loss treat samples.

    >>> differences = compute_partial_differences(lambda a: (a**2).sum(axis=-1), np.array([[3.0, 4.0]]))
    >>> [difference.round(6).tolist() for difference in differences]
    [[6.0], [8.0]]
    """
    h = default_step(a.dtype)
    for k in range(a.shape[-1]):
        shift: Array = np.zeros(a.shape[-1], a.dtype)
        shift[k] = h
        yield (f(a + shift) - f(a - shift)) / (2 * h)
