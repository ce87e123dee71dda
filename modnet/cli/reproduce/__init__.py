"""`modnet reproduce`: published results found again."""

from __future__ import annotations

import math
import sys
import textwrap
from collections import Counter
from pathlib import Path
from typing import Any

import attrs
import click
import numpy as np
from modnet_progress.terminal import RunsProgress, file_progress

from modnet import compare
from modnet.cli.options.groups import plugin_options, quiet_option
from modnet.cli.options.loading import load_all_plugins
from modnet.cli.options.parameters import COUNT, FilePath
from modnet.cli.output import Command, echo, get_output
from modnet.cli.reproduce.data import find_data
from modnet.cli.reproduce.measures import check_figures, measure_function, measure_runs
from modnet.cli.reproduce.results import PublishedResult, create_published, find_published, list_published
from modnet.cli.reproduce.verdicts import LEVEL, Finding, find_quantile, judge
from modnet.cli.show.values import to_json
from modnet.comparison.training import read_settings
from modnet.compose.plugins import containing_plugins
from modnet.compose.tables import read_toml
from modnet.errors import SettingError
from modnet.text import fit, format_count, format_table
from modnet.types import Array

WIDTH = 80


@click.command(cls=Command)
@click.argument("names", nargs=-1, metavar="[NAME|FILE]...")
@click.option("--list", "list_", is_flag=True, help="List the published results, and the time that each takes.")
@click.option("--seeds", type=COUNT, help="Runs with seeds from 0 on (default: the result's own number).")
@click.option("--data", type=FilePath(), help="File or folder of data that modnet does not ship.")
@click.option("--workers", type=click.IntRange(1), help="Runs side by side (default: one for each core).")
@click.option("--accept", is_flag=True, help="Take runs of different code or libraries in the folder, too.")
@click.option("--out", type=FilePath(), help="Folder that keeps the runs, in one for each result.")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
@quiet_option
@plugin_options
def reproduce(
    names: tuple[str, ...],
    seeds: int | None,
    data: Path | None,
    workers: int | None,
    out: Path | None,
    *,
    accept: bool,
    list_: bool,
    json_: bool,
    quiet: bool,
    without: tuple[str, ...],
    modules: tuple[str, ...],
) -> None:
    """Find published results again, and say whether they agree.

    Each NAME is one of --list; a FILE, which ends in .toml, describes a result of your own. The table has each
    published figure beside ours, with an interval over the seeds. The exit status is 0 where all figures agree,
    otherwise 1.
    """
    if list_ or not names:
        load_all_plugins({}, None, without, modules)
        known = [create_published(read_toml(path), path) for path in map(find_published, list_published())]
        echo(to_json([_describe(each) for each in known], indent=2) if json_ else _format_list(known))
        return
    found, results = [], [_read(path, without, modules) for path in map(find_published, names)]
    if out and (twice := [name for name, count in Counter(result.name for result in results).items() if count > 1]):
        what = f"two results are called {twice[0]!r}, and would share {out / twice[0]}: rename a file, or leave one out"
        raise SettingError([what], "--out")
    with file_progress():
        results = [_give_data(result, data) for result in results]  # of all, before the first run
    for result in results:
        count = seeds or result.seeds
        with file_progress(), RunsProgress(sys.stderr if json_ else get_output(), quiet=quiet) as progress:
            try:
                folder = out and out / result.name
                found.append(_reproduce(result, count, workers, folder, progress, accept=accept))
            except KeyboardInterrupt:
                if out:
                    echo(f"the runs in {out} are kept: the same command continues them", err=json_)
                raise
        if not json_:
            echo(_format_findings(result, found[-1], count))
    if json_:
        both = zip(results, found, strict=True)
        echo(to_json([{**_describe(r), "figures": list(map(attrs.asdict, each))} for r, each in both], indent=2))
    sys.exit(0 if all(one.verdict == "agrees" for each in found for one in each) else 1)


def _read(path: Path, without: tuple[str, ...], modules: tuple[str, ...]) -> PublishedResult:
    """Return the result of a file, with the plugins loaded that its experiment names."""
    table = read_toml(path)
    experiment = table.get("experiment")
    loaded = load_all_plugins(experiment if isinstance(experiment, dict) else {}, path, without, modules)
    return create_published({**table, "experiment": loaded} if isinstance(experiment, dict) else table, path)


