"""Many runs in one folder: the same bits everywhere, resumed, and verified."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from modnet_progress.terminal import RunsProgress
from modnet_verdicts.comparing import FILES
from processes import wait_until

import modnet
from modnet.comparison.tasks import train_table
from modnet.comparison.training import measure_progress
from modnet.comparison.workers import Job
from modnet.compose.experiment import create_experiment, run_experiment, to_table
from modnet.errors import MissingExtraError
from modnet.nn.checkpoint import Checkpoint
from modnet.runs.folder import HITS, claim

GRID = {"hidden": [2, 5]}
SEEDS = 3
LONG = 4000  # iterations of a run that is stopped on its way


@pytest.fixture(scope="module")
def experiment(points: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = points(tmp_path_factory.mktemp("data") / "points.csv")
    return {
        "data": {"path": str(path)},
        "gradient": "backpropagation",
        "training": {"batch_size": 5, "iterations": 40},
    }


@pytest.fixture(scope="module")
def done(experiment: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a comparison that this process has made alone."""
    folder = tmp_path_factory.mktemp("done")
    modnet.compare(experiment, GRID, seeds=SEEDS, out=folder, workers=1)
    return folder


@pytest.fixture
def copy(done: Path, tmp_path: Path) -> Path:
    return shutil.copytree(done, tmp_path / "copy")


def bits(folder: Path) -> dict[str, str]:
    """Return the digest of each run's parameters."""
    runs = sorted(folder.glob("*/seed-*/summary.json"))
    return {str(run.parent.relative_to(folder)): json.loads(run.read_text())["params_sha256"] for run in runs}


