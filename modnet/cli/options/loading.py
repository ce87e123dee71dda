"""Plugins, experiment files and new folders, as options name them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import click

from modnet.cli.given import approve, give_modules
from modnet.compose.plugins import get_host, list_asked, load_plugins
from modnet.compose.sources import is_data_set
from modnet.compose.tables import Table, merge, read_toml
from modnet.errors import SettingError
from modnet.host.entry_points import Plugin, split_names
from modnet.host.registry import BUILT_IN
from modnet.text import did_you_mean, quote_argument


def load_chosen_plugins(without: Iterable[str], modules: Iterable[str]) -> None:
    """Load the installed plugins without some, and additional modules, which the user approves by giving them."""
    _load_and_approve(without, give_modules(modules))


def load_all_plugins(
    table: Table, where: Path | None, without: tuple[str, ...], modules: tuple[str, ...], *, optional: bool = False
) -> Table:
    """Load the plugins of the options and of an experiment, and return the experiment with both.

    The modules that the experiment names, in the file `where`, must be approved; raises PluginError where one is not or
    is broken. If they are `optional`, such a one is left out.
    """
    from modnet.runs.missing_plugins import make_finder  # which the listing of plugins does not wait for

    if BUILT_IN in split_names(without):
        what = "modnet's own parts cannot be left out: name plugins, or '*' for all but these"
        raise SettingError([what], "--without")
    asked, given = list_asked(table), give_modules(modules)
    names = [plugin.module for plugin in given]
    added = {"without": split_names(without), "modules": names}
    both = {key: [*asked[key], *(name for name in added[key] if name not in asked[key])] for key in added}
    find = make_finder(where)
    named = [find(name) for name in dict.fromkeys(asked["modules"]) if name not in names]
    _load_and_approve(both["without"], given, () if optional else named)
    for plugin in named if optional else ():
        get_host().load_module(plugin, optional=True)
    return merge(table, {"plugins": both}) if without or modules else table


def _load_and_approve(without: Iterable[str], given: Sequence[Plugin], named: Iterable[Plugin] = ()) -> None:
    load_plugins(without, [*given, *named])
    approve([plugin.module for plugin in given])


def read_experiment_file(path: Path | None) -> Table:
    """Return the table of an experiment file, or an empty one where there is no file; raises SettingError."""
    from modnet.comparison.training import COMPARISON
    from modnet.runs.folder import EXPERIMENT  # which the listing of plugins does not wait for

    if path is None:
        return {}
    shown = quote_argument(str(path))
    if not path.exists() and is_data_set(str(path)):
        raise SettingError([f"{path} is a data set, no experiment file: write --data {shown}"])
    if (path / EXPERIMENT).is_file():
        again, context = quote_argument(str(path / EXPERIMENT)), click.get_current_context(silent=True)
        remedy = f"train it again, modnet train {again}, or continue it, modnet resume {shown}"
        if context and context.info_name not in {None, "train"}:
            remedy = f"take its experiment, modnet {context.info_name} {again}"
        raise SettingError([f"{path} is the folder of a run: {remedy}"])
    if (path / COMPARISON).is_file():
        file = quote_argument(str(path / COMPARISON))
        raise SettingError([f"{path} is the folder of a comparison: continue it, modnet compare {file} --out {shown}"])
    if path.is_file() and path.suffix != ".toml":
        with suppress(SettingError):
            if table := read_toml(path):
                return _check_entries(table, path)
        raise SettingError([f"{path} is no experiment file, which is TOML: for a file with data, write --data {shown}"])
    if not path.exists():
        files = [str(path.with_name(file.name)) for file in path.parent.glob("*.toml")]
        raise SettingError([f"no such experiment file{did_you_mean(str(path), files)}"], str(path))
    return _check_entries(read_toml(path), path)


def _check_entries(table: Table, path: Path) -> Table:
    """Return the table of an experiment file; raises SettingError for entries that have another place, and says it."""
    from modnet.compose.experiment import PLACES

    mistakes: list[str] = []
    context = click.get_current_context(silent=True)
    if "compare" in table and context and context.info_name not in {None, "compare"}:
        mistakes.append(f"a table [compare] is for another command: modnet compare {quote_argument(str(path))}")
    for key, place in PLACES.items():
        if key in table and key != place[0]:
            mistakes.append(f"{key!r} is no entry by itself: write {'.'.join(place)}")
    data = table.get("data")
    if isinstance(data, str) and not is_data_set(data) and (path.parent / data).exists():
        mistakes.append(f"{data!r} is a file, no data set: write data.path")
    if mistakes:
        raise SettingError(mistakes, str(path))
    return table


def choose_new_folder() -> Path:
    """Return the folder for results where none is named: runs/DATE-TIME, with a number where that is taken."""
    folder = Path("runs") / datetime.now().astimezone().strftime("%Y-%m-%d-%H%M%S")
    number, free = 2, folder
    while free.exists():
        number, free = number + 1, folder.with_name(f"{folder.name}-{number}")
    return free