def _give_data(result: PublishedResult, data: Path | None) -> PublishedResult:
    """Return a result with the place of its data; raises DataError and SettingError."""
    if data and not result.data:
        raise SettingError([f"{result.name} needs no data that modnet does not ship: leave it out"], "--data")
    experiment = result.experiment
    if experiment is None:
        return result
    if result.data:
        reader = experiment.get("data", {})
        if not isinstance(reader, dict):
            reader = {"name": reader}
        experiment = {**experiment, "data": {**reader, "path": str(find_data(*result.data, data).absolute())}}
    check_figures(result.figures, *read_settings(experiment, result.grid))
    return attrs.evolve(result, experiment=experiment)


def _reproduce(
    result: PublishedResult,
    seeds: int,
    workers: int | None,
    out: Path | None,
    progress: RunsProgress,
    *,
    accept: bool,
) -> list[Finding]:
    """Return the verdicts on all figures of a result."""
    count = sum(not figure.prints for figure in result.figures)
    if count:
        find_quantile(1, count)  # before anything is run: it needs SciPy
    if result.experiment is None:
        ours = _measure_functions(result, seeds, progress)
    else:
        settings: Any = {"seeds": seeds, "out": out, "workers": workers, "accept": accept}
        found = compare(result.experiment, result.grid, progress=progress, **settings)
        ours = [measure_runs(figure, found)[:, np.newaxis] for figure in result.figures]
    judged = zip(result.figures, ours, strict=True)
    return [finding for figure, values in judged for finding in judge(figure, values, count)]


def _measure_functions(result: PublishedResult, seeds: int, progress: RunsProgress) -> list[Array]:
    """Return each figure of a function, (seeds, numbers)."""
    pairs = list(zip(result.figures, result.functions, strict=True))
    runs: list[list[Array]] = []
    if seeds > 1:
        progress.start(seeds, 0, lambda: 0.0)
    for seed in range(seeds):
        with containing_plugins():
            runs.append([measure_function(*pair, seed) for pair in pairs])
        if seeds > 1:
            progress.advance(f"seed {seed}")
    return [np.array(values) for values in zip(*runs, strict=True)]


def _describe(result: PublishedResult) -> dict[str, Any]:
    fields = ("name", "title", "source", "seconds", "seeds")
    return {**{field: getattr(result, field) for field in fields}, "data": result.data and result.data[0]}


def _format_list(results: list[PublishedResult]) -> str:
    ordered = sorted(results, key=lambda result: result.seconds)
    rows = [["name", "data", "time", "title"]]
    for each in ordered:
        time = f"{each.seconds / 60:.0f} min" if each.seconds > 90 else f"{each.seconds:.0f} s"
        rows.append([each.name, each.data[0] if each.data else "-", "< 1 s" if each.seconds < 1 else time, each.title])
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    left = WIDTH - sum(widths) - 6
    lines = ["  ".join([*map(fit, row, widths), fit(row[3], left).rstrip()]) for row in rows]
    advice = "Times are of all seeds, on two cores of a server of 2023. Repeat one of them by"
    return "\n".join([*lines, "", advice, f"  modnet reproduce {ordered[0].name}"])


def _format_findings(result: PublishedResult, findings: list[Finding], seeds: int) -> str:
    """Return the table of all figures, what its intervals are, and the verdict."""
    rows = [["", "published", "ours", ""], *([f.what, f.published, f.ours, f.verdict] for f in findings)]
    said = [finding.verdict for finding in findings]
    below = []
    if any(math.isfinite(finding.low) for finding in findings):
        count = format_count(seeds, "seed")
        numbers = f"the mean of as many runs as were published would be there, by our {count}"
        bounds = "the mean of all seeds is there, beside a bound"
        kinds = {figure.is_bound for figure in result.figures if not figure.prints}
        meaning = "; ".join([numbers] * (False in kinds) + [bounds] * (True in kinds))
        below.append(f"In brackets: {meaning}; all together with a probability of {100 * LEVEL:.0f} %.")
    if "undecided" in said:
        below.append(f"More seeds decide what is undecided: --seeds {max(5, result.seeds, 2 * seeds)}")
    differing, all_agree = said.count("differs"), said.count("agrees") == len(said)
    several = "differs" if differing == 1 else "differ"
    verdict = f"{differing} of {format_count(len(said), 'figure')} {several}" if differing else "undecided"
    below.append(f"{result.name}: {'all agree' if all_agree else verdict}")
    above = [text for text in (result.title, result.source, result.note) if text]
    return "\n".join(["", *map(_wrap, above), "", *format_table(rows), "", *map(_wrap, below)])


def _wrap(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_on_hyphens=False)
