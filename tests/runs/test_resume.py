"""`modnet resume`: killed and failed runs end with the bits of a whole one."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from processes import PRELOADED, run_warm, wait_until

from modnet.nn.checkpoint import CHECKPOINT
from modnet.runs.folder import CURVES, ERRORS, FILES, PAGE

ITERATIONS = 1500
# Checkpoints many times a second, so that a kill finds the process in the midst of all it does.
EAGER = """
import modnet.nn.training
modnet.nn.training.CHECKPOINT_EVERY, modnet.nn.training.CHECKPOINT_SHARE = 0.02, 1.0
"""
QUICK = EAGER + "from modnet.cli.main import main\nmain()\n"
WARM = multiprocessing.get_context("forkserver")


def start(*arguments: str, cwd: Path, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", QUICK, *arguments],
        cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
    )  # fmt: skip


def run(*arguments: str, cwd: Path, **options: Any) -> tuple[int, str, str]:
    if not options:
        done = run_warm(*arguments, cwd=cwd, environment=os.environ, before=EAGER)
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout, done.stderr
    process = start(*arguments, cwd=cwd, **options)
    out, err = process.communicate(timeout=120)
    assert "Traceback" not in err
    return process.returncode, out, err


def outcome(folder: Path) -> tuple[list[str], str, bytes]:
    """Return what is equal in equal runs: the files there are, the digest of the parameters, the history."""
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["status"] == "finished"
    names = sorted({p.name for p in folder.iterdir()} - {CURVES})  # drawn last: a kill may cost the picture alone
    return names, summary["params_sha256"], (folder / "history.csv").read_bytes()


STEERED = ["early-stopping", "reduce-on-plateau", "gradient-report", "best-checkpoint", "json-log"]


def steered_outcome(folder: Path, has_board: bool) -> dict[str, Any]:
    """Return what is equal in equal runs with callbacks: their decisions, states and logs, too."""
    summary = json.loads((folder / "summary.json").read_text())
    header = json.loads(str(np.load(folder / CHECKPOINT)["header"]))
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    board = read_scalars(folder / "tensorboard") if has_board else None
    return {
        "outcome": outcome(folder),
        "reason": summary["stop_reason"],
        "factor": header["factor"],
        "states": [state for state in header["callbacks"] if state[0] in STEERED[:-1]],
        "log": [{**line, "seconds": 0} for line in lines],
        "best": (folder / "best/params.npz").read_bytes(),
        "board": board,
    }


def read_scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder), {"scalars": 0}).Reload()
    return {tag: [(event.step, event.value) for event in found.Scalars(tag)] for tag in found.Tags()["scalars"]}


def training(optimizer: str = "adam", iterations: int = ITERATIONS) -> list[str]:
    settings = ["--batch-size", "2", "--hidden", "4", "--gradient", "backpropagation", "--optimizer", optimizer]
    return ["train", "--data", "points.csv", *settings, "--iterations", str(iterations)]


def write_points(path: Path, rows: int = 60, first: float = 0.5) -> None:
    points = np.random.default_rng(0).normal(size=(rows, 3)).round(3)
    points[0, 0] = first
    path.write_text(
        "".join(f"{a},{b},{c},{'xyz'[i % 3]}\n" for i, (a, b, c) in enumerate(points.tolist())), encoding="utf-8"
    )


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with data and a finished run, `whole`."""
    folder = tmp_path_factory.mktemp("work")
    write_points(folder / "points.csv")
    assert run(*training(), "--out", "whole", cwd=folder)[0] == 0
    return folder


@pytest.fixture(scope="module")
def _killed(work: Path) -> Path:
    """Kill a run in its midst."""
    process = start(*training(), "--out", "killed", cwd=work)
    wait_until(
        lambda: (work / "killed/history.csv").exists() and len((work / "killed/history.csv").read_bytes()) > 5000
    )
    while True:  # not as the newest checkpoint becomes the one before
        process.send_signal(signal.SIGSTOP)
        if (work / "killed/checkpoint.npz").exists():
            break
        process.send_signal(signal.SIGCONT)
    process.kill()
    process.communicate()
    return work / "killed"


