"""`modnet plot`: the learning curves of a run."""

from __future__ import annotations

from pathlib import Path

import click

from modnet.cli.options import load_all_plugins, plugin_options
from modnet.cli.output import echo
from modnet.compose.experiment import format_title
from modnet.compose.toml import read_toml
from modnet.display.figure import FORMATS, save_figure
from modnet.display.learning_curves import draw_learning_curves
from modnet.runs.folder import CURVES, EXPERIMENT, HISTORY, read_experiment
from modnet.runs.history import read_history


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help=f"A .{', .'.join(FORMATS)} file (default: RUN/{CURVES}).")
@plugin_options
def plot(run: Path, out: Path | None, *, without: tuple[str, ...], modules: tuple[str, ...]) -> None:
    """Draw the learning curves of RUN: loss and accuracies."""
    history = read_history(run / HISTORY)
    load_all_plugins(read_toml(run / EXPERIMENT), without, modules)
    path = out or run / CURVES
    save_figure(draw_learning_curves(history, format_title(read_experiment(run))), path)
    echo(f"drawn in {path}")
