"""`modnet show`: pages of runs and comparisons."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import modnet
from modnet.cli.options.groups import plugin_options
from modnet.cli.options.loading import load_all_plugins, load_chosen_plugins
from modnet.cli.options.parameters import FilePath, FolderPath
from modnet.cli.output import Command, echo
from modnet.comparison.training import COMPARISON
from modnet.errors import ModnetError, SettingError
from modnet.files.opening import read_json
from modnet.runs.folder import EXPERIMENT, PAGE
from modnet.text import quote_argument

if TYPE_CHECKING:
    from modnet_display.pages import Page

RECORD = "comparison.json"


@click.command(cls=Command)
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=FolderPath())
@click.option("--out", type=FilePath(), help=f"An .html file (default: RUN/{PAGE}).")
@click.option("--language", type=click.Choice(["en", "ko"]), help="English or Korean (default: the browser's).")
@click.option("--open", "open_", is_flag=True, help="Open the page in a browser.")
@plugin_options
def show(
    runs: tuple[Path, ...],
    out: Path | None,
    *,
    language: str | None,
    open_: bool,
    without: tuple[str, ...],
    modules: tuple[str, ...],
) -> None:
    """Make a page of RUN, one HTML file.

    It needs nothing else, and shows what was trained and on what, how it learned, its results and mistakes, its
    network, and how to repeat it. Several runs are in one page, beside each other. Of the folder of a comparison it
    shows the verdicts, all settings and every run. What cannot be shown is said, as where the data has changed since.
    """
    page = _make(runs, out, language, without, modules)
    echo(f"shown in {page}")
    if open_ and not page.open():
        echo("no browser was found: open that file in one", err=True)


def _make(
    runs: tuple[Path, ...], out: Path | None, language: str | None, without: tuple[str, ...], modules: tuple[str, ...]
) -> Page:
    from modnet_display import pages  # which takes Matplotlib, and no help waits for it

    from modnet.cli.plot import find_runs, label_runs

    is_comparison = len(runs) == 1 and (runs[0] / COMPARISON).is_file()
    if is_comparison and (runs[0] / RECORD).is_file():
        path = out or runs[0] / PAGE
        pages.check_place(path)
        record, groups, example = read_json(runs[0] / RECORD), dict[str, list[Any]](), ""
        with suppress(ModnetError):  # the verdicts stand without the runs
            found = find_runs(runs)
            example = pages.to_place(found[0])
            for label, run in zip(label_runs(found), found, strict=True):
                groups.setdefault(label, []).append(modnet.open_run(run).history)
        return pages.write_comparison(record, groups, path, language, folder=pages.to_place(runs[0]), example=example)
    found = find_runs(runs)
    if len(found) == 1 and not is_comparison:
        one, path = modnet.open_run(found[0]), out or found[0] / PAGE
        pages.check_place(path)
        load_all_plugins(one.experiment, found[0] / EXPERIMENT, without, modules, optional=True)
        return pages.show(one, path, language=language)
    if out is None and not is_comparison:
        raise SettingError([f"{len(found)} runs are in one page: name its file by --out"], "--out")
    path = out or runs[0] / PAGE
    pages.check_place(path)
    load_chosen_plugins(without, modules)
    words = [str(runs[0] / COMPARISON), "--out", str(runs[0])] if is_comparison else []
    again = f"modnet compare {' '.join(map(quote_argument, words))}" if words else ""
    return pages.write_several([modnet.open_run(run) for run in found], label_runs(found), path, language, again=again)
