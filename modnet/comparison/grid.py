"""The grid of settings: an experiment with some of its entries varied."""

from __future__ import annotations

import copy
import re
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from hashlib import sha256
from itertools import product
from typing import Any

import attrs

from modnet.compose.experiment import PLACES, Experiment, create_experiment, to_file, to_table
from modnet.compose.tables import NONE, Table, is_no_value, merge, put
from modnet.errors import SettingError, UnknownNameError

LONGEST = 100 if sys.platform == "win32" else 255  # bytes that the name of a folder may have: Windows limits paths
ALIASES = {"hidden_size": "hidden"}
# Entries that are the same for all settings, and the reasons.
FIXED = {
    "seed": "every setting is run with the same seeds; their number is 'seeds'",
    "data": "every setting sees the same samples",
    "plugins": "all runs have the same plugins",
    "metrics": "every setting is measured in the same way",
}


@attrs.frozen
class Setting:
    """One combination of the entries that vary."""

    entries: dict[str, str]  # the entries in words: {"hidden": "50", "lr": "0.1"}
    experiment: Experiment = attrs.field(repr=False)  # the whole experiment, with the first of the seeds
    is_alike: bool = False  # whether the name of its folder would be another one's, to a file system that ignores case

    @property
    def label(self) -> str:
        """The name: "hidden 50, lr 0.1"."""
        return ", ".join(f"{key} {value}" for key, value in self.entries.items()) or "as it is"

    @property
    def folder(self) -> str:
        """The name of the folder: "hidden-50,lr-0.1", which ends with a digest where that is too long or another's."""
        names = (f"{key}-{value}" for key, value in self.entries.items())
        name = re.sub(r"[^\w.,+-]+", "-", ",".join(names)).strip("-.") or "as-it-is"
        encoded = name.encode()
        if len(encoded) <= LONGEST and not self.is_alike:
            return name
        digest = sha256(self.label.encode() if self.is_alike else encoded).hexdigest()[:8]
        return f"{encoded[: LONGEST - 9].decode(errors='ignore')}-{digest}"


def create_settings(experiment: Table, grid: Mapping[str, Sequence[Any]]) -> list[Setting]:
    """Return all combinations of the values of `grid`, whose keys are those of options, or paths of entries.

    `hidden` (also `hidden_size`) takes a number of units, or a list of those of each layer. Raises SettingError and
    UnknownNameError.

    >>> [setting.label for setting in create_settings({}, {"hidden": [10, [20, 10]], "lr": [0.1]})]
    ['hidden 10, lr 0.1', 'hidden 20-10, lr 0.1']
    """
    axes = to_axes(grid)
    found: list[Setting] = []
    for values in product(*axes.values()):
        choice = dict(zip(axes, values, strict=True))
        words = {key: format_value(value) for key, value in choice.items()}
        found.append(Setting(words, create_experiment(merge(experiment, _to_changes(choice)))))
    tables = [to_file(setting.experiment) for setting in found]
    for setting, table in zip(found, tables, strict=True):
        if tables.count(table) > 1:
            raise SettingError([f"twice the same: {setting.label}"], "grid")
    return tell_apart(found)


def tell_apart(settings: Sequence[Setting]) -> list[Setting]:
    """Return settings of which no two have the same folder, on any file system."""
    folders = [unicodedata.normalize("NFC", setting.folder).casefold() for setting in settings]
    alike = [folders.count(folder) > 1 for folder in folders]
    return [attrs.evolve(setting, is_alike=each) for setting, each in zip(settings, alike, strict=True)]


def _to_changes(choice: Mapping[str, Any]) -> Table:
    changes: Table = {}
    for key, value in choice.items():
        put(changes, _find_place(key, value), [value] if key == "hidden" and isinstance(value, int) else value)
    return changes


def spread(table: Table, grid: Mapping[str, Sequence[Any]]) -> tuple[Table, dict[str, Sequence[Any]]]:
    """Return a table without the settings beside a name that varies, and a grid by which they are for all names.

    Where the table has a name, too, they are for that one alone.

    >>> spread({"optimizer": {"lr": 0.1}}, {"optimizer": ["sgd", "adam"]})
    ({'optimizer': {}}, {'optimizer': ['sgd', 'adam'], 'lr': [0.1]})
    """
    table, found = copy.deepcopy(table), dict(grid)
    for key, values in grid.items():
        place = _find_place(ALIASES.get(key, key))
        place = place[:-1] if place[-1] == "name" else place
        beside: Any = table
        for word in place:
            beside = beside.get(word, {}) if isinstance(beside, dict) else {}
        if not isinstance(beside, dict) or "name" in beside or not all(isinstance(value, str) for value in values):
            continue
        for word in [*beside]:
            own = next((flag for flag, at in PLACES.items() if at == (*place, word)), ".".join((*place, word)))
            if not any(_find_place(other) == (*place, word) for other in found):
                found[own] = [beside.pop(word)]
    return table, found


def complete(table: Table, axes: Mapping[str, Sequence[Any]]) -> Table:
    """Return a table, with the first value of each axis where it makes no experiment without them; and first layers."""
    if layers := axes.get("network.layers"):
        table = merge(table, {"network": {"layers": layers[0]}})
    try:
        create_experiment(table)
    except (SettingError, UnknownNameError):
        return merge(table, _to_changes({key: values[0] for key, values in axes.items()}))
    return table


def to_axes(grid: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the values of each key as TOML can hold them; raises SettingError where a key may not vary."""
    axes: dict[str, list[Any]] = {}
    for given, values in grid.items():
        key = ALIASES.get(given, given)
        values = values.tolist() if hasattr(values, "tolist") else values  # an array
        if reason := FIXED.get(_find_place(key)[0]):
            raise SettingError([f"{key!r} cannot vary: {reason}"], "grid")
        if not isinstance(values, Sequence) or isinstance(values, str) or not values:
            raise SettingError([f"{key!r} must be a list of values, not {values!r}"], "grid")
        if other := [each for each in axes if _find_place(each) == _find_place(key)]:
            raise SettingError([f"{other[0]!r} and {given!r} are the same entry: leave one out"], "grid")
        axes[key] = [to_table(value) for value in values]
    return axes


def _find_place(key: str, value: Any = "") -> tuple[str, ...]:
    if key == "optimizer" and not isinstance(value, str):  # a table or a ready part, not its name
        return (key,)
    return PLACES.get(key) or tuple(key.split("."))


def format_value(value: Any) -> str:
    """Return a value of the grid as text for a table; numbers have as many digits as it takes.

    >>> format_value([100, 50]), format_value(0.1), format_value({"name": "sgd", "lr": 0.1})
    ('100-50', '0.1', 'sgd(lr=0.1)')
    """
    if value is None or is_no_value(value):
        return NONE
    if isinstance(value, Mapping):
        settings = ", ".join(f"{key}={format_value(item)}" for key, item in value.items() if key != "name")
        return f"{value.get('name', '')}({settings})" if settings else str(value.get("name", ""))
    if isinstance(value, (list, tuple)):
        return "-".join(format_value(item) for item in value) or "none"
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)
