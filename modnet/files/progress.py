"""Progress in reading and writing files."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from modnet.errors import DataError

_AT_ONCE = getattr(os, "O_NONBLOCK", 0)  # a pipe is not waited for
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
    """A file that reports how much of it has been read.

    It ends where it ended when it was opened: some files of the system never do. Links are followed; raises OSError,
    and DataError where it is no file, or larger than `most` bytes.
    """

    def __init__(self, path: Path, most: int | None = None) -> None:
        super().__init__(path, opener=lambda name, flags: os.open(name, flags | _AT_ONCE))
        status = os.fstat(self.fileno())
        self._path, self.size = path, status.st_size
        wrong = "" if stat.S_ISREG(status.st_mode) else "a device or a pipe, expected a file"
        if most is not None and self.size > most:
            wrong = f"more than {most // 2**20:,} MiB"
        if wrong:
            self.close()
            raise DataError(f"{path}: {wrong}", path=path)

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer, and report."""
        count = super().readinto(memoryview(buffer)[: max(0, self.size - self.tell())])
        tell_progress(self._path, self.tell(), self.size)
        return count
