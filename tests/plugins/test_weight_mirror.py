"""The weight mirror of the documentation: the claims of its paper, and its wheel."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from changing_plugins import install, modnet

import modnet as library

PAGE = Path(__file__).parents[2] / "docs" / "weight-mirror.md"
BLOCKS = re.findall(r"```(?:python|toml)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
SOURCE = next(block for block in BLOCKS if block.startswith("# modnet_weight_mirror.py"))
EXPERIMENT = next(block for block in BLOCKS if block.startswith("# mirrored.toml"))
PROJECT = next(block for block in BLOCKS if 'name = "modnet-weight-mirror"' in block)
KILLER = """
import os, signal
import modnet

@modnet.hookimpl
def epoch_ended(run):
    if run.iteration == int(os.environ.get("KILLED_AT", -1)):
        os.kill(os.getpid(), signal.SIGKILL)
"""
SMALL = ("--set", "network.hidden=[10, 10]", "--batch-size", "500", "--iterations", "40")


@pytest.fixture(scope="module")
def weight_mirror() -> Any:
    """Return the class of the page."""
    module = ModuleType("modnet_weight_mirror")
    sys.modules[module.__name__] = module  # where its class is looked for
    exec(compile(SOURCE, "modnet_weight_mirror.py", "exec"), vars(module))  # noqa: S102
    yield module.WeightMirror  # type: ignore[attr-defined]
    del sys.modules[module.__name__]


def find_angle(one: Any, other: Any) -> float:
    return float(np.degrees(np.arccos(np.sum(one * other) / np.linalg.norm(one) / np.linalg.norm(other))))


class TestPaper:
    def test_the_feedback_weights_come_to_mirror_the_weights(self, weight_mirror: Any) -> None:
        net = library.Network([6, 20, 30, 3], hidden="relu", weight_init_std="he", seed=0)
        objective, mirror = net.objective(np.ones((1, 6)), np.array([1])), weight_mirror(samples=1000, decay=0.2)
        state = mirror.init(net.params, library.Stream(0))
        begun = {name: find_angle(state[name], net.params[name]) for name in ("W2", "W3")}
        for step in range(50):
            _, state = mirror.estimate(objective, net.params, library.Stream(0).child(step), state)
        assert min(begun.values()) > 75
        assert max(find_angle(state[name], net.params[name]) for name in begun) < 6
        assert all(np.linalg.norm(state[n]) == pytest.approx(np.linalg.norm(net.params[n]), rel=0.02) for n in begun)

    def test_a_deep_network_learns_by_it_nearly_as_by_backpropagation(self, weight_mirror: Any) -> None:
        """Feedback alignment is far behind, as its angle to the exact gradient is."""
        data, losses, angles = library.load("mnist-small"), {}, {}
        mirror = weight_mirror()
        for name, gradient in {"exact": "backpropagation", "mirror": mirror, "fixed": "feedback-alignment"}.items():
            net = library.Network([784, 30, 30, 30, 10], hidden="tanh", weight_init_std="xavier", seed=0)
            options: Any = {"optimizer": library.optimizer("sgd", lr=0.05), "iterations": 150}
            quality = [library.callback("gradient-quality")]
            run = library.train(net, data, gradient=gradient, callbacks=quality, **options)
            losses[name], angles[name] = np.mean(run.history.loss[-20:]), run.history.gradient_angle[-1]
        assert losses["mirror"] < losses["exact"] + 0.1
        assert losses["fixed"] > losses["mirror"] + 0.3
        assert angles["mirror"] < 25 < 50 < angles["fixed"]


def test_it_keeps_the_rules_of_estimators(weight_mirror: Any) -> None:
    library.testing.check_gradient_estimator(weight_mirror())


def test_a_run_from_the_page_s_files_is_resumed_and_verified(call: Any, tmp_path: Path) -> None:
    (tmp_path / "mirrored.toml").write_text(EXPERIMENT, encoding="utf-8")
    (tmp_path / "mirror_of_the_page.py").write_text(SOURCE, encoding="utf-8")
    run = ("train", "mirrored.toml", "-p", "mirror_of_the_page.py", *SMALL, "--iterations", "4", "--out", "mirrored")
    for command in (run, ("resume", "mirrored", "--iterations", "6"), ("verify", "mirrored")):
        done = call(*command, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert "identical" in done.stdout


def build(place: Path) -> Path:
    """Install the page's plugin from its wheel, and a plugin that kills a run, in `site`."""
    source, site = place / "source", place / "site"
    source.mkdir()
    (source / "modnet_weight_mirror.py").write_text(SOURCE, encoding="utf-8")
    (source / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    wheel = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(source), str(source)]
    subprocess.run(wheel, check=True, timeout=280)
    (built,) = source.glob("*.whl")
    target = ["--no-deps", "--no-index", "--target", str(site), str(built)]
    subprocess.run([*pip, "install", *target], check=True, timeout=280)
    install(site, "modnet_killer", KILLER)
    (place / "mirrored.toml").write_text(EXPERIMENT, encoding="utf-8")
    return place


@pytest.mark.check
def test_as_a_wheel_it_is_killed_resumed_to_the_same_bits_verified_and_compared(tmp_path: Path) -> None:
    place = build(tmp_path)
    run = ("train", "mirrored.toml", *SMALL, "--out")
    assert modnet(place, *run, "whole").returncode == 0
    assert modnet(place, *run, "killed", KILLED_AT="20").returncode == -9
    resumed = modnet(place, "resume", "killed")
    assert resumed.returncode == 0, resumed.stderr
    for name in ("params.npz", "history.csv"):
        assert (place / "killed" / name).read_bytes() == (place / "whole" / name).read_bytes()
    assert "identical" in modnet(place, "verify", "killed").stdout
    options = ("--gradient", "weight-mirror,feedback-alignment", "--seeds", "2", "--out", "both")
    compared = modnet(place, "compare", "mirrored.toml", *SMALL, *options)
    assert compared.returncode == 0, compared.stderr
    assert modnet(place, "plot", "both", "--out", "both.png").returncode == 0
