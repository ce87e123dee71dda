"""The public API, beside what was promised."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from public_api import KEPT, find_changes, write_stub

import modnet

PROMISED = KEPT.read_text(encoding="utf-8")
MEND = "keep what was there; if the change is meant, write it into CHANGELOG.md and call make api"


def test_nothing_that_was_promised_has_changed() -> None:
    changes = find_changes(PROMISED, write_stub())
    assert not changes, f"{MEND}\n" + "\n".join(changes)


def test_the_stub_is_python_with_every_public_name_once() -> None:
    names = [getattr(each, "name", None) or each.target.id for each in ast.parse(PROMISED).body[1:]]  # type: ignore[attr-defined]
    assert len(names) == len(set(names))
    assert {*names} - {"hooks", "parts", "commands", "book", "sklearn"} <= {*modnet.__all__}


CHANGES = {
    "a name is gone": ("def one_hot", "def two_hot", "modnet.one_hot: public object was removed"),
    "a method is gone": (
        "def summary(self)",
        "def _summary(self)",
        "modnet.Network.summary: public object was removed",
    ),
    "a parameter is gone": (
        "init_x: X,\n    lr: float",
        "init_x: X,\n    rate: float",
        "modnet.gradient_descent: parameter was removed",
    ),
    "a parameter moved": (
        "path: Path, params: Params, data: Dataset",
        "params: Params, path: Path, data: Dataset",
        "save_params: positional parameter was moved",
    ),
    "a parameter is needed": (
        "x: X, h: float = 0.0001",
        "x: X, h: float",
        "numerical_gradient: parameter is now required",
    ),
    "a needed one is new": (
        "def open_run(folder",
        "def open_run(mode: str, folder",
        "modnet.open_run: parameter was added as required",
    ),
    "another default": (
        "step_num: int = 100,\n    *,\n    history",
        "step_num: int = 200,\n    *,\n    history",
        "gradient_descent: parameter default was changed",
    ),
    "another type": (
        "def default_step(dtype: Any)",
        "def default_step(dtype: str)",
        "default_step(dtype): type was changed (Any -> str)",
    ),
    "another result": (
        "def is_weight(name: str) -> bool",
        "def is_weight(name: str) -> int",
        "modnet.is_weight: returned type was changed (bool -> int)",
    ),
    "another value": (
        "    promises = 'gradient'",
        "    promises = 'direction'",
        "GradientEstimator.promises: value was changed",
    ),
    "another base": (
        "ShapeError(ModnetError, ValueError)",
        "ShapeError(ModnetError)",
        "modnet.ShapeError: base class was removed",
    ),
    "a new duty": (
        "class Metric:\n",
        "class Metric:\n    @abstractmethod\n    def new(self): ...\n",
        "Metric.new: abstract method was added",
    ),
    "a part is gone": (
        "def leaky_relu(",
        "def leaky(",
        "modnet.parts.activations.leaky_relu: public object was removed",
    ),
    "a setting's default": (
        "def elu(self, alpha: float = 1.0",
        "def elu(self, alpha: float = 2.0",
        "modnet.parts.activations.elu: parameter default was changed",
    ),
    "a hook is gone": (
        "def register_losses(",
        "def register_loss(",
        "modnet.hooks.register_losses: public object was removed",
    ),
    "an option is gone": (
        "def modnet_data_cache(*, clear=...",
        "def modnet_data_cache(*",
        "modnet.commands.modnet_data_cache: parameter was",
    ),
}


def replace_all(pairs: Iterable[tuple[str, str]]) -> str:
    """Return the promised stub with each text replaced, which must stand in it once."""
    stub = PROMISED
    for old, new in pairs:
        assert PROMISED.count(old) == 1, old
        stub = stub.replace(old, new)
    return stub


def test_each_change_that_breaks_is_found() -> None:
    found = find_changes(PROMISED, replace_all((old, new) for old, new, _ in CHANGES.values()))
    missed = [case for case, (*_, expected) in CHANGES.items() if not any(expected in line for line in found)]
    assert missed == [], found


def test_what_is_added_breaks_nothing() -> None:
    added = [
        ("def one_hot", "def new_name(x: int) -> int: ...\n\ndef one_hot"),
        ("class Metric:\n", "class Metric:\n    def new(self, x: int) -> int: ...\n"),
        ("history: bool = False", "history: bool = False, new: bool = False"),
        ("def leaky_relu(self, slope: float = 0.01", "def leaky_relu(self, slope: float = 0.01, new: int = 0"),
        ("def modnet_data_cache(*, clear=...", "def modnet_data_cache(*, clear=..., new=..."),
    ]
    assert find_changes(PROMISED, replace_all(added)) == []
