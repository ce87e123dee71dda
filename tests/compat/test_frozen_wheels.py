"""Frozen third-party plugins of an earlier modnet, unmodified; see README.md."""

from __future__ import annotations

import json
import sys
from hashlib import sha256
from pathlib import Path

import attrs
import numpy as np
import pytest
from environments import Environment

HERE = Path(__file__).parent

DIGESTS = {
    "modnet_frozen_activations": "972fbb36ca72b78ce49ad208db6709a8d42c0cd838a573497068e2156b8f1395",
    "modnet_frozen_gradients": "84775e240081d0b4177678bd4b7a75578369f8eecd36027ac27f62108103a7c1",
    "modnet_frozen_losses": "f400a8fc1b21bcf98ab7d631a938192ecb4d3e9147da22b4124743c8bcc53477",
    "modnet_frozen_optimizers": "164669743c1d6676f2e2d58b2908f64b9b7daf9941113071e6539e019ad7e789",
    "modnet_frozen_sources": "5f09bf2e11b00d150180001030d288529fe0179bf4a1692cad6e4e5b9f1d8988",
}
# Since then a built-in has the name feedback-alignment: that of the plugin is available by its full name.
PARTS = {
    "frozen-activations": ["sharp-softsign", "bounded-2", "plain-softmax"],
    "frozen-gradients": ["simultaneous-perturbation", "modnet-frozen-gradients:feedback-alignment", "half-and-half"],
    "frozen-losses": ["frozen-huber", "log-likelihood"],
    "frozen-optimizers": ["sign-momentum", "centered-rms", "coasting"],
    "frozen-diary": [],
    "frozen-sources": ["json-lines", "rings"],
}
KINDS = ["activations", "gradients", "losses", "optimizers", "sources"]
RUNS = {
    "one": (
        *("--data", "trees.jsonl", "--hidden", "4,3", "--activation", "sharp-softsign", "--output", "plain-softmax"),
        *("--loss", "log-likelihood", "--gradient", "half-and-half", "--optimizer", "coasting"),
        *("--set", "optimizer.every=7", "--set", "network.weight_init_std=0.5"),
    ),
    "other": (
        *("--data", "rings", "--hidden", "4", "--activation", "bounded-2", "--output", "identity"),
        *("--loss", "frozen-huber", "--gradient", "simultaneous-perturbation", "--optimizer", "centered-rms"),
    ),
    "third": (
        *("--data", "rings", "--hidden", "4,3", "--activation", "sharp-softsign"),
        *("--gradient", "modnet-frozen-gradients:feedback-alignment", "--optimizer", "sign-momentum"),
    ),
}
SHORT = ("--batch-size", "8", "--iterations", "30")
STOPPING = """
import os
import modnet

@modnet.hookimpl
def epoch_ended(run):
    if run.iteration >= 12 and os.environ.get("STOP"):
        raise KeyboardInterrupt
"""


