"""Benchmark of comparing settings with one worker, two, and threads: `python workers.py`.

Rounds in turn, so that a machine whose speed drifts is fair to all. The limit is the number of cores.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import modnet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="mnist-small", help="a name or a file (default: %(default)s)")
    parser.add_argument("--iterations", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    data = {"path": asked.data} if Path(asked.data).exists() else {"name": asked.data}
    experiment = {"data": data, "gradient": "backpropagation", "training": {"iterations": asked.iterations}}
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    ways: dict[str, dict[str, Any]] = {
        "one process": {"workers": 1},
        f"{cores} processes": {"workers": cores},
        f"{cores} threads": {"executor": ThreadPoolExecutor(cores)},
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(asked.rounds):
        for name, way in ways.items():
            with tempfile.TemporaryDirectory() as folder:
                start = time.perf_counter()
                modnet.compare(experiment, {"hidden": [50]}, seeds=asked.seeds, out=folder, **way)
                seconds[name].append(time.perf_counter() - start)
    alone = seconds["one process"]
    print(
        f"{asked.seeds} runs of {asked.iterations:,} iterations on {asked.data}, {cores} cores, {asked.rounds} rounds"
    )
    for name, took in seconds.items():
        ratios = [one / other for one, other in zip(alone, took, strict=True)]
        print(f"{name:<14} {statistics.median(took):6.2f} s   speed-up {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
