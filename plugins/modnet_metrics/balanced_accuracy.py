"""The balanced accuracy."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np

from modnet import Array, Metric, Task


@attrs.frozen
class BalancedAccuracy(Metric):
    """The accuracy on the samples of each class, and of that the mean: a rare class counts as much as a large one.

    A class without samples does not count, as in scikit-learn. Brodersen et al. (2010), "The balanced accuracy and its
    posterior distribution".

    >>> BalancedAccuracy()(np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]]), np.array([0, 0, 1]))
    0.25
    """

    task: ClassVar[Task] = "classification"

    def __call__(self, y: Array, t: Array, weights: Array | None = None) -> float:
        """Return the mean, between 0 and 1."""
        weights = np.ones(len(t)) if weights is None else weights
        there = np.bincount(t, weights)
        right = np.bincount(t, weights * (y.argmax(axis=1) == t))
        return float((right[there > 0] / there[there > 0]).mean())
