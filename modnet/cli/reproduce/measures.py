"""Measures of runs and of functions, a value for each seed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from modnet import Comparison, SettingResult
from modnet.cli.reproduce import functions
from modnet.cli.reproduce.results import Figure, FunctionSettings
from modnet.comparison.grid import Setting
from modnet.compose.experiment import Experiment
from modnet.compose.parts import create_metrics
from modnet.data.dataset import Dataset
from modnet.errors import SettingError
from modnet.interfaces import Callback
from modnet.nn.batches import Batches
from modnet.randomness import Stream
from modnet.text import list_some
from modnet.types import Array, History, Status


def check_figures(figures: Sequence[Figure], settings: Sequence[Setting], data: Dataset) -> None:
    """Raise SettingError where a figure is of no setting, or cannot be measured in its runs.

    Callbacks may record any column, and those that follow iterations may end a run at any: what depends on that is left
    to the runs.
    """
    experiments = {setting.label: setting.experiment for setting in settings}
    for figure in figures:
        if figure.function is not None:
            what = f"{figure.what!r}: 'function' goes with a table [function], and not with an experiment: take it out"
            raise SettingError([what], "figures")
        if figure.of is None and len(experiments) > 1:
            what = f"{figure.what!r} is of which setting? available: {', '.join(experiments)}"
            raise SettingError([what], "figures")
        for label in (figure.of or settings[0].label, figure.minus or figure.of or settings[0].label):
            if label not in experiments:
                what = f"{figure.what!r}: no setting {label!r}; available: {', '.join(experiments)}"
                raise SettingError([what], "figures")
            _check_before(figure, experiments[label], data)


def _check_before(figure: Figure, experiment: Experiment, data: Dataset) -> None:
    training, is_loss = experiment.training, "loss" in figure.measure.split(" - ")
    if is_loss and figure.at in {"highest", "lowest"}:
        what = f"{figure.what!r}: 'at' of a loss must be a number of iterations or \"end\": {figure.at!r}"
        raise SettingError([what], "figures")
    if figure.over > 1 and not is_loss:
        what = f"{figure.what!r}: 'over' goes with the measure \"loss\", and not with {figure.measure!r}: take it out"
        raise SettingError([what], "figures")
    made = training.iterations
    batches = Batches(len(data.train), training.batch_size, training.sampling, Stream(0))
    evaluated_at: Sequence[int] = [k for k in range(1, made + 1) if k == made or batches.ends_epoch(k - 1)]
    if experiment.callbacks:
        may_end = any(type(each).on_iteration is not Callback.on_iteration for each in experiment.callbacks)
        _check(figure, made, range(1, made + 1) if may_end else evaluated_at, None)
        return
    metrics = create_metrics(data.task, experiment.metrics)
    columns = [f"{part}_{metric.column}" for metric in metrics for part in data.parts]
    columns += ["validation_loss"] * ("validation" in data.parts)
    _check(figure, made, evaluated_at, columns)


def _check(figure: Figure, made: int, evaluated_at: Sequence[int], columns: Collection[str] | None) -> None:
    """Raise SettingError where a run of so many iterations lacks what a figure measures; None: any column."""
    for name in figure.measure.split(" - "):
        what = ""
        if name == "loss":
            last = figure.at if isinstance(figure.at, int) else made
            if not figure.over <= last <= made:
                what = f"there are no {figure.over:,} of {made:,} losses before {last:,}"
        elif columns is not None and name not in columns:
            what = f"the runs have no {name!r}; available: {', '.join(['loss', *columns])}"
        elif isinstance(figure.at, int) and figure.at not in evaluated_at:
            what = f"nothing is measured at {figure.at:,}; available: {list_some(map(str, evaluated_at), 4)}"
        if what:
            raise SettingError([f"{figure.what!r}: {what}"], "figures")


def measure_runs(figure: Figure, result: Comparison) -> Array:
    """Return a figure of each run of its setting (seeds,), less that of another setting's run of the same seed."""
    by_label = {setting.label: setting for setting in result.settings}
    found = _measure_setting(figure, by_label[figure.of or result.settings[0].label])
    if figure.minus:
        found = found - _measure_setting(figure, by_label[figure.minus])
    return np.asarray(figure.times * found)


def _measure_setting(figure: Figure, setting: SettingResult) -> Array:
    def measure(history: History) -> float:
        _check(figure, len(history.loss), history.evaluated_at, history.columns)
        first, *others = (_measure(figure, name, history) for name in figure.measure.split(" - "))
        return first - sum(others)

    pairs = zip(setting.histories, setting.statuses, strict=True)
    return np.array([np.nan if status is Status.DIVERGED else measure(each) for each, status in pairs])


def _measure(figure: Figure, name: str, history: History) -> float:
    if name == "loss":
        last = figure.at if isinstance(figure.at, int) else len(history.loss)
        return float(np.mean(history.loss[last - figure.over : last]))
    values = history.columns[name]
    if figure.at == "end":
        return values[-1]
    if isinstance(figure.at, str):
        return max(values) if figure.at == "highest" else min(values)
    return values[history.evaluated_at.index(figure.at)]


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
        case _:
            found = function(params)
    return figure.times * np.ravel(found)
