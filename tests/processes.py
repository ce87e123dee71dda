"""Processes of modnet, on a terminal or not."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

Call = Callable[..., subprocess.CompletedProcess[str]]
"""The fixture `call`, which takes and returns what `run_modnet` does."""


def run_modnet(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "modnet", *arguments]
    known = {**os.environ, "PYTHONIOENCODING": "utf-8", **environment}
    return subprocess.run(
        command, cwd=cwd, env=known, capture_output=True, encoding=known["PYTHONIOENCODING"], timeout=120
    )


def run_on_terminal(*arguments: str, cwd: Path, stderr: int | None = None, **environment: str) -> str:
    """Run Python on a terminal, and return what is shown."""
    known = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "COLORTERM"}}
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=cwd, stdout=slave, stderr=slave if stderr is None else stderr,
        env={**known, "PYTHONIOENCODING": "utf-8", "TERM": "xterm", "COLUMNS": "120", **environment},
    )  # fmt: skip
    os.close(slave)
    shown = b""
    with suppress(OSError):  # how a terminal ends on Linux
        while chunk := os.read(master, 65536):
            shown += chunk
    os.close(master)
    assert process.wait(timeout=60) == 0
    return shown.decode()


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str] | None = None) -> None:
    """Wait for a minute at most, while a process runs."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.01)
