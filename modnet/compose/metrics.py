"""The metrics of runs: the task's own, and those that are wanted besides."""

from __future__ import annotations

import re
from collections.abc import Iterable

from modnet.compose.parts import find_name, make_part
from modnet.compose.plugins import get_host
from modnet.errors import PluginError, SettingError
from modnet.interfaces import Metric
from modnet.types import Task

OWN: dict[Task, tuple[str, ...]] = {"classification": ("accuracy",), "regression": ("r2", "rmse")}
"""The metrics that every run of a task has, the main one first."""
_COLUMN = re.compile("(?!loss$)[a-z0-9]+(_[a-z0-9]+)*")


def create_metrics(task: Task, wanted: Iterable[object] = ()) -> tuple[Metric, ...]:
    """Return the metrics of a run: the task's own, then the `wanted` ones, names or ready.

    Raises UnknownNameError, PluginError, and SettingError where one is for another task or has another's column.
    """
    found: dict[str, Metric] = {}
    for value in (*OWN[task], *wanted):
        metric: Metric = make_part("metric", value)
        if metric.task != task:
            registry = get_host().registry
            names = ", ".join(registry.name_for(c) for c in registry.usable("metric") if c.cls.task == task)
            what = f"{find_name(metric)} is for {metric.task}, and the data for {task}"
            raise SettingError([f"{what}: available: {names}"], "metrics")
        if not _COLUMN.fullmatch(column := metric.column):
            remedy = "lower-case words joined by underscores are expected, and not 'loss'"
            raise PluginError(f"{metric!r} has the column {column!r}", remedy, part=metric)
        if column in found:
            both = f"{found[column]!r} and {metric!r} have one column, {column!r}"
            raise SettingError([f"{both}: leave the second out"], "metrics")
        found[column] = metric
    return tuple(found.values())