class TestFolder:
    def test_it_holds_every_run_and_the_results(self, done: Path) -> None:
        assert set(FILES) | {"comparison.toml", "hidden-2", "hidden-5"} == {path.name for path in done.iterdir()}
        assert [path.name for path in sorted((done / "hidden-5").iterdir())] == ["seed-0", "seed-1", "seed-2"]

    def test_a_run_in_it_is_a_run_like_any_other(self, done: Path, experiment: dict[str, Any]) -> None:
        source = modnet.load(experiment["data"]["path"])
        run = modnet.train(
            modnet.Network.for_data(source, hidden=5, seed=1), source, batch_size=5, iterations=40, seed=1
        )
        assert (
            np.load(done / "hidden-5" / "seed-1" / HITS).tolist()
            == run.network.hits(source.test.x, source.test.t).tolist()
        )

    def test_what_is_returned_is_what_the_runs_recognise(self, copy: Path, experiment: dict[str, Any]) -> None:
        result = modnet.compare(experiment, GRID, seeds=SEEDS, out=copy)
        for setting in result.settings:
            for seed, hits in zip(result.seeds, setting.hits, strict=True):
                assert hits.tolist() == np.load(copy / setting.setting.folder / f"seed-{seed}" / HITS).tolist()

    def test_without_a_folder_nothing_is_left(
        self, experiment: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        modnet.compare(experiment, {"hidden": [2]}, seeds=1, workers=1)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("workers", [0, -1])
    def test_there_are_no_fewer_workers_than_one(self, experiment: dict[str, Any], workers: int) -> None:
        with pytest.raises(modnet.SettingError, match=f"workers: must be >= 1: {workers}"):
            modnet.compare(experiment, {"hidden": [2]}, seeds=1, workers=workers)

    def test_an_executor_has_its_own_workers(self, experiment: dict[str, Any]) -> None:
        with ThreadPoolExecutor(1) as executor, pytest.raises(modnet.SettingError, match="workers: an executor has"):
            modnet.compare(experiment, {"hidden": [2]}, seeds=1, workers=2, executor=executor)

    def test_its_toml_makes_it_again(self, done: Path, tmp_path: Path) -> None:
        modnet.compare(done / "comparison.toml", out=tmp_path / "again", workers=1)
        assert bits(tmp_path / "again") == bits(done)
        assert [(tmp_path / "again" / name).read_bytes() for name in FILES] == [
            (done / name).read_bytes() for name in FILES
        ]

    def test_seeds_begin_with_the_experiments_own(self, experiment: dict[str, Any], tmp_path: Path) -> None:
        result = modnet.compare({**experiment, "seed": 7}, {"hidden": [2]}, seeds=2, out=tmp_path, workers=1)
        assert result.seeds == (7, 8)
        assert set(bits(tmp_path)) == {"hidden-2/seed-7", "hidden-2/seed-8"}


class TestSameBits:
    def test_in_processes(self, done: Path, experiment: dict[str, Any], tmp_path: Path) -> None:
        modnet.compare(experiment, GRID, seeds=SEEDS, out=tmp_path, workers=2)
        assert bits(tmp_path) == bits(done)

    def test_in_an_executor_that_is_handed_in(self, done: Path, experiment: dict[str, Any], tmp_path: Path) -> None:
        with ThreadPoolExecutor(3) as executor:
            modnet.compare(experiment, GRID, seeds=SEEDS, out=tmp_path, executor=executor)
        assert bits(tmp_path) == bits(done)

    def test_with_an_estimator_whose_threads_are_shared_out(self, experiment: dict[str, Any], tmp_path: Path) -> None:
        central = {**experiment, "gradient": "central-difference"}
        for workers in (1, 2):
            modnet.compare(central, {"hidden": [3]}, seeds=2, out=tmp_path / str(workers), workers=workers)
        assert bits(tmp_path / "1") == bits(tmp_path / "2")
        wanted = (tmp_path / "2" / "hidden-3" / "seed-0" / "experiment.toml").read_text()
        assert "threads" not in wanted.split("[gradient]")[1].split("[")[0]


class TestContinued:
    def test_nothing_that_is_there_is_run_again(self, copy: Path, experiment: dict[str, Any]) -> None:
        before = {path: path.stat().st_mtime_ns for path in copy.rglob("seed-*/*")}
        modnet.compare(experiment, GRID, seeds=SEEDS, out=copy)
        assert {path: path.stat().st_mtime_ns for path in copy.rglob("seed-*/*")} == before

    def test_more_seeds_and_settings_add_to_it(self, copy: Path, experiment: dict[str, Any]) -> None:
        before = bits(copy)
        result = modnet.compare(experiment, {"hidden": [2, 3, 5]}, seeds=SEEDS + 1, out=copy, workers=1)
        assert len(result.settings) == 3
        assert len(bits(copy)) == 12
        assert before.items() <= bits(copy).items()

    def test_a_run_that_was_removed_is_run_anew(self, done: Path, copy: Path, experiment: dict[str, Any]) -> None:
        shutil.rmtree(copy / "hidden-5" / "seed-2")
        modnet.compare(experiment, GRID, seeds=SEEDS, out=copy, workers=1)
        assert bits(copy) == bits(done)

    def test_a_run_that_was_interrupted_resumes_to_the_same_bits(
        self, done: Path, copy: Path, experiment: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shutil.rmtree(copy / "hidden-2" / "seed-1")
        monkeypatch.setattr("modnet.nn.training.CHECKPOINT_EVERY", 0.0)
        monkeypatch.setattr("modnet.nn.training.CHECKPOINT_SHARE", 1e9)
        monkeypatch.setattr("modnet.runs.recorder.run_experiment", run_until(20))
        with pytest.raises(KeyboardInterrupt):
            modnet.compare(experiment, GRID, seeds=SEEDS, out=copy, workers=1)
        monkeypatch.undo()
        half_done = Job("", copy / "hidden-2" / "seed-1", create_experiment(experiment))
        assert measure_progress(half_done) == 20 / 40
        modnet.compare(experiment, GRID, seeds=SEEDS, out=copy, workers=1)
        assert bits(copy) == bits(done)

    def test_what_is_there_is_reported(
        self, copy: Path, experiment: dict[str, Any], capsys: pytest.CaptureFixture[str]
    ) -> None:
        shutil.rmtree(copy / "hidden-5" / "seed-2")
        with RunsProgress(sys.stdout) as progress:
            modnet.compare(experiment, GRID, seeds=SEEDS, out=copy, workers=1, progress=progress)
        first, second = capsys.readouterr().out.splitlines()
        assert first == "5 of 6 runs are finished already"
        assert second.startswith("6 of 6  hidden 5, seed 2: test accuracy ")


def test_what_takes_long_gives_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modnet_progress.terminal.MEASURE_EVERY", 0.01)
    monkeypatch.setattr("modnet_progress.terminal.SIGN_OF_LIFE", 0.02)
    out = io.StringIO()
    with RunsProgress(out) as progress:
        progress.start(4, 1, lambda: 0.5)
        wait_until(lambda: out.getvalue().count("left") >= 2)
    first, *signs = out.getvalue().splitlines()
    assert first == "1 of 4 runs are finished already"
    assert all(sign.startswith("1 of 4, ") and sign.endswith(" left") for sign in signs)


def test_runs_are_not_measured_where_nothing_is_shown_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modnet_progress.terminal.MEASURE_EVERY", 0.001)
    measured: list[float] = []
    with RunsProgress(io.StringIO()) as progress:
        progress.start(4, 1, lambda: measured.append(0.5) or 0.5)
        time.sleep(0.1)
    assert not measured


def run_until(iteration: int) -> Callable[..., Any]:
    """Return a replacement of `run_experiment` in which Ctrl-C is pressed at some iteration."""

    def run(
        experiment: Any, data: Any, start: Any, keep: Callable[[Checkpoint], None], *args: Any, **origin: Any
    ) -> Any:
        def save(checkpoint: Checkpoint) -> None:
            keep(checkpoint)
            if checkpoint.iteration == iteration:
                raise KeyboardInterrupt

        return run_experiment(experiment, data, start, save, *args, **origin)

    return run


class TestTrust:
    def test_another_experiment_in_the_folder(self, copy: Path, experiment: dict[str, Any]) -> None:
        other = {**experiment, "training": {"batch_size": 5, "iterations": 41}}
        with pytest.raises(modnet.SettingError, match=r"holds a run with another training\.iterations"):
            modnet.compare(other, GRID, seeds=SEEDS, out=copy)

    @pytest.mark.parametrize("name", ["hits.npy", "history.csv", "params.npz", "experiment.toml"])
    def test_a_file_that_was_changed(self, copy: Path, experiment: dict[str, Any], name: str) -> None:
        file = copy / "hidden-5" / "seed-1" / name
        content = bytearray(file.read_bytes())
        content[-2] ^= 1
        file.write_bytes(content)
        with pytest.raises(modnet.DataError, match=rf"seed-1 is not as the run left it: {name}; remove it"):
            modnet.compare(experiment, GRID, seeds=SEEDS, out=copy)

    def test_a_run_without_its_experiment(self, copy: Path, experiment: dict[str, Any]) -> None:
        run = copy / "hidden-5" / "seed-1"
        (run / "experiment.toml").unlink()
        with pytest.raises(modnet.DataError, match=r"seed-1: not the folder of a run, .*: remove it to repeat the run"):
            modnet.compare(experiment, GRID, seeds=SEEDS, out=copy)
        shutil.rmtree(run)
        assert len(modnet.compare(experiment, GRID, seeds=SEEDS, out=copy).seeds) == SEEDS

    def test_the_experiment_of_another_run(self, copy: Path, experiment: dict[str, Any]) -> None:
        shutil.copy(copy / "hidden-5/seed-0/experiment.toml", copy / "hidden-5/seed-1")
        with pytest.raises(
            modnet.DataError, match=r"seed-1 is not as the run left it: experiment.toml \(seed\); remove"
        ):
            modnet.compare(experiment, GRID, seeds=SEEDS, out=copy)

    def test_a_link_in_place_of_a_run_is_not_written_through(self, experiment, copy: Path, tmp_path: Path) -> None:
        run = next(copy.glob("*/seed-1"))
        elsewhere = run.rename(tmp_path / "elsewhere")
        (elsewhere / "receipt.json").unlink()
        (elsewhere / "summary.json").unlink()
        before = {path.name: path.read_bytes() for path in elsewhere.iterdir()}
        run.symlink_to(elsewhere)
        with pytest.raises(modnet.DataError, match="seed-1: a link, expected a folder"):
            modnet.compare(experiment, GRID, seeds=SEEDS, out=copy, workers=1)
        assert {path.name: path.read_bytes() for path in elsewhere.iterdir()} == before

    def test_other_data_than_the_runs_had(
        self, copy: Path, experiment: dict[str, Any], points: Callable[..., Path], tmp_path: Path
    ) -> None:
        other = points(tmp_path / "points.csv", first=0.6)
        moved = {**experiment, "data": {"path": str(other)}}
        with pytest.raises(modnet.DataError, match=r"was run with other data: .*labels"):
            modnet.compare(moved, GRID, seeds=SEEDS, out=copy)

    def test_the_same_data_elsewhere(self, done: Path, copy: Path, experiment: dict[str, Any], tmp_path: Path) -> None:
        shutil.copy(experiment["data"]["path"], tmp_path / "moved.csv")
        moved = {**experiment, "data": {"path": str(tmp_path / "moved.csv")}}
        modnet.compare(moved, GRID, seeds=SEEDS, out=copy)
        assert bits(copy) == bits(done)

    def test_a_folder_with_something_else_in_it(self, experiment: dict[str, Any], tmp_path: Path) -> None:
        (tmp_path / "runs.csv").write_text("mine")
        with pytest.raises(modnet.SettingError, match=r"exists and is not the folder of a comparison: choose another"):
            modnet.compare(experiment, GRID, seeds=1, out=tmp_path, workers=1)
        assert [path.name for path in tmp_path.iterdir()] == ["runs.csv"]
        assert (tmp_path / "runs.csv").read_text() == "mine"

    def test_what_a_process_left_that_was_killed_at_once(self, experiment: dict[str, Any], tmp_path: Path) -> None:
        (tmp_path / ".lock").touch()
        (tmp_path / ".comparison.toml.abcdefgh").touch()
        modnet.compare(experiment, {"hidden": [2]}, seeds=1, out=tmp_path, workers=1)
        assert {path.name for path in tmp_path.iterdir()} == {*FILES, "comparison.toml", "hidden-2"}

    def test_a_folder_that_cannot_be_made(self, experiment: dict[str, Any], tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(modnet.DataError, match=r"file/out: cannot be written: Not a directory"):
            modnet.compare(experiment, GRID, seeds=1, out=tmp_path / "file" / "out", workers=1)

    def test_two_at_one_folder(self, copy: Path, experiment: dict[str, Any]) -> None:
        with claim(copy), pytest.raises(modnet.DataError, match="another process writes this run"):
            modnet.compare(experiment, GRID, seeds=SEEDS, out=copy)


class TestFailures:
    def test_a_run_that_diverges_counts_with_what_it_had_learned(
        self, experiment: dict[str, Any], tmp_path: Path
    ) -> None:
        network = {"activation": "identity", "output": "identity", "loss": "mean-squared-error"}
        data = {**experiment["data"], "task": "classification"}
        wild = {**experiment, "data": data, "optimizer": "sgd", "network": network}
        result = modnet.compare(wild, {"lr": [0.01, 1e6]}, seeds=2, out=tmp_path, workers=1)
        assert [set(setting.statuses) for setting in result.settings] == [{"finished"}, {"diverged"}]
        assert "2 of 2" in str(result)
        modnet.compare(wild, {"lr": [0.01, 1e6]}, seeds=2, out=tmp_path)

    def test_errors_beyond_all_bounds_leave_a_comparison_whole(self, tmp_path: Path) -> None:
        rows = "".join(f"{i % 7 - 3},{i % 5 - 2},{i % 11}\n" for i in range(60))
        (tmp_path / "table.csv").write_text(f"a,b,label\n{rows}")
        data = {"path": str(tmp_path / "table.csv"), "task": "regression"}
        network = {"hidden": [3], "output": "identity", "loss": "mean-squared-error"}
        training = {"iterations": 60, "batch_size": 10}
        wild = {"data": data, "network": network, "optimizer": {"name": "sgd", "lr": 0.01}, "training": training}
        result = modnet.compare(wild, {"lr": [0.01, 1e8]}, seeds=2, workers=1)
        assert [set(setting.statuses) for setting in result.settings] == [{"finished"}, {"diverged"}]
        assert np.isfinite(result.settings[1].scores).all()
        assert "lr 1e+08: 2 of 2" in " ".join(str(result).split())

    @pytest.mark.parametrize("workers", [1, 2])
    def test_a_part_that_fails_names_the_run_and_the_place(
        self, experiment: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
    ) -> None:
        (tmp_path / "my_faulty.py").write_text(FAULTY)
        monkeypatch.syspath_prepend(str(tmp_path))
        faulty = {**experiment, "plugins": {"modules": ["my_faulty"]}}
        with unload_at_end("my_faulty"), pytest.raises(modnet.ModnetError) as caught:
            modnet.compare(faulty, {"activation": ["relu", "faulty"]}, seeds=1, out=tmp_path / "out", workers=workers)
        assert "activation faulty, seed 0: the plugin my_faulty fails: ZeroDivisionError: " in str(caught.value)
        assert "my_faulty.py:8" in str(caught.value)

    def test_what_was_done_before_a_failure_is_kept(self, copy: Path, experiment: dict[str, Any]) -> None:
        with pytest.raises(modnet.ModnetError, match="optimizer"):
            modnet.compare(experiment, {**GRID, "optimizer": ["sgd", "sdg"]}, seeds=SEEDS, out=copy)
        assert len(bits(copy)) == 6

    def test_no_test_samples(self, experiment: dict[str, Any]) -> None:
        whole = {**experiment, "data": {**experiment["data"], "test_fraction": 0.0}}
        with pytest.raises(modnet.DataError, match="a comparison needs at least 2 test samples, there are 0"):
            modnet.compare(whole, GRID, workers=1)

    def test_without_scipy(self, experiment: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "scipy", None)
        words = r"a comparison needs an extra .*: pip install 'modnet-workbench\[compare\]'"
        with pytest.raises(MissingExtraError, match=words):
            modnet.compare(experiment, GRID)

    def test_a_part_of_this_process_alone_is_run_in_this_process(
        self, experiment: dict[str, Any], tmp_path: Path
    ) -> None:
        class Cube(modnet.Activation):
            elementwise = True

            def __call__(self, a: Any, axis: int = -1) -> Any:
                return a**3

        undo = modnet.register(Cube)
        try:
            grid = {"activation": ["tanh", "cube"]}
            assert len(modnet.compare(experiment, grid, seeds=2, out=tmp_path).settings) == 2
            with pytest.raises(modnet.SettingError, match="'cube' is registered in this process alone: take 1"):
                modnet.compare(experiment, grid, seeds=3, out=tmp_path, workers=2)
        finally:
            undo()

    @pytest.mark.parametrize(
        ("table", "words"),
        [
            ({"seeds": 0}, "'seeds' must be >= 1: 0"),
            ({"rope": -1.0}, "'rope' must be >= 0"),
            ({"sedes": 3}, "did you mean 'seeds'"),
            ({"grid": 3}, "grid"),
        ],
    )
    def test_mistakes_in_the_plan(self, experiment: dict[str, Any], table: dict[str, Any], words: str) -> None:
        with pytest.raises(modnet.SettingError, match=words):
            modnet.compare({**experiment, "compare": table})


FAULTY = """\
import modnet

class Faulty(modnet.Activation):
    elementwise = True

    def __call__(self, a, axis=-1):
        if a.shape[0] == 5:
            return a / (1 // 0)
        return a

@modnet.hookimpl
def register_activations(register):
    register(Faulty)
"""


@contextlib.contextmanager
def unload_at_end(module: str) -> Iterator[None]:
    """Load the plugins afresh at the end, without a module."""
    try:
        yield
    finally:
        sys.modules.pop(module, None)
        modnet.compose.plugins.load_plugins()


@pytest.fixture(scope="module")
def whole(experiment: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("whole")
    longer = {**experiment, "training": {"batch_size": 5, "iterations": LONG}}
    modnet.compare(longer, GRID, seeds=2, out=folder, workers=1)
    return bits(folder)


class TestWorkers:
    def test_a_worker_trains_a_run_once(self, experiment: dict[str, Any], tmp_path: Path) -> None:
        table, run = to_table(create_experiment(experiment)), tmp_path / "run"
        train_table("a run", str(run), table)
        before = {path: path.stat().st_mtime_ns for path in run.iterdir()}
        train_table("a run", str(run), table)
        assert {path: path.stat().st_mtime_ns for path in run.iterdir()} == before

    @pytest.mark.parametrize(
        "how",
        ["ctrl-c", *(pytest.param(how, marks=pytest.mark.check) for how in ("ctrl-c of the parent alone", "kill"))],
    )
    def test_a_comparison_that_is_stopped_resumes_to_the_same_bits(
        self, experiment: dict[str, Any], whole: dict[str, str], tmp_path: Path, how: str
    ) -> None:
        options = ["--data", experiment["data"]["path"], "--batch-size", "5", "--gradient", "backpropagation"]
        command = [sys.executable, "-m", "modnet", "compare", *options, "--iterations", str(LONG), "--hidden", "2,5"]
        process = subprocess.Popen(
            [*command, "--seeds", "2", "--workers", "2", "--out", "stopped"], cwd=tmp_path, text=True,
            start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        wait_until(lambda: any(tmp_path.glob("stopped/*/*/checkpoint.npz")), process)
        if how == "ctrl-c":
            os.killpg(process.pid, signal.SIGINT)
        else:
            process.send_signal(signal.SIGKILL if how == "kill" else signal.SIGINT)
        out, _ = process.communicate(timeout=60)
        assert "Traceback" not in out
        if how != "kill":
            assert process.returncode == 130
            assert "continue with: modnet compare stopped/comparison.toml --out stopped" in out
        wait_until(lambda: all(is_free(run) for run in tmp_path.glob("stopped/*/*")))  # orphans end by themselves
        assert bits(tmp_path / "stopped") != whole
        modnet.compare(tmp_path / "stopped" / "comparison.toml", out=tmp_path / "stopped", workers=1)
        assert bits(tmp_path / "stopped") == whole

    def test_a_script_that_is_imported_by_its_workers_gets_advice(self, tmp_path: Path) -> None:
        (tmp_path / "script.py").write_text(
            "import modnet\n"
            "quick = {'gradient': 'backpropagation', 'training': {'iterations': 5}}\n"
            "modnet.compare(quick, {'hidden': [2, 3]}, seeds=1, workers=2)\n"
        )
        done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert done.returncode == 1
        assert "modnet.compare: in a script, call it under: if __name__ == '__main__':" in done.stderr

    @pytest.mark.check
    def test_those_of_two_comparisons_in_a_folder_of_somebody_else(
        self, experiment: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The first fails while the second is at work, which ends as if alone; neither imports what lies there."""
        for name in ("multiprocessing", "pickle", "numpy"):
            (tmp_path / f"{name}.py").write_text("open('ran', 'a')\n")
        monkeypatch.chdir(tmp_path)
        first_works, second_works, first_has_ended = (threading.Event() for _ in range(3))

        class First:
            def start(self, total: int, finished: int, measure: Callable[[], float]) -> None:
                pass

            def advance(self, result: str) -> None:
                first_works.set()
                assert second_works.wait(60)
                raise RuntimeError("the display fails")

        class Second:
            def start(self, total: int, finished: int, measure: Callable[[], float]) -> None:
                assert first_works.wait(60)

            def advance(self, result: str) -> None:
                second_works.set()
                assert first_has_ended.wait(60)

        before = dict(os.environ)
        with ThreadPoolExecutor(2) as pool:
            long = {**experiment, "training": {"batch_size": 5, "iterations": LONG}}
            one = pool.submit(modnet.compare, experiment, GRID, seeds=1, workers=2, progress=First())
            other = pool.submit(modnet.compare, long, GRID, seeds=2, workers=2, progress=Second())
            with pytest.raises(RuntimeError, match="the display fails"):
                one.result(60)
            first_has_ended.set()
            assert len(other.result(60).settings) == 2
        assert dict(os.environ) == before
        assert not (tmp_path / "ran").exists()


def is_free(folder: Path) -> bool:
    with contextlib.suppress(modnet.DataError), claim(folder):
        return True
    return False
