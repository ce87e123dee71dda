"""Hostile distributions: a row each, beside which every command works."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hostile_plugins import FEW, HOSTILE, install, to_module
from processes import run_modnet

Points = Callable[..., Path]
QUICK = ("--hidden", "3", "--iterations", "4")
DATA = ("--data", "points.csv", "--set", "data.label=where")


@pytest.fixture
def modnet(tmp_path: Path, points: Points) -> Callable[..., str]:
    """Return a function that calls a command beside the plugins in `site`, and returns what it prints."""
    points(tmp_path / "points.csv")
    paths = os.pathsep.join(filter(None, [str(tmp_path / "site"), os.environ.get("PYTHONPATH")]))
    known = {"PYTHONPATH": paths, "MODNET_CACHE": str(tmp_path / "cache"), "MODNET_CONFIG": str(tmp_path / "config")}

    def call(*arguments: str, status: int = 0) -> str:
        done = run_modnet(*arguments, cwd=tmp_path, **known)
        assert done.returncode == status, done.stderr
        assert "Traceback" not in done.stderr
        assert "noise" not in done.stdout
        if "--json" in arguments:
            json.loads(done.stdout)
        return done.stdout

    return call


def check_row(name: str, row: dict[str, Any]) -> None:
    wanted = HOSTILE[name]
    assert row["state"] == wanted.state, (name, row)
    said = row["reason"] + ", ".join(row["changes"])
    assert wanted.says in said, (name, row)
    assert wanted.says or wanted.state == "broken" or not said, (name, row)


def check_rows(listing: str, *names: str) -> None:
    rows = [row for row in json.loads(listing) if row["distribution"] != "modnet"]
    assert len(rows) == len(names)
    found = {Path(row["file"]).stem or to_module(row["distribution"].removeprefix("modnet-")): row for row in rows}
    for name in names:
        check_row(name, found[to_module(name)])


def work(modnet: Callable[..., str], activation: str, workers: int = 2) -> None:
    """Call all commands, with an activation."""
    part = ("--activation", activation)
    modnet("plugins")
    modnet("data", "show", "points.csv", "--json")
    assert "saved in run" in modnet("train", *DATA, *QUICK, *part, "--out", "run", "--overwrite")
    modnet("predict", "run", "points.csv", "--json")
    modnet("resume", "run")
    modnet("verify", "run", "--json")
    modnet("plot", "run")
    modnet("gradient-check", *DATA, *part, "--json")
    several = ("--activation", f"relu,{activation}", "--seeds", "2", "--workers", str(workers))
    modnet("compare", *DATA, *QUICK, *several, "--out", f"compared-{activation}", "--json")


def test_a_few_are_a_row_each_and_commands_work_beside_them(modnet: Callable[..., str], tmp_path: Path) -> None:
    install(tmp_path / "site", *FEW)
    check_rows(modnet("plugins", "doctor", "--json", status=1), *FEW)
    noisy = ("--activation", "part-prints")
    assert "saved in run" in modnet("train", *DATA, *QUICK, *noisy, "--out", "run")
    modnet("predict", "run", "points.csv", "--json")


@pytest.mark.check
def test_all_of_them_at_once(modnet: Callable[..., str], tmp_path: Path) -> None:
    assert len(HOSTILE) >= 35
    install(tmp_path / "site", *HOSTILE)
    check_rows(modnet("plugins", "doctor", "--json", status=1), *HOSTILE)
    check_rows(modnet("plugins", "--json"), *HOSTILE)
    work(modnet, "part-prints")
    for name in ("part-changes-directory", "part-closes-streams", "part-replaces-streams", "part-patches-builtins"):
        work(modnet, name, workers=1)


@pytest.mark.check
@pytest.mark.parametrize("name", HOSTILE)
def test_one_alone(modnet: Callable[..., str], tmp_path: Path, name: str) -> None:
    state = "ready" if name == "without-metadata" else HOSTILE[name].state  # alone, it is the only unknown one
    install(tmp_path / "site", name)
    (row,) = (row for row in json.loads(modnet("plugins", "--json")) if row["distribution"] != "modnet")
    assert row["state"] in {state, "not asked"}  # what hangs is asked for longer
    assert "finished in" in modnet("train", *DATA, *QUICK, "--out", "run")
