"""Benchmark of reading 60,000 digits as CSV: modnet, NumPy, pandas, polars, pyarrow.

Usage: python tests/benchmarks/csv_files.py [--file mnist_train.csv] [--rounds N] [--large GB]

Each reader runs in a process of its own, once a round, in turn; the time is that of reading alone, without imports,
the peak that of the whole process, and the ratios are taken round by round. Others infer the types, as modnet does, or
are given uint8. Without `--file` the digits that ship with modnet are repeated until they are 60,000. modnet reads once
with an empty cache folder and once more from what it has kept then. `--large` makes a file of so many gigabytes in the
temporary folder, and trains on it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import textwrap
from importlib.util import find_spec
from pathlib import Path

import modnet

READERS = {
    "modnet": """
        import modnet
        source = modnet.source("csv", test="", test_fraction=0)
        def read():
            data = source.read(path)
            return data.train.table, data.train.t
    """,
    "modnet, again": "",
    "numpy.loadtxt uint8": """
        import numpy
        def read():
            rows = numpy.loadtxt(path, numpy.uint8, delimiter=",", skiprows=1, comments=None)
            return rows[:, 1:], rows[:, 0]
    """,
    "numpy.loadtxt": """
        import numpy
        def read():
            rows = numpy.loadtxt(path, delimiter=",", skiprows=1, comments=None)
            return rows[:, 1:], rows[:, 0]
    """,
    "pandas": """
        import pandas
        def read():
            rows = pandas.read_csv(path).to_numpy()
            return rows[:, 1:], rows[:, 0]
    """,
    "pandas, uint8": """
        import pandas
        def read():
            rows = pandas.read_csv(path, dtype="uint8").to_numpy()
            return rows[:, 1:], rows[:, 0]
    """,
    "polars": """
        import polars
        def read():
            rows = polars.read_csv(path).to_numpy()
            return rows[:, 1:], rows[:, 0]
    """,
    "polars, uint8": """
        import polars
        def read():
            names = path.open().readline().rstrip().split(",")
            rows = polars.read_csv(path, schema=dict.fromkeys(names, polars.UInt8)).to_numpy()
            return rows[:, 1:], rows[:, 0]
    """,
    "pyarrow": """
        import numpy, pyarrow.csv
        def read():
            table = pyarrow.csv.read_csv(path)
            rows = numpy.stack([column.to_numpy() for column in table.columns], axis=1)
            return rows[:, 1:], rows[:, 0]
    """,
    "pyarrow, uint8": """
        import numpy, pyarrow.csv
        def read():
            names = path.open().readline().rstrip().split(",")
            types = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pyarrow.uint8()))
            table = pyarrow.csv.read_csv(path, convert_options=types)
            rows = numpy.stack([column.to_numpy() for column in table.columns], axis=1)
            return rows[:, 1:], rows[:, 0]
    """,
}
READERS["modnet, again"] = READERS["modnet"]
# In MB, of this process alone: what the operating system says of a finished one counts what it was forked from, too.
PEAK = 'int(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0]) / 1e3'
MEASURE = """
import sys, time
from pathlib import Path
path = Path(sys.argv[1])
{reader}
start = time.perf_counter()
x, t = read()
seconds = time.perf_counter() - start
total = sum(int(x[i:i + 4096].sum(dtype="int64")) for i in range(0, len(x), 4096))
print(seconds, {peak}, x.shape, total + int(t.sum()), x.dtype)
"""
TRAIN = """
import sys, time
import modnet
start = time.perf_counter()
data = modnet.load(sys.argv[1])
loaded = time.perf_counter()
net = modnet.TwoLayerNet(data.features, 50, len(data.classes), seed=0)
modnet.train(net, data, gradient="backpropagation", optimizer="sgd", batch_size=100, iterations=2000, seed=0)
print(loaded - start, time.perf_counter() - loaded, len(data.train), {peak})
"""


def digits_file(folder: Path, rows: int) -> Path:
    """Write a CSV file of so many rows: the digits that ship with modnet, over and over."""
    data, path = modnet.load("mnist-small"), folder / "digits.csv"
    pixels, labels = data.train.unscaled(slice(None)), data.train.t
    lines = [",".join(map(str, [t, *x])) + "\n" for x, t in zip(pixels.tolist(), labels.tolist(), strict=True)]
    with path.open("w") as file:
        file.write(",".join(["label", *(f"pixel{i}" for i in range(data.features))]) + "\n")
        for start in range(0, rows, len(lines)):
            file.writelines(lines[: rows - start])
    return path


def run(code: str, path: Path, cache: Path) -> list[str]:
    """Return what a process prints, in words."""
    environment = {**os.environ, "MODNET_CACHE": str(cache)}
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout.split()


def compare(path: Path, folder: Path, rounds: int) -> None:
    """Print a row for each reader."""
    names = [name for name in READERS if find_spec(name.split(".")[0].split(",")[0])]
    seconds: dict[str, list[float]] = {name: [] for name in names}
    peaks: dict[str, float] = {}
    found = {}
    for i in range(-1, rounds):
        cache = folder / f"cache{i}"
        for name in names:
            code = MEASURE.format(reader=textwrap.dedent(READERS[name]), peak=PEAK)
            taken, peak, *found[name] = run(code, path, cache)
            if i >= 0:
                seconds[name].append(float(taken))
                peaks[name] = max(peaks.get(name, 0.0), float(peak))
    sums = {" ".join(words[:-1]) for words in found.values()}
    print(f"{path.name}, {path.stat().st_size / 1e6:.0f} MB; shape and sum of all: {', '.join(sums)}")
    print(f"{'reader':<22}{'seconds':>9}{'x modnet':>10}{'peak MB':>9}  dtype")
    for name in names:
        ratio = statistics.median(a / b for a, b in zip(seconds[name], seconds["modnet"], strict=True))
        median = statistics.median(seconds[name])
        print(f"{name:<22}{median:>9.3f}{ratio:>10.2f}{peaks[name]:>9.0f}  {found[name][-1]}")


def train_on(gigabytes: float, folder: Path) -> None:
    """Print how long reading and training take with a file that is larger than what they need."""
    size = digits_file(folder, 5000).stat().st_size
    path = digits_file(folder, round(5000 * gigabytes * 1e9 / size))
    code = TRAIN.replace("{peak}", PEAK)
    loading, training, rows, peak = map(float, run(code, path, folder / "cache"))
    again = float(run(code, path, folder / "cache")[0])
    print(
        f"{path.stat().st_size / 1e9:.2f} GB, {rows:,.0f} training rows: read in {loading:.1f} s, again {again:.2f} s"
    )
    print(f"2,000 mini-batches of 100 and the accuracies: {training:.1f} s; peak memory {peak:.0f} MB")


def main() -> None:
    """Print the table, or train on a large file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--large", type=float, metavar="GB")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.large:
            train_on(options.large, folder)
        else:
            compare(options.file or digits_file(folder, 60_000), folder, options.rounds)


if __name__ == "__main__":
    main()
