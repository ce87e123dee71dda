"""Fixtures of the core's tests."""

from __future__ import annotations

import importlib
import os
import pty
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def points() -> Callable[..., Path]:
    """Return a function that writes a CSV file of points in two classes, and returns its path."""

    def write(path: Path, rows: int = 60, first: float = 0.5) -> Path:
        x = np.random.default_rng(0).normal(size=(rows, 2))
        lines = [f"{a!r},{b!r},{'up' if a + b > first else 'down'}" for a, b in x.tolist()]
        path.write_text("\n".join(["a,b,where", *lines]) + "\n")
        return path

    return write


@pytest.fixture(scope="session")
def terminal() -> Callable[..., str]:
    """Return a function that runs Python on a terminal of its own, and returns what is shown."""

    def run(*arguments: str, cwd: Path, stderr: int | None = None, **environment: str) -> str:
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

    return run


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """Return a function that installs a distribution of one module, the way it lies in site-packages."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("MODNET_CACHE", str(tmp_path / "cache"))
    before = set(sys.modules)

    def put(
        distribution: str, source: str, *, entry: str = "", module: str = "", version: str = "1.0", requires: str = ""
    ) -> Path:
        module = module or distribution.replace("-", "_")
        info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        needs = f"Requires-Dist: {requires}\n" if requires else ""
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n{needs}")
        (info / "entry_points.txt").write_text(f"[modnet]\n{entry or 'plugin = ' + module}\n")
        file = site / f"{module}.py"
        file.write_text(textwrap.dedent(source), encoding="utf-8")
        importlib.invalidate_caches()
        return file

    yield put
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(site)):
            del sys.modules[name]
