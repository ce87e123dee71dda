"""Precision, recall and F1 of each class, of class indices."""

from __future__ import annotations

import numpy as np

from modnet import Array


def count_pairs(t: Array, predicted: Array, classes: int) -> Array:
    """Return how often each class is taken for each (classes, classes): rows are true.

    >>> count_pairs(np.array([0, 1, 1]), np.array([0, 1, 0]), 2).tolist()
    [[1, 0], [1, 1]]
    """
    found: Array = np.bincount(t * classes + predicted, minlength=classes * classes).reshape(classes, classes)
    return found


def score_counts(counts: Array) -> tuple[Array, Array, Array]:
    """Return precision, recall and F1 (classes,) of such counts; NaN where they are not defined.

    >>> [scores.tolist() for scores in score_counts(np.array([[1, 0], [1, 1]]))]
    [[0.5, 1.0], [1.0, 0.5], [0.6666666666666666, 0.6666666666666666]]
    """
    right, called, there = np.diagonal(counts), counts.sum(axis=0), counts.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return right / called, right / there, 2 * right / (called + there)
