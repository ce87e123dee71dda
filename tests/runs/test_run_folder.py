"""The folder of a run: written, and read back."""

from __future__ import annotations

import csv
import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modnet
from modnet import DataError, History, SettingError
from modnet.compose.experiment import Experiment, create_experiment, create_network, read_data
from modnet.compose.plugins import get_host
from modnet.compose.tables import read_toml
from modnet.nn.checkpoint import hash_params
from modnet.runs.contents import history_to_csv, read_history
from modnet.runs.folder import CURVES, ERRORS, FILES, PAGE, read_ending
from modnet.runs.model import TrainedModel
from modnet.runs.recorder import create_run, train_run
from modnet.runs.run import train

DAMAGED = ["", "null", "3", "[1]", "{}", '{"status": ["finished"]}', '{"status": "new"}']


@pytest.fixture
def table(tmp_path: Path) -> dict[str, Any]:
    """Return a small experiment on a CSV file with text labels."""
    rng = np.random.default_rng(0)
    rows = [
        [*np.round(rng.normal(size=3) + 3 * k, 3), name]
        for k, name in enumerate(["oak", "ash", "elm"])
        for _ in range(30)
    ]
    path = tmp_path / "trees.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["height", "girth", "leaves", "species"])
        writer.writerows(rows)
    return {
        "data": {"path": str(path), "label": "species"},
        "network": {"hidden": [4], "weight_init_std": "xavier"},
        "training": {"batch_size": 10, "iterations": 60},
    }


def run_into(folder: Path, table: dict[str, Any], *observers: object, **options: Any) -> tuple[modnet.Run, Experiment]:
    data, experiment = read_data(create_experiment(table))
    with create_run(folder, experiment, data, **options) as run_folder:
        return train_run(experiment, data, run_folder, None, *observers), experiment


