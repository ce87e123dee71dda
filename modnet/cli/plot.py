"""`modnet plot`: the learning curves of a run."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain, product, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click
from modnet_figures.figures import FORMATS, learning_curves, save_figure, several_runs

from modnet.cli.options.groups import plugin_options
from modnet.cli.options.loading import load_chosen_plugins
from modnet.cli.options.parameters import FolderPath, PicturePath
from modnet.cli.output import Command, echo
from modnet.cli.show.values import format_title
from modnet.comparison.grid import Setting, format_value, tell_apart, to_axes
from modnet.comparison.training import COMPARISON
from modnet.compose.parts import OWN, read_part
from modnet.compose.tables import Table, read_toml
from modnet.errors import ModnetError, SettingError
from modnet.interfaces import Metric
from modnet.runs.contents import read_course
from modnet.runs.folder import CURVES, EXPERIMENT, HISTORY, check_files
from modnet.types import History

if TYPE_CHECKING:
    from modnet.compose.experiment import Experiment


@click.command(cls=Command)
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=FolderPath())
@click.option("--out", type=PicturePath(), help=f"A .{', .'.join(FORMATS)} file (default: RUN/{CURVES}).")
@plugin_options
def plot(runs: tuple[Path, ...], out: Path | None, *, without: tuple[str, ...], modules: tuple[str, ...]) -> None:
    """Draw the learning curves of RUN: loss and accuracies.

    Several runs, or the folder of a comparison, are drawn in one picture, a line for each setting. No part of a run is
    needed for it, and no module that its experiment names is imported.
    """
    found = find_runs(runs)
    if len(found) == 1:
        (run,) = found
        history, table = read_history(run)
        load_chosen_plugins(without, modules)
        figure, path = (
            learning_curves.from_history(history, format_title(table), find_metrics(table)),
            out or run / CURVES,
        )
    elif out is None:
        raise SettingError([f"{len(found)} runs are drawn in one picture: name its file by --out"], "--out")
    else:
        groups: dict[str, list[History]] = {}
        metrics: list[Metric] = []
        read = [read_history(run) for run in found]
        load_chosen_plugins(without, modules)
        for label, (history, table) in zip(label_runs(found), read, strict=True):
            groups.setdefault(label, []).append(history)
            metrics += find_metrics(table)
        figure, path = several_runs.from_histories(groups, f"{len(found)} runs: mean and range", metrics), out
    save_figure(figure, path)
    echo(f"drawn in {path}")


def find_runs(paths: Sequence[Path]) -> list[Path]:
    """Return the folders of runs, in place of a comparison's folder all that are in it; raises SettingError."""
    found: list[Path] = []
    for path in chain.from_iterable(map(_expand, paths)):
        is_comparison = (path / COMPARISON).is_file()
        inside = sorted(each.parent for each in path.glob(f"*/seed-*/{HISTORY}")) if is_comparison else [path]
        if not inside:
            raise SettingError(
                [f"{path}: no run of this comparison has been trained: call `modnet compare` as before"], "RUN"
            )
        found += inside
    return found


def _expand(path: Path) -> list[Path]:
    """Return the folders of a pattern, which shells of Windows leave to the program; of any other path, itself."""
    found = sorted(path.parent.glob(path.name)) if "*" in path.name and not path.exists() else []
    return found or [path]


def label_runs(runs: Sequence[Path]) -> list[str]:
    """Return a label for each run: its path below the folder that all are in, without the seed of a comparison's run.

    Where the comparison is there, its setting in words is in place of the setting's folder.

    >>> label_runs([Path("lab/lr-0.1/seed-0"), Path("lab/lr-0.1/seed-1"), Path("lab/lr-0.5/seed-0")])
    ['lr-0.1', 'lr-0.1', 'lr-0.5']
    """
    paths = [Path(os.path.abspath(run)) for run in runs]  # noqa: PTH100 - without .. in it
    groups = [path.parent if re.fullmatch(r"seed-\d+", path.name) else path for path in paths]
    shared = zip(*(group.parent.parts for group in groups), strict=False)
    above = sum(1 for _ in takewhile(lambda parts: len({*parts}) == 1, shared))  # 0 on several drives
    words = {folder: read_labels(folder) for folder in {group.parent for group in groups}}
    names = [words[group.parent].get(group.name, group.name) for group in groups]
    return ["/".join([*group.parent.parts[above:], name]) for group, name in zip(groups, names, strict=True)]


def read_labels(comparison: Path) -> dict[str, str]:
    """Return the settings of a comparison in words, by the names of their folders; none where they cannot be read."""
    with suppress(ModnetError, KeyError, TypeError, AttributeError):
        axes = to_axes(read_toml(comparison / COMPARISON)["compare"]["grid"])
        entries = (zip(axes, map(format_value, values), strict=True) for values in product(*axes.values()))
        settings = tell_apart([Setting(dict(each), cast("Experiment", None)) for each in entries])
        return {setting.folder: setting.label for setting in settings}
    return {}


def read_history(run: Path) -> tuple[History, Table]:
    """Return the history of a run and the table of its experiment; raises DataError."""
    history = read_course(run, is_known=check_files(run, (EXPERIMENT, HISTORY)))
    return history, read_toml(run / EXPERIMENT)


def find_metrics(table: Table) -> list[Metric]:
    """Return the metrics that runs of an experiment's table may have, but for those that are not available here."""
    found: list[Metric] = []
    wanted: Any = table.get("metrics")
    for value in (*OWN["classification"], *OWN["regression"], *(wanted if isinstance(wanted, list) else ())):
        with suppress(ModnetError):
            found.append(read_part("metric", value))
    return found
