"""Commands with networks on the arrays of other libraries."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from processes import Call

SMALL = ("--data", "xor", "--hidden", "5", "--gradient", "backpropagation")
LIBRARIES = ["array-api-strict", pytest.param("torch", marks=pytest.mark.check)]


@pytest.mark.parametrize("array", LIBRARIES)
def test_a_run_is_trained_verified_and_described(tmp_path: Path, call: Call, array: str) -> None:
    pytest.importorskip(array.replace("-", "_"))
    train = (
        "train",
        "--data",
        "xor",
        *SMALL,
        "--iterations",
        "60",
        "--callback",
        "best-checkpoint",
        "--validation",
        "0.2",
    )
    assert call(*train, "--out", "here", cwd=tmp_path).returncode == 0
    done = call(*train, "--array", array, "--out", "there", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"\narrays    {array} on " in done.stdout
    here, there = (np.load(tmp_path / name / "params.npz") for name in ("here", "there"))
    for name in ("W1", "b1", "W2", "b2"):
        np.testing.assert_allclose(there[name], here[name], rtol=0, atol=1e-12)
    receipt = json.loads((tmp_path / "there" / "receipt.json").read_text())
    (segment,) = receipt["segments"]
    assert array in segment["libraries"]
    assert segment["platform"]["arrays"].startswith(f"{array} on ")
    done = call("verify", "there", cwd=tmp_path)
    assert done.stdout.splitlines()[-1].startswith("identical: 60 iterations"), done.stdout
    done = call("gradient-check", *SMALL, "--batch-size", "4", "--array", array, "--estimator", "spsa", cwd=tmp_path)
    assert (done.returncode, done.stdout.count("correct: "), done.stderr) == (0, 3, "")


@pytest.mark.check
def test_libraries_are_compared_as_any_setting(tmp_path: Path, call: Call) -> None:
    pytest.importorskip("torch")
    changes = (*SMALL, "--iterations", "60", "--seeds", "2", "--workers", "2", "--out", "both")
    done = call("compare", *changes, "--array", "numpy,torch", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith(("numpy ", "torch "))]
    assert [row[1:] for row in rows] == [rows[0][1:]] * 2


def test_an_unknown_library_is_one_line(tmp_path: Path, call: Call) -> None:
    done = call("train", "--array", "troch", "--out", "run", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.strip().endswith("no array library 'troch', did you mean 'torch'?; available: numpy, torch")
    assert not list(tmp_path.iterdir())
