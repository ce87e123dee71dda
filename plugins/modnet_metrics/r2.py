"""The coefficient of determination, R²."""

from __future__ import annotations

import math
from typing import ClassVar

import attrs
import numpy as np

from modnet import Array, Metric, Task


@attrs.frozen
class R2(Metric):
    """The share of the targets' variance that the outputs explain, R²; of several targets the mean.

    1 is a perfect prediction, 0 as good as the mean of the targets, and there is no lower bound. As in scikit-learn,
    of a target that does not vary it is 1 where all outputs are right and otherwise 0, and of one sample it is NaN.

    >>> R2()(np.array([[1.0], [2.0], [4.0]]), np.array([[1.0], [2.0], [3.0]]))
    0.5
    """

    task: ClassVar[Task] = "regression"
    title: ClassVar[str] = "R²"

    def __call__(self, y: Array, t: Array, weights: Array | None = None) -> float:
        """Return the share: at most 1."""
        if (len(t) if weights is None else np.count_nonzero(weights)) < 2:
            return math.nan
        squares, centred = (y - t) ** 2, t - np.average(t, axis=0, weights=weights)
        variance, mean = (np.average(values, axis=0, weights=weights) for values in (centred**2, squares))
        varies = (t != t[0]).any(axis=0) & (variance > 1e-300 * (1 + mean))  # of less, a share has no bounds
        unit = np.where(varies, variance, mean)
        shares = (squares / np.where(unit > 0, unit, 1.0)).mean(axis=1)
        return 1.0 - float(np.average(shares, weights=weights))