@pytest.fixture(scope="session")
def frozen(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Return that environment with all of the wheels beside."""
    folder = tmp_path_factory.mktemp("frozen")
    environment.pip("install", "--no-deps", "--no-compile", "--target", folder / "site", *sorted(HERE.glob("*.whl")))
    return attrs.evolve(environment, beside=folder / "site")


@pytest.fixture
def trees(tmp_path: Path) -> Path:
    """Return a folder with a file for the source `json-lines`."""
    rows = [{"height": 3.5 + i / 8, "width": i % 3 / 4, "label": ("fir", "yew")[i % 2]} for i in range(40)]
    (tmp_path / "trees.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return tmp_path


def call(frozen: Environment, *arguments: str, cwd: Path, **variables: str) -> str:
    """Call the command line, which must succeed, and return what it prints."""
    called = frozen.modnet(*arguments, cwd=cwd, **variables)
    assert called.returncode == 0, called.stdout + called.stderr
    return called.stdout


def test_nobody_has_touched_them() -> None:
    assert {path.name.split("-")[0]: sha256(path.read_bytes()).hexdigest() for path in HERE.glob("*.whl")} == DIGESTS


def test_they_are_listed_and_the_doctor_finds_them_well(frozen: Environment, tmp_path: Path) -> None:
    records = {record["name"]: record for record in frozen.plugins(cwd=tmp_path).values()}
    found = {name: (records[name]["state"], [part["name"] for part in records[name]["provides"]]) for name in PARTS}
    assert found == {name: ("ready", parts) for name, parts in PARTS.items()}
    assert sorted(records["frozen-diary"]["follows"]) == ["epoch_ended", "run_ended", "run_started"]
    assert f"\n0 of {len(records)} plugins broken\n" in call(frozen, "plugins", "doctor", cwd=tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_the_kit_passes_them_from_the_command_line(frozen: Environment, tmp_path: Path, kind: str) -> None:
    # An estimator of then does not say itself that it promises a direction alone.
    option = ("--option", "feedback-alignment.promises=direction") if kind == "gradients" else ()
    called = frozen.modnet("plugins", "check", f"modnet-frozen-{kind}", *option, cwd=tmp_path)
    assert (called.returncode, called.stderr) == (0, ""), called.stdout


def test_their_own_tests_pass(frozen: Environment, tmp_path: Path) -> None:
    called = frozen.python("-m", "unittest", *(f"modnet_frozen_{kind}.conform" for kind in KINDS), cwd=tmp_path)
    assert called.returncode == 0, called.stderr


@pytest.mark.parametrize("run", RUNS)
def test_each_part_trains_and_the_run_is_verified(frozen: Environment, trees: Path, run: str) -> None:
    call(frozen, "train", *RUNS[run], *SHORT, "--out", "run", cwd=trees)
    assert "identical: 30 iterations" in call(frozen, "verify", "run", cwd=trees)


def test_a_run_that_was_stopped_resumes_to_the_same_bits(frozen: Environment, trees: Path) -> None:
    (trees / "stopping.py").write_text(STOPPING, encoding="utf-8")
    arguments = ("train", *RUNS["one"], *SHORT, "-p", "stopping")
    call(frozen, *arguments, "--out", "whole", cwd=trees)
    stopped = frozen.modnet(*arguments, "--out", "stopped", cwd=trees, STOP="yes")
    assert (stopped.returncode, "Traceback" in stopped.stderr) == (130, False), stopped.stderr
    call(frozen, "resume", "stopped", cwd=trees)
    with np.load(trees / "whole" / "params.npz") as whole, np.load(trees / "stopped" / "params.npz") as resumed:
        assert {name: whole[name].tobytes() for name in whole} == {name: resumed[name].tobytes() for name in resumed}


def test_the_diary_follows_a_run(frozen: Environment, trees: Path) -> None:
    call(frozen, "train", *RUNS["one"], *SHORT, "--out", "run", cwd=trees, MODNET_FROZEN_DIARY="diary")
    lines = (trees / "diary").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "started 0 of 30, 35 parameters"
    assert lines[1] == "epoch 1, 4 losses, 1 and 1 accuracies, 8 hits"
    assert (lines[-1], len(lines)) == ("finished after 30, True", 10)


def test_files_of_their_format_are_shown_converted_and_predicted_from(frozen: Environment, trees: Path) -> None:
    assert "2 classes" in call(frozen, "data", "show", "trees.jsonl", cwd=trees)
    call(frozen, "data", "convert", "trees.jsonl", "csv.csv", "--set", "test_fraction=0", cwd=trees)
    call(frozen, "data", "convert", "csv.csv", "again.jsonl", "--set", "test_fraction=0", cwd=trees)
    assert len((trees / "again.jsonl").read_text(encoding="utf-8").splitlines()) == 40
    call(frozen, "train", *RUNS["one"], *SHORT, "--out", "run", cwd=trees)
    rows = json.loads(call(frozen, "predict", "run", "trees.jsonl", "--json", cwd=trees))["rows"]
    assert [row["label"] for row in rows] == ["fir", "yew"] * 20
    assert {row["prediction"] for row in rows} <= {"fir", "yew"}


def test_they_are_compared(frozen: Environment, tmp_path: Path) -> None:
    varied = ("--optimizer", "sign-momentum,coasting", "--activation", "sharp-softsign", "--data", "rings")
    fixed = ("--hidden", "3", "--gradient", "backpropagation", "--iterations", "10", "--seeds", "2", "--workers", "1")
    here = attrs.evolve(frozen, folder=Path(sys.prefix))  # which has what a comparison needs besides
    printed = call(here, "compare", *varied, *fixed, "--out", "runs", cwd=tmp_path)
    assert "coasting" in printed
    assert "sign-momentum" in printed


def test_gradients_are_checked_with_them(frozen: Environment, tmp_path: Path) -> None:
    arguments = ("--activation", "sharp-softsign", "--loss", "log-likelihood", "--data", "rings", "--hidden", "3")
    call(frozen, "gradient-check", *arguments, "--estimator", "half-and-half", "--batch-size", "4", cwd=tmp_path)
