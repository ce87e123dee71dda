"""Central differences of networks of any layers, against the book's loop and backpropagation.

Usage: python tests/benchmarks/layered_difference.py [--data FILE] [--rounds N] [--sample N] [--only WORD] [--cpu]

One gradient for a mini-batch of 100 digits: those that ship with modnet, or MNIST's with --data. The first network is
SimpleConvNet of chapter 7 of the book, the others are of chapter 6. Each opponent runs once a round, in turn; ratios
are taken round by round, and their medians printed.

The loop is the book's: the whole loss twice for each parameter, here by modnet's own forward pass, which is faster than
the book's. It is timed on a sample of the parameters, spread evenly, and its time taken to be proportional. The floor
is what every move of a convolution costs at least: one pass over the channel's numbers in each layer that follows, the
matrix products, and the exponentials; of other networks there is none. Errors are those against the loop in float64, of
a sample of each array: they are the loop's own.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
from threadpoolctl import threadpool_limits

import modnet

H, BATCH = 1e-4, 100
clock = time.process_time if "--cpu" in sys.argv else time.perf_counter
Layers = list[Any]


def dense(units: int) -> Any:
    """Return a dense layer."""
    return "dense", {"units": units}


SIMPLE_CONV_NET: Layers = [
    ("convolution", {"filters": 30, "size": 5}), "relu", "max-pool", "flatten", dense(100), "relu", dense(10), "softmax"
]  # fmt: skip


@attrs.frozen
class Case:
    """A network and the dtype of its parameters."""

    name: str
    layers: Layers
    dtype: str = "float64"
    std: Any = "he"

    @property
    def has_images(self) -> bool:
        """True where the first layer takes images."""
        return self.layers[0] == SIMPLE_CONV_NET[0]

    def network(self) -> modnet.Network:
        """Return the network before training."""
        shape = (1, 28, 28) if self.has_images else 784
        return modnet.Network(self.layers, shape=shape, weight_init_std=self.std, dtype=self.dtype, seed=0)


CASES = (
    Case("SimpleConvNet", SIMPLE_CONV_NET, std=0.01),
    Case("SimpleConvNet, float32", SIMPLE_CONV_NET, "float32", 0.01),
    Case("784-50-10, dropout", [dense(50), "relu", "dropout", dense(10), "softmax"]),
    Case("784-50-10, prelu", [dense(50), "prelu", dense(10), "softmax"]),
    Case("784-50-10, batch-norm", [dense(50), "batch-norm", "relu", dense(10), "softmax"]),
    Case("784-50-50-10, dropout", [*[dense(50), "sigmoid", "dropout"] * 2, dense(10), "softmax"], std="xavier"),
    Case("784-50-50-10, batch-norm", [*[dense(50), "batch-norm", "relu"] * 2, dense(10), "softmax"]),
)


def floor_of_moves(dtype: str) -> Callable[[], object]:
    """Return the least work for all moves of SimpleConvNet's filters and biases, of 30 channels and 26 entries each."""
    pixels, pooled, hidden, outputs = (np.full((n, BATCH), 1e-5, dtype) for n in (576, 144, 100, 10))
    windows, first, second = np.ones((4, 144, BATCH), dtype), np.ones((100, 144), dtype), np.ones((10, 100), dtype)

    def work() -> None:
        for _ in range(30 * 26 * 2):
            np.multiply(pixels, 0.5, out=pixels)  # how far each pixel moves
            np.maximum(pixels, 1e-5, out=pixels)
            for window in windows:
                np.maximum(pooled, window, out=pooled)
            np.matmul(first, pooled, out=hidden)
            np.maximum(hidden, 1e-5, out=hidden)
            np.matmul(second, hidden, out=outputs)
            np.expm1(np.minimum(outputs, 1e-5))

    return work


