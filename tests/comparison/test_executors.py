"""Runs in executors: what workers must see, and how they are stopped."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs
import pytest

import modnet
from modnet.comparison.tasks import CALLER, Caller, hold_token, train_table
from modnet.compose.experiment import create_experiment, to_table
from modnet.data.fingerprint import data_fingerprint
from modnet.nn.checkpoint import hash_params, load_params
from modnet.runs.folder import LOCK, claim
from modnet.runs.surroundings import Segment

QUICK: dict[str, Any] = {"data": {"name": "iris"}, "gradient": "backpropagation", "training": {"iterations": 5}}
GRID: dict[str, Any] = {"hidden": [2, 3]}


@pytest.fixture
def caller(tmp_path: Path) -> Iterator[Caller]:
    """The process that compares, in a folder of its own."""
    folder = tmp_path / "comparison"
    surroundings = Segment.create(create_experiment(QUICK))
    with claim(folder), hold_token(folder) as token:
        yield Caller(folder, token, data_fingerprint(modnet.load("iris")), surroundings, ())


def train(caller: Caller, **more: Any) -> None:
    train_table("a run", str(caller.folder / "run"), to_table(create_experiment(QUICK)), caller, **more)


class TestProofs:
    def test_a_worker_that_sees_all_trains(self, caller: Caller) -> None:
        train(caller)
        assert (caller.folder / "run/summary.json").is_file()

    def test_of_the_folder(self, caller: Caller, tmp_path: Path) -> None:
        elsewhere = attrs.evolve(caller, folder=tmp_path / "elsewhere")
        words = r"a run: the worker process \d+ on .+ does not see the folder .*elsewhere: choose one that all workers"
        with pytest.raises(modnet.ModnetError, match=words):
            train(elsewhere)
        assert not elsewhere.folder.exists()

    def test_of_the_lock(self, caller: Caller, tmp_path: Path) -> None:
        unlocked = attrs.evolve(caller, folder=tmp_path / "unlocked")
        unlocked.folder.mkdir()
        (unlocked.folder / CALLER).write_text(caller.token)
        with pytest.raises(modnet.ModnetError, match=r"does not see the lock of .*unlocked, so that two could write"):
            train(unlocked)

    def test_of_the_data(self, caller: Caller) -> None:
        other = attrs.evolve(caller, data={**caller.data, "test rows": 7})
        with pytest.raises(modnet.ModnetError, match="reads other data, by their test rows: put the same file"):
            train(other)

    def test_of_code_and_libraries(self, caller: Caller) -> None:
        then = caller.surroundings
        other = attrs.evolve(caller, surroundings=attrs.evolve(then, libraries={**then.libraries, "numpy": "1.0"}))
        with pytest.raises(modnet.ModnetError, match=r"other code or libraries: library numpy .*, here 1.0: install"):
            train(other)
        train(other, accept=True)

    def test_of_parts(self, caller: Caller) -> None:
        other = attrs.evolve(caller, private=(("activation", "session:cube", "registered"),))
        with pytest.raises(modnet.ModnetError, match="'session:cube' is registered where its worker does not see it"):
            train(other)


def test_a_worker_waits_while_another_that_was_lost_writes_the_run(caller: Caller) -> None:
    run = caller.folder / "run"
    with ThreadPoolExecutor(1) as pool:
        with claim(run):
            done = pool.submit(train, caller)
            with pytest.raises(TimeoutError):
                done.result(0.5)
        done.result(60)
    assert (run / "summary.json").is_file()


@pytest.mark.parametrize("start", ["spawn", pytest.param("forkserver", marks=pytest.mark.check)])
def test_a_pool_of_processes_in_another_folder_takes_a_relative_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with ProcessPoolExecutor(2, multiprocessing.get_context(start), os.chdir, ("/",)) as pool:
        modnet.compare(QUICK, GRID, seeds=2, out="here", executor=pool)
    assert len([*tmp_path.glob("here/*/*/params.npz")]) == 4
    assert not (tmp_path / "here" / CALLER).exists()
    assert not (tmp_path / "here" / LOCK).exists()


def test_runs_stop_with_a_checkpoint_when_their_comparison_is_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modnet.comparison.tasks.POLL", 0.05)

    class Interrupted:
        def start(self, *_: Any) -> None:
            """The short run is awaited."""

        def advance(self, result: str) -> None:
            raise KeyboardInterrupt

    grid = {"training.iterations": [5, 10**7]}
    with ThreadPoolExecutor(2) as pool:  # which ends when the long run has
        with pytest.raises(KeyboardInterrupt):
            modnet.compare(QUICK, grid, seeds=1, out=tmp_path, executor=pool, progress=Interrupted())
        (long,) = tmp_path.glob("*0000/seed-0")
        with claim(long):
            assert (long / "checkpoint.npz").is_file()


class TestGiven:
    def test_what_is_no_executor(self, tmp_path: Path) -> None:
        from joblib import Parallel

        words = r"executor: must be a concurrent.futures.Executor or .*, not Parallel: joblib's pool .* is joblib"
        with pytest.raises(modnet.SettingError, match=words):
            modnet.compare(QUICK, GRID, seeds=1, out=tmp_path, executor=Parallel(2))
        with (
            pytest.raises(modnet.SettingError, match=words),
            modnet.train_grid(QUICK, GRID, seeds=1, executor=Parallel(2)),
        ):
            pass

    def test_one_that_was_shut_down(self, tmp_path: Path) -> None:
        pool = ThreadPoolExecutor(1)
        pool.shutdown()
        with pytest.raises(modnet.SettingError, match="executor: takes no runs: cannot schedule new futures"):
            modnet.compare(QUICK, GRID, seeds=1, out=tmp_path, executor=pool)

    @pytest.mark.check
    def test_joblibs_own(self, tmp_path: Path) -> None:
        from joblib.externals.loky import get_reusable_executor

        executor = get_reusable_executor(2)
        try:
            modnet.compare(QUICK, GRID, seeds=2, out=tmp_path / "there", executor=executor)
        finally:
            executor.shutdown(kill_workers=True)
        modnet.compare(QUICK, GRID, seeds=2, out=tmp_path / "here", workers=1)
        assert bits(tmp_path / "there") == bits(tmp_path / "here")


def bits(folder: Path) -> dict[str, str]:
    """Return the digest of the parameters of each run in a folder."""
    return {
        path.parent.relative_to(folder).as_posix(): hash_params(load_params(path)[0])
        for path in sorted(folder.glob("*/*/params.npz"))
    }
