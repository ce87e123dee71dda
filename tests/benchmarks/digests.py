"""Benchmark of the checks of the files of a run.

Usage: python tests/benchmarks/digests.py [--rounds N]

Each command is a process of its own; the time is that of the processor, so that other processes matter little.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

TRAIN = ("train", "--gradient", "backpropagation", "--iterations", "100")
RUNS = {
    "narrow": (*TRAIN, "--hidden", "50", "--out", "narrow"),
    "wide": (*TRAIN, "--hidden", "1000", "--out", "wide"),
    "widths": ("compare", *TRAIN[1:], "--hidden", "5,20", "--seeds", "10", "--out", "widths"),
}
COMMANDS = {
    "predict, 50 hidden units": ("predict", "narrow", "rows.npy"),
    "predict, 1,000 hidden units": ("predict", "wide", "rows.npy"),
    "plot": ("plot", "narrow"),
    "compare, 20 finished runs": ("compare", "widths/comparison.toml", "--out", "widths"),
}


def main() -> None:
    """Print the table, or, as a child, the seconds of the checks and of the whole command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--child", nargs=argparse.REMAINDER)
    given = parser.parse_args()
    if given.child:
        time_checks(given.child)
        return
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder, "rows.npy"), np.random.default_rng(0).integers(0, 256, (200, 784), np.uint8))
        for arguments in RUNS.values():
            call("-m", "modnet", *arguments, cwd=folder)
        print(f"{'whole process':<30}{'checks, ms':>12}{'command, ms':>13}{'share':>9}")
        for name, arguments in COMMANDS.items():
            lines = [call(__file__, "--child", *arguments, cwd=folder) for _ in range(given.rounds)]
            checks, whole = (statistics.median(column) for column in zip(*lines, strict=True))
            print(f"{name:<30}{1e3 * checks:>12.1f}{1e3 * whole:>13.0f}{checks / whole:>9.1%}", flush=True)


def call(*arguments: str, cwd: str) -> tuple[float, ...]:
    """Run Python, and return the numbers in the last line that a child prints."""
    command = [sys.executable, *(str(Path(a).resolve()) if a == __file__ else a for a in arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=cwd)
    return tuple(map(float, done.stdout.split()[-2:])) if "--child" in arguments else ()


def time_checks(arguments: list[str]) -> None:
    """Run a command in this process, and print the seconds that its checks took, and all of it."""
    from modnet.cli import plot, predict
    from modnet.cli.main import modnet_command
    from modnet.comparison import training
    from modnet.nn import checkpoint

    spent = [0.0]
    for module, name in (
        (plot, "check_files"),
        (predict, "check_files"),
        (training, "check_files"),
        (checkpoint, "_hash_described"),
    ):
        setattr(module, name, add_time_of(getattr(module, name), spent))
    out = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    with suppress(SystemExit):
        modnet_command(arguments, standalone_mode=False)
    os.write(out, f"{spent[0]} {time.process_time()}\n".encode())


def add_time_of(function: Callable[..., Any], spent: list[float]) -> Callable[..., Any]:
    """Return a function whose calls add their seconds to `spent`."""

    def call_timed(*arguments: Any, **named: Any) -> Any:
        began = time.process_time()
        try:
            return function(*arguments, **named)
        finally:
            spent[0] += time.process_time() - began

    return call_timed


if __name__ == "__main__":
    main()
