"""The cache folder, whose content can be made or fetched again."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from pathlib import Path

import attrs

ARRAYS, DIGESTS, DOWNLOADS, PLUGINS = "arrays", "digests", "downloads", "plugins"
ABOUT = "about.json"
"""The file in a converted file's folder that says what it was converted from."""


def cache_folder() -> Path:
    """Return where modnet keeps what it can make or fetch again: MODNET_CACHE, or the user's cache folder."""
    if folder := os.environ.get("MODNET_CACHE"):
        return Path(folder)
    from platformdirs import user_cache_path

    return user_cache_path("modnet", appauthor=False)


@attrs.frozen
class CacheEntry:
    """A converted file or a download in the cache folder."""

    what: str
    """Either "converted" or "downloaded"."""
    file: str
    """The file that it was made from, as its path was then, or the name of what was downloaded."""
    size: int
    """In bytes."""


def cache_entries() -> list[CacheEntry]:
    """Return what is in the cache folder, but digests of files and answers of plugins, which are small."""
    folder = cache_folder()
    converted = [CacheEntry("converted", _origin(entry), _size(entry)) for entry in _entries(folder / ARRAYS)]
    downloads = [CacheEntry("downloaded", entry.name, _size(entry)) for entry in _entries(folder / DOWNLOADS)]
    return [*converted, *downloads]


def clear_cache() -> int:
    """Remove what modnet has put into the cache folder, and nothing else; return how many bytes that was."""
    folder = cache_folder()
    ours = [folder / name for name in (ARRAYS, DIGESTS, DOWNLOADS, PLUGINS)]
    size = sum(_size(path) for path in ours)
    for path in ours:
        if path.is_dir():
            shutil.rmtree(path)
    with suppress(OSError):  # not there, or something else is in it
        folder.rmdir()
    return size


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _origin(entry: Path) -> str:
    try:
        return str(json.loads((entry / ABOUT).read_bytes())["file"])
    except (OSError, ValueError, KeyError, TypeError):
        return "(unfinished)"


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in files if file.is_file())
