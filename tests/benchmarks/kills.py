"""Runs killed at random instants and resumed, compared with whole ones.

Usage: python tests/benchmarks/kills.py [--kills N] [--jobs N] [--seed N]

Every registered optimizer with every registered gradient estimator whose array library is installed: its run of about
a second, with a checkpoint every 20 ms, is killed a few times and then left to end. Compared are all parameters and
history.csv. A process that ended before it was killed is no kill. What can end a process on the way other than the kill
is printed, and counts.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import attrs
import numpy as np

from modnet.cli.show.forecast import time_iteration
from modnet.compose.experiment import create_experiment
from modnet.compose.plugins import get_host
from modnet.compose.sources import load
from modnet.nn.checkpoint import load_params

LONG = 1.0  # seconds of training
QUICK = """
import modnet.nn.training
from modnet.cli.main import main
modnet.nn.training.CHECKPOINT_EVERY, modnet.nn.training.CHECKPOINT_SHARE = 0.02, 1.0
main()
"""


@attrs.define
class Tally:
    """The results of the kills of one optimizer with one estimator."""

    optimizer: str
    estimator: str
    kills: int = 0
    runs: int = 0
    bits: int = 0
    failures: list[str] = attrs.field(factory=list)


def command_line(*arguments: str, folder: Path) -> subprocess.Popen[str]:
    """Start modnet with a checkpoint every 20 ms."""
    return subprocess.Popen(
        [sys.executable, "-c", QUICK, *arguments],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def write_points(path: Path) -> None:
    """Write a small data set."""
    rows = np.random.default_rng(0).normal(size=(60, 3)).round(3).tolist()
    path.write_text("".join(f"{a},{b},{c},{'xyz'[i % 3]}\n" for i, (a, b, c) in enumerate(rows)), encoding="utf-8")


def arguments_of(optimizer: str, estimator: str, points: Path) -> list[str]:
    """Return the call that trains for about a second."""
    array = find_array(estimator)
    settings = {
        "data": {"path": str(points)},
        "network": {"hidden": [4], "array": array},
        "training": {"batch_size": 2},
    }
    wanted = create_experiment({**settings, "gradient": estimator, "optimizer": {"name": optimizer}})
    data = load(points)
    once, _ = time_iteration(wanted, data)
    iterations = min(4000, round(LONG / once))
    options = {"hidden": 4, "batch-size": 2, "iterations": iterations, "optimizer": optimizer, "gradient": estimator}
    all_of_it = {**options, "array": array}
    return ["train", "--data", points.name, *(f"--{key}={value}" for key, value in all_of_it.items())]


def find_array(estimator: str) -> str:
    """Return the array library that an estimator computes with."""
    return get_host().registry.find("gradient", estimator).cls.array_library or "numpy"


def differing_bits(one: bytes, other: bytes) -> int:
    """Return in how many bits two contents differ."""
    short = min(len(one), len(other))
    a, b = (np.frombuffer(content[:short], np.uint8) for content in (one, other))
    return int(np.bitwise_count(a ^ b).sum()) + 8 * abs(len(one) - len(other))


def compare(found: Path, expected: Path) -> int:
    """Return in how many bits two runs differ."""
    params = [load_params(folder / "params.npz")[0] for folder in (found, expected)]
    both = [b"".join(p[name].tobytes() for name in sorted(p)) for p in params]
    histories = [(folder / "history.csv").read_bytes() for folder in (found, expected)]
    return differing_bits(*both) + differing_bits(*histories)


def kill(tally: Tally, kills: int, folder: Path, seed: int) -> Tally:
    """Kill runs until there were `kills`, and compare each with one that was not."""
    instants = random.Random(f"{seed} {tally.optimizer} {tally.estimator}")  # noqa: S311 - anything will do
    train = arguments_of(tally.optimizer, tally.estimator, folder / "points.csv")
    name = f"{tally.optimizer}-{tally.estimator}"
    began = time.monotonic()
    whole = command_line(*train, "--out", f"{name}-whole", folder=folder)
    _, err = whole.communicate()
    longest = time.monotonic() - began
    if whole.returncode:
        tally.failures.append(err)
        return tally
    while tally.kills < kills:
        run = folder / f"{name}-{tally.runs}"
        tally.runs += 1
        command = [*train, "--out", run.name]
        for _ in range(min(4, kills - tally.kills)):
            process = command_line(*command, folder=folder)
            time.sleep(instants.uniform(0.2, 1.0) * longest)
            process.kill()
            _, err = process.communicate()
            if process.returncode == -signal.SIGKILL:
                tally.kills += 1
            elif process.returncode:
                tally.failures.append(err)
            if (run / "experiment.toml").exists():
                command = ["resume", run.name]
        last = command_line(*command, folder=folder)
        _, err = last.communicate()
        if last.returncode or json.loads((run / "summary.json").read_text())["status"] != "finished":
            tally.failures.append(err)
            continue
        tally.bits += compare(run, folder / f"{name}-whole")
        shutil.rmtree(run)
    return tally


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    registry = get_host().registry
    estimators = [name for name in registry.names("gradient") if find_spec(find_array(name))]
    pairs = list(itertools.product(registry.names("optimizer"), estimators))
    share, rest = divmod(options.kills, len(pairs))
    with tempfile.TemporaryDirectory() as path, ThreadPoolExecutor(options.jobs) as pool:
        folder = Path(path)
        write_points(folder / "points.csv")
        counts = [share + (i < rest) for i in range(len(pairs))]
        jobs = [
            pool.submit(kill, Tally(*pair), count, folder, options.seed)
            for pair, count in zip(pairs, counts, strict=True)
            if count
        ]
        print(f"{'optimizer':<12}{'estimator':<24}{'kills':>8}{'runs':>8}{'bits':>8}")
        tallies = []
        for job in jobs:
            tally = job.result()
            print(
                f"{tally.optimizer:<12}{tally.estimator:<24}{tally.kills:>8}{tally.runs:>8}{tally.bits:>8}", flush=True
            )
            tallies.append(tally)
    failures = [f for tally in tallies for f in tally.failures]
    kills, runs, bits = (sum(getattr(tally, key) for tally in tallies) for key in ("kills", "runs", "bits"))
    print(f"{kills} kills in {runs} runs: {bits} differing bits, {len(failures)} failures", *failures, sep="\n")
    sys.exit(bool(bits or failures))


if __name__ == "__main__":
    main()
