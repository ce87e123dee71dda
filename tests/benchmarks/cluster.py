"""Benchmark of comparisons on a cluster of Dask: `python cluster.py`.

The cluster and a pool of processes train the same runs on two workers of this machine that have trained before. A third
round kills a worker with SIGKILL when a quarter of the runs are made, and starts another one, which must begin by its
imports. Printed are the wall time of each, its ratio to the pool's, by how much more a run kept its worker, the
processor time of all processes, and how many runs have the bits of the pool's. Rounds in turn, so that a machine whose
speed drifts is fair to all; the median of their ratios counts. The processes' times are read in /proc, as on Linux.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import attrs
from distributed import Client

import modnet

sys.path.append(str(Path(__file__).parents[1]))
from clusters import Cluster, hash_runs

WORKERS = 2


@attrs.frozen
class Round:
    """The course of one comparison."""

    seconds: float
    processor: float
    """The seconds of the processor, of this process and of all others."""
    runs: dict[str, str]


class Clock:
    """The processor's time of processes, from when each is first seen."""

    def __init__(self, pids: Iterable[int]) -> None:
        self._begun = {pid: self._read(pid) for pid in (os.getpid(), *pids)}
        self._ended = 0.0

    def read(self) -> float:
        """Return the seconds that all have used."""
        return self._ended + sum(self._read(pid) - begun for pid, begun in self._begun.items())

    def replace(self, pid: int, start: Callable[[], int]) -> None:
        """Follow the process that `start` starts in place of another one, which ends in it."""
        self._ended += self._read(pid) - self._begun.pop(pid)
        self._begun[start()] = 0.0

    def _read(self, pid: int) -> float:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def compare(out: Path, executor: Any, iterations: int, seeds: int) -> float:
    """Return the seconds of a comparison of two hidden sizes."""
    training = {"iterations": iterations}
    experiment = {"data": {"name": "mnist-small"}, "gradient": "backpropagation", "training": training}
    start = time.perf_counter()
    modnet.compare(experiment, {"hidden": [30, 50]}, seeds=seeds, out=out, executor=executor, progress=False)
    return time.perf_counter() - start


def compare_in_pool(folder: Path, iterations: int, seeds: int) -> Round:
    out = folder / "runs"
    with ProcessPoolExecutor(WORKERS, multiprocessing.get_context("spawn")) as pool:
        compare(folder / "before", pool, 5, WORKERS)
        clock = Clock(child.pid for child in multiprocessing.active_children() if child.pid)
        seconds = compare(out, pool, iterations, seeds)
        return Round(seconds, clock.read(), hash_runs(out))


def compare_on_dask(folder: Path, iterations: int, seeds: int, *, kills: bool = False) -> Round:
    out, is_over = folder / "runs", threading.Event()
    with Cluster(folder) as cluster:
        doomed, *_ = [cluster.start_worker() for _ in range(WORKERS)]
        with Client(scheduler_file=str(cluster.file)) as client:
            client.wait_for_workers(WORKERS)
            compare(folder / "before", client, 5, WORKERS)
            clock = Clock(process.pid for process in cluster.processes)

            def start_another() -> int:
                doomed.kill()
                return cluster.start_worker().pid

            def kill() -> None:
                while len([*out.glob("*/*/summary.json")]) < seeds // 2:
                    if is_over.wait(0.02):
                        return
                clock.replace(doomed.pid, start_another)

            if kills:
                threading.Thread(target=kill).start()
            try:
                seconds = compare(out, client, iterations, seeds)
                return Round(seconds, clock.read(), hash_runs(out))
            finally:
                is_over.set()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--iterations", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=1)
    asked = parser.parse_args()
    size = {"iterations": asked.iterations, "seeds": asked.seeds}
    ways: dict[str, Callable[[Path], Round]] = {
        f"pool of {WORKERS} processes": lambda folder: compare_in_pool(folder, **size),
        f"Dask, {WORKERS} workers": lambda folder: compare_on_dask(folder, **size),
        "Dask, one is killed": lambda folder: compare_on_dask(folder, **size, kills=True),
    }
    rounds: dict[str, list[Round]] = {name: [] for name in ways}
    for _ in range(asked.rounds):
        for name, way in ways.items():
            with tempfile.TemporaryDirectory() as folder:
                rounds[name].append(way(Path(folder)))
    pool, count = next(iter(rounds.values())), 2 * asked.seeds
    load = f"{os.getloadavg()[0]:.1f}"
    print(f"{count} runs of {asked.iterations:,} iterations on mnist-small, rounds: {asked.rounds}, load {load}")
    print(f"{'':22}{'wall s':>8}{'ratio':>7}{'ms a run more':>15}{'processor s':>13}{'the same bits':>18}")
    for name, found in rounds.items():
        pairs = [*zip(pool, found, strict=True)]
        seconds = statistics.median(each.seconds for each in found)
        ratio = statistics.median(each.seconds / own.seconds for own, each in pairs)
        more = statistics.median(each.seconds - own.seconds for own, each in pairs) * WORKERS / count
        processor = statistics.median(each.processor for each in found)
        same = sum(each.runs.get(run) == bits for own, each in pairs for run, bits in own.runs.items())
        bits = f"{same} of {count * asked.rounds}"
        print(f"{name:22}{seconds:8.1f}{ratio:7.2f}{1e3 * more:15.0f}{processor:13.1f}{bits:>18}")


if __name__ == "__main__":
    main()
