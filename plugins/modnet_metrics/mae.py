"""The mean absolute error."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np

from modnet import Array, Metric, Task


@attrs.frozen
class Mae(Metric):
    """The mean absolute error, in the unit of the targets; of several targets the mean.

    >>> Mae()(np.array([[1.0], [5.0]]), np.array([[1.0], [2.0]]))
    1.5
    """

    task: ClassVar[Task] = "regression"
    larger_is_better: ClassVar[bool] = False
    title: ClassVar[str] = "MAE"

    def __call__(self, y: Array, t: Array, weights: Array | None = None) -> float:
        """Return the mean."""
        return float(np.average(abs(y - t), axis=0, weights=weights).mean())
