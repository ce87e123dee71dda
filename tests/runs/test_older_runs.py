"""Runs of before a setting existed: it has its default in them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

import modnet
from modnet.cli.verify.retraining import retrain
from modnet.cli.verify.verification import compare_with_receipt
from modnet.compose.experiment import create_experiment, read_data
from modnet.compose.tables import read_toml
from modnet.runs.folder import EXPERIMENT, check_files, read_experiment
from modnet.runs.receipt import compare_settings
from modnet.runs.recorder import RunRecorder, create_run, train_run

ADAM = {"optimizer": {"name": "adam", "lr": 0.1}}
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "its default": (ADAM, {"optimizer": {**ADAM["optimizer"], "weight_decay": 0.0}}, []),
    "its default, as a whole number": (ADAM, {"optimizer": {**ADAM["optimizer"], "weight_decay": 0}}, []),
    "another value": (
        ADAM,
        {"optimizer": {**ADAM["optimizer"], "weight_decay": 0.1}},
        ["setting optimizer.weight_decay: 0.0 then, 0.1 now"],
    ),
    "a newer one, read by an older modnet": ({"optimizer": {**ADAM["optimizer"], "weight_decay": 0.0}}, ADAM, []),
    "a setting that nobody has": (
        ADAM,
        {"optimizer": {**ADAM["optimizer"], "nonsense": 0.0}},
        ["setting optimizer.nonsense: none then, 0.0 now"],
    ),
    "the part's own default, and not the main job's": (
        ADAM,
        {"optimizer": {"name": "adam"}},
        ["setting optimizer.lr: 0.1 then, 0.001 now"],
    ),
    "another part": (
        {"optimizer": {"name": "sgd", "lr": 0.1}},
        {"optimizer": {"name": "momentum", "lr": 0.1, "weight_decay": 0.0}},
        ["setting optimizer.name: sgd then, momentum now"],
    ),
    "in a list": (
        {"network": {"activation": [{"name": "elu"}, {"name": "relu"}]}},
        {"network": {"activation": [{"name": "elu", "alpha": 1.0}, {"name": "relu"}]}},
        [],
    ),
    "by an older name": (
        {"optimizer": {"name": "ada-grad", "lr": 0.1}},
        {"optimizer": {"name": "adagrad", "lr": 0.1, "weight_decay": 0.0, "eps": 1e-7}},
        [],
    ),
    "of training": ({"training": {"batch_size": 5}}, {"training": {"batch_size": 5, "blas_threads": 1}}, []),
    "of training, another value": (
        {"training": {"batch_size": 5}},
        {"training": {"batch_size": 5, "blas_threads": 2}},
        ["setting training.blas_threads: 1 then, 2 now"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_setting_that_is_not_named_has_its_default(case: str) -> None:
    then, now, expected = CASES[case]
    assert [str(difference) for difference in compare_settings(then, now)] == expected


@attrs.frozen
class Plain(modnet.Optimizer):
    """The optimizer as it was."""

    lr: float = 0.1

    def init(self, params: modnet.Params) -> None:
        return None

    def step(self, params: modnet.Params, grads: modnet.Grads, state: None) -> tuple[modnet.Params, None]:
        return {name: w - self.lr * grads[name] for name, w in params.items()}, state


@attrs.frozen
class Decaying(Plain):
    """The optimizer as it is: with a setting more, which by default changes nothing."""

    decay: float = 0.0


Decaying.__name__ = Plain.__name__  # by which a checkpoint knows it


@pytest.fixture
def undo() -> Any:
    undone: list[Callable[[], None]] = [modnet.register(Plain, "own")]
    yield undone
    undone[-1]()


def upgrade(undo: list[Callable[[], None]]) -> None:
    undo[-1]()
    undo.append(modnet.register(Decaying, "own"))


@pytest.fixture
def table(tmp_path: Path) -> dict[str, Any]:
    rows = np.random.default_rng(0).normal(size=(30, 3))
    np.savez(tmp_path / "points.npz", x=rows, t=np.arange(30) % 2)
    return {"data": {"path": str(tmp_path / "points.npz")}, **TABLE}


TABLE = {
    "gradient": "backpropagation",
    "network": {"hidden": [4]},
    "optimizer": "own",
    "training": {"iterations": 12, "batch_size": 8},
}


class Interrupt(modnet.Observer):
    @modnet.hookimpl
    def epoch_ended(self, run: modnet.ObservedRun) -> None:
        raise KeyboardInterrupt


@pytest.mark.parametrize("ending", ["finished", "interrupted"])
def test_an_older_run_is_resumed_and_verified(
    tmp_path: Path, table: Any, undo: list[Callable[[], None]], ending: str
) -> None:
    data, wanted = read_data(create_experiment(table))
    run = tmp_path / "run"
    with create_run(run, wanted, data) as recorder, suppress(KeyboardInterrupt):
        train_run(wanted, data, recorder, None, *([Interrupt()] if ending == "interrupted" else []))
    upgrade(undo)
    assert check_files(run)
    if ending == "interrupted":
        wanted = read_experiment(run)
        recorder = RunRecorder(run, wanted, data)
        train_run(wanted, data, recorder, recorder.load_checkpoint(accept=True))
        assert check_files(run)
    assert "decay" not in read_toml(run / EXPERIMENT)["optimizer"]
    found = retrain(compare_with_receipt(run), modnet.Observer())
    assert not [difference for difference in found.differences if difference.part == "setting"]
    assert found.identical


@pytest.mark.check
def test_an_older_comparison_is_continued(tmp_path: Path, table: Any, undo: list[Callable[[], None]]) -> None:
    table = {**table, "training": {"iterations": 10}}
    before = modnet.compare(table, {"lr": [0.1, 0.2]}, seeds=2, workers=1, out=tmp_path / "out")
    upgrade(undo)
    receipts = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("receipt.json")}
    after = modnet.compare(table, {"lr": [0.1, 0.2]}, seeds=2, workers=1, out=tmp_path / "out", accept=True)
    assert len(receipts) == 4
    assert receipts == {path: path.stat().st_mtime_ns for path in receipts}
    assert str(after.pairs) == str(before.pairs)
