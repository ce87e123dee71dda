"""Benchmark of pickles: changed ones, hostile ones, and MNIST beside `pickle.load`.

Usage: python tests/benchmarks/pickles.py [--mutations N] [--seed N] [--mnist FOLDER]

FOLDER has mnist.pkl, the book's dict, and mnist_py2.pkl.gz, Nielsen's three parts; without it that part is left out.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import pickle
import runpy
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PLUGINS = Path(__file__).parents[1] / "plugins"
HOSTILE, MUTATED = PLUGINS / "hostile_pickles.py", PLUGINS / "mutated_pickles.py"
ROUNDS = 5
READ = "import sys, modnet; modnet.source('pickle').read(sys.argv[1])"
PEAK = "; print(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0])"  # in KiB


def run(*command: str | Path) -> str:
    """Return what a Python program prints."""
    return subprocess.run([sys.executable, *command], check=True, capture_output=True, text=True).stdout


def hostile() -> None:
    """Load the hostile pickles of the tests in one process of their own."""
    cases = runpy.run_path(str(HOSTILE))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "good.pkl").write_bytes(pickle.dumps((cases["X"], cases["T"])))
        for i, name in enumerate(cases["CASES"]):
            (Path(folder) / f"case-{i}.pkl").write_bytes(cases["content_of"](name))
        answer = json.loads(run(HOSTILE, folder))
    refused = sum(bool(words) for words, _ in answer["found"].values())
    slowest = max(seconds for _, seconds in answer["found"].values())
    print(f"{refused} of {len(cases['CASES'])} hostile pickles refused, each within {slowest:.2f} s of processor time;")
    print(f"the process grew by {answer['peak'] / 2**20:.0f} MiB\n")


def mutations(count: int, seed: int) -> None:
    """Load good pickles with a few bytes changed, in one process of their own."""
    start = time.perf_counter()
    answer = json.loads(run(MUTATED, str(count), str(seed)))
    seconds = time.perf_counter() - start
    print(f"{count:,} changed pickles in {seconds:.1f} s: {answer['read']:,} read, {answer['refused']:,} refused;")
    print(f"the slowest took {answer['slowest'] * 1000:.1f} ms, in 1 GiB of address space")


def median(call: Callable[[], Any], rounds: int) -> float:
    """Return the median time of a few calls, in seconds, after one that does not count."""
    times = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def mnist(folder: Path) -> None:
    """Compare the time to a data set, first with an empty cache and then again, to the time that pickle.load takes."""
    import modnet

    source = modnet.source("pickle")
    print(f"{'file':<20}{'pickle.load':>12}{'first':>9}{'ratio':>7}{'again':>9}{'ratio':>7}{'peak MiB':>10}")
    for name, opener in (("mnist.pkl", open), ("mnist_py2.pkl.gz", gzip.open)):
        path = folder / name

        def real(opener: Any = opener, path: Path = path) -> None:
            with opener(path, "rb") as file:
                pickle.load(file)  # noqa: S301 - written by us

        with tempfile.TemporaryDirectory() as cache:
            os.environ["MODNET_CACHE"] = cache
            start = time.perf_counter()
            source.read(path)
            first = time.perf_counter() - start
            again = median(lambda path=path: source.read(path), ROUNDS)
        with tempfile.TemporaryDirectory() as cache:
            os.environ["MODNET_CACHE"] = cache
            peak = int(run("-c", READ + PEAK, path)) // 1024
        known = median(real, ROUNDS)
        times = f"{known:>10.3f} s{first:>7.3f} s{first / known:>7.2f}{again:>7.3f} s{again / known:>7.2f}"
        print(f"{name:<20}{times}{peak:>10}")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutations", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mnist", type=Path)
    options = parser.parse_args()
    if options.mnist:
        mnist(options.mnist)
        print()
    hostile()
    mutations(options.mutations, options.seed)


if __name__ == "__main__":
    main()
