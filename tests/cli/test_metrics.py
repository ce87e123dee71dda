"""Metrics on the command line: asked for, shown, saved, drawn, verified and compared."""

from __future__ import annotations

import csv
import json
import tomllib
from pathlib import Path

import pytest
from processes import Call

SHORT = ("--data", "iris", "--hidden", "4", "--iterations", "12")
ASKED = ("--metric", "top-k", "--metric", "log-loss", "--set", "metrics.0.k=2")
PLUGIN = """
import attrs, modnet

@attrs.frozen
class Share(modnet.Metric):
    task = "classification"
    title = "share of A"

    def __call__(self, y, t, weights=None):
        return float((t == 0).mean())

@modnet.hookimpl
def register_metrics(register):
    register(Share)
"""


@pytest.fixture
def run(call: Call, tmp_path: Path) -> Path:
    done = call("train", *SHORT, *ASKED, "--out", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    return tmp_path / "run"


def test_they_are_saved_with_a_column_for_each_part(run: Path) -> None:
    columns = [f"{part}_{name}" for name in ("accuracy", "top_2", "log_loss") for part in ("train", "test")]
    with (run / "history.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["iteration", "loss", *columns]
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    assert {name: repr(summary[name]) for name in columns} == {name: rows[-1][name] for name in columns}


def test_the_experiment_has_those_that_were_asked_for_and_repeats_them(call: Call, run: Path) -> None:
    table = tomllib.loads((run / "experiment.toml").read_text(encoding="utf-8"))
    assert table["metrics"] == [{"name": "top-k", "k": 2}, {"name": "log-loss"}]
    done = call("train", "run/experiment.toml", "--out", "again", cwd=run.parent)
    assert done.returncode == 0, done.stderr
    assert (run.parent / "again" / "history.csv").read_bytes() == (run / "history.csv").read_bytes()
    assert "identical: 12 iterations" in call("verify", "run", cwd=run.parent).stdout


def test_without_any_the_files_are_those_of_older_versions(call: Call, tmp_path: Path) -> None:
    done = call("train", *SHORT, "--out", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "metrics" not in (tmp_path / "run" / "experiment.toml").read_text(encoding="utf-8")
    assert "accuracy  " not in done.stdout.splitlines()[-2]


def test_rows_have_the_main_one_and_fit_into_80_columns_and_a_table_has_all(call: Call, tmp_path: Path) -> None:
    done = call("train", *SHORT, *ASKED, "--validation", "0.2", "--out", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    rows = [line for line in lines if line.startswith("epoch")]
    assert all(len(line) <= 80 and "train acc, val acc | 0." in line for line in rows)
    assert "metrics   top-k(k=2), log-loss" in lines
    end = next(i for i, line in enumerate(lines) if line.startswith("finished in"))
    assert lines[end + 1].split() == ["train", "test", "validation"]
    names = [line[:10].strip() for line in lines[end + 2 : end + 6]]
    assert names == ["accuracy", "top 2", "log loss", "loss"]


@pytest.mark.check
def test_the_curves_are_drawn_again_also_without_the_metrics_plugin(call: Call, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "mine.py").write_text(PLUGIN, encoding="utf-8")
    done = call("train", *SHORT, "--metric", "share", "-p", "mine", "--out", "run", cwd=tmp_path, draws=True)
    assert done.returncode == 0, done.stderr
    assert "share of A" in done.stdout
    drawn = (tmp_path / "run" / "curves.png").read_bytes()
    assert call("plot", "run", "-p", "mine", "--out", "one.png", cwd=tmp_path).returncode == 0
    assert (tmp_path / "one.png").read_bytes() == drawn
    (tmp_path / "mine.py").unlink()
    assert call("plot", "run", "--out", "other.png", cwd=tmp_path).returncode == 0  # with the column in words
    assert (tmp_path / "other.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.check
def test_a_run_is_resumed_with_its_metrics_and_not_with_others(call: Call, run: Path) -> None:
    assert call("resume", "run", "--iterations", "20", cwd=run.parent).returncode == 0
    whole = call("train", *SHORT[:4], *ASKED, "--iterations", "20", "--out", "whole", cwd=run.parent)
    assert whole.returncode == 0, whole.stderr
    for name in ("params.npz", "history.csv"):
        assert (run / name).read_bytes() == (run.parent / "whole" / name).read_bytes(), name


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        ("--metric r2", 2, "metrics: r2 is for regression, and the data for classification: available: accuracy, "),
        (
            "--metric accuracy",
            2,
            "metrics: Accuracy() and Accuracy() have one column, 'accuracy': leave the second out",
        ),
        ("--metric f1", 2, "metrics: item 1: no metric 'f1'"),
        ("--metric top-k --set metrics.0.k=0", 2, "metrics: item 1: 'k' must be >= 1: 0"),
        ("--metric log-loss --output sigmoid", 1, "log-loss needs probabilities, and the outputs are none: "),
    ],
)
def test_what_cannot_be_measured_is_refused_and_leaves_no_folder(
    call: Call, tmp_path: Path, options: str, status: int, message: str
) -> None:
    done = call("train", *SHORT, *options.split(), "--out", "run", cwd=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (status, 1), done.stderr
    assert message in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.check
def test_a_comparison_has_a_column_for_each(call: Call, tmp_path: Path) -> None:
    command = ("compare", *SHORT[:2], "--hidden", "3,4", "--iterations", "8", "--seeds", "2", "--workers", "1")
    done = call(*command, *ASKED, "--out", "c", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    head = next(line for line in done.stdout.splitlines() if line.startswith("hidden  "))
    assert head.split("  ")[-2:] == ["test top 2", "test log loss"]
    folder = tmp_path / "c"
    assert "| test top 2 | test log loss |" in (folder / "comparison.md").read_text(encoding="utf-8")
    with (folder / "runs.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[-4:] == ["test_top_2", "train_top_2", "test_log_loss", "train_log_loss"]
    first = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))["settings"][0]
    assert [repr(value) for value in first["test_log_loss"]] == [row["test_log_loss"] for row in rows[:2]]
    again = call("compare", "c/comparison.toml", "--out", "c", cwd=tmp_path)
    assert again.stdout.split("\n\n")[1:] == done.stdout.split("\n\n")[1:]
    other = call(*command, "--metric", "macro-f1", "--out", "c", cwd=tmp_path)
    assert other.returncode == 2
    assert "holds a run with another metrics." in other.stderr
