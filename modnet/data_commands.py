"""`modnet data ...`: look into data sets, convert and download them, and look after the cache."""

from __future__ import annotations

import json
from pathlib import Path

import click

from modnet.conversion import read_whole, write
from modnet.files import cache_folder
from modnet.kept import clear, kept
from modnet.options import assigned, load_plugins, plugin_options
from modnet.progress import file_progress


@click.group()
def data() -> None:
    """Look into data sets, convert and download them."""


@data.command()
@click.argument("source", metavar="NAME|FILE")
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--source", "kind", metavar="NAME", help="The kind of file that is read, where it is not recognised.")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="A setting of that source: header=false")
@click.option("--to", metavar="NAME", help="The kind of file that is written, where the name does not say it.")
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
    """Write a data set, by name or from a file or a folder, as TARGET, whose name says the format.

    Rows, labels and their order stay as they are; a test part is kept apart, in a second file where the format wants
    that. Nothing is scaled, shuffled or split, unless --set test_fraction=0.2 says so.
    """
    load_plugins(without, modules)
    with file_progress():
        found = read_whole(source, kind, assigned(assignments))
        paths = write(found, target, to, overwrite=overwrite)
    for note in found.notes:
        click.echo(note, err=True)
    if json_:
        files = [{"path": str(path), "bytes": path.stat().st_size} for path in paths]
        counts = {"train": len(found.train), "test": len(found.test), "features": found.features}
        click.echo(json.dumps({**counts, "classes": len(found.classes), "files": files}))
        return
    rows = (
        f"{len(found.train):,} training and {len(found.test):,} test rows"
        if len(found.test)
        else f"{len(found.train):,} rows"
    )
    click.echo(f"{rows}, {found.features} features, {len(found.classes)} classes; written:")
    for path in paths:
        click.echo(f"  {in_bytes(path.stat().st_size):>10}  {path}")


@data.command()
@click.option("--clear", "clear_", is_flag=True, help="Remove converted files and downloads.")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def cache(*, clear_: bool, json_: bool) -> None:
    """Show what modnet keeps of files that were converted or downloaded, and where; or remove it.

    All of it is made or fetched again when it is needed. MODNET_CACHE names another folder.
    """
    folder, entries = cache_folder(), kept()
    removed = clear() if clear_ else 0
    if json_:
        listed = [{"what": entry.what, "file": entry.file, "bytes": entry.size} for entry in entries]
        click.echo(json.dumps({"folder": str(folder), "removed": clear_, "entries": listed}))
        return
    if clear_:
        downloads = sum(entry.what == "downloaded" for entry in entries)
        also = f", {downloads} of them downloaded" if downloads else ""
        click.echo(f"removed {_counted(len(entries))}{also}, {in_bytes(removed)}, from {folder}")
        return
    total = in_bytes(sum(entry.size for entry in entries))
    click.echo(f"{folder}: {_counted(len(entries))}, {total}")
    for entry in entries:
        click.echo(f"  {in_bytes(entry.size):>10}  {entry.what:<10}  {entry.file}")


def in_bytes(size: int) -> str:
    """Return a number of bytes in words.

    >>> in_bytes(500), in_bytes(54_951_002), in_bytes(3 * 10**9)
    ('500 bytes', '55.0 MB', '3.0 GB')
    """
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"


def _counted(count: int) -> str:
    return "1 entry" if count == 1 else f"{count} entries"
