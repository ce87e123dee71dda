"""`modnet data ...`: data sets shown, converted and downloaded; the cache."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs
import click
from modnet_figures.figures import FORMATS, save_figure
from modnet_figures.figures.samples import from_dataset
from modnet_progress.terminal import file_progress

from modnet.cli.data.conversion import choose_source, read_whole, write
from modnet.cli.options.changes import read_data_settings
from modnet.cli.options.groups import plugin_options
from modnet.cli.options.loading import load_chosen_plugins
from modnet.cli.options.parameters import FilePath, Named, PicturePath
from modnet.cli.output import Group, echo, get_output
from modnet.cli.show.columns import CELLS, ColumnSummary, summarize_columns
from modnet.cli.show.data_overview import Overview, overview_to_json, overview_to_text
from modnet.cli.show.proposal import propose
from modnet.cli.show.summary import as_one_class, summarize
from modnet.cli.show.table_overview import TableOverview, table_to_json, table_to_text
from modnet.cli.show.terminal import Screen
from modnet.compose.parts import make_part
from modnet.compose.plugins import get_host
from modnet.compose.settings import get_settings
from modnet.compose.sources import is_data_set
from modnet.data.dataset import Dataset
from modnet.errors import DataError, SettingError, UnknownNameError
from modnet.files import cache_folder
from modnet.files.cache import ABOUT, ARRAYS, DIGESTS, DOWNLOADS, PLUGINS, read_note, remove
from modnet.host.registry import Component
from modnet.interfaces import DataSource
from modnet.text import format_count, format_size

SAMPLES = 10  # that are shown
ADVICE = re.compile(r"(?<=\?) Set \w+ = .*|: set \w+ = .*")
"""The end of an error's first line that names settings: those that work are shown as a block."""


@click.group(cls=Group)
def data() -> None:
    """Show data sets, convert and download them."""


@data.command()
@click.argument("what", metavar="NAME|FILE", type=Named())
@click.option("--source", "kind", metavar="NAME", help="The kind of file (default: recognised).")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="A setting of it: data.header=false")
@click.option(
    "--samples",
    type=click.IntRange(0),
    help=f"Samples to show (default: {SAMPLES}; in --out those with room).",
)
@click.option("--out", type=PicturePath(), help=f"Draw it: a .{', .'.join(FORMATS)} file.")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
@plugin_options
def show(
    what: str,
    *,
    kind: str | None,
    assignments: tuple[str, ...],
    samples: int | None,
    out: Path | None,
    json_: bool,
    without: tuple[str, ...],
    modules: tuple[str, ...],
) -> None:
    """Show a data set, by name or from a file or a folder.

    Shows the settings it was read with, the samples of each class, the columns, and a few samples: of each class the
    first one, then the second. Nothing is split off as a test part. A table that cannot be trained on as it is, is
    shown column by column, with the reason, and the settings by which it can.
    """
    load_chosen_plugins(without, modules)
    name, settings = choose_source(what, kind), read_data_settings(assignments)
    reader = make_part("data-source", name, **settings)
    known = get_settings(reader)
    with file_progress():
        columns = _read_columns(reader, what)
        try:
            found = read_whole(what, kind, settings)
        except DataError as error:
            if not columns:
                raise
            table = _describe_table(what, kind, settings, columns, error)
            if out and table.proposal:
                _draw(table.proposal.data, table.headline, samples, out, err=json_)
            echo(table_to_json(table) if json_ else table_to_text(table, Screen.from_stream(get_output())))
            return
        drawn = found
        targets = None if found.classes else found.to_unit(found.train.t)
        found = as_one_class(found)
        summary = summarize(found)
    inferred = {key: value for key, value in found.settings.items() if key in known}
    view = Overview(
        what=what,
        source=name,
        settings=inferred,
        notes=found.notes,
        data=found,
        summary=summary,
        samples=SAMPLES if samples is None else samples,
        columns=columns,
        targets=targets,
        block={**_name_source(kind), **settings, **inferred} if reader.reads_files else {},
    )
    if json_:
        echo(overview_to_json(view))
    else:  # escaped already, but for the codes of its own greys
        screen = Screen.from_stream(get_output())
        click.echo(overview_to_text(view, screen), file=get_output())
    if out:
        _draw(drawn, view.headline, samples, out, err=json_)


