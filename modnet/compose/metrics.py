"""The metrics of runs: the task's own, and those that are wanted."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress

from modnet.compose.parts import find_name, list_usable_names, make_part, read_part
from modnet.compose.plugins import get_host
from modnet.compose.settings import Table
from modnet.errors import ModnetError, PluginError, SettingError
from modnet.interfaces import Metric
from modnet.types import Task

OWN: dict[Task, tuple[str, ...]] = {"classification": ("accuracy",), "regression": ("r2", "rmse")}
"""The metrics that each run of a task has, the main one first."""
_COLUMN = re.compile("(?!loss$)[a-z0-9]+(_[a-z0-9]+)*")


def create_metrics(task: Task, wanted: Iterable[object] = ()) -> tuple[Metric, ...]:
    """Return the metrics of a run: the task's own, then the wanted ones, which are names or ready.

    Raises UnknownNameError, PluginError, and SettingError where one is for another task, or two have one column.
    """
    found: dict[str, Metric] = {}
    for value in (*OWN[task], *wanted):
        metric: Metric = make_part("metric", value)
        if metric.task != task:
            others = ", ".join(name for name in list_usable_names("metric") if _find_task(name) == task)
            what = f"{find_name(metric)} is for {metric.task}, and the data for {task}"
            raise SettingError([f"{what}: available: {others}"], "metrics")
        if not _COLUMN.fullmatch(metric.column):
            remedy = "lower-case words joined by underscores are expected, other than 'loss'"
            raise PluginError(f"{metric!r} has the column {metric.column!r}", remedy, part=metric)
        if other := found.get(metric.column):
            is_own = metric == other and len(found) <= len(OWN[task])
            what = f"{find_name(metric)} is measured in every {task}" if is_own else f"{other!r} and {metric!r}"
            ...
        found[metric.column] = metric
    return tuple(found.values())
