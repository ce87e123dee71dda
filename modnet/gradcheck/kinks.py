"""Where between two arguments a function has a corner or a jump: the maximum of the ReLU, the edge of a step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from modnet.types import Array

CUTS, SHARE = 20, 0.6  # 0.6 to the power of 20 is 4e-5


def corners_between(f: Callable[[Array], Array], low: Array, high: Array) -> Array:
    """Return where between `low` and `high` the elementwise `f` has a corner or a jump, NaN where it has none.

    All are arrays of one shape. Each interval is cut twenty times to the more bent of its first and last 60 %; if
    the slopes to both sides of what remains still differ, there is a corner in it.

    >>> corners_between(lambda a: np.maximum(a, 1), np.array([0.99, 1.01]), np.array([1.03, 1.02])).round(6)
    array([ 1., nan])
    """
    below, above = low.astype(np.float64), high.astype(np.float64)
    for _ in range(CUTS):
        # The two overlap, so that a corner on the cut is well inside of one of them.
        length = SHARE * (above - below)
        left = _bend(f, below, below + length) >= _bend(f, above - length, above)
        below, above = np.where(left, below, above - length), np.where(left, below + length, above)
    width = np.where(above > below, above - below, 1.0)
    f_below, f_above = f(below), f(above)
    before = (f_below - f(below - width)) / width
    after = (f(above + width) - f_above) / width
    corner = np.abs(after - before) > 1e-3 * (np.abs(after) + np.abs(before))
    jump = np.abs(f_above - f_below) > 10 * width * (np.abs(after) + np.abs(before) + 1)
    return np.where((above > below) & (corner | jump), (below + above) / 2, np.nan)


def _bend(f: Callable[[Array], Array], low: Array, high: Array) -> Array:
    return np.asarray(np.abs(f(low) - 2 * f((low + high) / 2) + f(high)))
