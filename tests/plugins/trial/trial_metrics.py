"""Metrics of classes and of values, with settings that show in their columns."""

import enum
from typing import ClassVar

import attrs
import numpy as np
from attrs.validators import gt

import modnet


class Average(enum.Enum):
    MEAN = "mean"
    WORST = "worst"


@attrs.frozen
class Recall(modnet.Metric):
    """The share of recognised samples of each class: their mean, or the worst."""

    average: Average = Average.MEAN

    task: ClassVar[modnet.Task] = "classification"

    @property
    def column(self):
        return f"{self.average.value}_recall"

    def __call__(self, y, t, weights=None):
        weights = np.ones(len(t)) if weights is None else weights
        there, right = np.bincount(t, weights), np.bincount(t, weights * (y.argmax(axis=1) == t))
        shares = right[there > 0] / there[there > 0]
        return shares.mean() if self.average is Average.MEAN else shares.min()


@attrs.frozen
class Brier(modnet.Metric):
    """The squared error of probabilities (Brier 1950)."""

    task: ClassVar[modnet.Task] = "classification"
    larger_is_better: ClassVar[bool] = False
    title: ClassVar[str] = "Brier score"

    def __call__(self, y, t, weights=None):
        return float(np.average(((y - np.eye(y.shape[1])[t]) ** 2).sum(axis=1), weights=weights))


class Within(modnet.Metric):
    """The share of samples whose error is small; a plain class."""

    task = "regression"

    def __init__(self, tolerance: float = 0.5):
        if not tolerance > 0:
            raise ValueError("'tolerance' must be > 0")
        self.tolerance = tolerance

    def __call__(self, y, t, weights=None):
        return np.average((abs(y - t) <= self.tolerance).all(axis=1), weights=weights)


@attrs.frozen
class Pinball(modnet.Metric):
    """The loss of a quantile (Koenker and Bassett 1978)."""

    quantile: float = attrs.field(default=0.5, validator=gt(0))

    task = "regression"
    larger_is_better = False

    def __call__(self, y, t, weights=None):
        error = t - y
        return float(
            np.average(np.maximum(self.quantile * error, (self.quantile - 1) * error).mean(axis=1), weights=weights)
        )


@modnet.hookimpl
def register_metrics(register):
    register(Recall)
    register(Brier, "brier-score")
    register(Within)
    register(Pinball)
