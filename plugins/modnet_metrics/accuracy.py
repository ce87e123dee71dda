"""The accuracy."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np

from modnet import Array, Metric, Task


@attrs.frozen
class Accuracy(Metric):
    """The share of samples whose largest output is at their class.

    >>> Accuracy()(np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]]), np.array([0, 1, 1])).__round__(4)
    0.6667
    """

    task: ClassVar[Task] = "classification"

    def __call__(self, y: Array, t: Array, weights: Array | None = None) -> float:
        """Return the share, between 0 and 1."""
        return float(np.average(y.argmax(axis=1) == t, weights=weights))
