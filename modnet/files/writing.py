"""Files written whole or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield the path of a new file, which takes the place of `path` when the block ends well, and is gone otherwise."""
    new = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    new.touch(exist_ok=False)
    try:
        yield new
        with new.open("r+b") as file:  # what the block has written, whoever wrote it, goes to the disk
            os.fsync(file.fileno())  # which Windows refuses for a file that is opened for reading
        new.replace(path)
        sync_folder(path.parent)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Have the names in a folder reach the disk: without it, a new file may be gone when the power fails."""
    if sys.platform == "win32":  # which opens no folders
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(path: Path) -> None:
    """Remove what processes that were killed while they replaced `path` have left beside it."""
    for unfinished in path.parent.glob(f".{path.name}.????????"):
        with suppress(OSError):  # somebody else's folder, or gone
            unfinished.unlink()


def write_atomically(path: Path, content: bytes) -> None:
    """Replace the file at `path` by `content`, whole or not at all, even if the machine stops halfway."""
    with replacing(path) as new:
        new.write_bytes(content)
