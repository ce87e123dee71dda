"""`modnet compare`: settings compared over many seeds."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import click
from modnet_progress.terminal import RunsProgress, file_progress

import modnet
from modnet.cli.options.changes import read_alternatives
from modnet.cli.options.groups import comparison_options, plugin_options, quiet_option
from modnet.cli.options.loading import choose_new_folder, load_all_plugins, read_experiment_file
from modnet.cli.options.parameters import COUNT, FilePath
from modnet.cli.output import Command, echo, fold, get_output
from modnet.comparison.grid import spread
from modnet.comparison.training import COMPARISON
from modnet.compose.tables import merge
from modnet.errors import SettingError
from modnet.text import format_count, quote_argument

ROPE = attrs.fields(modnet.Comparison).rope.default


@click.command(cls=Command)
@click.argument("experiment", required=False, type=FilePath())
@comparison_options
@click.option("--seeds", type=COUNT, help="Runs of each setting, with seeds from --seed on (default: 10).")
@click.option("--rope", type=click.FloatRange(0), help=f"Accuracies closer than this are equal (default: {ROPE}).")
@click.option("--workers", type=click.IntRange(1), help="Runs side by side (default: one for each core).")
@click.option(
    "--dask", metavar="ADDRESS", help="Train on a cluster: its scheduler's tcp://HOST:PORT, or the .json that it wrote."
)
@click.option("--accept", is_flag=True, help="Compare runs of different code or libraries; the result names them.")
@click.option("--out", type=FilePath(), help="Folder for runs and results (default: runs/DATE-TIME).")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
@quiet_option
@plugin_options
def compare(
    experiment: Path | None,
    seeds: int | None,
    rope: float | None,
    workers: int | None,
    dask: str | None,
    out: Path | None,
    *,
    accept: bool,
    json_: bool,
    quiet: bool,
    without: tuple[str, ...],
    modules: tuple[str, ...],
    **flags: Any,
) -> None:
    """Compare settings, and decide whether one is better.

    Of two settings one is better, both are equal, or it is undecided. Options take several values, joined by commas:
    --hidden 30,50,100. Each combination of them is trained with every seed, on all cores. Runs that are in the folder
    are not repeated: the same command continues where it stopped, and more seeds or settings add to it. Runs of other
    code or libraries than the rest stop it. EXPERIMENT is a TOML file, which may have the varied entries in a table
    [compare].

    The folder holds each run, and comparison.md, pairs.csv, runs.csv, comparison.json, comparison.png.
    """
    table = load_all_plugins(read_experiment_file(experiment), experiment, without, modules)
    changes, grid = spread(*read_alternatives(flags))  # before a name in the file claims them
    folder = out or choose_new_folder()
    out_stream = sys.stderr if json_ else get_output()
    with _connecting(dask, workers) as executor, file_progress(), RunsProgress(out_stream, quiet=quiet) as progress:
        try:
            result = modnet.compare(
                merge(table, changes),
                grid,
                seeds=seeds,
                rope=rope,
                out=folder,
                workers=workers,
                executor=executor,
                progress=progress,
                accept=accept,
            )
        except KeyboardInterrupt:
            if (folder / COMPARISON).is_file():
                words = [str(folder / COMPARISON), "--out", str(folder), *(["--dask", dask] if dask else [])]
                words += ["--accept"] * accept
                echo(f"continue with: modnet compare {' '.join(map(quote_argument, words))}", err=json_)
            raise
    echo(json.dumps(result.as_json(), indent=2) if json_ else f"\n{fold(result)}\n\nsaved in {folder}")


@contextmanager
def _connecting(address: str | None, workers: int | None) -> Iterator[Any]:
    """Yield the client of a cluster, if one is asked for; says how many workers it has."""
    if address is not None and not address.strip():
        raise SettingError(["expected the address of a scheduler, found nothing"], "--dask")
    if address is None:
        yield None
        return
    if workers:
        raise click.UsageError("--dask has workers of its own: leave out --workers")
    from modnet_executors.dask import connect  # which few comparisons need

    with connect(address) as client:
        count = len(client.nthreads())
        found = format_count(count, "worker") if count else "no worker yet, runs begin when there is one,"
        echo(f"{found} at {client.scheduler.address}", err=True)
        yield client
