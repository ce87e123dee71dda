"""Hits and errors of single samples."""

from __future__ import annotations

import numpy as np

from modnet.types import Array


def find_hits(y: Array, t: Array) -> Array:
    """Return for each sample (N,) whether the largest of its outputs is at its class; `t` are indices or one-hot."""
    return np.asarray(y.argmax(axis=1) == (t.argmax(axis=1) if t.ndim == 2 else t))


def find_errors(y: Array, t: Array) -> Array:
    """Return the squared error of each sample (N,) as a share of the targets' variance: their mean is 1 - R².

    Of several targets it is the mean. Where a target does not vary, R² is 1 if all outputs are right and otherwise 0.
    """
    if not len(t):
        return np.empty(0)
    squares = (y - t) ** 2
    variance, mean = t.var(axis=0), squares.mean(axis=0)
    varies = (t != t[0]).any(axis=0) & (variance > 1e-300 * (1 + mean))  # of less, a share has no bounds
    unit = np.where(varies, variance, mean)
    return np.asarray((squares / np.where(unit > 0, unit, 1.0)).mean(axis=1))
