"""The logarithmic loss of probabilities."""

from __future__ import annotations

import math
from typing import ClassVar

import attrs
import numpy as np

from modnet import Array, DataError, Metric, Task


@attrs.frozen
class LogLoss(Metric):
    """The mean of -log p, where p is the probability that the outputs give to the class of a sample.

    A probability counts as the precision of its dtype at least, and as 1 minus that at most, as in scikit-learn.

    >>> LogLoss()(np.array([[0.5, 0.5], [0.2, 0.8]]), np.array([0, 1])).__round__(4)
    0.4581
    """

    task: ClassVar[Task] = "classification"
    larger_is_better: ClassVar[bool] = False

    def __call__(self, y: Array, t: Array, weights: Array | None = None) -> float:
        """Return the mean; raises DataError where the outputs of a sample are no probabilities, or their sum is not 1.

        So it is with the outputs of an identity, or with sigmoids of several classes, each of which is on its own.
        """
        if np.isnan(y).any():  # of a run that diverges
            return math.nan
        eps = np.finfo(y.dtype).eps
        wrong = (y < 0).any(axis=1) | (y > 1).any(axis=1) | (abs(y.sum(axis=1) - 1) > np.sqrt(eps))
        if wrong.any():
            row = y[wrong][0]
            what = f"they are {row.min():.4g} to {row.max():.4g}, and their sum is {row.sum():.4g}"
            raise DataError(f"log-loss needs probabilities, and the outputs are none: {what}: take --output softmax")
        p = np.clip(y[np.arange(len(t)), t], eps, 1 - eps)
        return float(np.average(-np.log(p), weights=weights))
