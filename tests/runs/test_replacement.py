"""Runs that replace others, and finished runs that are lengthened."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from faults import Faults
from processes import Call

from modnet import DataError
from modnet.runs.folder import (
    ASIDE,
    CURVES,
    ERRORS,
    FILES,
    LOCK,
    PAGE,
    REPLACED,
    check_is_run,
    claim,
    read_ending,
    recover,
    set_aside,
)
from modnet.runs.recorder import RunRecorder, begin_run, create_run, train_run

Contents = dict[str, bytes]


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder in memory: these tests make thousands of files durable."""
    monkeypatch.setattr("modnet.nn.training.CHECKPOINT_EVERY", 0.0)
    monkeypatch.setattr("modnet.nn.training.CHECKPOINT_SHARE", 1e9)
    memory = Path("/dev/shm")  # noqa: S108 - if there is one
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as path:
        yield Path(path) / "run"


def contents(folder: Path) -> Contents:
    """Return the files of a run, and of anything hidden in its folder."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != LOCK)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def outcome(folder: Path) -> tuple[list[str], dict[str, Any], list[bytes]]:
    """Return what is equal in equal runs: all but seconds, and what holds or seals them."""
    summary = json.loads((folder / "summary.json").read_text())
    del summary["seconds"]
    same = [(folder / name).read_bytes() for name in ("experiment.toml", "history.csv", "params.npz", "hits.npy")]
    return sorted({path.name for path in folder.iterdir()} - {CURVES}), summary, same


def with_iterations(of: Any, iterations: int) -> Any:
    experiment, data = of
    return attrs.evolve(experiment, training=attrs.evolve(experiment.training, iterations=iterations)), data


def begin(folder: Path, of: Any, **options: Any) -> None:
    with create_run(folder, *of, **options) as recorder:
        train_run(*of, recorder)


def resume(folder: Path, of: Any) -> None:
    with claim(folder), warnings.catch_warnings():
        if read_ending(folder):
            return
        warnings.simplefilter("ignore")  # on a newest checkpoint that is not there
        recorder = RunRecorder(folder, *of)
        train_run(*of, recorder, recorder.load_checkpoint())


def lengthen(folder: Path, of: Any) -> None:
    with claim(folder):
        recorder = RunRecorder(folder, *of)
        start = recorder.load_checkpoint()
        with begin_run(recorder):
            train_run(*of, recorder, start)


def is_killed(action: Callable[[], None], faults: Faults) -> bool:
    child = os.fork()
    if not child:
        with contextlib.suppress(BaseException), faults.arm():
            action()
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def fails(action: Callable[[], None], faults: Faults) -> bool:
    with faults.arm(), contextlib.suppress(DataError, OSError):
        action()
    return faults.hit


def replace(folder: Path, of: Any) -> tuple[Callable[[], None], Any]:
    """Return the replacement of a run by another, and what the other is."""
    other = attrs.evolve(of[0], seed=7), of[1]
    return lambda: begin(folder, other, overwrite=True), other


def extend(folder: Path, of: Any) -> tuple[Callable[[], None], Any]:
    """Return the lengthening of a run, and what it is then."""
    longer = with_iterations(of, 2 * of[0].training.iterations)
    return lambda: lengthen(folder, longer), longer


@pytest.mark.parametrize("step", [11, pytest.param(1, marks=pytest.mark.check)])
@pytest.mark.parametrize("happens", [fails, is_killed])
@pytest.mark.parametrize("change", [replace, extend])
def test_the_old_run_or_the_new_one_is_whole_whenever_it_ends(
    experiment: Any, folder: Path, step: int, happens: Callable[..., bool], change: Callable[..., Any]
) -> None:
    action, new = change(folder, experiment)
    begin(folder, new)
    expected = outcome(folder)
    shutil.rmtree(folder)
    begin(folder, experiment)
    old = contents(folder)
    ends = set()
    for at in range(1, 2000, step):
        happened = happens(action, Faults(folder, at, "kill" if happens is is_killed else "fail"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it is restored
            check_is_run(folder)
        is_old = (folder / "experiment.toml").read_bytes() == old["experiment.toml"]
        ends.add(is_old)
        if is_old:
            assert contents(folder) == old, f"operation {at}"
        else:
            resume(folder, new)
            assert outcome(folder) == expected, f"operation {at}"
            shutil.rmtree(folder)
            begin(folder, experiment)
            old = contents(folder)
        if not happened:
            break
    assert ends == {True, False}
    assert 60 < at < 1999


def test_a_restored_run_is_reported_once(experiment: Any, folder: Path) -> None:
    action, _ = replace(folder, experiment)
    begin(folder, experiment)
    old = contents(folder)
    at = 20
    while is_killed(action, Faults(folder, at, "kill")) and not (folder / ASIDE).is_dir():
        at += 1
    with pytest.warns(UserWarning, match=r"run: the run that was to replace this one was killed before its first"):
        recover(folder)
    assert contents(folder) == old
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        recover(folder)


def test_a_run_that_is_being_replaced_is_left_alone(experiment: Any, folder: Path) -> None:
    begin(folder, experiment)
    with create_run(folder, *experiment, overwrite=True) as recorder:
        check_is_run(folder)
        assert (folder / ASIDE / "summary.json").exists()
        recorder.abandon = lambda: False  # type: ignore[method-assign]  # as when its process is killed
    with pytest.warns(UserWarning, match="restored"):
        check_is_run(folder)


@pytest.mark.parametrize("name", [ASIDE, REPLACED])
def test_a_link_under_that_name_moves_and_removes_nothing(experiment: Any, folder: Path, name: str) -> None:
    begin(folder, experiment)
    other = folder.with_name("other")
    begin(other, experiment)
    before, here = contents(other), contents(folder)
    (folder / name).symlink_to(other)
    recover(folder)
    with claim(folder):
        assert read_ending(folder)
    assert (contents(other), here) == (before, {k: v for k, v in contents(folder).items() if "/" not in k})
    begin(folder, experiment, overwrite=True)
    assert contents(other) == before


@pytest.mark.parametrize("name", [ASIDE, REPLACED])
@pytest.mark.parametrize("put", [lambda path: os.mkfifo(path), Path.touch], ids=["a pipe", "a file"])
def test_what_is_no_folder_under_that_name_is_removed(
    experiment: Any, folder: Path, name: str, put: Callable[[Path], None]
) -> None:
    begin(folder, experiment)
    put(folder / name)
    resume(folder, experiment)
    begin(folder, experiment, overwrite=True)
    assert not os.path.lexists(folder / name)


PLUGIN = """
import modnet

