"""Runs that callbacks stop: their files, verify, resume, compare."""

from __future__ import annotations

import csv
import json
import random
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from processes import Call, wait_until

import modnet
from modnet import compare
from modnet.compose.plugins import load_plugins
from modnet.runs.contents import history_to_csv, read_history
from modnet.runs.folder import read_ending
from modnet.runs.receipt import Receipt
from modnet.types import History
from tests.runs.test_resume import run, start, write_points

STEERING = """
import attrs, modnet

@attrs.frozen
class Steer(modnet.Callback):
    at: int = 31
    reason: str = "it is enough"

    def init(self, run):
        return {"count": 0, "best": (9e9, dict(run.params))}

    def on_iteration(self, run, state):
        count = state["count"] + 1
        decision = modnet.ScaleRate(0.9) if count % 7 == 0 else None
        return {**state, "count": count}, modnet.Stop(self.reason) if count == self.at else decision

    def on_epoch(self, run, state):
        best = min(state["best"], (run.loss, dict(run.params)), key=lambda each: each[0])
        return {**state, "best": best}, modnet.Record({"best_loss": best[0]})

    def on_end(self, run, state):
        return state["best"][1]

@attrs.frozen
class ByTheClock(modnet.Callback):
    repeatable = False
    at: int = 23

    def on_iteration(self, run, state):
        with open("clock.log", "a") as file:
            print(run.iteration, run.folder, run.experiment["seed"], file=file)
        return state, modnet.Stop("its time is over") if run.iteration == self.at else None

@modnet.hookimpl
def register_callbacks(register):
    register(Steer)
    register(ByTheClock)
"""
QUICK = ("--gradient", "backpropagation", "--hidden", "4", "--batch-size", "8", "--optimizer", "sgd", "--lr", "0.1")
STEER = (*QUICK, "-p", "steering", "--callback", "steer")


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    write_points(tmp_path / "points.csv")
    (tmp_path / "steering.py").write_text(STEERING)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("steering", None)
    load_plugins()  # without the module that a run has named, which is of this folder