class TestWhatIsLeft:
    def test_its_files_and_nothing_else(self, tmp_path: Path, table) -> None:
        run_into(tmp_path / "run", table)
        assert {path.name for path in (tmp_path / "run").iterdir()} == set(FILES) - {CURVES, ERRORS, PAGE}

    def test_the_summary(self, tmp_path: Path, table) -> None:
        run, _ = run_into(tmp_path / "run", table)
        summary = json.loads((tmp_path / "run/summary.json").read_text())
        assert summary["status"] == "finished"
        assert summary["iterations"] == 60
        assert summary["final_loss"] == run.history.loss[-1]
        assert summary["train_accuracy"] == run.history.train_accuracy[-1]
        assert summary["test_accuracy"] == run.history.test_accuracy[-1]
        assert summary["gradient"] == "central-difference"
        assert summary["params_sha256"] == hash_params(run.params)
        assert summary["seconds"] >= 0
        assert summary["versions"]["modnet"] == modnet.__version__
        assert summary["versions"]["numpy"] == np.__version__

    def test_the_history_reads_back_to_the_last_bit(self, tmp_path: Path, table) -> None:
        run, _ = run_into(tmp_path / "run", table)
        assert read_history(tmp_path / "run/history.csv") == run.history
        lines = (tmp_path / "run/history.csv").read_text().splitlines()
        assert lines[0] == "iteration,loss,train_accuracy,test_accuracy"
        assert len(lines) == 61
        (tmp_path / "twice.csv").write_text("iteration,loss,seconds,seconds\n")
        with pytest.raises(DataError, match=r"twice\.csv, line 1: .*the first line is not its header"):
            read_history(tmp_path / "twice.csv")

    def test_the_experiment_file_is_complete_and_gives_the_same_run(self, tmp_path: Path, table) -> None:
        first, experiment = run_into(tmp_path / "first", table)
        data, _ = read_data(experiment)
        path = tmp_path / "first/experiment.toml"
        written = tomllib.loads(path.read_text())
        assert json.loads((tmp_path / "first/preparation.json").read_text()) == data.preparation.to_dict()
        assert written["network"]["loss"] == {"name": "cross-entropy", "eps": 1e-7}
        again = create_experiment(read_toml(path))
        assert again == experiment
        second, _ = run_into(tmp_path / "second", read_toml(path))
        assert hash_params(second.params) == hash_params(first.params)
        assert (tmp_path / "second/experiment.toml").read_bytes() == path.read_bytes()
        assert (tmp_path / "second/history.csv").read_bytes() == (tmp_path / "first/history.csv").read_bytes()

    def test_a_network_and_its_labels_read_back(self, tmp_path: Path, table) -> None:
        run, _ = run_into(tmp_path / "run", table)
        model = TrainedModel.read(tmp_path / "run")
        assert model.classes == ("ash", "elm", "oak")
        rows = np.array([[0.0, 0.0, 0.0], [6.0, 6.0, 6.0]])
        opened = modnet.open_run(tmp_path / "run")
        assert opened.predict(rows).tolist() == ["oak", "elm"]
        assert np.array_equal(opened.predict_proba(rows), run.network.predict(model.preparation.transform(rows)))

    @pytest.mark.check
    def test_of_very_many_columns_it_reads_back(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "wide.npz", x=np.random.default_rng(0).normal(size=(6, 100_000)), t=[0, 1] * 3)
        table = {
            "data": {"path": str(tmp_path / "wide.npz")},
            "network": {"hidden": [1]},
            "gradient": {"name": "backpropagation"},
            "training": {"iterations": 1, "batch_size": 2},
        }
        run_into(tmp_path / "run", table)
        assert TrainedModel.read(tmp_path / "run").columns == 100_000

    def test_a_preparation_that_could_not_be_read_back_is_refused_before(
        self, tmp_path: Path, table, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("modnet.runs.recorder.LARGEST_JSON", 100)
        with pytest.raises(DataError, match="too many columns to prepare each: leave some out, or set standardize"):
            run_into(tmp_path / "run", table)
        assert not (tmp_path / "run").exists()
        table["data"]["standardize"] = False
        run_into(tmp_path / "run", table)
        assert TrainedModel.read(tmp_path / "run").columns == 3

    def test_an_interrupted_run_is_saved_with_what_it_learned(self, tmp_path: Path, table) -> None:
        data, experiment = read_data(create_experiment(table))
        calls = []

        def interrupts(objective, params, stream):
            calls.append(1)
            if len(calls) == 20:
                raise KeyboardInterrupt
            return objective.backward(params)

        interrupted = pytest.raises(modnet.TrainingInterrupted)
        with create_run(tmp_path / "run", experiment, data) as folder, interrupted as caught:
            train(
                create_network(experiment, data),
                data,
                gradient=interrupts,
                optimizer=experiment.optimizer,
                batch_size=10,
                observer=get_host().relay(folder),
            )
        summary = json.loads((tmp_path / "run/summary.json").read_text())
        assert (summary["status"], summary["iterations"]) == ("interrupted", 19)
        model = TrainedModel.read(tmp_path / "run")
        assert hash_params(model.network.params) == hash_params(caught.value.run.params) == summary["params_sha256"]

    def test_a_third_party_hook_that_fails_loses_nothing(self, tmp_path: Path, table) -> None:
        class Tracker:
            @modnet.hookimpl
            def run_ended(self, run):
                raise ConnectionError("the tracker's server is down")

        with pytest.raises(ConnectionError, match="server is down"):
            run_into(tmp_path / "run", table, Tracker())
        assert json.loads((tmp_path / "run/summary.json").read_text())["status"] == "finished"

    def test_a_run_that_fails_before_it_begins_leaves_nothing_behind(self, tmp_path: Path, table) -> None:
        with pytest.raises(modnet.GradientError):
            run_into(tmp_path / "run", {**table, "gradient": {"name": "central-difference", "h": 1e-20}})
        assert not (tmp_path / "run").exists()

    def test_a_run_is_saved_while_it_is_trained(self, tmp_path: Path, table, monkeypatch) -> None:
        monkeypatch.setattr("modnet.nn.training.CHECKPOINT_EVERY", 0.0)
        monkeypatch.setattr("modnet.nn.training.CHECKPOINT_SHARE", 1e9)
        seen = []

        class Spy:
            @modnet.hookimpl
            def epoch_ended(self, run):
                saved = read_history(tmp_path / "run/history.csv")
                params = TrainedModel.read(tmp_path / "run").network.params
                seen.append((run.iteration - len(saved.loss), params.keys() == run.params.keys()))

        run_into(tmp_path / "run", table, Spy())
        assert len(seen) > 3
        assert set(seen[:-1]) == {(1, True)}  # the iteration that the epoch ends with is not yet known to be sound


class TestFolders:
    def test_a_folder_that_holds_a_run_is_not_written_over(self, tmp_path: Path, table) -> None:
        run_into(tmp_path / "run", table)
        before = (tmp_path / "run/summary.json").read_bytes()
        with pytest.raises(SettingError, match=r"--out: .*run holds a run: choose another, or --overwrite a run"):
            run_into(tmp_path / "run", table)
        assert (tmp_path / "run/summary.json").read_bytes() == before

    def test_unless_it_is_asked_for(self, tmp_path: Path, table) -> None:
        run_into(tmp_path / "run", table)
        (tmp_path / "run/notes.txt").write_text("mine")
        with pytest.warns(UserWarning, match=r"what the run before has left stays, .*: notes\.txt$"):
            run_into(tmp_path / "run", {**table, "seed": 5}, overwrite=True)
        assert json.loads((tmp_path / "run/summary.json").read_text())["seed"] == 5
        assert (tmp_path / "run/notes.txt").read_text() == "mine"

    def test_another_folder_is_never_written_over(self, tmp_path: Path, table) -> None:
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine/params.npz").write_text("mine")
        with pytest.raises(SettingError, match="exists and is not the folder of a run"):
            run_into(tmp_path / "mine", table, overwrite=True)
        assert (tmp_path / "mine/params.npz").read_text() == "mine"

    @pytest.mark.parametrize("content", DAMAGED)
    def test_a_summary_without_a_receipt_is_no_run_to_begin_anew(self, tmp_path: Path, content: str) -> None:
        (tmp_path / "summary.json").write_text(content)
        with pytest.raises(DataError, match=r"there is no receipt\.json"):
            read_ending(tmp_path)

    @pytest.mark.parametrize("content", [*DAMAGED, None])
    def test_unless_the_receipt_knows_better(self, tmp_path: Path, table, content: str | None) -> None:
        run_into(tmp_path / "run", table)
        if content is None:
            (tmp_path / "run/summary.json").unlink()
        else:
            (tmp_path / "run/summary.json").write_text(content)
        ended = read_ending(tmp_path / "run")
        assert ended
        assert (ended.status, ended.iterations) == ("finished", 60)

    def test_parameters_of_another_network(self, tmp_path: Path, table) -> None:
        run_into(tmp_path / "a", table)
        run_into(tmp_path / "b", {**table, "network": {"hidden": [7]}})
        (tmp_path / "a/params.npz").write_bytes((tmp_path / "b/params.npz").read_bytes())
        with pytest.raises(DataError, match=r"params\.npz does not fit experiment\.toml .*W1 must have shape \(3, 4\)"):
            TrainedModel.read(tmp_path / "a")


class TestHistory:
    def test_unknown_accuracies_stay_unknown(self, tmp_path: Path) -> None:
        history = History([1.0, 0.5], [2], {"train_accuracy": [0.75], "test_accuracy": [float("nan")]})
        (tmp_path / "history.csv").write_text(history_to_csv(history))
        again = read_history(tmp_path / "history.csv")
        assert again.train_accuracy == [0.75]
        assert np.isnan(again.test_accuracy[0])

    def test_a_damaged_history_names_file_and_line(self, tmp_path: Path) -> None:
        (tmp_path / "history.csv").write_text("iteration,loss,train_accuracy,test_accuracy\n1,0.5,,\n2,zero,,\n")
        with pytest.raises(DataError, match=r"history\.csv, line 3: not a run's history"):
            read_history(tmp_path / "history.csv")
