"""Processes of modnet, on a terminal or not."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from modnet.cli.main import main

Call = Callable[..., subprocess.CompletedProcess[str]]
"""The fixture `call`, which takes and returns what `run_modnet` does."""


PLUGINS = [each.module for each in metadata.distribution("modnet-workbench").entry_points if each.group == "modnet"]
PRELOADED = [
    "modnet.cli.main", "modnet.cli.train", "modnet.cli.plot", "modnet.cli.plugins", "modnet.nn.training", *PLUGINS,
    "modnet_data.csv.source", "modnet_gradients.central_difference", "modnet_figures.figures.learning_curves",
    "modnet_progress.terminal", "array_api_compat.numpy", "filelock", "platformdirs", "matplotlib.figure",
    "matplotlib.backends.backend_agg", "PIL.GifImagePlugin", "PIL.JpegImagePlugin", "PIL.PpmImagePlugin",
]  # fmt: skip
"""Modules that many commands import, of modnet and of others."""


def run_modnet(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "modnet", *arguments]
    known = {**os.environ, "PYTHONIOENCODING": "utf-8", **environment}
    return subprocess.run(
        command, cwd=cwd, env=known, capture_output=True, encoding=known["PYTHONIOENCODING"], timeout=120
    )


def run_forked(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Do what `run_modnet` does, as `run_warm` does it."""
    return run_warm(*arguments, cwd=cwd, environment={**os.environ, **environment})


def run_warm(
    *arguments: str | Path, cwd: Path, environment: Mapping[str, str], before: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own that has modnet imported, which takes less time than a new one.

    It is a fork of one that has done nothing else, and runs the code `before`. What Python and its libraries read from
    the environment when they start is as it is here, but for PYTHONPATH and PYTHONDONTWRITEBYTECODE.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        pytest.skip("there are no forks")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out, tempfile.TemporaryFile("w+", encoding="utf-8") as err:
        files = [multiprocessing.reduction.DupFd(file.fileno()) for file in (out, err)]
        given = [*map(str, arguments)], cwd, dict(environment), before, files
        process = context.Process(target=_run_command, args=given)
        process.start()
        process.join(timeout=120)
        assert process.exitcode is not None, "it hangs"
        texts = [file.seek(0) or file.read() for file in (out, err)]
    return subprocess.CompletedProcess(arguments, process.exitcode, *texts)


def _run_command(arguments: list[str], cwd: Path, environment: dict[str, str], before: str, files: list[Any]) -> None:
    for number, file in enumerate(files, start=1):
        os.dup2(file.detach(), number)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:0] = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
    sys.dont_write_bytecode = "PYTHONDONTWRITEBYTECODE" in environment
    sys.argv = ["modnet", *arguments]
    exec(before, {})  # noqa: S102 - of a test
    main()


def run_on_terminal(*arguments: str, cwd: Path, stderr: int | None = None, **environment: str) -> str:
    """Run Python on a terminal, and return what is shown."""
    pty = pytest.importorskip("pty", reason="Windows has no such terminals", exc_type=ImportError)
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
