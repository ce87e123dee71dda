"""`modnet judge`, as it is called."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from processes import Call

TABLES = Path(__file__).parents[1] / "plugins" / "tables"


@pytest.fixture(autouse=True)
def _tables(tmp_path: Path) -> None:
    for name in ("openml.csv", "mlflow.csv", "cv_results.csv"):
        shutil.copy(TABLES / name, tmp_path)


def test_a_table_of_runs(call: Call, tmp_path: Path) -> None:
    done = call("judge", "openml.csv", "--plot", "runs.png", cwd=tmp_path)
    assert done.returncode == 0
    assert "sklearn.ExtraTrees is better" in done.stdout
    assert "Higher predictive_accuracy is taken for better" in done.stdout
    assert "Scores alone know nothing of the test samples" in done.stdout
    assert done.stderr == "drawn in runs.png\n"
    assert (tmp_path / "runs.png").read_bytes().startswith(b"\x89PNG")


def test_columns_direction_and_margin_are_options(call: Call, tmp_path: Path) -> None:
    columns = ["--setting", "params.optimizer", "--setting", "params.lr", "--seed", "params.seed"]
    score = ["--score", "metrics.test_loss", "--lower-is-better", "--rope", "0.01"]
    done = call("judge", "mlflow.csv", *columns, *score, "--json", cwd=tmp_path)
    found = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert (found["higher_is_better"], found["rope"]) == (False, 0.01)
    assert found["pairs"][1]["verdict"] == "optimizer sgd, lr 0.1 is better"


def test_markdown_has_the_same(call: Call, tmp_path: Path) -> None:
    done = call("judge", "openml.csv", "--markdown", cwd=tmp_path)
    assert done.stdout.startswith("| flow_name | data set | runs |")
    both = call("judge", "openml.csv", "--markdown", "--json", cwd=tmp_path)
    assert both.returncode == 2
    assert "choose one" in both.stderr


def test_questions_are_wrong_calls_and_their_advice_works(call: Call, tmp_path: Path) -> None:
    """The status is 2, and 1 for a table that cannot be judged."""
    done = call("judge", "mlflow.csv", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "Say --setting (setting=): 'run_id', 'status', 'params.optimizer'" in done.stderr
    splits = ["judge", "cv_results.csv", "--score", "split*_test_score"]
    done = call(*splits, cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "is a higher 'split*_test_score' better? Say --higher-is-better or --lower-is-better" in done.stderr
    assert call(*splits, "--higher-is-better", cwd=tmp_path).returncode == 0
    done = call("judge", "mlflow.csv", "--setting", "params.optimizer", "--score", "metrics.test_acc", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("modnet: mlflow.csv, line 4: adam, params.seed 9: it stands in line 3 as well")
    done = call("judge", "nowhere.csv", cwd=tmp_path)
    assert done.returncode == 1
    assert "nowhere.csv" in done.stderr


def test_a_run_without_a_score_counts_with_what_is_said(call: Call, tmp_path: Path) -> None:
    rows = [f"{name},{seed},{0.9 if seed else 'nan'}" for name in "ab" for seed in range(5)]
    (tmp_path / "runs.csv").write_text("\n".join(["model,seed,accuracy", *rows]))
    done = call("judge", "runs.csv", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "line 2: a, seed 0 (and 1 more): no finite score" in done.stderr
    done = call("judge", "runs.csv", "--diverged", "0.1", cwd=tmp_path)
    assert done.returncode == 0
    assert "2 runs have no finite score" in done.stdout
