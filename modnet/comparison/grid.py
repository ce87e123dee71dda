"""What is to be compared: an experiment with some of its entries varied, each combination of them a setting."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import attrs

from modnet.compose.experiment import PLACES, Experiment, create_experiment, to_table
from modnet.compose.settings import Table
from modnet.compose.tables import merge, put
from modnet.errors import SettingError

ALIASES = {"hidden_size": "hidden"}
# Entries that are the same for all settings, and why.
FIXED = {
    "seed": "every setting is run with the same seeds; how many is said by 'seeds'",
    "data": "every setting sees the same samples",
    "plugins": "all runs have the same plugins",
}


@attrs.frozen
class Setting:
    """One combination of the entries that vary."""

    entries: dict[str, str]
    """The entries in words: {"hidden": "50", "lr": "0.1"}."""
    experiment: Experiment
    """The whole experiment, with the first of the seeds."""

    @property
    def label(self) -> str:
        """Its name: "hidden 50, lr 0.1"."""
        return ", ".join(f"{key} {value}" for key, value in self.entries.items()) or "as it is"

    @property
    def folder(self) -> str:
        """Its name as that of a folder: "hidden-50,lr-0.1"."""
        names = (f"{key}-{value}" for key, value in self.entries.items())
        return re.sub(r"[^\w.,+-]+", "-", ",".join(names)).strip("-.") or "as-it-is"

    def with_seed(self, seed: int) -> Experiment:
        """Return the experiment with another seed."""
        return attrs.evolve(self.experiment, seed=seed)


def settings_of_grid(experiment: Table, grid: Mapping[str, Sequence[Any]]) -> list[Setting]:
    """Return all combinations of the values of `grid`, whose keys are those of options, or paths of entries.

    `hidden` (also `hidden_size`) takes a number of units, or a list of those of each layer. Raises SettingError and
    UnknownNameError.

    >>> [setting.label for setting in settings_of_grid({}, {"hidden": [10, [20, 10]], "lr": [0.1]})]
    ['hidden 10, lr 0.1', 'hidden 20-10, lr 0.1']
    """
    axes = axes_of(grid)
    found: list[Setting] = []
    for values in product(*axes.values()):
        changes: Table = {}
        for key, value in zip(axes, values, strict=True):
            put(changes, _place(key, value), [value] if key == "hidden" and isinstance(value, int) else value)
        words = {key: in_words(value) for key, value in zip(axes, values, strict=True)}
        found.append(Setting(words, create_experiment(merge(experiment, changes))))
    folders = [setting.folder for setting in found]
    tables = [to_table(setting.experiment) for setting in found]
    for setting, table in zip(found, tables, strict=True):
        if tables.count(table) > 1 or folders.count(setting.folder) > 1:
            raise SettingError([f"twice the same: {setting.label}"], "grid")
    return found


def axes_of(grid: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """Return what varies, as TOML can hold it; raises SettingError where a key may not vary."""
    return {ALIASES.get(key, key): [to_table(value) for value in _values(key, values)] for key, values in grid.items()}


def _values(key: str, values: Any) -> Sequence[Any]:
    """Return the values of a key; raises SettingError where they are not some, or the key may not vary."""
    if reason := FIXED.get(key.split(".")[0]):
        raise SettingError([f"{key!r} cannot vary: {reason}"], "grid")
    if not isinstance(values, Sequence) or isinstance(values, str) or not values:
        raise SettingError([f"{key!r} must be a list of values, not {values!r}"], "grid")
    return values


def _place(key: str, value: Any) -> tuple[str, ...]:
    if key == "optimizer" and not isinstance(value, str):  # a table or a ready part, not its name
        return (key,)
    return PLACES.get(key) or tuple(key.split("."))


def in_words(value: Any) -> str:
    """Return a value that varies as it stands in a table.

    >>> in_words([100, 50]), in_words(0.1), in_words({"name": "sgd", "lr": 0.1})
    ('100-50', '0.1', 'sgd(lr=0.1)')
    """
    if isinstance(value, Mapping):
        settings = ", ".join(f"{key}={in_words(item)}" for key, item in value.items() if key != "name")
        return f"{value.get('name', '')}({settings})" if settings else str(value.get("name", ""))
    if isinstance(value, (list, tuple)):
        return "-".join(map(in_words, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
