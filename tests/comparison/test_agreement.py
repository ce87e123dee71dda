"""Comparisons of runs that were made by different code, libraries or data."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import attrs
import pytest
from changing_plugins import install_drifting, modnet, run_python

from modnet.runs.receipt import Receipt

COMPARE = ("compare", "--gradient", "drifting", "--hidden", "3,4", "--iterations", "20", "--out", "runs")


def compare(place: Path, *arguments: str, seeds: int = 2, workers: int = 1) -> subprocess.CompletedProcess[str]:
    return modnet(place, *COMPARE, "--seeds", str(seeds), "--workers", str(workers), *arguments)


@pytest.fixture(scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("made")
    install_drifting(place)
    assert compare(place, workers=2).returncode == 0
    return place


@pytest.fixture
def made(_made: Path, tmp_path: Path) -> Path:
    """Return a folder with a comparison of two settings, two runs each."""
    return Path(shutil.copytree(_made, tmp_path / "place"))


def list_accepted(place: Path) -> list[dict[str, Any]]:
    return json.loads((place / "runs/comparison.json").read_text())["accepted"]


def alter_libraries(run: Path, **versions: str) -> None:
    """Have a receipt say that a run was made with other libraries."""
    receipt = Receipt.read(run)
    there = attrs.evolve(receipt.latest, libraries={**receipt.latest.libraries, **versions})
    attrs.evolve(receipt, segments=(there,)).write(run)


class TestMendedPlugin:
    def test_more_seeds_stop_unless_it_is_accepted_in_each_call(self, made: Path) -> None:
        install_drifting(made, factor=2)
        before = {path: path.read_bytes() for path in (made / "runs").rglob("*.*")}
        done = compare(made, seeds=3)
        assert done.returncode == 1
        what, ways = done.stderr.splitlines()
        code = "plugin modnet-drifting, the code of modnet_drifting: 1.0 ("
        assert what.startswith(f"modnet: {made / 'runs'}: not all runs are made by the same code and libraries: {code}")
        assert " in 4 runs (hidden-3/seed-0, hidden-4/seed-0, hidden-3/seed-1, ...), 1.0 (" in what
        assert what.endswith("...) now")
        assert ways == (
            "compare them all the same with --accept (accept=True), choose another --out, "
            "or remove those that are not as now to repeat them"
        )
        assert {path: path.read_bytes() for path in (made / "runs").rglob("*.*")} == before
        done = compare(made, "--accept", seeds=3)
        assert done.returncode == 0, done.stderr
        assert "Accepted, though differences may come from it: not all runs have the same plugin" in done.stdout
        assert "Accepted, though" in (made / "runs/comparison.md").read_text()
        (mixture,) = list_accepted(made)
        assert [len(runs) for runs in mixture["values"].values()] == [4, 2]
        done = compare(made, seeds=3)
        assert (done.returncode, "in 2 runs (hidden-3/seed-2, hidden-4/seed-2) and now" in done.stderr) == (1, True)

    @pytest.mark.check
    def test_all_finished_by_two_codes_stop_when_they_are_read_again(self, made: Path) -> None:
        install_drifting(made, factor=2)
        assert compare(made, "--accept", seeds=3).returncode == 0
        install_drifting(made, factor=3)
        done = compare(made, seeds=3)
        assert (done.returncode, " in 2 runs (hidden-3/seed-2, hidden-4/seed-2), 1.0 (" in done.stderr) == (1, True)
        # Fewer of them, all made by one code, are compared: nothing is trained by the code of now.
        assert compare(made, seeds=2).returncode == 0
        assert list_accepted(made) == []

    @pytest.mark.check
    def test_the_other_ways_out(self, made: Path) -> None:
        install_drifting(made, factor=2)
        assert modnet(made, *COMPARE[:-1], "another", "--seeds", "2").returncode == 0
        for folder in ("hidden-3/seed-1", "hidden-3/seed-0", "hidden-4/seed-0", "hidden-4/seed-1"):
            shutil.rmtree(made / "runs" / folder)
            done = compare(made)
            left = re.findall(r"hidden-./seed-.", done.stderr)
            assert (done.returncode, folder not in left) == (1 if left else 0, True)
        assert not left
        assert list_accepted(made) == []


class TestLibraries:
    def test_after_an_upgrade_finished_runs_are_compared_and_none_is_added(self, made: Path) -> None:
        for run in (made / "runs").glob("*/seed-*"):
            alter_libraries(run, numpy="1.0")
        assert compare(made).returncode == 0
        done = compare(made, seeds=3)
        assert (done.returncode, "library numpy: 1.0 in 4 runs (" in done.stderr) == (1, True), done.stderr
        assert done.stderr.count("\n") == 2

    def test_one_run_of_another_library(self, made: Path) -> None:
        alter_libraries(made / "runs/hidden-4/seed-1", numpy="1.0")
        done = compare(made)
        assert (done.returncode, "in 3 runs (" in done.stderr, "1.0 in 1 run (hidden-4/seed-1)" in done.stderr) == (
            1, True, True,
        )  # fmt: skip

    def test_a_library_that_the_same_plugins_had_once(self, made: Path) -> None:
        alter_libraries(made / "runs/hidden-4/seed-1", numba="0.60")
        done = compare(made)
        assert (done.returncode, "library numba: none in 3 runs (" in done.stderr) == (1, True)

    def test_in_python_scipy_is_loaded_by_the_first_comparison_and_changes_nothing(self, tmp_path: Path) -> None:
        script = """
