"""Digests of files, remembered in the cache folder."""

from __future__ import annotations

import hashlib
import time
from contextlib import suppress
from pathlib import Path

from modnet.files.cache import DIGESTS, cache_folder, read_note, write_note
from modnet.files.opening import LARGEST, reading
from modnet.files.progress import ReportingFile

# A file that changed this long before it was read, in seconds, cannot change again within the clock's step.
SETTLED = 2.0


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file of a run, in hex; raises DataError where it cannot be read, or is too large."""
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
