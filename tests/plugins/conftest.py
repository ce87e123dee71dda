"""Fixtures of the built-ins' tests."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modnet

collect_ignore = ["third_party"]  # distributions, which tests install and pytest never imports


@pytest.fixture
def all_large(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Treat every file as a large one, and return the cache folder."""
    monkeypatch.setenv("MODNET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("modnet_data.cached.SMALL", 1)
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def mutate() -> Callable[..., None]:
    """Return a function that changes a file's bytes, and checks each time that it is read or refused."""

    def mutate(path: Path, count: int, **settings: Any) -> None:
        good, draw = path.read_bytes(), random.Random(0)  # noqa: S311 - no secret
        for _ in range(count):
            content = bytearray(good)
            for _ in range(draw.choice([1, 2, 5])):
                content[draw.randrange(len(content))] = draw.randrange(256)
            path.write_bytes(content)
            try:
                data = modnet.load(path, **settings)
            except modnet.DataError:
                continue
            assert np.isfinite(data.train.x).all()

    return mutate
