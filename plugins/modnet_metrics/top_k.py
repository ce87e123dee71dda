"""The accuracy of several guesses."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np
from attrs.validators import ge

from modnet import Array, Metric, Task


@attrs.frozen
class TopK(Metric):
    """The share of samples whose class is among the `k` largest outputs; the accuracy is that with k = 1.

    Of equal outputs the first is taken. With as many classes as `k` or fewer it is always 1.

    >>> y, t = np.array([[0.5, 0.3, 0.2], [0.1, 0.7, 0.2]]), np.array([1, 0])
    >>> TopK(k=2)(y, t), TopK(k=2).column
    (0.5, 'top_2')
    """

    task: ClassVar[Task] = "classification"

    k: int = attrs.field(default=5, validator=ge(1))

    @property
    def column(self) -> str:
        """The end of its column's name, with the number of guesses."""
        return f"top_{self.k}"

    def __call__(self, y: Array, t: Array, weights: Array | None = None) -> float:
        """Return the share, between 0 and 1."""
        own = y[np.arange(len(t)), t][:, np.newaxis]
        is_first = t[:, np.newaxis] < np.arange(y.shape[1])
        passed = (own > y) | ((own == y) & is_first)  # by the output of the class; an output that is NaN passes none
        ahead = (~passed).sum(axis=1) - 1  # but for the class itself
        return float(np.average(ahead < self.k, weights=weights))
