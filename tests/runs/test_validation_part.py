"""Runs with a validation part: their files, their continuation, their comparison."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import numpy as np
import pytest
from processes import Call

import modnet
from modnet.cli.show.diagnosis import diagnose
from modnet.compose.experiment import create_experiment, read_data, run_experiment, to_table
from modnet.data.fingerprint import data_fingerprint
from modnet.nn.run import RunView
from modnet.runs.contents import read_history


class NeedsValidation(modnet.Callback):
    """A callback that decides by the validation part."""

    needs_validation = True

    def on_epoch(self, run, state):
        """Stop once there is a loss of the validation part."""
        return state, modnet.Stop("seen enough") if run.history.validation_loss else None


@pytest.fixture
def needing():
    undo = modnet.register(NeedsValidation, "needing")
    yield "needing"
    undo()


def test_a_run_with_a_validation_part(tmp_path: Path, call: Call) -> None:
    """Files hold its loss and its metrics; the run is verified, lengthened and used as any other."""
    rows = np.random.default_rng(0).normal(size=(100, 2)).round(3).tolist()
    lines = [f"{a},{b},{'big' if a + b > 0 else 'small'}" for a, b in rows]
    (tmp_path / "points.csv").write_text("\n".join(["a,b,label", *lines]) + "\n")

    def run(*arguments: str) -> str:
        found = call(*arguments, cwd=tmp_path)
        assert found.returncode == 0, found.stderr
        return found.stdout

    out = run("train", "--data", "points.csv", "--validation", "0.1", "--iterations", "30", "--out", "run")
    assert "72 training, 20 test and 8 validation samples" in out
    assert "validation_fraction = 0.1" in (tmp_path / "run/experiment.toml").read_text()
    history = read_history(tmp_path / "run/history.csv")
    assert list(history.columns)[-2:] == ["validation_accuracy", "validation_loss"]
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    assert summary["validation_loss"] == history.validation_loss[-1]
    assert "identical" in run("verify", "run")
    run("resume", "run", "--iterations", "40")
    assert len(run("predict", "run", "points.csv").splitlines()) == 101


def test_the_loss_is_that_of_the_rows_that_are_not_learned_from() -> None:
    draw = np.random.default_rng(0)
    x, t = draw.normal(size=(60, 3)), draw.integers(0, 3, 60)
    data = modnet.Dataset.from_arrays((x, t), class_weight={0: 3}, weights=draw.random(60)).with_validation(0.2)
    network = modnet.Network.for_data(data, hidden=4)
    run = modnet.train(network, data, iterations=20)
    part = data.parts["validation"]
    assert run.history.validation_loss[-1] == pytest.approx(run.network.loss(part.x, part.t, part.weights), rel=1e-12)
    assert run.history.validation_accuracy[-1] == run.network.accuracy(part.x, part.t)


def test_a_run_without_the_part_is_as_it_was() -> None:
    experiment = create_experiment({})
    data, resolved = read_data(experiment)
    assert "validation_fraction" not in to_table(resolved)["data"]
    assert not [name for name in data_fingerprint(data) if "validation" in name]
    network = modnet.TwoLayerNet(784, 2, 10, seed=0)
    assert set(modnet.train(network, data, iterations=1).history.columns) == {"train_accuracy", "test_accuracy"}


def test_the_rows_do_not_depend_on_the_seed_of_the_run_but_on_that_of_the_split(tmp_path: Path) -> None:
    path = tmp_path / "some.npz"
    np.savez(path, x=np.random.default_rng(0).normal(size=(50, 3)), t=np.arange(50) % 2)

    def read(seed: int, split: int) -> list[int]:
        table = {"seed": seed, "data": {"path": str(path), "split_seed": split, "validation_fraction": 0.2}}
        chosen = read_data(create_experiment(table))[0].parts["validation"].chosen
        assert chosen is not None
        return list(chosen)

    assert read(0, 0) == read(1, 0)
    assert read(0, 0) != read(0, 1)


@attrs.frozen
class Parting(modnet.DataSource):
    """A source that has always made a validation part, by a setting of the same name."""

    reads_files = False
    validation_fraction: int = 3

    def read(self, path: Path | None) -> modnet.Dataset:
        """Return the data set."""
        pair = np.arange(20.0)[:, None], np.arange(20) % 2
        return modnet.Dataset.from_arrays(pair, validation=(pair[0][: self.validation_fraction], pair[1][:3]))


def test_a_source_with_a_setting_of_that_name_keeps_it() -> None:
    undo = modnet.register(Parting)
    try:
        data, resolved = read_data(create_experiment({"data": {"name": "parting", "validation_fraction": 3}}))
        assert (len(data.train), len(data.parts["validation"])) == (16, 3)
        assert to_table(resolved)["data"] == {"name": "parting", "validation_fraction": 3}
    finally:
        undo()


@pytest.mark.parametrize("value", [0, 1.0, -0.1, "some", True])
def test_a_share_that_is_none_is_refused(value: object) -> None:
    with pytest.raises(modnet.SettingError, match="data: 'validation_fraction' must be"):
        create_experiment({"data": {"name": "iris", "validation_fraction": value}})


def test_a_callback_that_needs_the_part_is_given_one(needing: str) -> None:
    data, resolved = read_data(create_experiment({"data": {"name": "iris"}, "callbacks": [needing]}))
    assert data.notes[-1] == "a share of 0.1 is for validation, as needing needs it"
    assert to_table(resolved)["data"]["validation_fraction"] == 0.1
    again, _ = read_data(resolved)
    assert data_fingerprint(again) == data_fingerprint(data)
    given, _ = read_data(
        create_experiment({"data": {"name": "iris", "validation_fraction": 0.3}, "callbacks": [needing]})
    )
    assert len(given.parts["validation"]) == 36


@pytest.mark.parametrize(("part", "count"), [("test", 0), ("validation", 1)])
def test_signs_of_failure_are_taken_from_the_validation_part_and_not_from_that_for_tests(part: str, count: int) -> None:
    table = {"data": {"name": "iris", "validation_fraction": 0.2}, "training": {"iterations": 2}}
    data, experiment = read_data(create_experiment(table))
    run = run_experiment(experiment, data)
    for name in ("test", "validation"):
        run.history.columns[f"{name}_accuracy"][-1] = 0.0 if name == part else 1.0
    signs = diagnose(RunView(run), experiment, data)
    assert [sign.why for sign in signs] == ["only 2 iterations"] * count


def test_in_python_it_says_how_to_take_one(needing: str) -> None:
    data = modnet.load("iris")
    network = modnet.Network.for_data(data, hidden=4)
    with pytest.raises(modnet.SettingError, match=r"give data\.with_validation\(0\.1\)"):
        modnet.train(network, data, callbacks=[needing], iterations=10)
    assert modnet.train(network, data.with_validation(0.1), callbacks=[needing], iterations=50).iteration < 50


def test_all_runs_of_a_comparison_have_the_part_that_one_of_them_needs(needing: str, tmp_path: Path) -> None:
    table = {"data": {"name": "iris"}, "training": {"iterations": 10}}
    result = modnet.compare(table, {"callbacks": [[], [needing]]}, seeds=2, workers=1, out=tmp_path / "compared")
    assert result.samples == 30
    assert "validation accuracy  validation loss" in str(result)
    assert "validation_accuracy,validation_loss" in (tmp_path / "compared/runs.csv").read_text()
    assert len(result.as_json()["settings"][0]["validation_loss"]) == 2
    for setting in result.settings:
        assert all("validation_loss" in history.columns for history in setting.histories)
