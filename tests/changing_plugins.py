"""Third-party plugins whose code really changes, and runs that are killed by them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from processes import run_warm

# A checkpoint in each iteration, so that a run is resumed where it was killed.
EAGER = """
import modnet.nn.training
modnet.nn.training.CHECKPOINT_EVERY, modnet.nn.training.CHECKPOINT_SHARE = 0.0, 1e9
"""
PLUGIN = """
import os, signal
import modnet

class Drifting(modnet.GradientEstimator):
    def __call__(self, objective, params, stream):
        if stream.path[-1] == int(os.environ.get("KILLED_AT", -1)):
            os.kill(os.getpid(), signal.SIGKILL)
        return {{name: {factor} * g for name, g in objective.backward(params).items()}}

@modnet.hookimpl
def register_gradients(register):
    register(Drifting)
"""
DIARY = """
import modnet

@modnet.hookimpl
def run_started(run):
    open("diary.txt", "a").write({word!r})
"""


def install(site: Path, module: str, source: str, version: str = "1.0") -> None:
    """Put a distribution of one module where it lies in site-packages, instead of any that was there."""
    for old in site.glob(f"{module}*"):
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    info = site / f"{module}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module.replace('_', '-')}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[modnet]\nplugin = {module}\n")
    (site / f"{module}.py").write_text(source)


def install_drifting(place: Path, factor: int = 1, version: str = "1.0") -> None:
    install(place / "site", "modnet_drifting", PLUGIN.format(factor=factor), version)


def environment_of(place: Path) -> dict[str, str]:
    paths = os.pathsep.join(filter(None, (str(place / "site"), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", "MODNET_CACHE": str(place / "cache")}


def run_python(script: str, place: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder, with the distributions in `site`."""
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=place, env={**environment_of(place), **variables}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def modnet(place: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Call modnet in a folder, with the distributions in `site`; it saves a checkpoint in each iteration."""
    done = run_warm(*arguments, cwd=place, environment={**environment_of(place), **variables}, before=EAGER)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def train(place: Path, killed_at: int, out: str = "run") -> None:
    options = ("--gradient", "drifting", "--hidden", "3", "--iterations", "60", "--lr", "0.5", "--batch-size", "10")
    done = modnet(place, "train", *options, "--out", out, KILLED_AT=str(killed_at))
    assert done.returncode == (-signal.SIGKILL if killed_at >= 0 else 0), done.stderr
