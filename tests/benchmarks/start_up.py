"""Benchmark of `import modnet` and `modnet --help` as whole processes.

Usage: python tests/benchmarks/start_up.py [--rounds N]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import numpy": ["-c", "import numpy"],
    "import modnet": ["-c", "import modnet"],
    "modnet --help": ["-m", "modnet", "--help"],
    "modnet plugins": ["-m", "modnet", "plugins"],
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for measured in range(-1, rounds):
        for name, arguments in COMMANDS.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
            if measured >= 0:
                times[name].append(time.perf_counter() - start)
    numpy = statistics.median(times["import numpy"])
    print(f"{'whole process':<20}{'seconds':>10}{'x import numpy':>16}")
    for name, taken in times.items():
        print(f"{name:<20}{statistics.median(taken):>10.3f}{statistics.median(taken) / numpy:>16.2f}")


if __name__ == "__main__":
    main()
