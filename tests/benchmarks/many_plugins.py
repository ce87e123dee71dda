"""Benchmark of a hundred installed plugins that each sleep for a second.

Usage: python tests/benchmarks/many_plugins.py [--plugins N] [--sleep SECONDS] [--rounds N]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PLUGIN = """
import time
import modnet

time.sleep({sleep})

class Part{number}(modnet.Activation):
    def __call__(self, a, axis=-1):
        return a

@modnet.hookimpl
def register_activations(register):
    register(Part{number}, "part-{number}")
"""
TRAIN = ("train", "--iterations", "5", "--overwrite", "--out", "run")


def install(site: Path, number: int, sleep: float) -> None:
    """Put a distribution of one module into a folder, the way it lies in site-packages."""
    name = f"modnet_part{number}"
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    about = f"Metadata-Version: 2.1\nName: modnet-part{number}\nVersion: 1.0\nRequires-Dist: modnet-workbench>=0.1\n"
    (info / "METADATA").write_text(about, encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[modnet]\npart{number} = {name}\n", encoding="utf-8")
    (site / f"{name}.py").write_text(PLUGIN.format(number=number, sleep=sleep), encoding="utf-8")


def seconds(*arguments: str, cwd: Path, site: Path | None, cache: Path) -> float:
    """Return how long a command took, as a whole process."""
    path = os.pathsep.join([*([str(site)] if site else []), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"PYTHONPATH": path, "MODNET_CACHE": str(cache)}
    start = time.perf_counter()
    command = [sys.executable, "-m", "modnet", *arguments]
    subprocess.run(command, check=True, capture_output=True, cwd=cwd, env=environment)
    return time.perf_counter() - start


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plugins", type=int, default=100)
    parser.add_argument("--sleep", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        site, cwd = Path(folder) / "site", Path(folder)
        for number in range(options.plugins):
            install(site, number, options.sleep)
        seconds("plugins", cwd=cwd, site=None, cache=cwd / "warm")
        seconds(*TRAIN, cwd=cwd, site=None, cache=cwd / "warm")
        rows: dict[str, list[float]] = {}

        def measure(what: str, *arguments: str, there: bool = True, cache: str) -> None:
            found = seconds(*arguments, cwd=cwd, site=site if there else None, cache=cwd / cache)
            rows.setdefault(what, []).append(found)

        for i in range(options.rounds):
            measure("plugins, none installed", "plugins", there=False, cache=f"none {i}")
            measure("train, none installed", *TRAIN, there=False, cache=f"none {i}")
            measure("train, none of them ever asked", *TRAIN, cache=f"new {i}")
        measure("doctor, which asks all", "plugins", "doctor", cache="asked")
        for _ in range(options.rounds):
            measure("plugins, all known", "plugins", cache="asked")
            measure("train, all known", *TRAIN, cache="asked")
        part = ("train", "--activation", f"part-{options.plugins - 1}", *TRAIN[1:])
        measure("train with one of them, known", *part, cache="asked")
        measure("train with one of them, none ever asked", *part, cache="never asked")
        for i in range(options.rounds):  # last, as they are still asked when the listing is done
            measure("plugins, none of them ever asked", "plugins", cache=f"listed {i}")
            time.sleep(options.sleep * options.plugins / 8 + 1)
    print(f"{options.plugins} plugins that sleep {options.sleep:g} s; whole processes, median of {options.rounds}")
    for what, found in rows.items():
        print(f"{what:<42}{statistics.median(found):>8.3f} s{'' if len(found) > 1 else '   (once)'}")


if __name__ == "__main__":
    main()