@pytest.fixture
def killed(_killed: Path, work: Path, request: pytest.FixtureRequest) -> Path:
    """Return a copy of a run that was killed in its midst."""
    copy = work / request.node.name.replace("[", "-").rstrip("]")
    return Path(shutil.copytree(_killed, copy))


@pytest.fixture
def call(work: Path, call: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that calls the command line within this process, in that folder."""

    def in_work(*arguments: str, draws: bool = False) -> tuple[int, str, str]:
        done = call(*arguments, cwd=work, draws=draws)
        return done.returncode, done.stdout, done.stderr

    return in_work


class TestKilled:
    @staticmethod
    def _start(*arguments: str, cwd: Path) -> BaseProcess:
        """Start a process that has imported modnet already, so that a kill finds it at work."""
        set_up = f"import os, sys; os.chdir({str(cwd)!r}); sys.argv = {['modnet', *arguments]}"
        process = WARM.Process(target=exec, args=(set_up + QUICK, {}))
        process.start()
        return process

    # One may fall between the two renames by which a checkpoint takes its place: resume then says so, and continues.
    @pytest.mark.filterwarnings("ignore:.*checkpoint.npz. missing; the one before is used")
    @pytest.mark.parametrize("times", [3, pytest.param(20, marks=pytest.mark.check)])
    def test_at_random_instants(self, work: Path, call, times: int) -> None:
        WARM.set_forkserver_preload(PRELOADED)
        longest = 0.0
        for name in ("warming", "timed"):
            began = time.monotonic()
            self._start("train", "whole/experiment.toml", "--out", name, cwd=work).join()
            longest = time.monotonic() - began
            assert outcome(work / name) == outcome(work / "whole")
        instants, kills, runs = random.Random(0), 0, 0  # noqa: S311 - anything will do
        while kills < times:
            runs += 1
            command = [*training(), "--out", f"killed-{runs}"]
            for _ in range(4):
                process = self._start(*command, cwd=work)
                process.join(instants.uniform(0.1, 0.9) * longest)
                process.kill()
                process.join()
                kills += process.exitcode == -signal.SIGKILL
                if (work / f"killed-{runs}/experiment.toml").exists():
                    command = ["resume", f"killed-{runs}"]
            status, _, err = call(*command)
            assert status == 0, err
            assert outcome(work / f"killed-{runs}") == outcome(work / "whole")

    @pytest.mark.check
    @pytest.mark.filterwarnings("ignore:.*checkpoint.npz. missing; the one before is used")
    def test_with_callbacks_and_a_schedule(self, work: Path, call) -> None:
        """Fifty kills: early stopping, plateau and cosine schedule decide the same, and logs have each line once."""
        WARM.set_forkserver_preload(PRELOADED)
        has_board = find_spec("tensorboard") is not None
        names = [*STEERED, *["tensorboard"] * has_board]
        options = [option for name in names for option in ("--callback", name)]
        settings = ["callbacks.0.patience=16", "callbacks.1.patience=5", "callbacks.4.iterations=true"]
        rate = ["optimizer.lr.name=cosine", "optimizer.lr.initial=0.02"]
        options += [option for setting in (*settings, *rate) for option in ("--set", setting)]
        longest = 0.0
        for name in ("steered-warming", "steered"):
            began = time.monotonic()
            self._start(*training(iterations=6 * ITERATIONS), *options, "--out", name, cwd=work).join()
            longest = time.monotonic() - began
        wanted = steered_outcome(work / "steered", has_board)
        assert wanted["reason"].startswith("validation_loss was best at iteration")
        assert wanted["factor"] < 1
        instants, kills, runs = random.Random(1), 0, 0  # noqa: S311 - anything will do
        while kills < 50:
            runs += 1
            command = [*training(iterations=6 * ITERATIONS), *options, "--out", f"steered-{runs}"]
            for _ in range(8):
                process = self._start(*command, cwd=work)
                process.join(instants.uniform(0.05, 0.6) * longest)
                process.kill()
                process.join()
                kills += process.exitcode == -signal.SIGKILL
                if (work / f"steered-{runs}/experiment.toml").exists():
                    command = ["resume", f"steered-{runs}"]
            status, _, err = call(*command)
            assert status == 0, err
            assert steered_outcome(work / f"steered-{runs}", has_board) == wanted

    def test_before_its_first_checkpoint(self, work: Path, call) -> None:
        (work / "early").mkdir()
        shutil.copy(work / "whole/experiment.toml", work / "early")
        (work / "early/.lock").write_bytes(b"")
        (work / "early/.params.npz.abc_1234").write_bytes(b"half of it")
        status, out, err = call("resume", "early")
        assert (status, err) == (0, "")
        assert "resumes after no iterations" in out
        assert outcome(work / "early") == outcome(work / "whole")

    def test_before_it_had_begun(self, work: Path, call) -> None:
        """Then there is nothing to resume, and a new run may begin in the folder."""
        (work / "never-begun").mkdir()
        for name in (".lock", ".experiment.toml.abc_1234"):
            (work / "never-begun" / name).write_bytes(b"")
        assert call("resume", "never-begun")[0] == 1
        status, _, err = call(*training(), "--out", "never-begun")
        assert (status, err) == (0, "")
        assert outcome(work / "never-begun") == outcome(work / "whole")

    def test_what_it_learned_can_be_used_and_drawn(self, killed: Path, call) -> None:
        status, out, _ = call("predict", killed.name, "points.csv")
        assert (status, out.splitlines()[0]) == (0, "row,prediction,label")
        assert call("plot", killed.name)[0] == 0


class TestInterrupted:
    def test_by_ctrl_c(self, work: Path) -> None:
        process = start(*training(), "--out", "interrupted", cwd=work)
        wait_until(lambda: (work / "interrupted/checkpoint-previous.npz").exists())
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (130, "")
        assert out.splitlines()[-1] == "continue with: modnet resume interrupted"
        assert json.loads((work / "interrupted/summary.json").read_text())["status"] == "interrupted"
        assert run("resume", "interrupted", cwd=work)[0] == 0
        assert outcome(work / "interrupted") == outcome(work / "whole")

    @staticmethod
    def _on_a_disk_of(size: int, folder: str, work: Path) -> tuple[int, str, str]:
        """Train where no file can be larger: history.csv, which grows, comes to it first."""
        resource: Any = pytest.importorskip("resource", exc_type=ImportError)
        return run(
            *training(), "--out", folder, cwd=work,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
        )  # fmt: skip

    def test_by_a_full_disk(self, work: Path) -> None:
        status, _, err = self._on_a_disk_of(25_000, "full", work)
        words = "File too large: continue from the last checkpoint with modnet resume full"
        assert (status, err) == (1, f"modnet: full: cannot be written: {words}\n")
        assert not list((work / "full").glob(".*"))
        status, out, err = run("resume", "full", cwd=work)
        assert (status, err) == (0, "")
        assert "resumes after no" not in out
        assert outcome(work / "full") == outcome(work / "whole")

    def test_by_a_disk_that_was_full_before_nothing_is_left(self, work: Path) -> None:
        for size in (100, 2_000):  # less than the experiment, less than a checkpoint
            status, _, err = self._on_a_disk_of(size, "never", work)
            assert (status, err) == (1, "modnet: never: cannot be written: File too large\n")
            assert not (work / "never").exists()

    def test_by_a_folder_that_is_gone(self, work: Path) -> None:
        process = start(*training(), "--out", "gone", cwd=work)
        wait_until(lambda: (work / "gone/checkpoint-previous.npz").exists())
        process.send_signal(signal.SIGSTOP)  # so that it finds the file, not nothing
        (work / "gone").rename(work / "moved")
        (work / "gone").write_text("a file in its place")
        process.send_signal(signal.SIGCONT)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 1
        assert err.startswith("modnet: gone: cannot be written: Not a directory")
        assert err.count("\n") == 1
        assert run("resume", "moved", cwd=work)[0] == 0
        assert outcome(work / "moved") == outcome(work / "whole")

    @pytest.mark.skipif(getattr(os, "geteuid", int)() == 0, reason="root may write everywhere")
    def test_by_a_folder_that_may_not_be_written(self, killed: Path, call) -> None:
        killed.chmod(0o500)
        status, _, err = call("resume", killed.name)
        killed.chmod(0o700)
        assert (status, err) == (1, f"modnet: {killed.name}: cannot be written: Permission denied\n")


class TestTwoProcesses:
    def test_the_second_is_refused_at_once_and_a_killed_first_is_no_hindrance(self, work: Path, call) -> None:
        first = start(*training(iterations=10**7), "--out", "both", cwd=work)
        wait_until(lambda: (work / "both/checkpoint.npz").exists())
        refusal = "modnet: both: another process writes this run: wait for its end, or stop it\n"
        for second in (["resume", "both"], [*training(), "--out", "both", "--overwrite"]):
            status, _, err = call(*second)
            assert (status, err) == (1, refusal)
        assert first.poll() is None
        first.kill()
        first.communicate()
        status, _, err = call(*training(), "--out", "both", "--overwrite")
        assert (status, err) == (0, "")
        assert outcome(work / "both") == outcome(work / "whole")


class TestNothingToResume:
    def test_a_finished_run_stays_as_it_is(self, work: Path, call) -> None:
        before = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in (work / "whole").iterdir()}
        assert call("resume", "whole") == (0, "whole has finished: there is nothing to resume\n", "")
        after = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in (work / "whole").iterdir()}
        assert after == before
        assert sorted(after) == sorted({*FILES} - {ERRORS, PAGE})

    def test_a_run_that_was_killed_when_all_was_written(self, work: Path, killed: Path, call) -> None:
        for path in (work / "whole").iterdir():
            shutil.copy(path, killed)
        assert call("resume", killed.name)[0] == 0
        assert outcome(killed) == outcome(work / "whole")

    def test_a_run_that_diverged(self, work: Path, call) -> None:
        linear = ["--activation", "identity", "--output", "identity", "--loss", "mean-squared-error", "--lr", "1e6"]
        linear += ["--set", "data.task=classification"]  # which the loss does not say
        assert call(*training("sgd"), *linear, "--out", "diverged", draws=True)[0] == 1
        made = json.loads((work / "diverged/summary.json").read_text())["iterations"]
        assert sorted(path.name for path in (work / "diverged").iterdir()) == sorted(
            {*FILES} - {CHECKPOINT, ERRORS, PAGE}
        )
        words = f"modnet: diverged has diverged after {made} iterations, and would again: try a smaller learning rate\n"
        assert call("resume", "diverged") == (1, "", words)

    def test_a_file(self, call) -> None:
        words = "modnet: RUN: points.csv is a file, and no folder of a run\n"
        assert call("resume", "points.csv") == (2, "", words)

    @pytest.mark.parametrize("what", ["nothing", "."])
    def test_what_is_no_run(self, call, what: str) -> None:
        assert call("resume", what) == (
            1, "", f"modnet: {what}: not the folder of a run, there is no experiment.toml in it\n"
        )  # fmt: skip


class TestAnotherRun:
    """Changes since the run began, with which a resumed run would be neither one nor the other."""

    @pytest.mark.parametrize(
        ("points", "words"),
        [
            ({"rows": 66}, "training rows: 48 then, 53 now, test rows: 12 then, 13 now, .*"),
            (
                {"first": 0.25},
                r"training features: \w{8}\.\.\. then, \w{8}\.\.\. now, preparation: \w{8}\.\.\. then, \w{8}\.\.\. now",
            ),
        ],
        ids=["fewer rows", "other values"],
    )
    def test_other_data(self, work: Path, killed: Path, call, points: dict[str, Any], words: str) -> None:
        write_points(killed / "points.csv", **points)
        there = killed / "experiment.toml"
        there.write_text(there.read_text().replace(str(work / "points.csv"), str(killed / "points.csv")))
        before = (killed / "checkpoint.npz").read_bytes()
        status, _, err = call("resume", killed.name)
        assert status == 1
        assert re.fullmatch(rf"modnet: {killed.name}: the data is not what the run began with: {words}\n", err), err
        assert (killed / "checkpoint.npz").read_bytes() == before
        write_points(killed / "points.csv")  # the same again, elsewhere
        assert call("resume", killed.name)[0] == 0

    def test_another_experiment(self, killed: Path, call) -> None:
        there = killed / "experiment.toml"
        there.write_text(there.read_text().replace("beta1 = 0.9", "beta1 = 0.8"))
        status, _, err = call("resume", killed.name)
        words = "changed since the run began: optimizer.beta1: change it back, or begin another run"
        assert (status, err) == (2, f"modnet: {killed.name}/experiment.toml: {words}\n")

    def test_more_iterations_are_no_other_run(self, work: Path, killed: Path, call) -> None:
        there = killed / "experiment.toml"
        there.write_text(there.read_text().replace(f"iterations = {ITERATIONS}", f"iterations = {ITERATIONS + 50}"))
        assert call("resume", killed.name)[0] == 0
        assert call(*training(iterations=ITERATIONS + 50), "--out", "longer")[0] == 0
        assert outcome(killed) == outcome(work / "longer")


class TestDamaged:
    def test_a_newest_checkpoint_that_is_cut_is_reported_and_the_one_before_is_used(
        self, work: Path, killed: Path
    ) -> None:
        newest = killed / "checkpoint.npz"
        newest.write_bytes(newest.read_bytes()[:-100])
        status, _, err = run("resume", killed.name, cwd=work)
        assert status == 0
        words = (
            f"modnet: warning: {killed.name}/checkpoint.npz: damaged, its digest is not that of its content; the one"
        )
        assert err.startswith(words)
        assert err.count("\n") == 1
        assert outcome(killed) == outcome(work / "whole")

    def test_where_both_are_the_run_is_not_begun_anew_behind_ones_back(self, killed: Path, call) -> None:
        for name in ("checkpoint.npz", "checkpoint-previous.npz"):
            content = bytearray((killed / name).read_bytes())
            content[len(content) // 2] ^= 1
            (killed / name).write_bytes(content)
        status, _, err = call("resume", killed.name)
        assert status == 1
        assert err.splitlines() == [
            f"modnet: {killed.name}/checkpoint.npz: damaged, its digest is not that of its content",
            f"{killed.name}/checkpoint-previous.npz: damaged, its digest is not that of its content",
            "the run cannot be resumed: start it again from the beginning",
        ]
        assert call("predict", killed.name, "points.csv")[0] == 0


class TestThirdPartyOptimizers:
    OWN = """
from typing import NamedTuple
import attrs, modnet

class Count(NamedTuple):
    steps: int
    log: list

@attrs.frozen
class Memory:
    velocity: dict
    count: Count
    best: float | None

@attrs.frozen
class Remembering(modnet.Optimizer):
    def init(self, params):
        return Memory({}, Count(0, []), None)

    def step(self, params, grads, state):
        old = state.velocity
        new = {k: 0.9 * old[k] + g if k in old else g for k, g in grads.items()}
        count = Count(state.count.steps + 1, [*state.count.log[-2:], float(grads["b1"][0])])
        memory = Memory(new, count, min(count.log))
        return {k: w - 0.05 / count.steps ** 0.5 * new[k] for k, w in params.items()}, memory

@attrs.frozen
class Hoarding(Remembering):
    def init(self, params):
        return {"seen": {1, 2}}

@modnet.hookimpl
def register_optimizers(register):
    register(Remembering)
    register(Hoarding)
"""

    def test_a_state_of_classes_resumes(self, work: Path) -> None:
        (work / "own.py").write_text(self.OWN)
        assert run(*training("remembering"), "-p", "own", "--out", "own-whole", cwd=work)[0] == 0
        process = start(*training("remembering"), "-p", "own", "--out", "own-killed", cwd=work)
        wait_until(lambda: (work / "own-killed/checkpoint-previous.npz").exists())
        process.kill()
        process.communicate()
        status, _, err = run("resume", "own-killed", cwd=work)
        assert (status, "Traceback" in err) == (0, False), err
        assert outcome(work / "own-killed") == outcome(work / "own-whole")

    def test_a_state_that_cannot_be_kept_is_reported_at_the_beginning(self, work: Path) -> None:
        (work / "own.py").write_text(self.OWN)
        status, _, err = run(*training("hoarding"), "-p", "own", "--out", "hoarded", cwd=work)
        words = "a checkpoint cannot hold the state of the optimizer hoarding (set at state['seen']): use"
        assert status == 1
        assert err.startswith(f"modnet: {words} arrays, numbers, text and None in dict, list, tuple, NamedTuple, ")
        assert err.splitlines()[1].startswith("in the plugin own: correct it, or take another optimizer (")
        assert err.count("\n") == 2
        assert not (work / "hoarded").exists()
