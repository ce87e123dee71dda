"""Parts from names, settings and ready objects, and the names of parts."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import attrs

from modnet.compose.adapters import ADAPTERS, adapt
from modnet.compose.plugins import get_host
from modnet.compose.settings import Settings
from modnet.data.dataset import Dataset
from modnet.errors import DataError, PluginError, SettingError
from modnet.host.kinds import KINDS, find_kind
from modnet.host.registry import find_override
from modnet.host.signatures import find_type_mistakes
from modnet.interfaces import (
    Activation,
    Callback,
    DataSource,
    GradientEstimator,
    Layer,
    Loss,
    Metric,
    Optimizer,
    Part,
    name_of,
)
from modnet.types import Task

OWN: dict[Task, tuple[str, ...]] = {"classification": ("accuracy",), "regression": ("r2", "rmse")}
"""The metrics that every run of a task has, the main one first."""
_COLUMN = re.compile("(?!loss$)[a-z0-9]+(_[a-z0-9]+)*")


@attrs.frozen
class GivenInPython(DataSource):
    """The source of data that a program has given, which nothing can read again."""

    reads_files = False

    def read(self, path: Path | None) -> Dataset:  # noqa: ARG002 - there is none
        """Raise DataError."""
        what = "the run's data was given in Python, and no file has it"
        raise DataError(f"{what}: resume it there, from modnet.open_run(...).checkpoint, or name other data")


def make_part(kind: str, value: object, /, **settings: Any) -> Any:
    """Return the part of a kind: by name and settings, as it is if it is one, or adapted if it acts as one."""
    interface = find_kind(kind).interface
    if settings and not isinstance(value, str):
        raise SettingError([f"settings go with a name, not with a ready object: {', '.join(settings)}"], kind)
    if isinstance(value, interface):
        if mistakes := [str(mistake) for mistake in find_type_mistakes(type(value), interface)]:
            raise SettingError(mistakes, kind)
        return value
    if kind == "data-source" and value == name_of(GivenInPython):
        return GivenInPython()
    if isinstance(value, str):
        component = get_host().registry.find(kind, value)
        override = find_override(kind, component.qualified_name)
        instead = override.instead if override else component.cls
        # The settings of an overridden part are read all the same, so that a test finds mistakes in them, too.
        made = make_settings_reader().read(settings, instead if isinstance(instead, type) else component.cls, value)
        return made if isinstance(instead, type) else instead
    return adapt(kind, value)


def make_layer(value: object) -> Layer | Activation:
    """Return the layer or activation that a name, a pair or a table of a name and settings, or a part stands for."""
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], Mapping):
        value = {**value[1], "name": value[0]}
    elif isinstance(value, (tuple, list)):
        raise SettingError([f"expected a name and its settings, as in ('dense', {{'units': 50}}), found {value!r}"])
    name = value.get("name") if isinstance(value, Mapping) else value
    if isinstance(name, str):
        kind = get_host().registry.find("layer", name, "activation").kind
    else:
        kind = "activation" if callable(value) and not isinstance(value, (type, Layer)) else "layer"
    return cast("Layer | Activation", (read_part if isinstance(value, Mapping) else make_part)(kind, value))


def make_parts(kind: str, values: object) -> list[Any]:
    """Return the parts of a kind, by names or as they are; raises SettingError where that is no list."""
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise SettingError([f"must be a list, not {values!r}"], f"{kind}s")
    return [make_part(kind, each) for each in values]


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


def activation(name: str, **settings: Any) -> Activation:
    """Return the activation of that name with these settings.

    >>> modnet.activation("leaky-relu", slope=0.1)(np.array([-1.0, 2.0]))
    array([-0.1,  2. ])
    """
    return cast("Activation", make_part("activation", name, **settings))


def layer(name: str, **settings: Any) -> Layer:
    """Return the layer of that name with these settings.

    >>> modnet.layer("dense", units=10)
    Dense(units=10)
    """
    return cast("Layer", make_part("layer", name, **settings))


def loss(name: str, **settings: Any) -> Loss:
    """Return the loss of that name with these settings.

    >>> modnet.loss("cross-entropy")
    CrossEntropy(eps=1e-07)
    """
    return cast("Loss", make_part("loss", name, **settings))


def gradient(name: str, **settings: Any) -> GradientEstimator:
    """Return the gradient estimator of that name with these settings.

    >>> modnet.gradient("central-difference", h=1e-5)
    CentralDifference(h=1e-05, threads=None, evaluate=None)
    """
    return cast("GradientEstimator", make_part("gradient", name, **settings))


def optimizer(name: str, **settings: Any) -> Optimizer:
    """Return the optimizer of that name with these settings.

    >>> modnet.optimizer("sgd", lr=0.1)
    Sgd(lr=0.1, weight_decay=0.0)
    """
    return cast("Optimizer", make_part("optimizer", name, **settings))


def metric(name: str, **settings: Any) -> Metric:
    """Return the metric of that name with these settings.

    >>> modnet.metric("top-k", k=3).column
    'top_3'
    """
    return cast("Metric", make_part("metric", name, **settings))


def source(name: str, **settings: Any) -> DataSource:
    """Return the data source of that name with these settings.

    >>> modnet.source("csv", label="species").label
    'species'
    """
    return cast("DataSource", make_part("data-source", name, **settings))


def callback(name: str, **settings: Any) -> Callback:
    """Return the callback of that name with these settings.

    >>> modnet.callback("time-limit", seconds=60)
    TimeLimit(seconds=60.0)
    """
    return cast("Callback", make_part("callback", name, **settings))


def list_usable_names(kind: str) -> list[str]:
    """Return the names of all parts of a kind but those whose plugins break when they are imported for it."""
    registry = get_host().registry
    return [registry.name_for(component) for component in registry.usable(kind)]


def find_name(value: object) -> str:
    """Return the name that a part is registered under, or the name of its class."""
    registry = get_host().registry
    component = registry.component_of(value)
    return registry.name_for(component) if component else name_of(value)


def is_registered(value: object) -> bool:
    """Say whether a part's class is registered, so that a name stands for it."""
    return get_host().registry.component_of(value) is not None


def _find_registered_name(value: Part) -> str:
    if not is_registered(value) and not isinstance(value, GivenInPython):
        is_function = isinstance(value, tuple(ADAPTERS.values()))
        what = f"{f'the function {value!r}' if is_function else type(value).__name__} is not registered"
        raise SettingError([f"{what}: a plugin, or modnet.register, gives it a name"])
    return find_name(value)


def make_settings_reader() -> Settings:
    """Return the reader of settings that knows the kinds of parts."""
    settings = Settings(_find_registered_name)
    for kind in KINDS.values():
        settings.on(kind.interface, functools.partial(read_part, kind.name))
    return settings


def read_part(kind: str, value: Any) -> Any:
    """Return the part that a name, or a table of a name and settings, stands for."""
    if isinstance(value, Mapping):
        rest = dict(value)
        name = rest.pop("name", None)
        if not isinstance(name, str):
            raise SettingError([f"'name' must say which {kind} it is"])
        return make_part(kind, name, **rest)
    if not isinstance(value, (str, KINDS[kind].interface)):
        raise SettingError([f"must be a name or a table with a name, not {value!r}"])
    return make_part(kind, value)
