"""Ways in which plugins, signals and closed streams end a run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from processes import run_warm, wait_until

FOLLOWER = """
import os, shutil, signal, socket, sys, time
import modnet

class Odd(BaseException):
    pass

def deeper(n):
    return deeper(n + 1) + 1

@modnet.hookimpl
def {hook}(run):
    {code}
"""
PART = """
import sys
import modnet

class Leaving({base}):
    {method}
        sys.exit(0)

@modnet.hookimpl
def register_{kind}s(register):
    register(Leaving)
"""
ESTIMATOR = ("modnet.GradientEstimator", "def __call__(self, objective, params, stream):", "gradient")
ACTIVATION = ("modnet.Activation", "def __call__(self, a, axis=-1):", "activation")
OPTIONS = ("--data", "points.csv", "--hidden", "3", "--batch-size", "8", "--gradient", "backpropagation")
TRAIN = ("train", *OPTIONS, "--iterations", "30")


def start(folder: Path, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    known = {**os.environ, "MODNET_CACHE": str(folder / "cache"), "MODNET_CONFIG": str(folder / "config")}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen([sys.executable, "-m", "modnet", *arguments], cwd=folder, env=known, text=True, **streams)


def run(folder: Path, *arguments: str, **options: Any) -> tuple[int, str, str]:
    if not options:
        known = {**os.environ, "MODNET_CACHE": str(folder / "cache"), "MODNET_CONFIG": str(folder / "config")}
        done = run_warm(*arguments, cwd=folder, environment=known)
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout, done.stderr
    process = start(folder, *arguments, **options)
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in (err or ""), err
    return process.returncode, out or "", err or ""


def summary(folder: Path) -> Any:
    return json.loads((folder / "summary.json").read_text())


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with data and a finished run, `whole`."""
    folder = tmp_path_factory.mktemp("work")
    rows = np.random.default_rng(0).normal(size=(30, 3)).round(3).tolist()
    (folder / "points.csv").write_text("".join(f"{a},{b},{c},{'xyz'[i % 3]}\n" for i, (a, b, c) in enumerate(rows)))
    assert run(folder, *TRAIN, "--out", "whole")[0] == 0
    return folder


def follow(work: Path, name: str, hook: str, code: str) -> tuple[int, str, str]:
    (work / f"{name}.py").write_text(FOLLOWER.format(hook=hook, code=code))
    return run(work, *TRAIN, "-p", name, "--out", f"run-{name}")


def assert_resumes(work: Path, name: str) -> None:
    """Assert that a run ends with the bits of a whole one, once the plugin is gone."""
    status, _, err = run(work, "resume", f"run-{name}", "--without", name)
    assert status == 0, err
    assert summary(work / f"run-{name}")["params_sha256"] == summary(work / "whole")["params_sha256"]


RAISED = {
    "exit": ("sys.exit(0)", "ends the program: SystemExit: 0"),
    "exit_1": ("sys.exit('good bye')", "ends the program: SystemExit: good bye"),
    "generator": ("raise GeneratorExit", "fails: GeneratorExit"),
    "odd": ("raise Odd('odd')", "fails: Odd: odd"),
    "recursion": ("deeper(0)", "fails: RecursionError: maximum recursion depth exceeded"),
    "memory": ("bytearray(2 ** 62)", "fails: MemoryError"),
    "refused": ("socket.create_connection(('127.0.0.1', 9))", "fails: ConnectionRefusedError: "),
    "late": ("raise TimeoutError('timed out')", "fails: TimeoutError: timed out"),
    "pipe": ("raise BrokenPipeError(32, 'Broken pipe')", "fails: BrokenPipeError: [Errno 32] Broken pipe"),
    "escapes": ("raise ValueError('\\x1b[2Jgone')", "fails: ValueError: "),
}
SAMPLE = {"odd", "pipe"}
RAISED_CASES = [
    pytest.param(*case, id=name, marks=[] if name in SAMPLE else pytest.mark.check) for name, case in RAISED.items()
]
CLOSED = [">&-", "> /dev/full", "| head -n 1"]
CLOSED_CHECK = [pytest.param(way, marks=pytest.mark.check) for way in ("2>&-", ">&- 2>&-", "2> /dev/full")]