@pytest.fixture(name="call")
def call_anew(call: Call) -> Call:
    """Return a function that calls the command line as another process would: no module of before is left."""

    def call_anew(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        try:
            return call(*arguments, cwd=cwd)
        finally:
            for name in ("steering", "wrong", "late"):
                sys.modules.pop(name, None)

    return call_anew


def train(call: Call, work: Path, *options: str, out: str = "run") -> str:
    done = call("train", "--data", "points.csv", "--iterations", "60", *options, "--out", out, cwd=work)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_reason_is_printed_and_saved_and_the_run_verified(work: Path, call: Call) -> None:
    out = train(call, work, *STEER, "--set", "callbacks.0.at=17")
    assert "callbacks steer(at=17" in out
    assert "\nstopped after 17 of 60 iterations: it is enough\n" in out
    summary = json.loads((work / "run/summary.json").read_text())
    assert (summary["status"], summary["iterations"], summary["stop_reason"]) == ("finished", 17, "it is enough")
    receipt = Receipt.read(work / "run")
    assert receipt.results
    assert receipt.results.stop_reason == "it is enough"
    assert receipt.settings["callbacks.1.at"] == 17
    history = read_history(work / "run/history.csv")
    assert history.evaluated_at == [6, 12, 17, 17]
    assert history_to_csv(history) == (work / "run/history.csv").read_text()
    done = call("verify", "run", cwd=work)
    assert (done.returncode, done.stdout.splitlines()[-1][:24]) == (0, "identical: 17 iterations"), done.stdout
    for command in (("plot", "run"), ("predict", "run", "points.csv")):
        assert call(*command, cwd=work).returncode == 0
    assert "there is nothing to resume" in call("resume", "run", cwd=work).stdout


NAMES = """
import modnet

class Names(modnet.Callback):
    def on_epoch(self, run, state):
        return state, modnet.Record(dict.fromkeys(["status", "final_loss", "stop_reason", "seed"], 0.5))

@modnet.hookimpl
def register_callbacks(register):
    register(Names)
"""


def test_what_a_callback_records_changes_no_entry_of_the_summary(work: Path, call: Call) -> None:
    (work / "late.py").write_text(NAMES)
    train(call, work, *QUICK, "-p", "late", "--callback", "names")
    run = modnet.open_run(work / "run")
    summary = json.loads((work / "run/summary.json").read_text())
    assert (run.status, run.stop_reason, summary["seed"]) == ("finished", "", 0)
    assert summary["final_loss"] == run.history.loss[-1]
    assert run.history.final_loss[-1] == run.history.status[-1] == 0.5


def test_a_stopped_run_cannot_be_lengthened_and_the_advice_works(work: Path, call: Call) -> None:
    train(call, work, *STEER)
    done = call("resume", "run", "--iterations", "80", cwd=work)
    assert done.returncode == 1
    words = "run was stopped after 31 iterations, it is enough, and would be again: train it without callbacks, "
    assert words in done.stderr
    advice = shlex.split(done.stderr.strip().partition("modnet train")[2])
    done = call("train", *advice, "--out", "longer", cwd=work)
    assert (done.returncode, json.loads((work / "longer/summary.json").read_text())["iterations"]) == (0, 80)


def test_a_schedule_that_ends_with_the_run_is_refused_and_the_advice_works(work: Path, call: Call) -> None:
    train(call, work, *QUICK[:-2], "--set", "optimizer.lr.name=cosine", "--set", "optimizer.lr.initial=0.1")
    done = call("resume", "run", "--iterations", "80", cwd=work)
    assert done.stderr.startswith("modnet: --iterations: the schedule 'cosine' comes to 0 before the run ends, ")
    advice = shlex.split(done.stderr.strip().partition("modnet train")[2])
    done = call("train", *advice, "--out", "longer", cwd=work)
    assert (done.returncode, json.loads((work / "longer/summary.json").read_text())["iterations"]) == (0, 80)


def test_the_best_network_is_not_trained_over(work: Path, call: Call) -> None:
    out = train(call, work, *QUICK, "--callback", "best-checkpoint", "--callback", "gradient-report")
    assert "\nfinished in" in out
    before = (work / "run/best/params.npz").read_bytes()
    done = call("resume", "run/best", cwd=work)
    assert (done.returncode, "there is no receipt.json" in done.stderr) == (1, True)
    assert (work / "run/best/params.npz").read_bytes() == before


@pytest.mark.parametrize(("name", "place"), [("best-checkpoint", "best"), ("json-log", "log.jsonl")])
def test_two_callbacks_that_would_write_the_same_file_are_refused(
    work: Path, call: Call, name: str, place: str
) -> None:
    wanted = ("train", "--data", "points.csv", *QUICK, "--callback", name, "--callback", name, "--out", "run")
    assert f"callbacks: several {name} would write '{place}'" in call(*wanted, cwd=work).stderr
    if name == "json-log":
        assert call(*wanted, "--set", "callbacks.1.path=b.jsonl", "--iterations", "5", cwd=work).returncode == 0


@pytest.mark.filterwarnings("always::UserWarning")
def test_what_callbacks_of_a_replaced_run_have_left_is_named(work: Path, call: Call) -> None:
    train(call, work, *QUICK, "--callback", "best-checkpoint", "--callback", "json-log")
    assert call("resume", "run", "--iterations", "70", cwd=work).stderr == ""  # they are of the same run
    replace = ("train", "--data", "points.csv", *QUICK, "--iterations", "5", "--out", "run", "--overwrite")
    assert call(*replace, cwd=work).stderr.endswith("unless its callbacks write it anew: best, log.jsonl\n")


def test_the_last_line_begins_with_the_task_s_metric_whatever_a_callback_records(work: Path, call: Call) -> None:
    out = train(call, work, *QUICK, "--callback", "gradient-report")
    assert ": test accuracy " in next(line for line in out.splitlines() if line.startswith("finished in"))


def test_a_run_of_which_a_callback_chose_the_parameters_is_lengthened_to_the_same_bits(work: Path, call: Call) -> None:
    train(call, work, *STEER, "--set", "callbacks.0.at=1000")
    train(call, work, *STEER, "--set", "callbacks.0.at=1000", "--iterations", "90", out="whole")
    done = call("resume", "run", "--iterations", "90", cwd=work)
    assert (done.returncode, done.stderr) == (0, "")
    for name in ("history.csv", "params.npz", "hits.npy"):
        assert (work / "run" / name).read_bytes() == (work / "whole" / name).read_bytes(), name
    assert call("verify", "run", cwd=work).returncode == 0


def test_verify_leaves_out_what_goes_by_the_clock_and_stops_where_the_run_was_stopped(work: Path, call: Call) -> None:
    train(call, work, *STEER, "--callback", "by-the-clock")
    lines = (work / "clock.log").read_text().splitlines()
    assert lines == [f"{k} {work / 'run'} 0" for k in range(1, 24)]
    done = call("verify", "run", cwd=work)
    assert (done.returncode, done.stdout.splitlines()[-1][:24]) == (0, "identical: 23 iterations"), done.stdout
    assert len((work / "clock.log").read_text().splitlines()) == 23
    history = (work / "run/history.csv").read_text()
    (work / "run/history.csv").write_text(history.replace("\n23,", "\n23,1", 1))
    assert call("verify", "run", cwd=work).returncode == 1


def test_a_changed_callback_is_another_experiment(work: Path, call: Call) -> None:
    train(call, work, *STEER)
    text = (work / "run/experiment.toml").read_text()
    (work / "run/experiment.toml").write_text(text.replace("at = 31", "at = 32"))
    done = call("verify", "run", cwd=work)
    assert done.returncode == 1
    assert "callbacks.1.at" in done.stdout


def test_a_setting_that_is_new_has_its_default_in_older_runs(work: Path, call: Call) -> None:
    options = (*STEER, "--set", "callbacks.0.at=1000")
    (work / "steering.py").write_text(STEERING.replace('    reason: str = "it is enough"\n', "    reason = 'none'\n"))
    train(call, work, *options)
    (work / "steering.py").write_text(STEERING)
    train(call, work, *options, "--iterations", "90", out="whole")
    assert "reason" not in (work / "run/experiment.toml").read_text()
    done = call("verify", "run", "--accept", cwd=work)
    assert (done.returncode, done.stdout.splitlines()[-1][:24]) == (0, "identical: 60 iterations"), done.stdout
    done = call("resume", "run", "--accept", "--iterations", "90", cwd=work)
    assert done.returncode == 0, done.stderr
    assert 'reason = "it is enough"' in (work / "run/experiment.toml").read_text()
    for name in ("history.csv", "params.npz"):
        assert (work / "run" / name).read_bytes() == (work / "whole" / name).read_bytes(), name
    text = (work / "run/experiment.toml").read_text()
    (work / "run/experiment.toml").write_text(text.replace('"it is enough"', '"another"'))
    assert "callbacks.1.reason" in call("resume", "run", "--iterations", "95", cwd=work).stderr


def test_a_mistake_of_a_callback_names_its_plugin(work: Path, call: Call) -> None:
    (work / "wrong.py").write_text(STEERING.replace('"it is enough"', "3").replace("reason: str", "reason: object"))
    done = call("train", "--data", "points.csv", *QUICK, "-p", "wrong", "--callback", "steer", cwd=work)
    assert done.returncode == 1
    assert "the plugin wrong fails: ValueError: 'reason' must be words, not 3: " in done.stderr
    assert "take another callback" in done.stderr
    (work / "late.py").write_text(STEERING.replace("return state[", "return 1 / 0, state["))
    done = call("train", "--data", "points.csv", *QUICK, "-p", "late", "--callback", "steer", "--out", "late", cwd=work)
    assert done.returncode == 1
    assert "the plugin late fails: ZeroDivisionError" in done.stderr
    assert json.loads((work / "late/summary.json").read_text())["status"] == "failed"
    assert call("verify", "late", cwd=work).stdout.splitlines()[-1].startswith("identical: 31 iterations")
    (work / "late.py").write_text(STEERING)
    assert call("resume", "late", "-p", "late", "--accept", cwd=work).returncode == 0
    train(call, work, *STEER)
    assert (work / "late/params.npz").read_bytes() == (work / "run/params.npz").read_bytes()


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.check)])
def test_a_comparison_counts_stopped_runs(work: Path, monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    table = {
        "data": {"path": str(work / "points.csv")},
        "network": {"hidden": [4]},
        "gradient": "backpropagation",
        "training": {"iterations": 40, "batch_size": 8},
        "callbacks": [{"name": "steer", "at": 17}],
        "plugins": {"modules": ["steering"]},
    }
    monkeypatch.syspath_prepend(work)
    for _ in range(2):
        result = compare(table, {"callbacks.0.at": [17, 100]}, seeds=2, out=work / "out", workers=workers)
    rows = list(csv.DictReader(result.runs_csv().splitlines()))
    assert [row["iterations"] for row in rows] == ["17", "17", "40", "40"]
    assert {row["status"] for row in rows} == {"finished"}
    runs = sorted((work / "out").glob("*/seed-*"))
    assert {(end := read_ending(folder)) and end.stop_reason for folder in runs} == {"it is enough", ""}
    assert result.figure().axes[0].lines


def test_old_summaries_and_receipts_have_no_reason(work: Path, call: Call) -> None:
    """As older versions wrote them."""
    train(call, work, *QUICK, "--iterations", "9")
    folder = work / "run"
    assert '"stop_reason": "",' in (folder / "summary.json").read_text()
    summary = json.loads((folder / "summary.json").read_text())
    del summary["stop_reason"]
    (folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    table = json.loads((folder / "receipt.json").read_text())
    del table["results"]["stop_reason"], table["sha256"]
    table["results"]["files"]["summary.json"] = sha256((folder / "summary.json").read_bytes()).hexdigest()
    table["sha256"] = sha256(json.dumps(table, sort_keys=True).encode()).hexdigest()
    (folder / "receipt.json").write_text(json.dumps(table, indent=2) + "\n")
    done = call("verify", "run", cwd=work)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "callbacks" not in (folder / "experiment.toml").read_text()


@pytest.mark.check
def test_runs_that_are_killed_anywhere_resume_to_the_bits_of_a_whole_one(work: Path) -> None:
    options = ("train", "--data", "points.csv", "--iterations", "3000", *STEER, "--set", "callbacks.0.at=1900")
    assert run(*options, "--out", "whole", cwd=work)[0] == 0
    draw = random.Random(0)  # noqa: S311
    for number in range(5):
        folder, least = work / f"killed{number}", draw.randrange(2000, 60000)
        process = start(*options, "--out", folder.name, cwd=work)
        history = folder / "history.csv"
        wait_until(lambda: (history.exists() and history.stat().st_size > least) or process.poll() is not None)  # noqa: B023
        process.kill()
        process.communicate()
        assert run("resume", folder.name, cwd=work)[0] == 0
        for name in ("history.csv", "params.npz", "hits.npy"):
            assert (folder / name).read_bytes() == (work / "whole" / name).read_bytes(), name
        shutil.rmtree(folder)


def test_a_history_with_two_rows_of_an_iteration_is_read_back() -> None:
    history = History(
        [0.5, 0.25], [0, 2, 2], {"test_accuracy": [0.1, 0.5, 0.75], "rate": [float("nan"), 0.1, float("nan")]}
    )
    text = history_to_csv(history)
    assert text.splitlines()[1:] == ["0,,0.1,", "1,0.5,,", "2,0.25,0.5,0.1", "2,,0.75,"]
