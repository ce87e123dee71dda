"""`modnet export`: a run's network in a file for use without modnet."""

from __future__ import annotations

from pathlib import Path

import click
from modnet_export.writing import FORMATS, SUFFIXES, find_format, write_export

from modnet.cli.options.groups import plugin_options
from modnet.cli.options.loading import load_all_plugins
from modnet.cli.options.parameters import FilePath, RunPath
from modnet.cli.output import Command, echo
from modnet.compose.plugins import containing_plugins
from modnet.compose.tables import read_toml
from modnet.errors import SettingError
from modnet.runs.folder import EXPERIMENT, check_is_run
from modnet.runs.run import open_run
from modnet.text import format_size


@click.command(cls=Command)
@click.argument("run", type=RunPath())
@click.option("--to", type=click.Choice(FORMATS, case_sensitive=False), help="The format (default: by FILE's suffix).")
@click.option("--out", type=FilePath(), metavar="FILE", help="The file (default: named after RUN, here).")
@click.option("--overwrite", is_flag=True, help="Replace the file where there is one.")
@plugin_options
def export(
    run: Path,
    *,
    to: str | None,
    out: Path | None,
    overwrite: bool,
    without: tuple[str, ...],
    modules: tuple[str, ...],
) -> None:
    """Write RUN's network to a file that needs no modnet.

    onnx (.onnx) and numpy (.py, one file that needs NumPy alone) take raw rows, as `modnet predict` does: what
    prepared the columns in training is inside. safetensors has the parameters, and all settings as JSON.
    """
    if out is None and to is None:
        raise SettingError([f"no format: available: {', '.join(FORMATS)}"], "--to")
    target = out or Path(f"{run.absolute().name}{SUFFIXES[to or '']}")
    kind = find_format(target, to)
    if target.exists() and not overwrite:
        raise SettingError([f"{target} exists already: choose another name, or --overwrite"], "--out")
    check_is_run(run)
    load_all_plugins(read_toml(run / EXPERIMENT), run / EXPERIMENT, without, modules, optional=True)
    with containing_plugins():
        write_export(open_run(run), target, kind)
    echo(f"exported to {target} ({format_size(target.stat().st_size)})")
