"""Fixtures of the tests of several rooms."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from windows import find_lack


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call() -> Iterator[None]:
    """Skip on Windows what takes symbolic links, named pipes or signals that it does not have."""
    try:
        return (yield)
    except Exception as error:
        if sys.platform == "win32" and (lack := find_lack(error)):
            pytest.skip(lack)
        raise


@pytest.fixture(scope="session")
def points() -> Callable[..., Path]:
    """Return a function that writes a CSV file of points in two classes, and returns its path."""

    def write(path: Path, rows: int = 60, first: float = 0.5) -> Path:
        x = np.random.default_rng(0).normal(size=(rows, 2))
        lines = [f"{a!r},{b!r},{'up' if a + b > first else 'down'}" for a, b in x.tolist()]
        path.write_text("\n".join(["a,b,where", *lines]) + "\n", encoding="utf-8")
        return path

    return write


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
