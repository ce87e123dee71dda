"""Search for places where a function is not smooth to rounding."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.polynomial import chebyshev

from modnet.randomness import Stream
from modnet.types import Array

NODES = chebyshev.chebpts1(13)  # none at the ends, where a declared kink may be
FROM_VALUES = np.linalg.inv(chebyshev.chebvander(NODES, len(NODES) - 1))
BETWEEN = np.linspace(-1, 1, 32)[1:-1]
FINEST = 2.0**-11  # of steps of differences; what is smooth on a smaller scale only is of no use to them
TOLERANCE = 1000 * float(np.finfo(np.float64).eps)
DENSITY = 1500  # points in an interval of length 1: rare and narrow bumps are found by many of them


def find_roughness(function: Callable[[Array], Array], low: float, high: float) -> float | None:
    """Return a place between `low` and `high` where the function's values follow no polynomial; None if there is none.

    The function takes places (P,) and returns values (P, outputs). An interval in which a polynomial through 13 values
    misses others is halved, down to a length of 5e-4.

    >>> round(find_roughness(lambda u: abs(u[:, np.newaxis] - 0.3), -1.0, 1.0), 2)
    0.3
    """
    draw = Stream(0, ("smoothness",)).generator()
    points = np.sort(draw.uniform(low, high, 64 + int(DENSITY * (high - low))))
    values = function(points)
    golden = 0.6180339887498949  # a kink at a plain number is inside an interval, not between two of them
    intervals = list(pairwise([low, *np.arange(low + golden, high).tolist(), high]))
    while intervals:
        start, end = intervals.pop()
        middle, half = (start + end) / 2, (end - start) / 2
        inside = slice(*np.searchsorted(points, (start, end)))
        near = middle + half * np.concatenate([NODES, BETWEEN])
        found = function(near)
        places = np.concatenate([near, points[inside]])
        found = np.concatenate([found, values[inside]])
        smooth = chebyshev.chebvander((places - middle) / half, len(NODES) - 1) @ (FROM_VALUES @ found[: len(NODES)])
        misses = np.abs(found - smooth).max(axis=1)
        if (misses <= TOLERANCE * (1 + np.abs(found).max())).all():
            continue
        if end - start <= FINEST:
            return float(places[np.argmax(np.where(np.isfinite(misses), misses, np.inf))])
        intervals += [(start, middle), (middle, end)]
    return None
