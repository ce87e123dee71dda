"""Measures of runs and of functions, a value for each seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from modnet.cli.reproduce import functions
from modnet.cli.reproduce.results import Figure, FunctionSettings
from modnet.comparison.report import Comparison
from modnet.comparison.result import SettingResult
from modnet.errors import SettingError
from modnet.randomness import Stream
from modnet.text import list_some
from modnet.types import Array, History, Status


def check_labels(figures: Sequence[Figure], labels: Sequence[str]) -> None:
    """Raise SettingError where a figure is not of one setting of the grid."""
    for figure in figures:
        if figure.of is None and len(labels) > 1:
            raise SettingError([f"{figure.what!r} is of which setting? available: {', '.join(labels)}"], "figures")
        for label in filter(None, (figure.of, figure.minus)):
            if label not in labels:
                what = f"{figure.what!r}: no setting {label!r}; available: {', '.join(labels)}"
                raise SettingError([what], "figures")


def measure_runs(figure: Figure, result: Comparison) -> Array:
    """Return a figure of each run of its setting (seeds,), less that of another setting's run of the same seed."""
    by_label = {setting.label: setting for setting in result.settings}
    found = _measure_setting(figure, by_label[figure.of or result.settings[0].label])
    if figure.minus:
        found = found - _measure_setting(figure, by_label[figure.minus])
    return np.asarray(figure.times * found)


def _measure_setting(figure: Figure, setting: SettingResult) -> Array:
    def measure(history: History) -> float:
        first, *others = (_measure(figure, name, history) for name in figure.measure.split(" - "))
        return first - sum(others)

    pairs = zip(setting.histories, setting.statuses, strict=True)
    return np.array([np.nan if status is Status.DIVERGED else measure(each) for each, status in pairs])


def _measure(figure: Figure, name: str, history: History) -> float:
    if name == "loss":
        last = figure.at if isinstance(figure.at, int) else len(history.loss)
        if not figure.over <= last <= len(history.loss):
            what = f"{figure.what!r}: there are no {figure.over:,} of {len(history.loss):,} losses before {last:,}"
            raise SettingError([what], "figures")
        return float(np.mean(history.loss[last - figure.over : last]))
    if name not in history.columns:
        names = ", ".join(["loss", *history.columns])
        raise SettingError([f"{figure.what!r}: the runs have no {name!r}; available: {names}"], "figures")
    values, at = history.columns[name], history.evaluated_at
    if figure.at == "end":
        return values[-1]
    if isinstance(figure.at, str):
        return max(values) if figure.at == "highest" else min(values)
    if figure.at not in at:
        some = list_some(map(str, at), 4)
        raise SettingError([f"{figure.what!r}: nothing is measured at {figure.at:,}; available: {some}"], "figures")
    return values[at.index(figure.at)]


def measure_function(figure: Figure, wanted: FunctionSettings, seed: int) -> Array:
    """Return a function's gradient, the point that a descent by it comes to, or its value there; flat."""
    function, stream = getattr(functions, wanted.name), Stream(seed, ("gradient",))
    params: Any = {"x": np.asarray(wanted.start, np.float64)}
    of_gradient = wanted.estimator.init(params, Stream(seed, ("gradient state",)))
    if wanted.optimizer:
        state = wanted.optimizer.init(params)
        for k in range(wanted.steps):
            grads, of_gradient = wanted.estimator.estimate(function, params, stream.child(k), of_gradient)
            params, state = wanted.optimizer.step(params, grads, state)
    measure = figure.measure or ("point" if wanted.steps else "gradient")
    match measure:
        case "gradient":
            found = wanted.estimator.estimate(function, params, stream.child(wanted.steps), of_gradient)[0]["x"]
        case "point":
            found = params["x"]
        case "value":
            found = function(params)
        case _:
            what = f"{figure.what!r}: no {measure!r}; available: gradient, point, value"
            raise SettingError([what], "figures")
    return figure.times * np.ravel(found)
