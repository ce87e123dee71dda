"""`modnet trace`: one update of a network, step by step."""

from __future__ import annotations

import math
from contextlib import chdir
from pathlib import Path
from typing import Any

import click
from modnet_progress.terminal import file_progress
from modnet_trace.examples import make_book_example
from modnet_trace.update import trace_update

from modnet.cli.options.changes import read_changes
from modnet.cli.options.groups import experiment_options, plugin_options
from modnet.cli.options.loading import load_all_plugins, read_experiment_file
from modnet.cli.options.parameters import FilePath
from modnet.cli.output import Command, echo
from modnet.cli.show.values import to_json
from modnet.cli.trace.table import to_table
from modnet.comparison.training import COMPARISON
from modnet.compose.experiment import Experiment, create_experiment, create_network, read_data
from modnet.compose.parts import find_name, make_part
from modnet.compose.tables import Table, merge
from modnet.data.dataset import Dataset
from modnet.errors import SettingError
from modnet.files import write_atomically
from modnet.nn.network import LayeredNetwork
from modnet.runs.folder import EXPERIMENT
from modnet.runs.run import open_run

BACKPROPAGATION, CENTRAL = "backpropagation", "central-difference"
OF_UPDATE = {"gradient", "optimizer"}  # the entries that a run, and the example, can have others of


@click.command(cls=Command)
@click.argument("what", metavar="[EXPERIMENT|RUN]", required=False, type=FilePath())
@experiment_options
@click.option("--rows", metavar="N[,N...]", help="Training rows of the batch, counted from 0 (default: 0).")
@click.option("--x", "x_", metavar="X[,X...]", help="Samples in place of rows; a semicolon before the next one.")
@click.option("--t", "t_", metavar="T[,T...]", help="Their targets: class indices, or numbers of a regression.")
@click.option("--against", metavar="NAME", help="Estimator to compare with (default: central-difference).")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
@click.option("--out", metavar="FILE.html", type=FilePath(), help="Write an HTML page.")
@plugin_options
def trace(
    what: Path | None,
    *,
    rows: str | None,
    x_: str | None,
    t_: str | None,
    against: str | None,
    json_: bool,
    out: Path | None,
    without: tuple[str, ...],
    modules: tuple[str, ...],
    **flags: Any,
) -> None:
    """Show one update of the parameters, step by step.

    Each array of the forward pass, the loss, the gradient by two estimators, the update and the new loss. Without
    arguments it is the book's small network of 2 -> 3 -> 2 units, on one sample. Of EXPERIMENT, or with options as
    those of `modnet train`, it is the untrained network; of RUN, a folder, what it learned.
    """
    _check_options(rows, x_, t_, out)
    changes = read_changes(flags)
    is_example = not what and not changes.keys() - OF_UPDATE
    if is_example and rows is not None:
        raise SettingError(["the example has one sample: name --data, an experiment or a run"], "--rows")
    table = _read_table(what, changes)
    file = what / EXPERIMENT if what and what.is_dir() else what
    given = merge(load_all_plugins(table, file, without, modules), changes)
    wanted = create_experiment(given)
    with chdir("."):  # wherever a part changes it to
        network: LayeredNetwork
        weights = None
        if is_example:
            network, x, t = make_book_example()
        else:
            network, data, wanted = _make_network(what, wanted, given)
            if x_ is None:
                chosen = _read_rows("0" if rows is None else rows, len(data.train))
                x, t = data.train.rows(chosen), data.train.targets(chosen, network.outputs)
                weights = None if data.train.weights is None else data.train.weights[chosen]
        if x_ is not None and t_ is not None:
            x, t = _read_samples(x_, t_)
        gradient = wanted.gradient if "gradient" in given else make_part("gradient", BACKPROPAGATION)
        other = against or (CENTRAL if find_name(gradient) != CENTRAL else BACKPROPAGATION)
        found = trace_update(
            network, x, t, gradient=gradient, against=other, optimizer=wanted.optimizer, weights=weights
        )
    if out:
        write_atomically(out, found.to_html().encode())
    echo(to_json(to_table(found)) if json_ else str(found))
    if out and not json_:
        echo(f"written to {out}")


def _check_options(rows: str | None, x_: str | None, t_: str | None, out: Path | None) -> None:
    """Raise SettingError for options that do not go together, and for a page that has no place."""
    if out and out.suffix.lower() not in {".html", ".htm"}:
        raise SettingError([f"{out}: a page is written as .html: name such a file"], "--out")
    if out and not out.parent.is_dir():
        raise SettingError([f"{out}: there is no folder {out.parent}"], "--out")
    if (x_ is None) != (t_ is None):
        raise SettingError(["samples and their targets go together: --x 1,0.5 --t 0"], "--x" if t_ is None else "--t")
    if x_ is not None and rows is not None:
        raise SettingError(["samples are given by --x, or chosen by --rows: leave out one of the two"], "--rows")


def _read_table(what: Path | None, changes: Table) -> Table:
    """Return the table of an experiment's file, or of a run, of which the update alone may be another."""
    if not (what and what.is_dir()) or (what / COMPARISON).is_file():
        return read_experiment_file(what)
    if others := sorted(changes.keys() - OF_UPDATE):
        raise SettingError(
            [f"{what} is a run, which has its own {others[0]}: only --gradient, --optimizer, --lr"], "trace"
        )
    return {**open_run(what).experiment}


def _make_network(what: Path | None, wanted: Experiment, given: Table) -> tuple[LayeredNetwork, Dataset, Experiment]:
    with file_progress():
        if what and what.is_dir():
            run = open_run(what)
            return run.network, run.data, wanted
        data, wanted = read_data(wanted, given)
        return create_network(wanted, data), data, wanted


def _read_rows(text: str, count: int) -> list[int]:
    """Return the numbers of rows; raises SettingError where there is no such row."""
    words = [word.strip() for word in text.split(",")]
    wrong = [word for word in words if not (word.isdecimal() and len(word) < 10 and int(word) < count)]
    if wrong:
        what = f"there is no row {wrong[0]!r}: the training part has the rows 0 to {count - 1}"
        raise SettingError([f"{what}, give some, as --rows 0,3"], "--rows")
    return [int(word) for word in words]


def _read_samples(x: str, t: str) -> tuple[list[list[float]], list[Any]]:
    """Return samples and their targets, one for each; raises SettingError."""
    samples, targets = _read_numbers(x, "--x"), _read_numbers(t, "--t")
    found: list[Any] = targets[0] if len(targets) == 1 and len(targets[0]) == len(samples) else targets
    if len(found) != len(samples):
        each = f"expected a target for each of the {len(samples)} samples, as --t {','.join('0' * len(samples))}"
        raise SettingError([f"{each}, found {t!r}"], "--t")
    return samples, found


def _read_numbers(text: str, option: str) -> list[list[float]]:
    """Return rows of numbers, `1,0.5;0,1`; raises SettingError."""
    rows = [[word.strip() for word in row.split(",")] for row in text.split(";")]
    try:
        found = [[float(word) for word in row] for row in rows]
    except ValueError:
        what = f"expected numbers joined by commas, and a semicolon before the next row: {text!r}"
        raise SettingError([what], option) from None
    if not all(math.isfinite(number) for row in found for number in row):
        raise SettingError([f"expected finite numbers, found {text!r}"], option)
    if len({*map(len, found)}) > 1:
        raise SettingError([f"expected as many numbers in each row, found {text!r}"], option)
    return found
