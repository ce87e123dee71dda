"""A regression from its file to predictions: trained, killed, resumed, verified, compared."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest
from modnet_figures.figures.learning_curves import from_history
from processes import Call

import modnet
from modnet.cli.data.conversion import _take_values_as_classes, write
from modnet.cli.plot import find_metrics
from modnet.runs.model import TrainedModel


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A target that is a linear function of features whose scales lie far apart."""
    rng = np.random.default_rng(0)
    x = rng.normal([5, 100, -3], [1, 20, 0.1], (200, 3))
    y = 3 * x[:, 0] - 0.5 * x[:, 1] + 10 * x[:, 2] + 700
    path = tmp_path_factory.mktemp("data") / "prices.csv"
    np.savetxt(path, np.column_stack([x, y]), delimiter=",", header="a,b,c,price", comments="")
    return path


Command = Callable[..., CompletedProcess[str]]


@pytest.fixture(scope="module")
def modnet_(call: Call, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Call a command, and assert its exit status."""
    folder = tmp_path_factory.mktemp("here")

    def run(*words: object, status: int = 0) -> CompletedProcess[str]:
        result = call(*map(str, words), cwd=folder)
        assert result.returncode == status, result.stdout + result.stderr
        return result

    return run


def options(table: Path, **changes: Any) -> list[str]:
    given = {"data": table, "set": "data.label=price", "iterations": 300, **changes}
    return [word for key, value in given.items() for word in (f"--{key}", str(value))]


@pytest.fixture(scope="module")
def run(table: Path, modnet_: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    modnet_("train", *options(table), "--set", "data.task=regression", "--hidden", 10, "--lr", 0.02, "--out", folder)
    return folder


def test_a_known_linear_function_is_reached(table: Path):
    data = modnet.load(table, label="price", task="regression")
    net = modnet.Network([3, 1], output="identity", loss="mean-squared-error", weight_init_std="he")
    run = modnet.train(net, data, optimizer=modnet.optimizer("adam", lr=0.05), iterations=800)
    assert run.history.test_r2[-1] == pytest.approx(1, abs=1e-12)
    assert run.history.test_rmse[-1] < 1e-6
    assert "test R² 1.0000" in repr(run)
    assert run.hits is None
    assert run.errors is not None
    assert run.errors.mean() == pytest.approx(1 - run.history.test_r2[-1])
    with pytest.raises(AttributeError, match="no 'train_accuracy': it has train_r2, test_r2, train_rmse, test_rmse"):
        _ = run.history.train_accuracy


def test_what_a_run_leaves(run: Path):
    summary = json.loads((run / "summary.json").read_text())
    assert summary["test_r2"] > 0.9
    assert summary["test_rmse"] > 0
    assert not any("accuracy" in key for key in summary)
    errors = np.load(run / "errors.npy")
    assert errors.shape == (40,)
    assert errors.mean() == pytest.approx(1 - summary["test_r2"])
    assert not (run / "hits.npy").exists()
    assert 'task = "regression"' in (run / "experiment.toml").read_text()


def test_a_run_is_verified_and_a_changed_error_is_found(modnet_: Command, run: Path, table: Path, tmp_path: Path):
    assert "identical" in modnet_("verify", run).stdout
    modnet_("train", *options(table), "--loss", "huber", "--out", tmp_path / "run")
    errors = np.load(tmp_path / "run/errors.npy")
    np.save(tmp_path / "run/errors.npy", errors * 2)
    assert "errors.npy" in modnet_("verify", tmp_path / "run", status=1).stdout


@pytest.mark.parametrize("loss", ["huber", "mean-squared-error"])
def test_the_task_is_that_of_the_loss(modnet_: Command, table: Path, tmp_path: Path, loss: str):
    output = modnet_("train", *options(table), "--loss", loss, "--output", "identity", "--out", tmp_path / "run").stdout
    assert "3 features, 1 target" in output
    assert "test R²" in output


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--loss", "cross-entropy"], "choose mean-squared-error or huber, or set data.task to 'classification'"),
        (["--output", "softmax"], "network.output: of a single output the softmax is always 1: choose identity"),
        (
            ["--set", 'network.layers=[{name="dense",units=1},"softmax"]'],
            "network.layers: of a single output the softmax is always 1: choose identity",
        ),
    ],
)
def test_parts_for_classes_are_refused_before_training(
    modnet_: Command, table: Path, tmp_path: Path, given: list[str], words: str
):
    result = modnet_(
        "train", *options(table), "--set", "data.task=regression", *given, "--out", tmp_path / "r", status=2
    )
    assert words in result.stderr
    assert not (tmp_path / "r").exists()


def test_predictions_are_in_the_unit_of_the_target(modnet_: Command, run: Path, table: Path):
    result = modnet_("predict", run, table)
    head, *rows = result.stdout.splitlines()
    assert head == "row,prediction,label"
    found = np.array([row.split(",")[1:] for row in rows], float)
    assert np.corrcoef(found.T)[0, 1] > 0.95
    assert abs(found[:, 0] - found[:, 1]).mean() < 5
    metrics = json.loads(modnet_("predict", run, table, "--json").stdout)
    assert metrics["r2"] == pytest.approx(1 - np.square(found[:, 0] - found[:, 1]).mean() / found[:, 1].var())
    assert f"R² {metrics['r2']:.4f}, RMSE {metrics['rmse']:.4g} on 200 rows" in result.stderr
    assert "a regression" in modnet_("predict", run, table, "--probabilities", status=2).stderr
    assert TrainedModel.read(run).target_scale is not None


def test_a_run_that_is_continued_ends_with_the_same_bits(modnet_: Command, run: Path, table: Path, tmp_path: Path):
    short = tmp_path / "short"
    given = ["--set", "data.task=regression", "--hidden", 10, "--lr", 0.02, "--out", short]
    modnet_("train", *options(table, iterations=100), *given)
    modnet_("resume", short, "--iterations", 300)
    for name in ("history.csv", "errors.npy"):
        assert (short / name).read_bytes() == (run / name).read_bytes()
    hashes = [json.loads((folder / "summary.json").read_text())["params_sha256"] for folder in (short, run)]
    assert hashes[0] == hashes[1]


def test_settings_are_compared_by_their_errors(table: Path, tmp_path: Path):
    pytest.importorskip("scipy")
    experiment = {
        "data": {"path": str(table), "label": "price", "task": "regression"},
        "training": {"iterations": 60},
        "network": {"output": "identity", "loss": "mean-squared-error"},
    }
    grid = {"hidden": [2, 20]}
    result = modnet.compare(experiment, grid, seeds=2, workers=1, out=tmp_path / "c")
    assert result.measure == "error"
    for setting in result.settings:
        for history, error in zip(setting.histories, setting.scores, strict=True):
            assert error == pytest.approx(1 - history.test_r2[-1])
    head, *_ = str(result).splitlines()
    assert [word for word in ("test R²", "training R²", "test RMSE") if word not in head] == []
    found = result.as_json()["settings"][0]
    assert found["test_r2"] == pytest.approx([1 - error for error in found["test_errors"]])
    assert "test_rmse" in (tmp_path / "c/runs.csv").read_text().splitlines()[0]
    again = modnet.compare(experiment, grid, seeds=2, workers=1, out=tmp_path / "c")
    assert str(again) == str(result)


def test_the_learning_curves_show_r2(run: Path):
    pytest.importorskip("matplotlib")
    from modnet.runs.contents import read_history

    _, *others = from_history(read_history(run / "history.csv"), "", find_metrics({})).axes
    assert [axes.get_title() for axes in others] == ["R²", "RMSE"]
    assert [len(axes.get_legend().get_texts()) for axes in others] == [2, 2], "a line for each part"


def test_a_gradient_is_checked(modnet_: Command, table: Path):
    given = ["--set", "data.task=regression", "--estimator", "backpropagation", "--activation", "tanh"]
    assert "correct: whole gradient" in modnet_("gradient-check", *options(table)[:4], *given).stdout


@pytest.mark.parametrize("name", ["again.csv", "again.parquet", "again.npz", "again.npy", "again.pkl", "again.csv.gz"])
def test_a_regression_is_converted_as_it_was_given(modnet_: Command, table: Path, tmp_path: Path, name: str):
    task = ["--set", "task=regression"]
    done = modnet_("data", "convert", table, tmp_path / name, "--set", "label=price", *task)
    assert ", 1 target; written:" in done.stdout
    named = {} if name.rpartition(".")[2] in {"npz", "npy", "pkl"} else {"label": "price"}
    first = modnet.load(table, label="price", task="regression", test_fraction=0.0)
    file = "again_x.npy" if name.endswith("npy") else name
    again = modnet.load(tmp_path / file, task="regression", test_fraction=0.0, **named)
    assert first.unprepared is not None
    assert again.unprepared is not None
    np.testing.assert_array_equal(again.unprepared.parts["train"].t, first.unprepared.parts["train"].t)
    np.testing.assert_array_equal(again.train.x, first.train.x)


def test_what_a_file_would_hold_otherwise_is_not_converted(tmp_path: Path):
    rows, t = np.arange(24.0).reshape(12, 2), np.arange(12.0)
    two = modnet.Dataset.from_arrays(rows, np.stack([t, -t], axis=1), task="regression")
    with pytest.raises(modnet.DataError, match=r"several targets are not written: train on the file"):
        write(two, tmp_path / "a.csv")
    changed = modnet.Dataset.from_arrays(rows, t, task="regression")
    changed = changed.with_parts({**changed.parts, "train": changed.test})
    with pytest.raises(modnet.DataError, match=r"targets that other code has changed are not written"):
        write(changed, tmp_path / "a.csv")


def test_a_regression_is_written_with_commas_before_decimals(tmp_path: Path):
    data = modnet.Dataset.from_arrays([[0.5], [1.5], [2.0]], [0.25, -1e-9, 3.0], task="regression", test_fraction=0.0)
    write(data, tmp_path / "a.csv", overwrite=True)
    assert (tmp_path / "a.csv").read_text() == "x0,label\n0.5,0.25\n1.5,-1e-09\n2.0,3.0\n"
    again = modnet.load(tmp_path / "a.csv", task="regression", test_fraction=0.0, label="label")
    np.testing.assert_array_equal(again.to_unit(again.train.t).ravel(), data.to_unit(data.train.t).ravel())
    modnet.source("csv", decimal=",").write(_take_values_as_classes(data, tmp_path), tmp_path / "b.csv")
    assert (tmp_path / "b.csv").read_text() == "x0;label\n0,5;0,25\n1,5;-1e-09\n2,0;3,0\n"
