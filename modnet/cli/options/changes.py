"""The entries of an experiment that options change, and settings of its data."""

from __future__ import annotations

import re
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs

from modnet.cli.options.language import parse_assignments, read_list, split_values
from modnet.compose.experiment import PLACES, Experiment
from modnet.compose.plugins import get_host
from modnet.compose.sources import is_data_set
from modnet.compose.tables import Table, put
from modnet.errors import SettingError, UnknownNameError
from modnet.host.registry import could_be_name
from modnet.text import quote

ONE_FOR_ALL = ("seed", "validation")
"""Options of which a comparison takes one value: all settings see the same samples, and the same seeds."""
LISTS = frozenset({"hidden", "activation"})
"""The options that take a list as one value."""
_OWN_KIND = ("activation", "loss", "gradient", "optimizer", "callback", "metric")
KINDS_OF = {"output": "activation", **dict(zip(_OWN_KIND, _OWN_KIND, strict=True))}
"""The kinds of parts that options name."""
ENTRIES = frozenset(field.name for field in attrs.fields(Experiment))
"""The entries of an experiment, below which all others are."""


def read_changes(flags: dict[str, Any]) -> Table:
    """Return the entries of an experiment that the options change."""
    changes: Table = {}
    for flag, place in PLACES.items():
        value = flags[flag]
        if value is not None:
            put(changes, place, _name_part(flag, read_list(value, flag) if flag in LISTS else value))
    _put_others(changes, flags)
    for key, value in _read_assignments(flags).items():
        put(changes, key.split("."), value)
    return changes


def read_alternatives(flags: dict[str, Any]) -> tuple[Table, dict[str, list[Any]]]:
    """Return the entries of an experiment that the options change, and those that have several values."""
    changes: Table = {}
    grid: dict[str, list[Any]] = {}
    for flag, place in PLACES.items():
        values = flags[flag] if flag not in ONE_FOR_ALL or flags[flag] is None else [flags[flag]]
        values = _name_part(flag, values)
        if values and len(values) > 1:
            grid[flag] = values
        elif values:
            put(changes, place, values[0])
    _put_others(changes, flags)
    for key, value in _read_assignments(flags).items():
        values = split_values(value)
        if len(values) > 1:
            grid[key] = values
        else:
            put(changes, key.split("."), values[0])
    return changes, grid


def _put_others(changes: Table, flags: dict[str, Any]) -> None:
    data, source = flags["data"], flags.get("source")
    if source and data is None:
        raise SettingError(["the kind of which file? Name it, too: --data FILE"], "--source")
    if data is not None:
        _check_data(data)
        put(changes, ("data", "path" if source or not is_data_set(data) else "name"), data)
    if source:
        put(changes, ("data", "name"), source)
    for kind in ("callback", "metric"):
        if flags.get(kind):
            changes[f"{kind}s"] = _name_part(kind, [*flags[kind]])


def _name_part(flag: str, value: Any) -> Any:
    """Return the names of parts, in one value or several, as they are registered: people write ReLU for relu."""
    if isinstance(value, list):
        return [_name_part(flag, each) for each in value]
    if flag in KINDS_OF and isinstance(value, str) and not could_be_name(value):
        with suppress(UnknownNameError):
            registry = get_host().registry
            return registry.name_for(registry.find(KINDS_OF[flag], value))
    return value


def _check_data(data: str) -> None:
    """Raise SettingError where a text can be neither a data set nor a file."""
    if not data.strip():
        raise SettingError(["expected a data set or a file, found nothing"], "--data")
    if re.match(r"[a-z]+://", data):
        raise SettingError([f"{quote(data)} is an address: download it, and give the file"], "--data")
    if "," in data and not Path(data).exists() and all(map(is_data_set, data.split(","))):
        first = data.partition(",")[0]
        raise SettingError([f"one data set at a time, found {quote(data)}: write --data {first}"], "--data")


def read_data_settings(assignments: tuple[str, ...]) -> Table:
    """Return the settings of a data source, which are called data.NAME as in an experiment, or NAME alone."""
    table: Table = {}
    for key, value in parse_assignments(assignments).items():
        first, dot, rest = key.partition(".")
        if first == "data" and rest in {"name", "path"}:
            raise SettingError([f"{key} is no setting of it: use --source, or name the file itself"], "--set")
        put(table, (rest if first == "data" and dot else key).split("."), value)
    return table


def _read_assignments(flags: dict[str, Any]) -> Table:
    assignments = {_find_place(key): value for key, value in parse_assignments(flags["assignments"]).items()}
    if any(key.split(".")[0] == "plugins" for key in assignments):
        raise SettingError(["plugins are chosen by --without and -p"], "--set")
    return assignments


def _find_place(key: str) -> str:
    """Return the entry of an experiment that a key stands for: data.header for header; raises SettingError."""
    first = key.partition(".")[0]
    if first in ENTRIES:
        return key
    if first in PLACES and key == first:
        option, entry = "--" + key.replace("_", "-"), ".".join(PLACES[key])
        raise SettingError([f"{key} is no entry by itself: write {option} VALUE, or --set {entry}=VALUE"], "--set")
    sources = get_host().registry.at_hand("data-source")
    if any(field.name == first for source in sources for field in attrs.fields(source.cls)):
        warnings.warn(f"--set {key} is data.{key} here", stacklevel=2)
        return f"data.{key}"
    return key