def _name_source(kind: str | None) -> dict[str, str]:
    """Return the entry of an experiment that names a source, where it was named."""
    return {"name": kind} if kind else {}


def _draw(found: Dataset, headline: str, samples: int | None, out: Path, *, err: bool) -> None:
    save_figure(from_dataset(found, most=samples, title=headline), out)
    echo(f"drawn in {out}", err=err)


def _read_columns(reader: DataSource, what: str) -> list[ColumnSummary]:
    """Return the columns of a file as they stand, or none where they cannot be read."""
    if not reader.reads_files:
        return []
    try:
        return summarize_columns(reader.read_columns(Path(what), CELLS))
    except Exception:  # whatever a third-party source raises: reading the data set tells more
        return []


def _describe_table(
    what: str, kind: str | None, settings: Mapping[str, Any], columns: Sequence[ColumnSummary], error: DataError
) -> TableOverview:
    """Return the overview of a table that cannot be trained on for the reason of an error."""
    name = choose_source(what, kind)
    try:
        known = get_settings(make_part("data-source", name))
        found = propose(lambda tried: read_whole(what, kind, tried), settings, known, columns)
        found = attrs.evolve(found, settings={**_name_source(kind), **found.settings})
    except DataError:
        found = None
    return TableOverview(
        what=what,
        source=name,
        problem=ADVICE.sub("", str(error).splitlines()[0]).removeprefix(f"{what}: ").removeprefix(f"{what}, "),
        columns=columns,
        is_whole=max(column.rows for column in columns) * len(columns) < CELLS,
        proposal=found,
    )


@data.command()
@click.argument("source", metavar="NAME|FILE", type=Named())
@click.argument("target", type=FilePath())
@click.option("--source", "kind", metavar="NAME", help="The kind of file that is read (default: recognised).")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="A setting of it: data.header=false")
@click.option("--to", metavar="NAME", help="The kind of file that is written (default: by the name).")
@click.option("--overwrite", is_flag=True, help="Replace files that are there.")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
@plugin_options
def convert(
    source: str,
    target: Path,
    *,
    kind: str | None,
    assignments: tuple[str, ...],
    to: str | None,
    overwrite: bool,
    json_: bool,
    without: tuple[str, ...],
    modules: tuple[str, ...],
) -> None:
    """Write a data set as TARGET, whose name says the format.

    It is read by its name, or from a file or a folder. Rows, labels and their order stay as they are; a test part is
    kept apart, in a second file where the format wants that. Nothing is scaled, shuffled or split, unless --set
    test_fraction=0.2 says so.
    """
    load_chosen_plugins(without, modules)
    with file_progress():
        found = read_whole(source, kind, read_data_settings(assignments))
        paths = write(found, target, to, overwrite=overwrite)
    for note in found.notes:
        echo(note, err=True)
    if json_:
        files = [{"path": str(path), "bytes": path.stat().st_size} for path in paths]
        counts = {**{name: len(samples) for name, samples in found.parts.items()}, "features": found.features}
        echo(json.dumps({**counts, "classes": len(found.classes), "files": files}))
        return
    rows = f"{found.format_sizes()} rows" if len(found.test) else f"{len(found.train):,} rows"
    answers = f"{len(found.classes)} classes" if found.classes else format_count(found.outputs, "target")
    echo(f"{rows}, {found.features} features, {answers}; written:")
    for path in paths:
        echo(f"  {format_size(path.stat().st_size):>10}  {path}")


