"""`modnet plot`: the learning curves of a run."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from modnet.cli.options import load_chosen_plugins, plugin_options
from modnet.cli.output import Command, echo
from modnet.cli.show.learning_curves import draw_learning_curves
from modnet.cli.show.values import format_title
from modnet.compose.parts import OWN, read_part
from modnet.compose.tables import Table, read_toml
from modnet.display.figure import FORMATS, save_figure
from modnet.errors import ModnetError
from modnet.interfaces import Metric
from modnet.runs.contents import read_course
from modnet.runs.folder import CURVES, EXPERIMENT, HISTORY, check_files


@click.command(cls=Command)
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help=f"A .{', .'.join(FORMATS)} file (default: RUN/{CURVES}).")
@plugin_options
def plot(run: Path, out: Path | None, *, without: tuple[str, ...], modules: tuple[str, ...]) -> None:
    """Draw the learning curves of RUN: loss and accuracies.

    No part of the run is needed for it, and no module that its experiment names is imported.
    """
    history = read_course(run, is_known=check_files(run, (EXPERIMENT, HISTORY)))
    table = read_toml(run / EXPERIMENT)
    load_chosen_plugins(without, modules)
    path = out or run / CURVES
    save_figure(draw_learning_curves(history, format_title(table), find_metrics(table)), path)
    echo(f"drawn in {path}")


def find_metrics(table: Table) -> list[Metric]:
    """Return the metrics that runs of an experiment's table may have, but for those that are not available here."""
    found: list[Metric] = []
    wanted: Any = table.get("metrics")
    for value in (*OWN["classification"], *OWN["regression"], *(wanted if isinstance(wanted, list) else ())):
        with suppress(ModnetError):
            found.append(read_part("metric", value))
    return found
