"""`modnet gradient-check`: verdicts on derivatives, and estimators compared."""

from __future__ import annotations

import sys
from contextlib import chdir
from pathlib import Path
from typing import Any

import attrs
import click
from modnet_figures.figures import FORMATS, save_figure
from modnet_figures.figures.gradient_check import from_check
from modnet_progress.terminal import file_progress

from modnet.cli.options.changes import read_changes
from modnet.cli.options.groups import experiment_options, plugin_options
from modnet.cli.options.loading import load_all_plugins, read_experiment_file
from modnet.cli.options.parameters import COUNT, FilePath, PicturePath
from modnet.cli.output import Command, echo, fold
from modnet.cli.show.values import format_title, to_json
from modnet.compose.experiment import create_experiment, create_network, read_data, to_table
from modnet.compose.tables import merge
from modnet.nn.batches import Batches
from modnet.randomness import Stream
from modnet.testing.gradcheck.verdicts import VERDICTS
from modnet.testing.gradient_check import check_gradient

HELP = f"""Check derivatives, and compare gradient estimators.

The network is the untrained one of EXPERIMENT and the options, on its first mini-batch. Each part's own derivative gets
a verdict: {", ".join(reversed(VERDICTS))}; so does the whole gradient, which --gradient computes, or else the chain
rule. The exit status is 1 where a derivative is wrong or not deterministic.
"""


@click.command(cls=Command, help=HELP)
@click.argument("experiment", required=False, type=FilePath())
@experiment_options
@click.option("--estimator", "estimators", multiple=True, metavar="NAME", help="To compare (repeatable; default: all).")
@click.option("--repeats", type=COUNT, default=5, help="Estimates by each random estimator (default: 5).")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
@click.option("--out", type=PicturePath(), help=f"Draw the estimators: a .{', .'.join(FORMATS)} file.")
@plugin_options
def gradient_check(
    experiment: Path | None,
    estimators: tuple[str, ...],
    repeats: int,
    out: Path | None,
    *,
    json_: bool,
    without: tuple[str, ...],
    modules: tuple[str, ...],
    **flags: Any,
) -> None:
    """Check derivatives, and compare gradient estimators."""
    table = load_all_plugins(read_experiment_file(experiment), experiment, without, modules)
    given = merge(table, read_changes(flags))
    wanted = create_experiment(given)
    with file_progress():
        data, wanted = read_data(wanted, given)
    size, sampling = wanted.training.batch_size, wanted.training.sampling
    chosen = Batches(len(data.train), size, sampling, Stream(wanted.seed, ("batches",))).draw(0)
    with chdir("."):  # wherever a part changes it to
        network = create_network(wanted, data)
        check = check_gradient(
            network,
            data.train.rows(chosen),
            data.train.targets(chosen, network.outputs),
            estimators=estimators or None,
            gradient=wanted.gradient if flags["gradient"] else None,
            repeats=repeats,
            seed=wanted.seed,
            weights=None if data.train.weights is None else data.train.weights[chosen],
        )
    echo(to_json(attrs.asdict(check), indent=2) if json_ else fold(check))
    if out:
        save_figure(from_check(check, title=format_title(to_table(wanted))), out)
        if not json_:
            echo(f"drawn in {out}")
    sys.exit(0 if check.passed else 1)
