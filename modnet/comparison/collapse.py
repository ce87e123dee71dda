"""Collapsed runs: seeds with which a setting fails."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modnet.comparison.statistics import load_special
from modnet.types import Array, Status

LOST = 0.2  # of the best run's accuracy: a gap as wide as that divides collapsed runs from others


def find_collapsed(accuracies: Array, statuses: Sequence[Status]) -> Array:
    """Return which runs of a setting collapsed (seeds,): they diverged, or are far below the other runs.

    Far below means: a gap lies between them that is wider than a fifth of the best run's accuracy, and wider than the
    range of all accuracies above it. Ordinary runs spread without such a gap.

    >>> find_collapsed(np.array([0.91, 0.1, 0.93, 0.92]), [Status.FINISHED] * 4).tolist()
    [False, True, False, False]
    """
    ordered = np.sort(accuracies)
    needed = np.maximum(LOST * ordered[-1], ordered[-1] - ordered[1:])
    wide = np.flatnonzero(np.diff(ordered) > needed)
    below = accuracies <= ordered[wide[-1]] if len(wide) else np.zeros(len(accuracies), np.bool_)
    found: Array = below | np.array([status == Status.DIVERGED for status in statuses])
    return found


def bound_share(count: int, runs: int, level: float = 0.95) -> float:
    """Return the largest share of seeds that may collapse, if `count` of so many runs did.

    It is the one-sided exact bound of Clopper and Pearson 1934, "The use of confidence or fiducial limits illustrated
    in the case of the binomial". Raises MissingExtraError.

    >>> round(bound_share(0, 10), 3), round(bound_share(1, 10), 3)
    (0.259, 0.394)
    """
    return 1.0 if count == runs else float(load_special().betaincinv(count + 1, runs - count, level))