class Bad(modnet.GradientEstimator):
    made = 0
    def __call__(self, objective, params, stream):
        Bad.made += 1
        if Bad.made > {after}:
            {ends}
        return objective.backward(params)

@modnet.hookimpl
def register_gradients(register):
    register(Bad)
"""
TRAIN = ("train", "--data", "points.csv", "--hidden", "3", "--iterations", "30", "--batch-size", "8")
OLD = (*TRAIN, "--gradient", "backpropagation", "--out", "run")


OLDER = (
    "modnet: run cannot be lengthened: it has no checkpoint, as it is of an older modnet or one of many in a "
    "comparison: train it from the start, modnet train run/experiment.toml --iterations 40 --out run-40"
)
LINEAR = ("--activation", "identity", "--output", "identity", "--loss", "mean-squared-error", "--lr", "1e6")
LINEAR += ("--set", "data.task=classification", "--optimizer", "sgd")


@pytest.fixture
def work(tmp_path: Path, call: Call) -> Path:
    """Return a folder with data and a finished run, `run`."""
    rows = np.random.default_rng(0).normal(size=(30, 3)).round(3).tolist()
    (tmp_path / "points.csv").write_text("".join(f"{a},{b},{c},{'xyz'[i % 3]}\n" for i, (a, b, c) in enumerate(rows)))
    assert call(*OLD, cwd=tmp_path).returncode == 0
    return tmp_path


class TestOverwrite:
    @pytest.mark.parametrize("after", [0, 3])
    @pytest.mark.parametrize("ends", ["raise ValueError('broken')", "raise KeyboardInterrupt"])
    def test_a_bad_plugin_does_not_cost_the_run_that_was_there(
        self, work: Path, call: Call, after: int, ends: str
    ) -> None:
        before = contents(work / "run")
        name = f"bad_{after}_{len(ends)}"
        (work / f"{name}.py").write_text(PLUGIN.format(after=after, ends=ends))
        done = call(*TRAIN, "-p", name, "--gradient", "bad", "--out", "run", "--overwrite", cwd=work)
        assert done.returncode == (130 if "Keyboard" in ends else 1)
        if "Keyboard" in ends and after:  # it has made iterations, and is worth as much
            assert "continue with: modnet resume run" in done.stdout
            assert json.loads((work / "run/summary.json").read_text())["iterations"] == after
        else:
            assert "run holds the run that was there before" in done.stdout
            assert contents(work / "run") == before

    def test_a_loss_that_is_not_finite_at_once(self, work: Path, call: Call) -> None:
        before = contents(work / "run")
        (work / "huge.toml").write_text("network.weight_init_std = 1e300")
        done = call(TRAIN[0], "huge.toml", *OLD[1:], *LINEAR, "--overwrite", cwd=work)
        assert done.returncode == 1
        assert "run holds the run that was there before" in done.stdout
        assert contents(work / "run") == before

    @pytest.mark.parametrize("content", ["{", None])
    def test_a_damaged_summary_is_no_reason_to_begin_anew(self, work: Path, call: Call, content: str | None) -> None:
        if content:
            (work / "run/summary.json").write_text(content)
        else:
            (work / "run/summary.json").unlink()
        before = contents(work / "run")
        done = call("resume", "run", cwd=work)
        assert done.returncode == 1
        assert done.stderr.startswith("modnet: run is not as the run left it: summary.json")
        assert done.stderr.count("\n") == 1
        assert contents(work / "run") == before

    @pytest.mark.parametrize(
        ("command", "status"),
        [
            (("predict", "run", "points.csv"), 0),
            (("plot", "run", "--out", "curves.svg"), 0),
            (("verify", "run"), 0),
            (("resume", "run"), 0),
            ((*OLD,), 2),
        ],
        ids=lambda value: value[0] if isinstance(value, tuple) else "",
    )
    def test_the_next_command_restores_the_run(
        self, work: Path, call: Call, command: tuple[str, ...], status: int
    ) -> None:
        before = contents(work / "run")
        set_aside(work / "run")  # and killed
        (work / "run/experiment.toml").write_text("seed = 5")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            done = call(*command, cwd=work)
        assert done.returncode == status, done.stderr
        assert done.stderr.startswith(
            "modnet: warning: run: the run that was to replace this one was killed before its"
        )
        assert contents(work / "run") == before

    def test_a_full_disk_at_the_beginning(self, work: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        before = contents(work / "run")
        monkeypatch.setattr("modnet.runs.recorder.write_atomically", full)
        done = call(*OLD, "--overwrite", cwd=work)
        lines = ["modnet: run: cannot be written: No space left on device", "run holds the run that was there before"]
        assert (done.returncode, done.stderr.splitlines()) == (1, lines)
        assert contents(work / "run") == before


class TestLengthened:
    @pytest.mark.parametrize(("short", "long"), [(30, 60), (30, 31), (3, 50), (1, 30), (0, 6), (6, 7), (7, 60)])
    @pytest.mark.parametrize("sampling", ["replacement", "shuffle"])
    def test_it_is_as_if_it_had_been_so_long_from_the_start(
        self, experiment: Any, folder: Path, short: int, long: int, sampling: str
    ) -> None:
        training = attrs.evolve(experiment[0].training, sampling=sampling)
        of = attrs.evolve(experiment[0], training=training), experiment[1]
        begin(folder, with_iterations(of, short))
        lengthen(folder, with_iterations(of, long))
        begin(folder.with_name("long"), with_iterations(of, long))
        assert outcome(folder) == outcome(folder.with_name("long"))
        assert sorted(path.name for path in folder.iterdir()) == sorted({*FILES} - {CURVES, ERRORS, PAGE})

    def test_by_command_again_and_again(self, work: Path, call: Call) -> None:
        for iterations in ("40", "55"):
            done = call("resume", "run", "--iterations", iterations, cwd=work)
            assert done.returncode == 0, done.stderr
            assert call("resume", "run", cwd=work).stdout == "run has finished: there is nothing to resume\n"
        assert call(*OLD[:-1], "long", "--iterations", "55", cwd=work).returncode == 0
        assert outcome(work / "run") == outcome(work / "long")
        assert "\nidentical: 55 iterations" in call("verify", "run", cwd=work).stdout

    def test_an_interrupted_run(self, work: Path, call: Call) -> None:
        (work / "stops.py").write_text(PLUGIN.format(after=20, ends="raise KeyboardInterrupt"))
        begun = ("--gradient", "bad", "-p", "stops", "--out", "stopped")
        assert call(*TRAIN, *begun, cwd=work).returncode == 130
        before = contents(work / "stopped")
        (work / "stops.py").write_text(PLUGIN.format(after=1000, ends="pass"))
        done = call("resume", "stopped", "--iterations", "10", cwd=work)
        assert (done.returncode, done.stderr) == (
            2, "modnet: --iterations: stopped has made 20 iterations already: give more\n",
        )  # fmt: skip
        assert contents(work / "stopped") == before

    @pytest.mark.parametrize(
        ("change", "iterations", "status", "words"),
        [
            (lambda run: None, "29", 2, "modnet: --iterations: run has made 30 iterations already: give more"),
            (lambda run: None, "30", 0, ""),
            (
                lambda run: (run / "checkpoint.npz").unlink(), "40", 1,
                OLDER,
            ),
            (
                lambda run: (run / "checkpoint.npz").write_bytes(b"damaged"), "40", 1,
                "modnet: run/checkpoint.npz: damaged, its digest is not that of its content",
            ),
        ],
    )  # fmt: skip
    def test_where_it_cannot_be(
        self, work: Path, call: Call, change: Callable[[Path], None], iterations: str, status: int, words: str
    ) -> None:
        change(work / "run")
        before = contents(work / "run")
        done = call("resume", "run", "--iterations", iterations, cwd=work)
        assert (done.returncode, done.stderr.partition("\n")[0]) == (status, words)
        assert contents(work / "run") == before
        if "modnet train" in words:
            assert call(*words.rpartition(", modnet ")[2].split(), cwd=work).returncode == 0
            assert json.loads((work / "run-40/summary.json").read_text())["iterations"] == 40

    def test_a_run_that_diverged(self, work: Path, call: Call) -> None:
        assert call(*OLD[:-1], "gone", *LINEAR, cwd=work).returncode == 1
        done = call("resume", "gone", "--iterations", "60", cwd=work)
        assert done.returncode == 1
        assert "has diverged after" in done.stderr
        assert done.stderr.count("\n") == 1

    def test_one_that_fails_at_once_is_as_it_was(self, work: Path, call: Call) -> None:
        (work / "later.py").write_text(PLUGIN.format(after=25, ends="raise ValueError('broken')"))
        first = ("--gradient", "bad", "-p", "later", "--iterations", "20", "--out", "later")
        assert call(*TRAIN, *first, cwd=work).returncode == 0
        before = contents(work / "later")
        done = call("resume", "later", "--iterations", "90", cwd=work)
        assert done.returncode == 0 or contents(work / "later") == before
