"""Default experiments by the kind of data, from commands and from Python."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from click.testing import CliRunner

import modnet
from modnet.cli.main import modnet_command
from modnet.compose.defaults import MAIN_JOB, get_default_job
from modnet.compose.experiment import create_experiment, create_network, read_data, run_experiment, to_table

POINTS = np.random.default_rng(0).normal(size=(100, 2))
INSIDE = np.where((POINTS**2).sum(axis=1) < 1, "in", "out")


def make_data(rows: int = 100, columns: int = 2, scale: float = 1, largest: int = 255) -> modnet.Dataset:
    x = np.random.default_rng(0).integers(0, largest + 1, (rows, columns))
    labels = np.arange(rows) % 2
    return modnet.Dataset.from_arrays((x, labels), (x[:2], labels[:2]), scale=scale)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "points.csv"
    rows = (f"{a!r},{b!r},{word}\n" for (a, b), word in zip(POINTS.tolist(), INSIDE, strict=True))
    path.write_text("a,b,where\n" + "".join(rows))
    return path


def train(*arguments: object) -> str:
    done = CliRunner().invoke(modnet_command, ["train", *map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done.output


def read(run: Path) -> dict[str, Any]:
    return tomllib.loads((run / "experiment.toml").read_text())


class TestTheJob:
    def test_pictures_keep_the_book_s(self) -> None:
        assert get_default_job(modnet.load("mnist-small")) is MAIN_JOB
        assert get_default_job(make_data(columns=64, scale=255)) is MAIN_JOB

    @pytest.mark.parametrize("data", [make_data(columns=64, largest=999), make_data(columns=63, scale=255)])
    def test_other_tables_have_one_that_learns(self, data: modnet.Dataset) -> None:
        job = create_experiment(get_default_job(data))
        assert [str(part) for part in job.network.activation] == ["Relu()"]
        assert (job.network.hidden, job.network.weight_init_std) == ((100,), "he")
        assert str(job.gradient) == "Backpropagation()"
        assert job.optimizer.lr == 0.003

    @pytest.mark.parametrize(
        ("rows", "iterations"), [(10, 500), (250, 500), (251, 502), (1_000, 2_000), (5_000, 10_000), (50_000, 10_000)]
    )
    def test_the_number_of_mini_batches_is_that_of_200_epochs_within_bounds(self, rows: int, iterations: int) -> None:
        assert get_default_job(make_data(rows))["training"]["iterations"] == iterations

    def test_a_regression_has_an_output_and_a_loss_of_its_own(self) -> None:
        samples = modnet.Samples(POINTS, POINTS[:, :1] ** 2)
        job = create_experiment(get_default_job(modnet.Dataset(samples, samples, ())))
        assert [str(job.network.output), str(job.network.loss)] == ["Identity()", "MeanSquaredError()"]
        assert job.optimizer.lr == 0.001


class TestOlderRuns:
    """A new setting whose default is in the table would make each older run one of another experiment."""

    SETTINGS: ClassVar = {
        "central-difference": set(),
        "forward-difference": set(),
        "richardson": set(),
        "complex-step": {"h"},
        "backpropagation": set(),
    }

    @pytest.mark.parametrize("name", SETTINGS)
    def test_an_estimator_has_the_entries_that_it_always_had(self, name: str) -> None:
        written = to_table(create_experiment({"gradient": {"name": name}}))["gradient"]
        assert set(written) == {"name", *self.SETTINGS[name]}


class TestTheCommand:
    def test_the_first_lines_name_the_defaults_of_tables(self, table: Path, tmp_path: Path) -> None:
        said = train("--data", table, "--hidden", "5", "--optimizer", "sgd", "--out", tmp_path / "run")
        assert "\ndefaults  for tables: activation, weight_init_std, gradient, iterations\n" in said
        assert "for tables" not in train(
            "--iterations", "1", "--gradient", "backpropagation", "--out", tmp_path / "two"
        )

    def test_entries_that_are_given_win(self, table: Path, tmp_path: Path) -> None:
        (tmp_path / "mine.toml").write_text('network.weight_init_std = 0.5\noptimizer.name = "adam"\n')
        train(
            tmp_path / "mine.toml", "--data", table, "--hidden", "5,4", "--iterations", "7", "--out", tmp_path / "run"
        )
        found = read(tmp_path / "run")
        assert found["network"]["hidden"] == [5, 4]
        assert found["network"]["weight_init_std"] == 0.5
        assert found["network"]["activation"] == [{"name": "relu"}]
        assert (found["optimizer"]["lr"], found["training"]["iterations"]) == (0.003, 7)

    def test_what_is_written_repeats_the_run(self, table: Path, tmp_path: Path) -> None:
        train("--data", table, "--out", tmp_path / "one")
        said = train(tmp_path / "one" / "experiment.toml", "--out", tmp_path / "two")
        assert "for tables" not in said
        one, two = (np.load(tmp_path / run / "params.npz") for run in ("one", "two"))
        assert all(np.array_equal(one[name], two[name]) for name in one)
        assert read(tmp_path / "one") == read(tmp_path / "two")

    def test_it_learns_a_table(self, table: Path, tmp_path: Path) -> None:
        train("--data", table, "--out", tmp_path / "run")
        summary = json.loads((tmp_path / "run" / "summary.json").read_text())
        assert summary["test_accuracy"] > 0.85

    def test_mistakes_in_other_entries_come_before_the_data(self, tmp_path: Path) -> None:
        wrong = tmp_path / "wrong.csv"
        wrong.write_text("a,b,label\n1,2,x\nthree,4,y\n")
        done = CliRunner().invoke(modnet_command, ["train", "--data", str(wrong), "--lr", "-1"])
        assert "'lr' must be > 0" in str(done.exception)

    def test_a_comparison_has_them_too(self, table: Path, tmp_path: Path) -> None:
        given = {"data": {"path": str(table)}, "training": {"iterations": 3}}
        result = modnet.compare(given, {"optimizer": ["adam", "sgd"]}, seeds=1, out=tmp_path / "c", workers=1)
        assert [setting.setting.experiment.optimizer.lr for setting in result.settings] == [0.003, 0.1]
        again = tomllib.loads((tmp_path / "c" / "comparison.toml").read_text())
        assert (again["network"]["hidden"], again["gradient"]["name"]) == ([100], "backpropagation")


class TestPython:
    @pytest.mark.parametrize("kind", ["pictures", "table"])
    def test_train_is_the_command_but_for_the_gradient(self, kind: str, table: Path) -> None:
        where = {"name": "mnist-small"} if kind == "pictures" else {"path": str(table)}
        given = {"data": where, "gradient": "backpropagation", "seed": 3}
        data, experiment = read_data(create_experiment(given), given)
        run = modnet.train(modnet.Network.for_data(data, seed=3), data, seed=3)
        assert run.iterations == experiment.training.iterations
        assert repr(run.optimizer) == repr(experiment.optimizer)
        expected = run_experiment(experiment, data)
        assert all(np.array_equal(run.params[name], expected.params[name]) for name in run.params)

    def test_a_network_for_data_is_the_experiment_s(self, table: Path) -> None:
        data = modnet.load(table)
        given = {"data": {"path": str(table)}, "network": {"hidden": [7, 5], "output": "sigmoid"}}
        _, experiment = read_data(create_experiment(given), given)
        network = modnet.Network.for_data(data, hidden=[7, 5], output="sigmoid")
        assert repr(network) == repr(create_network(experiment, data))
        assert modnet.Network.for_data(data, hidden=np.int64(7)).layers[0].outputs == 7
        binary = modnet.Network.for_data(modnet.load("moons"), output="sigmoid", loss="binary-cross-entropy")
        assert binary.layers[-1].outputs == 1
        assert len(modnet.Network.for_data(data, hidden=[]).layers) == 1
        for wrong in (0, "wide", [3, -1]):
            with pytest.raises(modnet.SettingError, match="sizes must be"):
                modnet.Network.for_data(data, hidden=wrong)

    def test_without_what_was_given_nothing_is_changed(self, table: Path) -> None:
        before = create_experiment({"data": {"path": str(table)}})
        _, after = read_data(before)
        assert {**to_table(after), "data": {}} == {**to_table(before), "data": {}}


@pytest.mark.parametrize("given", [([[1.0]], [0]), None, "iris"])
def test_what_is_no_data_set_is_refused_with_what_makes_one(given: Any) -> None:
    for use in (modnet.Network.for_data, lambda data: modnet.train(modnet.TwoLayerNet(1, 2, 2), data)):
        with pytest.raises(modnet.DataError, match=r"must be a modnet.Dataset.*from_arrays\(rows, labels\)"):
            use(given)
