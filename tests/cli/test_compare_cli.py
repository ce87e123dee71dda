"""`modnet compare`, as it is called."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from processes import Call, run_forked

QUICK = ("compare", "--data", "points.csv", "--gradient", "backpropagation", "--iterations", "20", "--workers", "1")


@pytest.fixture(scope="module")
def folder(points: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compare")
    points(folder / "points.csv")
    return folder


def labels(folder: Path) -> list[str]:
    return [setting["label"] for setting in json.loads((folder / "comparison.json").read_text())["settings"]]


class TestWhatVaries:
    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            (["--hidden", "2,3"], ["hidden 2", "hidden 3"]),
            (["--hidden", "2,3-2"], ["hidden 2", "hidden 3-2"]),
            (["--hidden", "3"], ["as it is"]),
            (["--activation", "relu, tanh"], ["activation relu", "activation tanh"]),
            (["--lr", "0.1,1", "--hidden", "2"], ["lr 0.1", "lr 1"]),
            (["--optimizer", "sgd,adam", "--batch-size", "3,4"],
             ["optimizer sgd, batch_size 3", "optimizer sgd, batch_size 4",
              "optimizer adam, batch_size 3", "optimizer adam, batch_size 4"]),
            (["--optimizer", "momentum", "--set", "optimizer.momentum=0.5,0.9"],
             ["optimizer.momentum 0.5", "optimizer.momentum 0.9"]),
            (["--set", "network.weight_init_std=he,xavier"],
             ["network.weight_init_std he", "network.weight_init_std xavier"]),
            (["--set", "network.loss.eps=0"], ["as it is"]),
        ],
    )  # fmt: skip
    def test_values_joined_by_commas(
        self, call: Call, folder: Path, tmp_path: Path, options: list[str], expected: list[str]
    ) -> None:
        done = call(*QUICK, *options, "--seeds", "1", "--out", str(tmp_path / "out"), cwd=folder)
        assert done.returncode == 0, done.stderr
        assert labels(tmp_path / "out") == expected

    def test_a_file_says_it_and_options_change_it(self, call: Call, folder: Path, tmp_path: Path) -> None:
        (folder / "widths.toml").write_text(
            'gradient = "backpropagation"\ndata = {path = "points.csv"}\ntraining = {iterations = 10}\n'
            "[compare]\nseeds = 2\n[compare.grid]\nhidden = [2, [3, 2]]\n"
        )
        done = call("compare", "widths.toml", "--workers", "1", "--out", str(tmp_path / "file"), cwd=folder)
        assert done.returncode == 0, done.stderr
        assert labels(tmp_path / "file") == ["hidden 2", "hidden 3-2"]
        done = call(
            "compare", "widths.toml", "--hidden", "4,5", "--lr", "1,2", "--seeds", "1", "--workers", "1",
            "--out", str(tmp_path / "both"), cwd=folder,
        )  # fmt: skip
        assert labels(tmp_path / "both") == ["hidden 4, lr 1", "hidden 4, lr 2", "hidden 5, lr 1", "hidden 5, lr 2"]
        assert json.loads((tmp_path / "both/comparison.json").read_text())["seeds"] == [0]

    def test_a_plugin_that_is_not_installed_is_known_to_the_workers(self, folder: Path, tmp_path: Path) -> None:
        (folder / "my_cube.py").write_text(
            "import modnet\n\nclass Cube(modnet.Activation):\n    elementwise = True\n\n"
            "    def __call__(self, a, axis=-1):\n        return a**3\n\n"
            "@modnet.hookimpl\ndef register_activations(register):\n    register(Cube)\n"
        )
        options = ("-p", "my_cube", "--activation", "cube,tanh", "--seeds", "2", "--workers", "2")
        done = run_forked(*QUICK[:-2], *options, "--out", str(tmp_path / "out"), cwd=folder)
        assert done.returncode == 0, done.stderr
        assert labels(tmp_path / "out") == ["activation cube", "activation tanh"]


class TestOutput:
    def test_progress_then_tables_then_the_folder(self, call: Call, folder: Path, tmp_path: Path) -> None:
        done = call(*QUICK, "--hidden", "2,3", "--seeds", "2", "--out", str(tmp_path / "out"), cwd=folder)
        lines = done.stdout.splitlines()
        assert [line.split("  ")[0] for line in lines[:4]] == ["1 of 4", "2 of 4", "3 of 4", "4 of 4"]
        assert "left" in lines[2]
        assert "left" not in lines[3]
        assert lines[5].startswith("hidden ")
        assert lines[-1] == f"saved in {tmp_path / 'out'}"

    def test_json_is_all_of_the_output(self, call: Call, folder: Path, tmp_path: Path) -> None:
        done = call(*QUICK, "--hidden", "2,3", "--seeds", "2", "--json", "--out", str(tmp_path / "out"), cwd=folder)
        assert json.loads(done.stdout) == json.loads((tmp_path / "out/comparison.json").read_text())
        assert "2 of 4" in done.stderr

    def test_files_say_the_same(self, call: Call, folder: Path, tmp_path: Path) -> None:
        options = ("--hidden", "2,3", "--seeds", "3", "--rope", "0.5", "--out", str(tmp_path / "out"))
        call(*QUICK, *options, cwd=folder, draws=True)
        record = json.loads((tmp_path / "out/comparison.json").read_text())
        with (tmp_path / "out/runs.csv").open() as file:
            rows = list(csv.DictReader(file))
        accuracies = [float(row["test_accuracy"]) for row in rows]
        assert accuracies == [a for setting in record["settings"] for a in setting["test_accuracies"]]
        assert record["rope"] == 0.5
        assert (tmp_path / "out/comparison.png").read_bytes().startswith(b"\x89PNG")
        assert "differ by less than 0.5" in (tmp_path / "out/comparison.md").read_text()

    def test_a_single_seed_gives_no_interval_and_says_what_it_takes(
        self, call: Call, folder: Path, tmp_path: Path
    ) -> None:
        done = call(*QUICK, "--hidden", "2,3", "--seeds", "1", "--out", str(tmp_path / "out"), cwd=folder)
        assert done.returncode == 0, done.stderr
        assert "  -\n    undecided: it takes 5 seeds" in done.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--hidden", "2,x"], "--hidden: expected whole numbers joined by hyphens, found 'x'"),
        (["--hidden", ""], "--hidden: expected values joined by commas, found one that is empty"),
        (["--lr", "0.1,fast"], "--lr: expected a number, found 'fast'"),
        (["--activation", "relu,sigmod"], "did you mean 'sigmoid'"),
        (["--hidden", "2,2"], "grid: twice the same: hidden 2"),
        (["--set", "plugins.without=a,b"], "--set: plugins are chosen by --without and -p"),
        (["--set", "seed=1,2"], "grid: 'seed' cannot vary: every setting is run with the same seeds"),
        (["--set", "data.label=a,b"], "grid: 'data.label' cannot vary: every setting sees the same samples"),
        (["--seeds", "0"], "--seeds: must be >= 1"),
        (["--rope", "-1"], "--rope: must be >= 0"),
        (["--workers", "0"], "--workers: must be >= 1"),
    ],
)
def test_a_wrong_call(call: Call, folder: Path, tmp_path: Path, options: list[str], words: str) -> None:
    done = call(*QUICK, *options, "--out", str(tmp_path / "out"), cwd=folder)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_training_refuses_a_file_that_is_for_comparing(call: Call, folder: Path) -> None:
    (folder / "both.toml").write_text("[compare]\nseeds = 2\n")
    done = call("train", "both.toml", cwd=folder)
    assert done.returncode == 2
    assert "a table [compare] is for another command: modnet compare both.toml" in done.stderr
