"""Faults and kills at single operations on files."""

from __future__ import annotations

import builtins
import contextlib
import errno
import io
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest

OPERATIONS = [
    (os, "open"), (os, "fsync"), (os, "replace"), (os, "unlink"), (os, "chmod"), (os, "mkdir"), (os, "rmdir"),
    (io, "open"), (builtins, "open"),
]  # fmt: skip


class Torn:
    """A file of which only the first half reaches the disk before something happens."""

    def __init__(self, file: Any, happens: Callable[[], None]) -> None:
        self.file, self.happens = file, happens

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def write(self, content: Any) -> Any:
        self.file.write(content[: len(content) // 2])
        self.file.flush()
        self.happens()
        return self.file.write(content[len(content) // 2 :])


class Faults:
    """Makes one operation on the files of a folder, the `at`th, fail or end the process."""

    def __init__(self, folder: Path, at: int, kind: str) -> None:
        self.folder, self.left, self.kind = folder, at, kind
        self.hit = False

    def happens(self) -> None:
        self.left -= 1
        if self.left:
            return
        self.hit = True
        if self.kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    @contextlib.contextmanager
    def arm(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            for module, name in OPERATIONS:
                patch.setattr(module, name, self._faulty(getattr(module, name)))
            yield

    def _faulty(self, operation: Callable[..., Any]) -> Callable[..., Any]:
        def faulty(*arguments: Any, **named: Any) -> Any:
            if not (isinstance(arguments[0], int) or str(arguments[0]).startswith(str(self.folder))):
                return operation(*arguments, **named)
            self.happens()
            result = operation(*arguments, **named)
            written = operation is io.open and "w" in str(named.get("mode", arguments[1] if arguments[1:] else ""))
            return Torn(result, self.happens) if written else result

        return faulty