class TestHooks:
    @pytest.mark.parametrize(("code", "words"), RAISED_CASES)
    def test_that_raise_anything_fail_a_run_that_is_saved(
        self, work: Path, code: str, words: str, request: pytest.FixtureRequest
    ) -> None:
        name = f"raises_{request.node.callspec.id}"
        status, out, err = follow(work, name, "epoch_ended", code)
        assert status == 1
        assert "failed after 3 of 30 iterations" in out
        assert f"continue with: modnet resume run-{name}" in out
        assert f"modnet: the plugin {name} {words}" in err
        remedy = "a smaller network or a smaller batch" if "MemoryError" in words else "correct it"
        assert f"{remedy}, or leave it out, --without {name} (" in err
        assert (err.count("\n"), "\x1b" in err) == (1, False)
        assert summary(work / f"run-{name}")["status"] == "failed"
        assert_resumes(work, name)

    def test_that_end_the_program_before_the_first_iteration(self, work: Path) -> None:
        status, out, err = follow(work, "at_once", "run_started", "sys.exit(0)")
        assert (status, "failed after 0 of 30 iterations" in out) == (1, True)
        assert err.startswith("modnet: the plugin at_once ends the program: SystemExit: 0")
        assert not (work / "run-at_once").exists()

    @pytest.mark.check
    def test_that_end_the_program_after_the_last(self, work: Path) -> None:
        status, out, err = follow(work, "at_last", "run_ended", "sys.exit(0)")
        assert (status, "finished in" in out, "saved in run-at_last" in out) == (1, True, True)
        assert err.startswith("modnet: the plugin at_last ends the program: SystemExit: 0")
        assert summary(work / "run-at_last")["params_sha256"] == summary(work / "whole")["params_sha256"]

    @pytest.mark.check
    def test_that_interrupt(self, work: Path) -> None:
        status, out, err = follow(work, "stops", "epoch_ended", "raise KeyboardInterrupt")
        assert (status, "continue with: modnet resume run-stops" in out) == (130, True)
        assert err.startswith("modnet: the plugin stops interrupts the run: KeyboardInterrupt")
        assert summary(work / "run-stops")["status"] == "interrupted"
        assert_resumes(work, "stops")

    @pytest.mark.parametrize(
        ("code", "expected"),
        [
            ("os._exit(0)", 0),
            pytest.param("os._exit(3)", 3, marks=pytest.mark.check),
            pytest.param("os.kill(os.getpid(), signal.SIGSEGV)", -signal.SIGSEGV, marks=pytest.mark.check),
        ],
    )
    def test_that_end_the_process(self, work: Path, code: str, expected: int) -> None:
        name = f"gone_{abs(expected)}"
        assert follow(work, name, "epoch_ended", code)[0] == expected
        assert not (work / f"run-{name}/summary.json").exists()
        assert_resumes(work, name)

    @pytest.mark.parametrize(
        "code",
        [
            "os.chdir('/')",
            "os.close(1)",
            *(
                pytest.param(code, marks=pytest.mark.check)
                for code in (
                    "signal.signal(signal.SIGINT, signal.SIG_IGN)",
                    "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))",
                    "sys.stdout.close()",
                    "os.close(2)",
                    "sys.stdout = sys.stderr = None",
                    "os.environ.clear()",
                    "sys.setrecursionlimit(200)",
                )
            ),
        ],
    )
    def test_that_change_the_process_change_no_run(self, work: Path, code: str) -> None:
        name = f"changes_{abs(hash(code))}"
        status, out, err = follow(work, name, "run_started", code)
        assert (status, err.count("\n") <= 5) == (0, True), err
        assert summary(work / f"run-{name}")["params_sha256"] == summary(work / "whole")["params_sha256"]
        assert (work / f"run-{name}/curves.png").exists()
        assert not (work / f"run-{name}/.lock").exists()
        if "stdout" in code or "close(1)" in code:
            assert f"saved in run-{name}" in out + err or "None" in code

    def test_that_remove_the_folder_of_the_run(self, work: Path) -> None:
        status, out, err = follow(work, "removes", "epoch_ended", "shutil.rmtree('run-removes', ignore_errors=True)")
        assert (status, "saved in" in out) == (1, False)
        assert err == "modnet: run-removes: cannot be written: No such file or directory\n"


