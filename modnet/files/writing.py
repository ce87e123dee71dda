"""Files written whole or not at all."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

PATIENCE = 2.0  # with a reader of a file that Windows does not rename or remove meanwhile, in seconds


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield the path of a new file, which takes the place of `path` when the block ends well, and is gone otherwise."""
    new = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    new.touch(exist_ok=False)
    try:
        yield new
        with new.open("r+b") as file:  # what the block has written, whoever wrote it, goes to the disk
            os.fsync(file.fileno())  # which Windows refuses for a file that is opened for reading
        move(new, path)
        sync_folder(path.parent)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def move(path: Path, target: Path) -> None:
    """Rename a file or a folder, a file in place of another; raises OSError."""
    _change_patiently(partial(path.replace, target))


def delete(path: Path) -> None:
    """Remove a file, if it is there; raises OSError."""
    _change_patiently(partial(path.unlink, missing_ok=True))


def _change_patiently(change: Callable[[], object]) -> object:
    """Rename or remove a file, on Windows again and again for a moment: it refuses while somebody has the file open."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return change()
        except PermissionError as error:
            if not getattr(error, "winerror", 0) or time.monotonic() > end:
                raise
            time.sleep(0.01)


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