@data.command()
@click.argument("name")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="A setting of NAME: data.url=http://...")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
@plugin_options
def fetch(
    name: str, *, assignments: tuple[str, ...], json_: bool, without: tuple[str, ...], modules: tuple[str, ...]
) -> None:
    """Download the data set NAME, unless it is there and right.

    Downloads stay in the cache folder. After an interruption the next call downloads the files that are not there yet.
    """
    load_chosen_plugins(without, modules)
    if not (is_data_set(name) and _can_fetch(get_host().registry.find("data-source", name))):
        if is_data_set(name):
            raise SettingError([f"{name} is here, and needs no download: train on it, modnet train --data {name}"])
        raise UnknownNameError("data set to download", name, _list_fetchable())
    source = make_part("data-source", name, **read_data_settings(assignments))
    try:
        with file_progress():
            folder = source.fetch()
    except KeyboardInterrupt:
        echo("modnet: interrupted; the next call downloads the files that are not there yet", err=True)
        sys.exit(130)
    files = {path: path.stat().st_size for path in sorted(folder.iterdir()) if path.is_file()}
    if json_:
        listed = [{"path": str(path), "bytes": size} for path, size in files.items()]
        echo(json.dumps({"folder": str(folder), "files": listed}))
        return
    echo(f"{name} is in {folder}")
    for path, size in files.items():
        echo(f"  {format_size(size):>10}  {path.name}")
    echo(f"train on it: modnet train --data {name}")


def _list_fetchable() -> list[str]:
    """Return the names of the data sets that can be downloaded."""
    registry = get_host().registry
    return [registry.name_for(source) for source in registry.usable("data-source") if _can_fetch(source)]


def _can_fetch(source: Component) -> bool:
    return source.cls.fetch is not DataSource.fetch


@data.command()
@click.option("--clear", "clear_", is_flag=True, help="Remove converted files and downloads.")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def cache(*, clear_: bool, json_: bool) -> None:
    """Show the cache of converted and downloaded files, or clear it.

    Every entry is made or downloaded again when it is needed. MODNET_CACHE names another folder.
    """
    folder, entries = cache_folder(), cache_entries()
    count = format_count(len(entries), "entry", "entries")
    removed = clear_cache() if clear_ else 0
    if json_:
        listed = [{"what": entry.what, "file": entry.file, "bytes": entry.size} for entry in entries]
        echo(json.dumps({"folder": str(folder), "removed": clear_, "entries": listed}))
        return
    if clear_:
        downloads = sum(entry.what == "downloaded" for entry in entries)
        also = f", {downloads} of them downloaded" if downloads else ""
        echo(f"removed {count}{also}, {format_size(removed)}, from {folder}")
        return
    total = format_size(sum(entry.size for entry in entries))
    echo(f"{folder}: {count}, {total}")
    for entry in entries:
        echo(f"  {format_size(entry.size):>10}  {entry.what:<10}  {entry.file}")


@attrs.frozen
class CacheEntry:
    """A converted file or a download in the cache folder."""

    what: str  # either "converted" or "downloaded"
    file: str
    """The file that it was made from, as its path was then, or the name of what was downloaded."""
    size: int  # in bytes


def cache_entries() -> list[CacheEntry]:
    """Return what is in the cache folder, but digests of files and answers of plugins, which are small."""
    folder = cache_folder()
    converted = [
        CacheEntry("converted", _origin(entry), _size(entry)) for entry in sorted((folder / ARRAYS).glob("*/"))
    ]
    downloads = sorted((folder / DOWNLOADS).glob("*"))
    return converted + [CacheEntry("downloaded", entry.name, _size(entry)) for entry in downloads]


def clear_cache() -> int:
    """Remove what modnet has put into the cache folder, and nothing else; return how many bytes; raises DataError."""
    folder = cache_folder()
    ours = [folder / name for name in (ARRAYS, DIGESTS, DOWNLOADS, PLUGINS)]
    size = sum(_size(path) for path in ours)
    for path in ours:
        remove(path)
    with suppress(OSError):  # not there, or something else is in it
        folder.rmdir()
    if left := [path for path in ours if os.path.lexists(path)]:
        raise DataError(f"{left[0]}: cannot be removed: remove it by hand, or set MODNET_CACHE to another folder")
    return size


def _origin(entry: Path) -> str:
    about = read_note(entry / ABOUT)
    return str(about["file"]) if isinstance(about, dict) and "file" in about else "(unfinished)"


def _size(path: Path) -> int:
    """Return the bytes of a file, or of all in a folder; what another process removes meanwhile does not count."""
    files = [Path(folder, name) for folder, _, names in os.walk(path) for name in names] or [path]
    size = 0
    for file in files:
        with suppress(OSError):
            size += file.lstat().st_size * file.is_file()
    return size
