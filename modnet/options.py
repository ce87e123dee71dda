"""What the command line's options say: which plugins to load, and which entries of an experiment to change."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from modnet import build
from modnet.errors import SettingError
from modnet.experiment import MAIN_JOB
from modnet.settings import Table
from modnet.tables import merged

F = TypeVar("F", bound=Callable[..., Any])

# The options that change an experiment, and the entry that each of them changes.
PLACES = {
    "hidden": ("network", "hidden"),
    "activation": ("network", "activation"),
    "output": ("network", "output"),
    "loss": ("network", "loss"),
    "gradient": ("gradient",),
    "optimizer": ("optimizer", "name"),
    "lr": ("optimizer", "lr"),
    "batch_size": ("training", "batch_size"),
    "iterations": ("training", "iterations"),
    "sampling": ("training", "sampling"),
    "seed": ("seed",),
}


class PartName(click.ParamType[str]):
    """The name of a registered part; which ones there are is looked up when it is needed."""

    def __init__(self, kind: str) -> None:
        self.name = kind

    def names(self) -> list[str]:
        """Return what is registered."""
        return build.plugins().registry.names(self.name)

    def shell_complete(self, _ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete a name."""
        return [CompletionItem(n) for n in self.names() if n.startswith(incomplete)]


class PartOption(click.Option):
    """An option that takes a part's name and lists the names in its help."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return the help with the names there are."""
        record = super().get_help_record(ctx)
        names = ", ".join(self.type.names()) if isinstance(self.type, PartName) else ""
        return record and (record[0], f"{record[1]}  [{names}]")


def plugin_options(command: F) -> F:
    """Add the options that say which plugins are loaded."""
    without = click.option("--without", multiple=True, metavar="PLUGIN", help="Leave a plugin out (repeatable).")
    module = click.option(
        "-p", "--plugin", "modules", multiple=True, metavar="MODULE", help="Load a module as a plugin (repeatable)."
    )
    return without(module(command))


def experiment_options(command: F) -> F:
    """Add the options that change an experiment; the defaults in their help are the main job's."""
    data, network, training = MAIN_JOB["data"], MAIN_JOB["network"], MAIN_JOB["training"]

    def a_part(name: str, kind: str, what: str, default: str) -> Callable[[F], F]:
        return click.option(f"--{name}", cls=PartOption, type=PartName(kind), help=f"{what} (default: {default}).")

    samplings = click.Choice(["replacement", "shuffle"])
    options: list[Callable[[F], F]] = [
        click.option("--data", metavar="NAME|FILE", help=f"A registered data set or a file (default: {data['name']})."),
        click.option(
            "--hidden", metavar="N[,N...]", help=f"Units of each hidden layer (default: {network['hidden'][0]})."
        ),
        a_part("activation", "activation", "Of the hidden layers", network["activation"]),
        a_part("output", "activation", "Activation of the last layer", network["output"]),
        a_part("loss", "loss", "What is to become small", network["loss"]),
        a_part("gradient", "gradient", "How the gradient is obtained", MAIN_JOB["gradient"]["name"]),
        a_part("optimizer", "optimizer", "How a step is made of it", MAIN_JOB["optimizer"]["name"]),
        click.option("--lr", type=float, help="Learning rate (default: 0.1 with sgd, else the optimizer's own)."),
        click.option("--batch-size", type=int, help=f"Samples of a mini-batch (default: {training['batch_size']})."),
        click.option("--iterations", type=int, help=f"Mini-batches to learn from (default: {training['iterations']})."),
        click.option(
            "--sampling", type=samplings, help=f"How mini-batches are drawn (default: {training['sampling']})."
        ),
        click.option("--seed", type=int, help=f"Same seed, same run (default: {MAIN_JOB['seed']})."),
        click.option(
            "--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Any other: optimizer.momentum=0.8"
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def load_plugins(without: tuple[str, ...], modules: tuple[str, ...]) -> None:
    """Load the installed plugins but some, and modules besides."""
    if modules:
        sys.path.insert(0, os.getcwd())  # noqa: PTH109 - a module beside the user, as `python -m` finds it
    build.load_plugins(without, modules)


def changes_of(flags: dict[str, Any]) -> Table:
    """Return the table of an experiment's entries that the options change."""
    changes: Table = {}
    for flag, place in PLACES.items():
        value = flags[flag]
        if value is not None:
            _put(changes, place, _list_of(value, flag) if flag in {"hidden", "activation"} else value)
    if flags["data"] is not None:
        changes["data"] = {"name" if flags["data"] in build.data_sets() else "path": flags["data"]}
    for key, value in assigned(flags["assignments"]).items():
        if key.split(".")[0] == "plugins":
            raise SettingError(["plugins are chosen by --without and -p"], "--set")
        _put(changes, key.split("."), value)
    return changes


def assigned(assignments: tuple[str, ...]) -> Table:
    """Return the keys and values of `KEY=VALUE` options; a value is TOML, or else text."""
    table: Table = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not (equals and key):
            raise SettingError([f"expected KEY=VALUE, found {assignment!r}"], "--set")
        table[key] = _toml_value(value)
    return table


def _put(table: Table, place: Any, value: Any) -> None:
    *path, last = place
    for key in path:
        inner = table.setdefault(key, {})
        table[key] = table = inner if isinstance(inner, dict) else {"name": inner}
    table[last] = value


def _list_of(text: str, flag: str) -> Any:
    items = [item.strip() for item in text.split(",") if item.strip()]
    if flag == "activation":
        return items if len(items) != 1 else items[0]
    wrong = [item for item in items if not item.isdecimal()]
    if wrong:
        raise SettingError([f"expected whole numbers joined by commas, found {wrong[0]!r} in {text!r}"], "--hidden")
    return [int(item) for item in items]


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def with_plugins(table: Table, without: tuple[str, ...], modules: tuple[str, ...]) -> Table:
    """Load the plugins that an experiment and the options ask for, and write both into the experiment."""
    asked = table.get("plugins")
    asked = asked if isinstance(asked, dict) else {}
    both = {
        key: [*(x for x in asked.get(key, ()) if isinstance(x, str)), *extra]
        for key, extra in (("without", without), ("modules", modules))
    }
    load_plugins(tuple(both["without"]), tuple(both["modules"]))
    return merged(table, {"plugins": both}) if without or modules else table
