"""The root mean squared error."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np

from modnet import Array, Metric, Task


@attrs.frozen
class Rmse(Metric):
    """The root of the mean squared error, in the unit of the targets; of several targets the mean.

    >>> Rmse()(np.array([[1.0], [5.0]]), np.array([[1.0], [2.0]])).__round__(4)
    2.1213
    """

    task: ClassVar[Task] = "regression"
    larger_is_better: ClassVar[bool] = False
    title: ClassVar[str] = "RMSE"

    def __call__(self, y: Array, t: Array, weights: Array | None = None) -> float:
        """Return the root."""
        return float(np.sqrt(np.average((y - t) ** 2, axis=0, weights=weights)).mean())
