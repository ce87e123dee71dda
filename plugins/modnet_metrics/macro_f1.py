"""The F1 score, averaged over classes."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np

from modnet import Array, Metric, Task


@attrs.frozen
class MacroF1(Metric):
    """The F1 score of each class, and of that the mean: a rare class counts as much as a large one.

    The F1 score is the harmonic mean of precision and recall, 2 hits / (samples + predictions). A class counts where
    it has samples or is predicted, as in scikit-learn.

    >>> MacroF1()(np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]]), np.array([0, 1, 1])).__round__(4)
    0.6667
    """

    task: ClassVar[Task] = "classification"
    title: ClassVar[str] = "macro F1"

    def __call__(self, y: Array, t: Array, weights: Array | None = None) -> float:
        """Return the mean, between 0 and 1."""
        weights = np.ones(len(t)) if weights is None else weights
        predicted, classes = y.argmax(axis=1), y.shape[1]
        hits = np.bincount(t, weights * (predicted == t), classes)
        both = np.bincount(t, weights, classes) + np.bincount(predicted, weights, classes)
        return float((2 * hits[both > 0] / both[both > 0]).mean())
