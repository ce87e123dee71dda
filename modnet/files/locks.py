"""Locks between processes and threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

BRIEFLY = 0.1  # patience with a holder that is about to release the lock, in seconds


@contextmanager
def hold_lock(path: Path, *, wait: bool = False, patience: float = BRIEFLY) -> Iterator[bool]:
    """Hold the lock file at `path` inside the block, and yield True; False where another process or thread holds it.

    With `wait` the block begins when nobody else holds it. The lock ends with its process, however that ends, and the
    file is removed at the end of the block; one that a killed process has left holds nobody up. Raises OSError where
    the file cannot be made or locked; a link or a folder in its place is left alone.
    """
    from filelock import FileLock, Timeout  # a third of what a start takes, and few commands need it

    # Two of them exclude each other in one process, too. A soft lock would stay where a process is killed.
    path = path.absolute()  # whoever changes the current folder inside the block
    lock = FileLock(path, fallback_to_soft=False)
    try:
        lock.acquire(timeout=-1 if wait else patience, poll_interval=BRIEFLY / 2)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        with suppress(OSError):  # while it is held, so that it is nobody else's; Windows does so by itself
            path.unlink()
        lock.release()


def is_locked(path: Path) -> bool:
    """Say at once whether another process or thread holds the lock file at `path`; raises OSError as `hold_lock`."""
    if not path.parent.is_dir():
        return False
    with hold_lock(path, patience=0) as is_free:
        return not is_free
