"""A layer of `modnet plugins new`, installed from its wheel, at work."""

from __future__ import annotations

import os
import subprocess
import venv
from pathlib import Path

import attrs
import numpy as np
import pytest
from environments import Environment
from processes import wait_until

pytestmark = pytest.mark.check
FILE = """
[data]
name = "mnist-small"

[network]
layers = [
    { name = "max-pool", size = 4 },
    { name = "centre-scale", start = 0.5 },
    "flatten",
    { name = "dense", units = 20 },
    "batch-norm",
    "relu",
    { name = "dropout", rate = 0.3 },
    { name = "dense", units = 10 },
    "softmax",
]

[gradient]
name = "backpropagation"

[optimizer]
name = "adam"

[training]
iterations = 4000
batch_size = 20
"""
KILLS = 3


@pytest.fixture(scope="module")
def place(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Return an environment with modnet's wheel and that of a new layer, whose parts are in the folder beside it."""
    folder = tmp_path_factory.mktemp("new-layer")
    venv.create(folder / "venv", with_pip=True, symlinks=os.name != "nt")
    clean = attrs.evolve(environment, folder=folder / "venv")
    clean.pip("install", "--no-compile", f"{environment.wheel}[compare]")
    written = clean.modnet("plugins", "new", "centre-scale", "--kind", "layer", cwd=folder)
    assert written.returncode == 0, written.stderr
    clean.pip("wheel", "--no-deps", "--wheel-dir", folder / "wheels", folder / "modnet-centre-scale")
    clean.pip("install", "--no-index", "--no-deps", *(folder / "wheels").glob("*.whl"))
    (folder / "net.toml").write_text(FILE, encoding="utf-8")
    (folder / "rows.csv").write_text("\n".join([",".join(["7"] * 784)] * 3) + "\n", encoding="utf-8")
    return clean


def expect_success(place: Environment, *arguments: str) -> str:
    done = place.modnet(*arguments, cwd=place.folder.parent)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout


def kill(place: Environment, *arguments: str) -> None:
    """Begin a command, and kill it once the run has a new checkpoint."""
    checkpoint = place.folder.parent / "killed" / "checkpoint.npz"
    before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
    variables = {"MODNET_CACHE": str(place.folder / "cache"), "MODNET_CONFIG": str(place.folder / "config")}
    with subprocess.Popen(
        [place.scripts / "modnet", *arguments],
        cwd=place.folder.parent,
        env=os.environ | variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        wait_until(lambda: checkpoint.exists() and checkpoint.stat().st_mtime_ns > before, process)
        process.kill()
    assert process.returncode != 0


def read_arrays(path: Path) -> dict[str, bytes]:
    with np.load(path) as archive:
        return {name: archive[name].tobytes() for name in archive.files if name != "about"}


def test_it_is_ready_and_passes_its_checks(place: Environment) -> None:
    assert place.plugins(cwd=place.folder.parent)["modnet-centre-scale:centre-scale"]["state"] == "ready"
    expect_success(place, "plugins", "check", "modnet-centre-scale")


def test_a_run_that_is_killed_several_times_has_the_bits_of_a_whole_one(place: Environment) -> None:
    folder = place.folder.parent
    expect_success(place, "train", "net.toml", "--out", "whole")
    kill(place, "train", "net.toml", "--out", "killed")
    for _ in range(KILLS - 1):
        kill(place, "resume", "killed")
    assert "resumes after" in expect_success(place, "resume", "killed")
    whole, killed = (read_arrays(folder / name / "params.npz") for name in ("whole", "killed"))
    assert {"scale1", "shift1", "gamma1", "mean1", "var1"} < {*whole}
    assert killed == whole
    assert (folder / "killed/history.csv").read_bytes() == (folder / "whole/history.csv").read_bytes()
    predicted = [place.modnet("predict", run, "rows.csv", cwd=folder) for run in ("whole", "killed")]
    assert predicted[0].stdout == predicted[1].stdout != ""
    assert not any(done.returncode for done in predicted)
    assert "identical: 4,000 iterations" in expect_success(place, "verify", "killed")


def test_a_setting_of_it_is_compared_by_any_number_of_workers(place: Environment) -> None:
    command = ["compare", "net.toml", "--set", "network.layers.1.start=0.1,1.0", "--seeds", "2", "--iterations", "20"]
    for workers in ("1", "2"):
        expect_success(place, *command, "--workers", workers, "--out", f"compared-{workers}")
    folders = [place.folder.parent / f"compared-{workers}" for workers in ("1", "2")]
    params = [sorted(folder.rglob("params.npz")) for folder in folders]
    assert len(params[0]) == 4
    for one, two in zip(*params, strict=True):
        assert read_arrays(one) == read_arrays(two)


def test_without_it_a_run_says_what_to_install(place: Environment) -> None:
    expect_success(place, "train", "net.toml", "--iterations", "3", "--out", "short")
    place.pip("uninstall", "--yes", "modnet-centre-scale")
    for command in (["predict", "short", "rows.csv"], ["resume", "short", "--iterations", "5"]):
        done = place.modnet(*command, cwd=place.folder.parent)
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) <= 2
        assert "pip install modnet-centre-scale==0.1.0" in done.stderr