@pytest.mark.parametrize(("base", "method", "kind"), [pytest.param(*ESTIMATOR, marks=pytest.mark.check), ACTIVATION])
def test_a_part_that_ends_the_program(work: Path, base: str, method: str, kind: str) -> None:
    name = f"leaves_{kind}"
    (work / f"{name}.py").write_text(PART.format(base=base, method=method, kind=kind))
    status, _, err = run(work, *TRAIN, f"--{kind}", "leaving", "-p", name, "--out", f"run-{name}")
    assert (status, err.count("\n")) == (1, 1)
    remedy = f"correct it, or take another {kind}"
    assert err.startswith(f"modnet: the plugin {name} ends the program: SystemExit: 0: {remedy}")
    check = ("gradient-check", "--data", "points.csv", "--hidden", "3", f"--{kind}", "leaving", "-p", name)
    assert run(work, *check)[0] == 1
    many = ("--seeds", "2", "--workers", "1", "-p", name, "--out", f"many-{name}")
    status, _, err = run(work, "compare", *TRAIN[1:], f"--{kind}", "leaving", *many)
    assert (status, err.count("\n")) == (1, 1)
    assert f"the plugin {name} ends the program: SystemExit: 0" in err


def test_a_part_that_interrupts_is_named_and_a_signal_is_none(work: Path) -> None:
    base, method, kind = ACTIVATION
    check = ("gradient-check", "--data", "points.csv", f"--{kind}", "leaving")
    source = PART.format(base=base, method=method, kind=kind)
    (work / "stops_itself.py").write_text(source.replace("sys.exit(0)", "raise KeyboardInterrupt"))
    status, _, err = run(work, *check, "-p", "stops_itself")
    assert (status, "the plugin stops_itself interrupts the run: KeyboardInterrupt" in err) == (130, True)
    waits = "open('waits.mark', 'w').close(), __import__('time').sleep(60)"
    (work / "waits.py").write_text(source.replace("sys.exit(0)", waits))
    process = start(work, *check, "-p", "waits")
    wait_until((work / "waits.mark").exists, process)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60)[1].strip() == "modnet: interrupted"
    assert process.returncode == 130


