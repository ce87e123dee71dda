"""Settings of every type: saved with a run, read, verified and predicted with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from processes import run_forked

PLUGIN = """
import enum
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypedDict

import attrs
import modnet
import numpy as np


class Mode(enum.StrEnum):
    FAST = enum.auto()
    EXACT = enum.auto()


class Level(enum.IntEnum):
    ONE = 1
    TWO = 2


class Norms(enum.Flag):
    L1 = enum.auto()
    L2 = enum.auto()


class Pair(enum.Enum):
    NEAR = (1, 2)
    FAR = (3, 4)


class Span(NamedTuple):
    first: int
    mode: Mode = Mode.FAST


class Options(TypedDict):
    level: Level


@attrs.frozen
class Inner:
    rate: float = attrs.field(default=0.5, alias="speed")
    clip: float | None = 6.0


@dataclass(frozen=True)
class Data:
    modes: list[Mode] = field(default_factory=lambda: [Mode.FAST])
    inner: Inner = field(default_factory=Inner)


@attrs.frozen
class Scaled(modnet.Activation):
    inner: modnet.Activation = attrs.field(factory=lambda: modnet.activation("relu"))
    level: Level = Level.ONE
    others: tuple[modnet.Activation, ...] = ()
    power: float | None = None
    elementwise = True

    def __call__(self, a, axis=-1):
        assert type(self.level) is Level
        return self.inner(a, axis) * self.level


@dataclass(frozen=True)
class Everything(modnet.Optimizer):
    lr: float = 0.1
    mode: Mode = Mode.FAST
    level: Level = Level.ONE
    norms: Norms = Norms.L1
    pair: Pair = Pair.NEAR
    modes: dict[Mode, Level] = field(default_factory=dict)
    clip: float | None = 6.0
    tag: str | None = "a"
    nan: float = float("nan")
    zero: float = -0.0
    huge: int = 2**80
    single: np.float32 = np.float32(0.1)
    dtype: np.dtype = np.dtype("float32")
    path: Path = Path("a/b")
    day: date = date(2026, 1, 2)
    moment: datetime = datetime(2026, 1, 2, 3, 4, 5)
    exact: Decimal = Decimal("0.10")
    third: Fraction = Fraction(1, 3)
    root: complex = 1j
    span: Span = Span(1)
    options: Options = field(default_factory=lambda: {"level": Level.ONE})
    data: Data = field(default_factory=Data)
    inner: Inner | None = None
    names: frozenset[str] = frozenset({"b", "a", "c"})
    keys: dict[int, float] = field(default_factory=lambda: {1: 0.5})
    text: str = "\\n\\"'\\\\ ü"
    free: Any = Mode.EXACT

    def __post_init__(self):
        for name, kind in {"mode": Mode, "level": Level, "norms": Norms, "pair": Pair, "single": np.float32,
                           "day": date, "third": Fraction, "span": Span, "data": Data, "free": Mode}.items():
            assert type(getattr(self, name)) is kind, (name, getattr(self, name))
        assert all(type(key) is int for key in self.keys)

    def init(self, params):
        return {}

    def step(self, params, grads, state):
        rate = self.lr * self.level * (0.5 if self.mode is Mode.EXACT else 1) * (1 if self.clip is None else 2)
        return {name: value - rate * grads[name] for name, value in params.items()}, state


@modnet.hookimpl
def register_optimizers(register):
    register(Everything)


@modnet.hookimpl
def register_activations(register):
    register(Scaled)
"""
SETTINGS = (
    "mode=exact",
    "level=2",
    "norms=3",
    "pair=FAR",
    "modes={fast = 2}",
    "clip=none",
    "tag={none = true}",
    "nan=inf",
    "zero=nan",
    "huge=-1267650600228229401496703205376",
    "single=0.2",
    "dtype=int8",
    "path=c",
    "day=2027-01-02",
    "exact=1.50",
    "third=2/3",
    "root=1+2j",
    'span=[2, "exact"]',
    "options={level = 2}",
    'data={modes = ["exact", "fast"], inner = {speed = 1.0, clip = "none"}}',
    "inner={speed = 2}",
    'names=["z", "y"]',
    'keys={2 = 1.0, "3" = 2}',
    "free=exact",
)


@pytest.fixture
def modnet_here(tmp_path: Path, points: Callable[..., Path]) -> Callable[..., str]:
    """Return a function that runs a command without an error, and returns what it shows."""
    (tmp_path / "all_types.py").write_text(PLUGIN)
    points(tmp_path / "points.csv")

    def run(*arguments: str) -> str:
        config, cache = str(tmp_path / "config"), str(tmp_path / "cache")
        done = run_forked(*arguments, cwd=tmp_path, MODNET_CONFIG=config, MODNET_CACHE=cache)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    return run


COMMON = ("-p", "all_types", "--data", "points.csv", "--optimizer", "everything", "--set", "optimizer.name=everything")
SCALED = 'network.activation={name = "scaled", level = 2, others = ["relu", {name = "leaky-relu", slope = 0.5}]}'


@pytest.mark.check
@pytest.mark.parametrize("settings", [(), SETTINGS], ids=["defaults", "set"])
def test_a_run_is_verified_resumed_repeated_and_predicted_with(
    tmp_path: Path, modnet_here: Callable[..., str], settings: tuple[str, ...]
) -> None:
    options = [part for setting in settings for part in ("--set", f"optimizer.{setting}")]
    modnet_here("train", *COMMON, *options, "--set", SCALED, "--iterations", "20", "--out", "first")
    assert "identical: 20 iterations" in modnet_here("verify", "first")
    experiment = (tmp_path / "first/experiment.toml").read_text()
    modnet_here("train", "first/experiment.toml", "--out", "second")
    assert (tmp_path / "second/experiment.toml").read_text() == experiment
    modnet_here("resume", "second", "--iterations", "30")
    modnet_here("train", "second/experiment.toml", "--out", "third")
    results = [json.loads((tmp_path / run / "receipt.json").read_text())["results"] for run in ("second", "third")]
    assert results[0]["params_sha256"] == results[1]["params_sha256"]
    assert "identical: 30 iterations" in modnet_here("verify", "second")
    assert "on 60 rows" in modnet_here("predict", "first", "points.csv")


@pytest.mark.check
def test_settings_of_all_types_are_compared(tmp_path: Path, modnet_here: Callable[..., str]) -> None:
    options = [part for setting in SETTINGS[3:5] for part in ("--set", f"optimizer.{setting}")]
    grid = (
        "--set",
        "optimizer.mode=fast,exact",
        "--set",
        "optimizer.clip=none,6.0",
        "--seeds",
        "2",
        "--iterations",
        "5",
    )
    command = ("compare", *COMMON, *options, *grid, "--workers", "2", "--out", "result")
    modnet_here(*command)
    again = modnet_here(*command)  # nothing is left to do, and nothing has changed
    assert "optimizer.mode fast, optimizer.clip none" in again
    labels = [f"optimizer.mode {mode}, optimizer.clip {clip}" for mode in ("fast", "exact") for clip in ("none", "6")]
    report = json.loads((tmp_path / "result/comparison.json").read_text())
    assert [each["label"] for each in report["settings"]] == labels
    assert all(label in (tmp_path / "result/comparison.md").read_text() for label in labels)
    for folder in sorted((tmp_path / "result").glob("*/seed-0")):
        assert "identical" in modnet_here("verify", str(folder))
