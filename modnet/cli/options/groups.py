"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from modnet.cli.options.parameters import Layers, Lower, PartName, Several
from modnet.compose.defaults import EPOCHS, FOR_TABLES, MAIN_JOB
from modnet.errors import SettingError

F = TypeVar("F", bound=Callable[..., Any])
_HIDDEN = f"{MAIN_JOB['network']['hidden'][0]}; tables: {FOR_TABLES['network']['hidden'][0]}"


class PartOption(click.Option):
    """An option that takes a part's name and lists the names in its help."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return the help with the available names."""
        record = super().get_help_record(ctx)
        kind = self.type.one if isinstance(self.type, Several) else self.type
        names = ", ".join(kind.names()) if isinstance(kind, PartName) else ""
        return record and (record[0], f"{record[1]}  [{names}]")


def quiet_option(command: F) -> F:
    """Add the option that leaves out progress, and what is not the result."""
    return click.option("-q", "--quiet", is_flag=True, help="Print no progress, only how it ended.")(command)


def progress_options(command: F) -> F:
    """Add the options that say how much a run prints while it is trained."""
    every = click.option(
        "--every", type=click.IntRange(1), metavar="N", help="Print a row each N epochs (default: about 40 rows)."
    )
    return every(quiet_option(command))


def check_progress(every: int | None, *, quiet: bool) -> None:
    """Raise SettingError where rows are asked for, and none."""
    if every and quiet:
        raise SettingError(["no row is printed with --quiet: leave out one of the two"], "--every")


def without_option(command: F) -> F:
    """Add the option that leaves plugins out."""
    return click.option(
        "--without", multiple=True, metavar="PLUGIN[,...]", help="Leave out plugins; '*': all but built-ins."
    )(command)


def plugin_options(command: F) -> F:
    """Add the options that choose the plugins."""
    module = click.option(
        "-p",
        "--plugin",
        "modules",
        multiple=True,
        metavar="MODULE",
        help="Load a module, by name or file, as a plugin.",
    )
    return without_option(module(command))


def experiment_options(command: F) -> F:
    """Add the options that change an experiment; their help has the defaults of the main job and of tables."""
    hidden = click.option("--hidden", metavar="N[,N...]", help=f"Units of each hidden layer (default: {_HIDDEN}).")
    return _experiment_options(command, hidden, lambda one: one)


def comparison_options(command: F) -> F:
    """Add the options that change an experiment, each with several values to compare."""
    what = f"Units of the hidden layer, or of several as in 100-50 (default: {_HIDDEN})."
    hidden = click.option("--hidden", metavar="N[,N...]", type=Several(Layers()), help=what)
    return _experiment_options(command, hidden, Several)


def _experiment_options(
    command: F, hidden: Callable[[F], F], taking: Callable[[click.ParamType[Any]], click.ParamType[Any]]
) -> F:
    data, network, training = MAIN_JOB["data"], MAIN_JOB["network"], MAIN_JOB["training"]
    table = FOR_TABLES["network"]

    def a_part(name: str, kind: str, what: str, default: str) -> Callable[[F], F]:
        about = f"{what} (default: {default})."
        return click.option(f"--{name}", cls=PartOption, type=taking(PartName(kind)), help=about)

    def a_value(name: str, kind: click.ParamType[Any], what: str) -> Callable[[F], F]:
        return click.option(name, type=taking(kind), help=what)

    def several_parts(kind: str, what: str) -> Callable[[F], F]:
        about = f"{what}; give the option again for several."
        return click.option(f"--{kind}", cls=PartOption, type=PartName(kind), multiple=True, help=about)

    samplings = click.Choice(["replacement", "shuffle"], case_sensitive=False)
    options: list[Callable[[F], F]] = [
        click.option("--data", metavar="NAME|FILE", help=f"A registered data set or a file (default: {data['name']})."),
        click.option("--source", metavar="NAME", help="The kind of that file (default: recognised)."),
        click.option("--validation", type=float, metavar="SHARE", help="Share of training rows kept for validation."),
        hidden,
        a_part(
            "activation",
            "activation",
            "Activation of the hidden layers",
            f"{network['activation']}; tables: {table['activation']}",
        ),
        a_part("output", "activation", "Activation of the last layer", network["output"]),
        a_part("loss", "loss", "Loss to minimize", network["loss"]),
        a_part("gradient", "gradient", "Gradient estimator", _name_defaults("gradient")),
        a_part("optimizer", "optimizer", "Optimizer", _name_defaults("optimizer")),
        several_parts("callback", "Callback"),
        several_parts("metric", "Metric beside accuracy, or R² and RMSE"),
        a_value(
            "--lr",
            click.FLOAT,
            "Learning rate (default: 0.1 with sgd, 0.003 with adam on tables, else the optimizer's own).",
        ),
        a_value("--batch-size", click.INT, f"Samples in a mini-batch (default: {training['batch_size']})."),
        a_value(
            "--iterations",
            click.INT,
            f"Mini-batches to train on (default: {training['iterations']}; tables: {EPOCHS} epochs).",
        ),
        a_value("--sampling", samplings, f"Sampling of mini-batches (default: {training['sampling']})."),
        a_value("--array", Lower(), "Array library of the network: numpy (default) or torch."),
        a_value("--device", Lower(), "Device of its arrays, as cuda or cuda:1 of torch (default: the CPU)."),
        click.option("--seed", type=int, help=f"Same seed, same run (default: {MAIN_JOB['seed']})."),
        click.option(
            "--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Any other entry: optimizer.momentum=0.8"
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _name_defaults(kind: str) -> str:
    return f"{MAIN_JOB[kind]['name']}; tables: {FOR_TABLES[kind]['name']}"