def test_python_is_not_ended_by_a_plugin_either(work: Path) -> None:
    (work / "ends.py").write_text(FOLLOWER.format(hook="run_ended", code="sys.exit(0)"))
    script = """
import modnet
from modnet.compose.plugins import load_plugins
load_plugins((), ["ends"])
data = modnet.load("points.csv")
try:
    modnet.train(modnet.Network([3, 3, 3]), data, iterations=2)
except modnet.PluginError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=work, capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("the plugin ends ends the program: SystemExit: 0"), done.stderr


class TestSignals:
    @staticmethod
    def _send(work: Path, name: str, hook: str, code: str, *signals: signal.Signals) -> tuple[int, str, str]:
        (work / f"{name}.py").write_text(FOLLOWER.format(hook=hook, code=code))
        process = start(work, "train", *OPTIONS, "--iterations", "10000000", "-p", name, "--out", f"run-{name}")
        mark = work / f"{name}.mark"
        wait_until(mark.exists, process)
        time.sleep(0.1)  # made just before the code waits: Python does not see a signal that comes as a wait begins
        for number in signals:
            process.send_signal(number)
            time.sleep(0.3)
        out, err = process.communicate(timeout=60)
        assert "Traceback" not in err, err
        return process.returncode, out, err

    @pytest.mark.parametrize(
        ("number", "status"),
        [(signal.SIGTERM, 143), pytest.param(1, 129, marks=pytest.mark.check), (signal.SIGINT, 130)],
        ids=str,
    )
    def test_one_saves_the_run(self, work: Path, number: signal.Signals, status: int) -> None:
        name = f"signal_{int(number)}"
        code = f"open('{name}.mark', 'w').close()"
        ended, out, err = self._send(work, name, "epoch_ended", code, number)
        assert (ended, err) == (status, "")
        assert out.endswith(f"saved in run-{name}\ncontinue with: modnet resume run-{name}\n")
        assert summary(work / f"run-{name}")["status"] == "interrupted"

    def test_a_hook_that_hangs_is_ended_each_time(self, work: Path) -> None:
        code = "open('hangs.mark', 'w').close(); time.sleep(600)"
        ended, out, _ = self._send(work, "hangs", "epoch_ended", code, signal.SIGINT, signal.SIGINT)
        assert ended == 130
        assert "continue with: modnet resume run-hangs" in out
        assert summary(work / "run-hangs")["status"] == "interrupted"

    def test_one_that_comes_where_python_ignores_errors_is_not_lost(self, work: Path) -> None:
        code = """
    class Going:
        def __del__(self):
            open('going.mark', 'w').close()
            time.sleep(600)
    Going()
"""
        ended, _, err = self._send(work, "going", "epoch_ended", code, signal.SIGINT)
        assert (ended, err) == (130, "")
        assert summary(work / "run-going")["status"] == "interrupted"

    def test_it_is_not_ignored_again_by_the_next_object_that_goes(self) -> None:
        code = """
import signal, time
from modnet.cli.signals import interrupting

class Going:
    count = 0
    def __del__(self):
        Going.count += 1
        if Going.count == 1:
            signal.raise_signal(signal.SIGINT)
        time.sleep(0.001)

try:
    with interrupting("SIGINT"):
        while Going.count < 1000:
            Going()
    print("lost")
except KeyboardInterrupt:
    print("interrupted after", Going.count)
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
        assert (done.stdout, done.stderr) == ("interrupted after 1\n", "")

    def test_a_hook_that_lets_nothing_end_it_is_ended_by_the_third(self, work: Path) -> None:
        code = """
    while True:
        try:
            open('deaf.mark', 'w').close()
            time.sleep(600)
        except BaseException:
            pass
"""
        ended, _, _ = self._send(work, "deaf", "epoch_ended", code, *[signal.SIGTERM] * 3)
        assert ended == 143
        assert (work / "run-deaf/checkpoint.npz").exists()

    @pytest.mark.check
    def test_a_signal_that_is_ignored_stays_so(self, work: Path) -> None:
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup has it
        try:
            code = "open('nohup.mark', 'w').close()"
            ended, _, _ = self._send(work, "nohup", "epoch_ended", code, signal.SIGHUP, signal.SIGTERM)
        finally:
            signal.signal(signal.SIGHUP, before)
        assert ended == 143


