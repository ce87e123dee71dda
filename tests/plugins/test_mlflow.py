"""The MLflow callback of the documentation, as a wheel, with MLflow's own client."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "callbacks.md"
JOB = ("--callback", "mlflow", "--gradient", "backpropagation", "--hidden", "5", "--batch-size", "500")
pytestmark = [
    pytest.mark.check,
    pytest.mark.skipif(find_spec("mlflow") is None, reason="mlflow is not installed: pip install mlflow-skinny"),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which the wheel of the page's plugin is installed."""
    source, site = tmp_path_factory.mktemp("modnet-mlflow"), tmp_path_factory.mktemp("site")
    blocks = re.findall(r"```(?:python|toml)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (source / "modnet_mlflow.py").write_text(next(each for each in blocks if each.startswith("# modnet_mlflow.py")))
    (source / "pyproject.toml").write_text(next(each for each in blocks if 'name = "modnet-mlflow"' in each))
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", source, source], check=True)
    (wheel,) = source.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--no-index", "--target", site, wheel], check=True)
    return site


@pytest.fixture
def modnet(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return a function that calls modnet with the plugin, and a file store of MLflow in the test's folder."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())

    def call(*arguments: str) -> str:
        known = {**os.environ, "PYTHONPATH": str(site), "MODNET_CACHE": str(tmp_path / "cache")}
        command = [sys.executable, "-m", "modnet", *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=known, capture_output=True, text=True, timeout=280)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


def find_runs() -> tuple[Any, list[Any]]:
    from mlflow import MlflowClient

    client = MlflowClient()
    experiment = client.get_experiment_by_name("modnet")
    return client, client.search_runs([experiment.experiment_id])


def test_a_resumed_run_is_one_run_with_each_step_once(modnet: Callable[..., str], tmp_path: Path) -> None:
    modnet("train", *JOB, "--lr", "0.5", "--iterations", "25", "--out", "runs/sent")
    modnet("resume", "runs/sent", "--iterations", "40")
    client, (run,) = find_runs()
    for name in ("train_accuracy", "test_accuracy", "loss", "rate"):
        points = sorted((each.step, each.value) for each in client.get_metric_history(run.info.run_id, name))
        assert [step for step, _ in points] == [10, 20, 25, 30, 40]
    assert run.data.params["optimizer.lr"] == "0.5"
    assert run.data.params["training.iterations"] == "25"
    assert (run.info.status, run.data.tags["folder"]) == ("FINISHED", str(tmp_path / "runs/sent"))
    assert "identical" in modnet("verify", "runs/sent")
    assert len(find_runs()[1]) == 1


def test_the_runs_of_a_comparison_are_nested_in_one(modnet: Callable[..., str], tmp_path: Path) -> None:
    modnet("compare", *JOB, "--lr", "0.1,0.5", "--seeds", "2", "--iterations", "20", "--out", "rates")
    _, runs = find_runs()
    (parent,) = (run for run in runs if "mlflow.parentRunId" not in run.data.tags)
    nested = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    assert len(nested) == len(runs) - 1
    assert parent.info.run_name == "rates"
    assert {run.info.run_name for run in nested} == {
        f"lr-{rate} seed-{seed}" for rate in ("0.1", "0.5") for seed in (0, 1)
    }
    assert {run.info.status for run in runs} == {"FINISHED"}
