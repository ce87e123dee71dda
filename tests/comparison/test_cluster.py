"""Comparisons on a cluster of Dask, whose processes are killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Future
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from clusters import Cluster, hash_runs
from processes import wait_until

import modnet
from modnet.runs.folder import claim

pytestmark = pytest.mark.check

ITERATIONS = 4000
COMMAND = (
    *("compare", "--data", "iris", "--gradient", "backpropagation", "--batch-size", "10", "--hidden", "4,8"),
    *("--seeds", "2"),
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("cluster")) as found:
        found.start_worker()
        yield found


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The digests of the same runs, made here."""
    folder = tmp_path_factory.mktemp("here")
    training = {"iterations": ITERATIONS, "batch_size": 10}
    table = {"data": {"name": "iris"}, "gradient": "backpropagation", "training": training}
    modnet.compare(table, {"hidden": [4, 8]}, seeds=2, out=folder, workers=1)
    return hash_runs(folder)


def start_comparison(cluster: Cluster, out: Path, iterations: int = ITERATIONS) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "modnet", *COMMAND, "--iterations", str(iterations)]
    command += ["--dask", str(cluster.file), "--out", str(out)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def list_under_way(folder: Path) -> list[Path]:
    """Return the runs that have made some iterations, and not all."""
    return [path.parent for path in folder.glob("*/*/checkpoint.npz") if not (path.parent / "summary.json").exists()]


def is_free(run: Path) -> bool:
    with suppress(modnet.DataError), claim(run):
        return True
    return False


class TestDeaths:
    def test_of_a_worker(self, cluster: Cluster, expected: dict[str, str], tmp_path: Path) -> None:
        """Its run is resumed by the other one, to the same bits."""
        doomed = cluster.start_worker()
        cluster.wait_for_workers()
        process = start_comparison(cluster, tmp_path / "runs")
        wait_until(lambda: len(list_under_way(tmp_path / "runs")) == 2, process)
        doomed.kill()
        out, _ = process.communicate(timeout=120)
        assert process.returncode == 0, out
        assert out.startswith("2 workers at tcp://127.0.0.1:")
        assert "4 of 4  hidden " in out
        assert hash_runs(tmp_path / "runs") == expected

    @pytest.mark.parametrize("how", [signal.SIGINT, 9])
    def test_of_the_process_that_compares(self, cluster: Cluster, tmp_path: Path, how: signal.Signals) -> None:
        """The workers stop, and leave checkpoints."""
        process = start_comparison(cluster, tmp_path / "runs", 10**7)
        wait_until(lambda: bool(list_under_way(tmp_path / "runs")), process)
        process.send_signal(how)
        out, _ = process.communicate(timeout=60)
        assert "Traceback" not in out
        if how == signal.SIGINT:
            assert process.returncode == 130
            assert f"continue with: modnet compare {tmp_path}/runs/comparison.toml --out {tmp_path}/runs --dask " in out
        runs = [*(tmp_path / "runs").glob("*/*")]
        wait_until(lambda: all(map(is_free, runs)))
        assert {json.loads((run / "summary.json").read_text())["status"] for run in runs} == {"interrupted"}

    def test_of_the_scheduler(self, tmp_path: Path) -> None:
        with Cluster(tmp_path) as cluster:
            cluster.start_worker()
            process = start_comparison(cluster, tmp_path / "runs", 10**7)
            wait_until(lambda: bool(list_under_way(tmp_path / "runs")), process)
            cluster.processes[0].kill()
            out, _ = process.communicate(timeout=60)
        assert process.returncode == 1
        assert out.splitlines()[1].startswith("modnet: hidden ")
        assert "the cluster has lost it: its scheduler was stopped, or cannot be reached: start it again" in out


class TestWords:
    @pytest.mark.parametrize(
        ("error", "words"),
        [
            (
                lambda: create_killed_worker(),
                "4 workers died while training it, the last one at tcp://there:1: memory ran out",
            ),
            (
                CancelledError,
                "the cluster has lost it: its scheduler was stopped, or cannot be reached: start it again",
            ),
        ],
    )
    def test_of_what_a_cluster_loses(self, error: Callable[[], Exception], words: str) -> None:
        from modnet_executors.dask import DaskExecutor

        task: Future[None] = Future()
        task.set_exception(error())
        future = DaskExecutor(SimpleNamespace(submit=lambda *_: task)).submit(print)  # type: ignore[arg-type]
        with pytest.raises(BrokenExecutor, match=words):
            future.result(10)

    def test_of_a_closed_client(self, cluster: Cluster, tmp_path: Path) -> None:
        from distributed import Client

        with Client(scheduler_file=str(cluster.file), set_as_default=False) as client:
            pass
        with pytest.raises(modnet.SettingError, match="executor: the client is closed"):
            modnet.compare({"data": {"name": "iris"}}, {"hidden": [2, 3]}, seeds=1, out=tmp_path, executor=client)

    def test_of_workers_without_modnet(self) -> None:
        from modnet_executors.dask import DISTRIBUTION, check_versions

        here = version(DISTRIBUTION)
        check_versions({"tcp://one:1": here})
        words = f"needs modnet {here} in all of its processes: tcp://other:1 has none: pip install 'modnet-workbench=="
        with pytest.raises(modnet.ModnetError, match=words):
            check_versions({"tcp://one:1": here, "tcp://other:1": PackageNotFoundError(DISTRIBUTION)})

    @pytest.mark.parametrize(
        ("address", "status", "words"),
        [
            (
                "no.json",
                2,
                "--dask: no scheduler has written no.json: start it with: dask scheduler --scheduler-file no",
            ),
            ("nowhere", 2, "--dask: must be tcp://HOST:PORT or a .json file of a scheduler: nowhere"),
        ],
    )
    def test_of_an_address(self, call: Any, tmp_path: Path, address: str, status: int, words: str) -> None:
        done = call("compare", "--hidden", "2,3", "--dask", address, cwd=tmp_path)
        assert (done.returncode, done.stderr.startswith(f"modnet: {words}")) == (status, True), done.stderr


def create_killed_worker() -> Exception:
    from distributed.scheduler import KilledWorker

    return KilledWorker("task", SimpleNamespace(address="tcp://there:1"), 3)  # type: ignore[arg-type]
