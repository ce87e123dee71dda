"""Metrics: outputs judged against targets."""

from __future__ import annotations

import math
from collections.abc import Callable

import attrs
import numpy as np

from modnet.types import Array, Task


@attrs.frozen
class Metric:
    """A number that says how good outputs are, for one task."""

    title: str
    task: Task
    compute: Callable[[Array, Array, Array | None], float]
    """From outputs `y` (N, classes or targets), targets `t` and weights (N,) or None to the number."""


def find_hits(y: Array, t: Array) -> Array:
    """Return for each sample (N,) whether the largest of its outputs is at its class; `t` are indices or one-hot."""
    return np.asarray(y.argmax(axis=1) == (t.argmax(axis=1) if t.ndim == 2 else t))


def find_errors(y: Array, t: Array, weights: Array | None = None) -> Array:
    """Return the squared error of each sample (N,) as a share of the targets' variance: their mean is 1 - R².

    Of several targets it is the mean. Where a target does not vary, R² is 1 if all outputs are right and otherwise 0.
    """
    if not len(t):
        return np.empty(0)
    squares = (y - t) ** 2
    centred = t - np.average(t, axis=0, weights=weights)
    variance, mean = (np.average(values, axis=0, weights=weights) for values in (centred**2, squares))
    varies = (t != t[0]).any(axis=0) & (variance > 1e-300 * (1 + mean))  # of less, a share has no bounds
    unit = np.where(varies, variance, mean)
    return np.asarray((squares / np.where(unit > 0, unit, 1.0)).mean(axis=1))


def compute_accuracy(y: Array, t: Array, weights: Array | None = None) -> float:
    """Return the share of samples whose largest output is at their class."""
    return float(np.average(find_hits(y, t), weights=weights))


def compute_r2(y: Array, t: Array, weights: Array | None = None) -> float:
    """Return R², the share of the targets' variance that the outputs explain; of several targets the mean.

    >>> compute_r2(np.array([[1.0], [2.0], [4.0]]), np.array([[1.0], [2.0], [3.0]]))
    0.5
    """
    return 1.0 - float(np.average(find_errors(y, t, weights), weights=weights))


def compute_rmse(y: Array, t: Array, weights: Array | None = None) -> float:
    """Return the root of the mean squared error, in the unit of the targets; of several targets the mean."""
    return float(np.sqrt(np.average((y - t) ** 2, axis=0, weights=weights)).mean())


# The first of a task is its main one.
METRICS = {
    "accuracy": Metric("accuracy", "classification", compute_accuracy),
    "r2": Metric("R²", "regression", compute_r2),
    "rmse": Metric("RMSE", "regression", compute_rmse),
}


def list_metrics(task: Task) -> list[str]:
    """Return the names of a task's metrics, the main one first."""
    return [name for name, metric in METRICS.items() if metric.task == task]


def compute_metrics(task: Task, y: Array, t: Array, weights: Array | None = None) -> dict[str, float]:
    """Return each metric of a task by its name; NaN where there are no samples."""
    return {name: METRICS[name].compute(y, t, weights) if len(t) else math.nan for name in list_metrics(task)}


def format_column(name: str) -> str:
    """Return the name of a history's column in words.

    >>> format_column("test_r2"), format_column("train_accuracy")
    ('test R²', 'train accuracy')
    """
    part, _, metric = name.rpartition("_")
    return f"{part} {METRICS[metric].title}" if metric in METRICS else name.replace("_", " ")