class Measurement:
    """Opponents on one network and batch."""

    def __init__(self, case: Case, x: Any, t: Any, sample: int) -> None:
        self.case, self.network, self.t = case, case.network(), t
        self.x = x.reshape(-1, *self.network.shape).astype(case.dtype)
        size = sum(p.size for p in self.network.params.values())
        spread = {name: p.size * sample // size + 8 for name, p in self.network.params.items()}
        self.chosen = {n: np.unique(np.linspace(0, p.size - 1, spread[n], dtype=int)) for n, p in self.params.items()}
        self.size = size

    @property
    def params(self) -> dict[str, Any]:
        """The network's parameters."""
        return self.network.params

    def loop(self, dtype: str) -> dict[str, Any]:
        """Return the chosen differences by evaluating the whole loss twice for each."""
        arrays = {name: value.astype(dtype) for name, value in self.network.arrays.items()}
        network = self.network.with_arrays(arrays)
        objective, params = network.objective(self.x.astype(dtype), self.t), network.params
        found = {name: np.empty(len(entries)) for name, entries in self.chosen.items()}
        for name, entries in self.chosen.items():
            for i, entry in enumerate(entries):
                moved = params[name].copy()
                moved.reshape(-1)[entry] += H
                above = objective({**params, name: moved})
                moved.reshape(-1)[entry] = params[name].reshape(-1)[entry] - H
                found[name][i] = (above - objective({**params, name: moved})) / (2 * H)
        return found

    def gradient(self, threads: int | None = None) -> Any:
        """Return the gradient by central differences."""
        estimator = modnet.gradient("central-difference", h=H, threads=threads)
        return estimator(self.network.objective(self.x, self.t), self.params, modnet.Stream(0))

    def times(self) -> dict[str, float]:
        """Return the seconds of each opponent in one round, each with one core."""
        works: dict[str, tuple[Callable[[], object], int]] = {
            "loop": (lambda: self.loop(self.case.dtype), 1),
            "this": (lambda: self.gradient(1), 3),
            "backpropagation": (lambda: self.network.objective(self.x, self.t).backward(self.params), 9),
        }
        if self.case.has_images:
            works["floor"] = floor_of_moves(self.case.dtype), 1
        with threadpool_limits(1):
            times = {name: seconds(*work) for name, work in works.items()}
        return times | {"loop": times["loop"] * self.size / sum(map(len, self.chosen.values()))}

    def error(self) -> tuple[float, float]:
        """Return the largest difference to the loop in float64, and the largest entry of the gradient."""
        expected, found = self.loop("float64"), self.gradient()
        off = (abs(found[n].reshape(-1)[at] - expected[n]).max() for n, at in self.chosen.items())
        return max(map(float, off)), max(float(abs(g).max()) for g in found.values())

    def levels(self) -> str:
        """Return how each layer is evaluated."""
        objective = self.network.objective(self.x, self.t)
        cells = modnet.gradient("central-difference", h=H).count_cells(objective, self.params)
        return ", ".join(f"{c.level} ({c.fell_back / c.cells:.2%} every)" if c.fell_back else c.level for c in cells)


def seconds(work: Callable[[], object], repeats: int = 1) -> float:
    """Return the least time of one call."""
    times = []
    for _ in range(repeats):
        start = clock()
        work()
        times.append(clock() - start)
    return min(times)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="mnist-small", help="a data set or a file: mnist.pkl, an IDX file")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sample", type=int, default=50, help="how many parameters of the loop are timed, at least")
    parser.add_argument("--only", default="", help="networks with this in their name")
    parser.add_argument("--cpu", action="store_true", help="take the time of the processor: for a busy machine")
    options = parser.parse_args()
    train = modnet.load(options.data).train
    batch = np.random.default_rng(0).choice(len(train.x), BATCH, replace=False)
    headings = "loop, s", "this, ms", "backpr., ms", "loop/this", "this/backpr.", "this/floor", "error", "largest"
    print(f"{'one core':<26}" + "".join(f"{heading:>13}" for heading in headings) + "  how this evaluates each layer")
    for case in CASES:
        if options.only not in case.name:
            continue
        measured = Measurement(case, train.x[batch], train.t[batch], options.sample)
        rounds = [measured.times() for _ in range(options.rounds)]
        loop, this, back = (statistics.median(r[key] for r in rounds) for key in ("loop", "this", "backpropagation"))
        cells = [f"{loop:,.0f}", f"{this * 1e3:.1f}", f"{back * 1e3:.2f}"]
        cells.append(f"{statistics.median(r['loop'] / r['this'] for r in rounds):,.0f}")
        cells.append(f"{statistics.median(r['this'] / r['backpropagation'] for r in rounds):.1f}")
        floors = [r["this"] / r["floor"] for r in rounds if "floor" in r]
        cells.append(f"{statistics.median(floors):.1f}" if floors else "")
        cells += [f"{value:.1e}" for value in measured.error()]
        print(f"{case.name:<26}" + "".join(f"{cell:>13}" for cell in cells) + f"  {measured.levels()}", flush=True)


if __name__ == "__main__":
    main()
