"""What the tests of the core have in common."""

from __future__ import annotations

from collections.abc import Callable
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