import sys, modnet
quick = {"gradient": "backpropagation", "training": {"iterations": 5}}
for seeds in (2, 3):
    modnet.compare(quick, {"hidden_size": [3, 4]}, seeds=seeds, workers=1, out="runs")
assert "scipy" in sys.modules
"""
        run_python(script, tmp_path).check_returncode()

    def test_workers_that_have_another_one_are_found_when_all_is_trained(self, tmp_path: Path) -> None:
        script = """
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
import attrs, modnet
from modnet.runs.receipt import Receipt

class Elsewhere(ThreadPoolExecutor):
    def submit(self, train, name, folder, table):
        done = Future()
        done.set_result(train(name, folder, table))
        if folder.endswith("seed-1"):
            receipt = Receipt.read(Path(folder))
            there = attrs.evolve(receipt.latest, libraries={**receipt.latest.libraries, "numpy": "1.0"})
            attrs.evolve(receipt, segments=(there,)).write(Path(folder))
        return done

quick = {"gradient": "backpropagation", "training": {"iterations": 5}}
for accept in (False, True):
    try:
        result = modnet.compare(quick, {"hidden": [3, 4]}, seeds=2, out="runs", executor=Elsewhere(), accept=accept)
    except modnet.DataError as error:
        print(error)
print(*result.mixtures)
"""
        done = run_python(script, tmp_path)
        stopped, ways, accepted = done.stdout.splitlines()
        assert "library numpy: " in stopped, done.stderr
        assert "1.0 in 2 runs (hidden-3/seed-1, hidden-4/seed-1)" in stopped
        assert "--accept (accept=True)" in ways
        assert accepted.startswith("library numpy: ")
        assert accepted.endswith(" in 2 runs (hidden-3/seed-1, hidden-4/seed-1)")


class TestData:
    def test_other_data_stop_before_anything_is_trained_whatever_is_accepted(self, tmp_path: Path, points) -> None:
        command = ("compare", "--data", "points.csv", "--gradient", "backpropagation", "--hidden", "3,4")
        points(tmp_path / "points.csv")
        quick = (*command, "--iterations", "5", "--out", "runs", "--seeds")
        assert modnet(tmp_path, *quick, "2").returncode == 0
        points(tmp_path / "points.csv", first=0.25)
        done = modnet(tmp_path, *quick, "3", "--accept")
        assert (done.returncode, "hidden-3/seed-0 was run with other data: " in done.stderr) == (1, True)
        assert not (tmp_path / "runs/hidden-3/seed-2").exists()


class TestUnfinished:
    @pytest.mark.check
    def test_a_run_that_was_killed_before_the_plugin_was_mended(self, made: Path) -> None:
        install_drifting(made)
        run = made / "runs/hidden-3/seed-1"
        shutil.rmtree(run)
        options = ("--gradient", "drifting", "--hidden", "3", "--iterations", "20", "--seed", "1")
        modnet(made, "train", *options, "--out", str(run), KILLED_AT="10")
        install_drifting(made, factor=2)
        done = compare(made)
        assert (done.returncode, "1.0 (" in done.stderr, " in 4 runs (" in done.stderr) == (1, True, True)
        done = compare(made, "--accept")
        assert done.returncode == 0, done.stderr
        assert [segment.start for segment in Receipt.read(run).segments] == [0, 10]
        (mixture,) = list_accepted(made)
        assert [len(runs) for runs in mixture["values"].values()] == [4, 1]


def test_runs_of_another_format_are_named_and_can_be_removed(made: Path) -> None:
    receipt = made / "runs/hidden-4/seed-0/receipt.json"
    receipt.write_text('{"format": 1}')
    done = compare(made, "--accept")
    why = "of format 1, this modnet reads 3: remove it to repeat the run"
    assert (done.returncode, done.stderr) == (1, f"modnet: {receipt}: {why}\n")
    shutil.rmtree(made / "runs/hidden-4/seed-0")
    assert compare(made).returncode == 0


def test_what_stands_in_a_receipt_is_escaped_and_cut(made: Path) -> None:
    alter_libraries(made / "runs/hidden-4/seed-1", **{"\x1b[31mnumpy": "\x1b[2J1.0", "numpy": "9" * 100_000})
    for run in [*(made / "runs").glob("*/seed-0")]:
        receipt = Receipt.read(run)
        versions = ({**receipt.latest.libraries, "numpy": str(i)} for i in range(400))
        segments = tuple(attrs.evolve(receipt.latest, start=i, libraries=v) for i, v in enumerate(versions))
        attrs.evolve(receipt, segments=segments).write(run)
    done = compare(made)
    assert done.returncode == 1
    assert "\x1b" not in done.stderr
    assert len(done.stderr) < 5000
