"""`modnet verify`: a run compared with its receipt."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path

import click

from modnet.cli.options import load_all_plugins, plugin_options
from modnet.cli.output import Command, echo
from modnet.cli.show.progress import RunProgress, file_progress
from modnet.compose.settings import Table
from modnet.compose.toml import read_toml
from modnet.errors import SettingError
from modnet.runs.folder import EXPERIMENT, recover
from modnet.runs.surroundings import PARTS
from modnet.runs.verify import Verification, compare_with_receipt, retrain


@click.command(cls=Command)
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--data", "data_path", metavar="FILE", type=click.Path(path_type=Path), help="Where the data is now.")
@click.option("--accept", is_flag=True, help="Train it again even by other code or libraries.")
@click.option("--dry-run", is_flag=True, help="List the differences; train nothing.")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
@plugin_options
def verify(
    run: Path,
    data_path: Path | None,
    *,
    accept: bool,
    dry_run: bool,
    json_: bool,
    without: tuple[str, ...],
    modules: tuple[str, ...],
) -> None:
    """Train RUN again, and check that every bit is the same.

    Its folder stays as it is. Files, data, settings, plugins, libraries and platform are compared with the receipt of
    the run. Differences are listed, with the first iteration that differs; by other code or libraries it is trained
    with --accept alone, on other data never. The exit status is 0 for an identical run, otherwise 1.
    """
    recover(run)
    table: Table = {}
    with suppress(SettingError):  # a file that cannot be read is one of the differences
        table = read_toml(run / EXPERIMENT)
    load_all_plugins(table, run / EXPERIMENT, without, modules)
    with file_progress():
        found = compare_with_receipt(run, data_path)
    if not json_:
        echo(_format_differences(found))
    if not dry_run and found.can_be_trained(accept=accept):
        with RunProgress(sys.stderr if json_ else None) as progress:
            found = retrain(found, progress)
    echo(json.dumps(found.as_json(), indent=2) if json_ else found.verdict())
    sys.exit(0 if found.identical else 1)


def _format_differences(found: Verification) -> str:
    """Return the end of the run, and the differences of each part."""
    results = found.results
    lines = [f"{found.folder}: {results.status}, {results.iterations:,} iterations"]
    for part in PARTS:
        differing = [difference.format() for difference in found.differences if difference.part == part]
        is_known = part == "file" or found.data is not None
        words = differing or ["as it was" if is_known else "not compared"]
        lines += [f"{part if i == 0 else '':<10}{text}" for i, text in enumerate(words)]
    return "\n".join(lines)
