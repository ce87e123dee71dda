"""The cache folder, whose content can be made again, digests of files included."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from modnet.errors import DataError
from modnet.files.opening import LARGEST, ReportingFile, read_plain, reading
from modnet.files.writing import write_atomically

ARRAYS, DIGESTS, DOWNLOADS, PLUGINS = "arrays", "digests", "downloads", "plugins"
ABOUT = "about.json"  # the file in a converted file's folder that says what it was converted from
SETTLED = 2.0  # seconds since a file changed, after which it cannot change again within the clock's step


def cache_folder() -> Path:
    """Return where modnet keeps what it can make or fetch again: MODNET_CACHE, or the user's cache folder."""
    if folder := os.environ.get("MODNET_CACHE"):
        return Path(folder)
    from platformdirs import user_cache_path

    return user_cache_path("modnet", appauthor=False)


def write_note(path: Path, value: Any) -> None:
    """Write a JSON-able value into a file of the cache, with its SHA-256; raises OSError."""
    text = json.dumps(value)
    write_atomically(path, f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}".encode())


def read_note(path: Path) -> Any:
    """Return the value that `write_note` has written, or None where it is missing, damaged or another's."""
    try:
        seal, _, text = read_plain(path).partition(b"\n")
        return json.loads(text) if hashlib.sha256(text).hexdigest().encode() == seal else None
    except (DataError, ValueError, RecursionError):
        return None


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file, in hex, read anew; raises DataError where it cannot be read, or is too large."""
    with reading(path), ReportingFile(path, LARGEST) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hex.

    What was found for a file is remembered in the cache folder for as long as size, times and inode stay the same.
    """
    with reading(path):
        before = _identity(path)
        note = cache_folder() / DIGESTS / f"{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:32]}.json"
        known = read_note(note)
        if isinstance(known, list) and known[:-1] == before and isinstance(known[-1], str):
            return known[-1]
        with ReportingFile(path) as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if _identity(path) == before and time.time() - path.stat().st_mtime > SETTLED:
            with suppress(OSError):
                note.parent.mkdir(parents=True, exist_ok=True)
                write_note(note, [*before, found])
        return found


def _identity(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def remove(path: Path) -> None:
    """Remove a file, or a folder with all in it, as far as that can be; of a link, the link."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)  # what another process removes meanwhile is gone, too
    elif os.path.lexists(path):
        with suppress(OSError):
            path.unlink()
