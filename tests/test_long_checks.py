"""Long checks: scripts that try many cases and must find nothing wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import modnet

pytestmark = pytest.mark.check
TESTS = Path(__file__).parent


def run(folder: Path, script: str, *arguments: str) -> str:
    """Return what a script of tests/ prints; it must end with status 0."""
    command = [sys.executable, str(TESTS / script), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_killed_runs_end_with_the_same_bits_for_every_optimizer_and_estimator(tmp_path: Path) -> None:
    assert "0 differing bits, 0 failures" in run(tmp_path, "benchmarks/kills.py", "--kills", "54", "--jobs", "1")


def test_no_attack_on_a_run_succeeds(tmp_path: Path) -> None:
    assert run(tmp_path, "benchmarks/attacks.py", "--quick", "--only", "edits,forgeries")


def test_the_gradient_check_calls_broken_gradients_wrong_and_no_other(tmp_path: Path) -> None:
    found = run(tmp_path, "benchmarks/gradient_verdicts.py", "--seeds", "3", "--book", "20", "--smooth", "200")
    assert "\n0 mistakes in" in found


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("start_up", "--rounds 1"),
        ("training", "--rounds 1 --iterations 20"),
        ("central_difference", "--rounds 1 --sample 2"),
        ("book_run", "--iterations 20 --seeds 1"),
        ("float32", "--entries 1 --iterations 3"),
        ("estimators", "--seeds 1 --iterations 20 backpropagation direct-feedback-alignment node-perturbation"),
        ("cost_curve", "--seconds 0.1 --out curve.png"),
        ("csv_files", "--rounds 1"),
        ("many_plugins", "--plugins 8 --sleep 0.01 --rounds 1"),
        ("pickles", "--mutations 100"),
        ("workers", "--iterations 10 --seeds 2 --rounds 1"),
        ("cluster", "--iterations 10 --seeds 2"),
    ],
)
def test_a_benchmark_runs(tmp_path: Path, name: str, arguments: str) -> None:
    assert run(tmp_path, f"benchmarks/{name}.py", *arguments.split())


def test_the_checks_of_a_runs_files_are_a_small_share_of_the_commands(tmp_path: Path) -> None:
    _, *rows = run(tmp_path, "benchmarks/digests.py", "--rounds", "3").splitlines()
    shares = {row[:30].strip(): float(row.split()[-1].rstrip("%")) for row in rows}
    assert len(shares) == 4
    assert max(shares.values()) < 5, shares


def test_no_adversary_fools_the_interpolation_of_differences(tmp_path: Path) -> None:
    assert "\n0 fooled" in run(tmp_path, "benchmarks/adversaries.py")


def test_claims_intervals_and_forecasts_are_as_often_right_as_they_say(tmp_path: Path) -> None:
    assert "\n0 broken promises in" in run(tmp_path, "benchmarks/calibration.py", "--repeats", "150")


def test_claims_on_scores_alone_are_as_often_right_as_they_say(tmp_path: Path) -> None:
    assert "\n0 broken promises in" in run(tmp_path, "benchmarks/score_calibration.py", "--repeats", "150")


def test_the_calibration_counts_on_the_folder_of_a_comparison(tmp_path: Path) -> None:
    experiment = {"gradient": "backpropagation", "training": {"iterations": 5}}
    modnet.compare(experiment, {"hidden": [2, 3]}, seeds=2, out=tmp_path / "runs", workers=1)
    assert "2 stored seeds, 1000 stored samples" in run(tmp_path, "benchmarks/calibration.py", "runs", "--repeats", "2")
