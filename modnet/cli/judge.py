"""`modnet judge`: verdicts on the runs in a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import click
from modnet_figures.figures import FORMATS, save_figure

import modnet
from modnet.cli.options.parameters import FilePath, PicturePath
from modnet.cli.output import Command, echo, fold
from modnet.errors import SettingError
from modnet.text import quote_argument

RUNS = "runs.csv"  # in the folder of a comparison
ROPE = attrs.fields(modnet.Comparison).rope.default


@click.command(cls=Command)
@click.argument("table", type=FilePath())
@click.option("--setting", multiple=True, metavar="COLUMN", help="What is compared; several make a setting together.")
@click.option("--seed", metavar="COLUMN", help="Runs of the same seed are paired.")
@click.option("--score", metavar="COLUMN", help="The result of a run, or of a test sample.")
@click.option("--sample", metavar="COLUMN", help="The test sample, in a table with a row for each of each run.")
@click.option("--dataset", metavar="COLUMN", help="Differences are taken within each data set.")
@click.option("--higher-is-better/--lower-is-better", default=None, help="Needed where the score's name does not say.")
@click.option(
    "--rope", type=click.FloatRange(0), help=f"Scores closer than this are equal (default: {ROPE} for accuracies)."
)
@click.option("--diverged", type=float, metavar="SCORE", help="What a run without a finite score counts with.")
@click.option("--plot", type=PicturePath(), help=f"Draw the scores: a .{', .'.join(FORMATS)} file.")
@click.option("--markdown", is_flag=True, help="Print Markdown.")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def judge(
    table: Path, setting: tuple[str, ...], plot: Path | None, *, markdown: bool, json_: bool, **asked: Any
) -> None:
    """Decide which setting is better, by the runs in TABLE.

    TABLE is a CSV file from any framework: a row for each run, with columns that name its setting, its seed and its
    score; or for each test sample of each run. Columns that are called so, or model, random_state, accuracy and the
    like, are found by their names. Verdicts are those of `modnet compare`.
    """
    if markdown and json_:
        raise click.UsageError("--markdown and --json are two forms of the same: choose one")
    if (table / RUNS).is_file():
        inside = quote_argument(str(table / RUNS))
        raise SettingError([f"{table} is a folder: judge the table in it, {inside}"], "TABLE")
    result = modnet.judge(table, setting=setting, **asked)
    if plot:
        save_figure(result.figure(table.name), plot)
    if json_:
        echo(json.dumps(result.as_json(), indent=2))
    else:
        echo(result.markdown().removesuffix("\n") if markdown else fold(result))
    if plot:
        echo(f"drawn in {plot}", err=True)