class TestStreams:
    @pytest.mark.parametrize("streams", [*CLOSED, *CLOSED_CHECK])
    def test_nobody_reads_costs_nothing(self, work: Path, streams: str) -> None:
        name = f"closed_{abs(hash(streams))}"
        command = " ".join([sys.executable, "-m", "modnet", *TRAIN, "--out", name])
        script = f"{command} {streams}; exit ${{PIPESTATUS[0]}}"
        done = subprocess.run(["bash", "-c", script], cwd=work, capture_output=True, text=True, timeout=60)
        assert summary(work / name)["params_sha256"] == summary(work / "whole")["params_sha256"]
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        assert "Exception ignored" not in done.stderr
        assert done.stderr.count("\n") <= 4

    @pytest.mark.parametrize(
        "command", ["predict whole points.csv", pytest.param("verify whole", marks=pytest.mark.check)]
    )
    def test_nobody_reads_ends_it_silently(self, work: Path, command: str) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        status, _, err = run(work, *command.split(), stdout=writing)
        os.close(writing)
        assert status == 1
        assert "Broken pipe" not in err
        assert "ends the program" not in err


@pytest.mark.check
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_comparison_is_found_wherever_a_hook_changes_the_folder_to(work: Path, workers: str) -> None:
    (work / "wanders.py").write_text(FOLLOWER.format(hook="run_ended", code="os.chdir('/')"))
    many = ("--seeds", "2", "--workers", workers, "-p", "wanders", "--out", f"many-{workers}")
    status, out, err = run(work, "compare", *OPTIONS, "--iterations", "9", *many)
    assert (status, "saved in" in out) == (0, True), err
    assert (work / f"many-{workers}/comparison.json").exists()


WANDERER = """
import os
import modnet

class Wandering(modnet.Activation):
    elementwise = True

    def __call__(self, a, axis=-1):
        os.chdir("/")
        return a * 1

class Wanderers(modnet.DataSource):
    suffixes = (".wander",)

    def read(self, path):
        os.chdir("/")
        return modnet.Dataset.from_arrays(([[i % 7, i % 5] for i in range(40)], [i % 2 for i in range(40)]))

@modnet.hookimpl
def register_activations(register):
    register(Wandering)

@modnet.hookimpl
def register_data_sources(register):
    register(Wanderers)
"""


@pytest.mark.check
def test_relative_paths_are_those_of_the_beginning_wherever_a_part_changes_the_folder_to(work: Path) -> None:
    (work / "wanderer.py").write_text(WANDERER)
    (work / "points.wander").touch()
    part = ("-p", "wanderer", "--data", "points.wander", "--hidden", "3", "--activation", "wandering")
    for command in (
        ("train", *part, "--iterations", "4", "--out", "wandered"),
        ("verify", "wandered", "-p", "wanderer"),
        ("gradient-check", *part),
    ):
        status, out, err = run(work, *command)
        assert status == 0, out + err
    assert (work / "wandered/summary.json").exists()
    (work / "rows.csv").write_text("1,2\n3,4\n")
    status, out, err = run(work, "predict", "wandered", "rows.csv", "-p", "wanderer", "--set", "header=false")
    assert (status, out.count("\n")) == (0, 3), err


def test_a_hook_that_is_in_no_plugins_file_ends_no_command_with_success(work: Path) -> None:
    source = "import modnet, sys\ndone = {'modnet': modnet, 'sys': sys}\n"
    source += "exec('@modnet.hookimpl\\ndef run_ended(run): sys.exit(0)', done)"
    (work / "elsewhere.py").write_text(f"{source}\nrun_ended = done['run_ended']\n")
    status, _, err = run(work, *TRAIN, "-p", "elsewhere", "--out", "run-elsewhere")
    assert (status, err) == (1, "modnet: code of no plugin ends the program: SystemExit: 0 (<string>:2)\n")


def test_python_is_not_ended_by_a_source_either(work: Path) -> None:
    (work / "quits.py").write_text(WANDERER.replace('os.chdir("/")', "raise SystemExit(0)"))
    script = """
import modnet
from modnet.compose.plugins import load_plugins
load_plugins((), ["quits"])
try:
    modnet.load("points.wander")
except modnet.PluginError as error:
    print(error)
"""
    (work / "points.wander").touch()
    done = subprocess.run([sys.executable, "-c", script], cwd=work, capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("the plugin quits ends the program: SystemExit: 0"), done.stderr
