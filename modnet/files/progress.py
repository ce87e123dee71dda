"""Progress in reading and writing files."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

_observer: ContextVar[Callable[[Path, int, int], object] | None] = ContextVar("observer", default=None)


@contextmanager
def telling(tell: Callable[[Path, int, int], object]) -> Iterator[None]:
    """Have `tell(path, done, total)` called, in bytes of the file, as a long file is read inside the block."""
    token = _observer.set(tell)
    try:
        yield
    finally:
        _observer.reset(token)


def tell_progress(path: Path, done: int, total: int) -> None:
    """Report how much of a file has been read to the function that `telling` has set, if any."""
    if observer := _observer.get():
        observer(path, done, total)


class ReportingFile(io.FileIO):
    """A file that reports how much of it has been read."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._path, self._size = path, os.fstat(self.fileno()).st_size

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer, and report."""
        count = super().readinto(buffer)
        tell_progress(self._path, self.tell(), self._size)
        return count
