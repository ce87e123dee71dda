"""Locks between processes, which end with the process that has them, however it ends."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

if sys.platform == "win32":
    from msvcrt import LK_NBLCK, locking
else:
    from fcntl import LOCK_EX, LOCK_NB, flock

WAIT = 0.1  # between looks at whether another process has done, in seconds


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Have the block to itself: another process that wants the same lock waits here."""
    while True:
        with locked(lock) as mine:
            if mine:
                yield
                return
        time.sleep(WAIT)


@contextmanager
def locked(lock: Path) -> Iterator[bool]:
    """Have the lock inside the block, and yield True; False where another process has it.

    The lock is a file, which is made for it and removed at the end. One that a killed process has left holds nobody up.
    """
    file = _taken(lock)
    try:
        yield file is not None
    finally:
        if file:
            with file, suppress(OSError):  # Windows removes no file that is open; the next one takes it as it is
                lock.unlink()


def _taken(lock: Path) -> IO[bytes] | None:
    """Return the file, locked until it is closed or the process ends; None where somebody has it."""
    while True:
        file = lock.open("ab")
        try:
            if sys.platform == "win32":
                locking(file.fileno(), LK_NBLCK, 1)
            else:
                flock(file, LOCK_EX | LOCK_NB)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file.fileno()), lock.stat()):
                    return file
        except (BlockingIOError, PermissionError):
            file.close()
            return None
        file.close()  # whoever had it has just removed it
