"""Central differences against the book's loop, every move evaluated, and backpropagation.

Usage: python tests/benchmarks/central_difference.py [--data FILE] [--rounds N] [--sample N] [--only WORD] [--cpu]

One gradient of a network's loss for a mini-batch of 100 digits: those that ship with modnet, or MNIST's with --data.
Each opponent runs once a round, in turn; ratios are taken round by round, so that they hold when the machine's speed
drifts, and their medians printed.

The loop is chapter 4 of the book: plain NumPy, float64, parameters changed in place, the whole loss twice for each,
with as many BLAS threads as make it fastest. It is timed on a sample of the parameters, spread evenly, and its time
taken to be proportional; with --whole it is run once to its end, for 784-50-10. The floor is what interpolation cannot
do without where parts are black boxes: the forward pass, the exponentials of five nodes for each cell, and the matrix
products, nothing else. Errors are those against the exact difference, in 80 bits, of some entries of each array.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Mapping
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any, NamedTuple

import attrs
import numpy as np
from threadpoolctl import threadpool_limits

import modnet

sys.path.append(str(Path(__file__).parents[1]))
from exact_differences import EIGHTY_BITS, ExactNetwork, choose_entries

H, BATCH, NODES = 1e-4, 100, 5
clock = time.process_time if "--cpu" in sys.argv else time.perf_counter
CORES = [1] if "--cpu" in sys.argv else sorted({1, os.cpu_count() or 1})
Params = Mapping[str, np.ndarray]
Entries = Mapping[str, np.ndarray]


class Arctan(modnet.Activation):
    """A third-party activation that promises nothing of its smoothness."""

    elementwise = True

    def __call__(self, a: Any, axis: int = -1) -> Any:
        return np.arctan(a)

    def exact(self, _: Any, a: Any) -> Any:
        """Return the outputs in the numbers of `a`."""
        return np.arctan(a)


class PlainSoftmax(modnet.Activation):
    """A third-party softmax, of which no loss knows a fused form."""

    kinks = ()

    def __call__(self, a: Any, axis: int = -1) -> Any:
        powers = np.exp(a - a.max(axis=axis, keepdims=True))
        return powers / powers.sum(axis=axis, keepdims=True)

    def exact(self, _: Any, a: Any) -> Any:
        """Return the outputs in the numbers of `a`."""
        return self(a)


class Function(NamedTuple):
    """An activation as one writes it down: its values, and its slope from `a` and the values."""

    values: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray, np.ndarray], np.ndarray]


BY_HAND = {
    "sigmoid": Function(lambda a: 1 / (1 + np.exp(-a)), lambda a, z: z * (1 - z)),
    "relu": Function(lambda a: np.maximum(a, 0), lambda a, z: z > 0),
    "arctan": Function(np.arctan, lambda a, z: 1 / (1 + a * a)),
}


@attrs.frozen
class Case:
    """A network and its batch."""

    name: str
    sizes: tuple[int, ...] = (784, 50, 10)
    hidden: str = "sigmoid"
    output: Any = "softmax"
    dtype: str = "float64"
    scale: float = 1.0

    def network(self) -> modnet.Network:
        """Return the network before training."""
        hidden = Arctan() if self.hidden == "arctan" else self.hidden
        std = 0.01 if len(self.sizes) == 3 else "xavier"
        return modnet.Network(
            self.sizes, hidden=hidden, output=self.output, weight_init_std=std, dtype=self.dtype, seed=0
        )


CASES = (
    Case("784-50-10"),
    Case("784-50-10, relu", hidden="relu"),
    Case("784-50-10, own arctan", hidden="arctan"),
    Case("784-50-10, own softmax", output=PlainSoftmax()),
    Case("784-50-10, float32", dtype="float32"),
    Case("784-50-10, inputs 0 to 255", scale=255.0),
    Case("784-200-10", (784, 200, 10)),
    Case("784-1000-10", (784, 1000, 10)),
    Case("784-50-50-10", (784, 50, 50, 10)),
)


def forward(params: Params, hidden: Function, x: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray]:
    """Return each layer's inputs and pre-activations, and the softmax of the last ones."""
    inputs, pre_activations, z = [], [], x
    for k in range(1, len(params) // 2 + 1):
        a = z @ params[f"W{k}"] + params[f"b{k}"]
        inputs.append(z)
        pre_activations.append(a)
        z = hidden.values(a) if f"W{k + 1}" in params else a
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    return inputs, pre_activations, powers / powers.sum(axis=1, keepdims=True)


def loss(params: Params, hidden: Function, x: np.ndarray, t: np.ndarray) -> float:
    """Return the mean cross entropy, as the book has it."""
    y = forward(params, hidden, x)[-1]
    return float(-np.log(y[np.arange(len(x)), t] + 1e-7).sum() / len(x))


def loop(params: Params, hidden: Function, x: np.ndarray, t: np.ndarray, chosen: Entries) -> dict[str, np.ndarray]:
    """Return the differences of the chosen entries, flat indices by name, as chapter 4 of the book computes them."""
    gradient = {name: np.empty(len(entries)) for name, entries in chosen.items()}
    for name, entries in chosen.items():
        flat = params[name].reshape(-1)
        for i, entry in enumerate(entries):
            value = flat[entry]
            flat[entry] = value + H
            above = loss(params, hidden, x, t)
            flat[entry] = value - H
            below = loss(params, hidden, x, t)
            flat[entry] = value
            gradient[name][i] = (above - below) / (2 * H)
    return gradient


def backpropagation(params: Params, hidden: Function, x: np.ndarray, t: np.ndarray) -> dict[str, np.ndarray]:
    """Return the gradient by the chain rule, as one writes it down without a framework."""
    inputs, pre_activations, da = forward(params, hidden, x)
    da[np.arange(len(x)), t] -= 1
    da /= len(x)
    gradient = {}
    for k in range(len(inputs), 0, -1):
        gradient[f"W{k}"], gradient[f"b{k}"] = inputs[k - 1].T @ da, da.sum(axis=0)
        if k > 1:
            da = (da @ params[f"W{k}"].T) * hidden.slope(pre_activations[k - 2], inputs[k - 1])
    return gradient


def floor(network: modnet.Network, x: np.ndarray, t: np.ndarray) -> Callable[[], object]:
    """Return the least work of interpolation: the forward pass, exponentials at all nodes, matrix products."""
    dtype, sizes, nodes = network.params["W1"].dtype, [layer.outputs for layer in network.layers], NODES * len(x)
    block, count, products = np.full(20_000, 1e-5, dtype), 0, []
    factors = [x[:, x.any(axis=0)].T, *(np.ones((size, len(x)), dtype) for size in sizes[:-1])]
    for k, size in enumerate(sizes):
        count += nodes * size * (sum(sizes[k + 1 :]) or size)
        products.append((np.ascontiguousarray(factors[k]), np.ones((len(x), 2 * size), dtype)))
        for before, after in pairwise(sizes[k + 1 :]):
            products += [(np.ones((after, before), dtype), np.ones((before, nodes), dtype))] * size

    def work() -> None:
        network.loss(x, t)
        for _ in range(-(-count // len(block))):
            np.expm1(block)
        for left, right in products:
            left @ right

    return work


def seconds(work: Callable[[], object], repeats: int = 1) -> float:
    """Return the least time of one call."""
    times = []
    for _ in range(repeats):
        start = clock()
        work()
        times.append(clock() - start)
    return min(times)


def estimator(threads: int | None, evaluate: str = "nodes") -> Any:
    """Return central differences."""
    return modnet.gradient("central-difference", threads=threads, evaluate=evaluate)


class Measurement:
    """Opponents on one network and batch."""

    def __init__(self, case: Case, x: np.ndarray, t: np.ndarray, sample: int) -> None:
        self.case, self.x, self.t, self.sample = case, (x * case.scale).astype(case.dtype), t, sample
        self.network, self.hidden = case.network(), BY_HAND[case.hidden]
        self.plain = {name: p.astype(float) for name, p in self.network.params.items()}

    def loop(self, chosen: Entries) -> dict[str, np.ndarray]:
        """Return the chosen differences by the book's loop."""
        return loop(self.plain, self.hidden, self.x.astype(float, copy=False), self.t, chosen)

    def times(self) -> dict[tuple[str, int], float]:
        """Return the seconds of each opponent in one round, by its name and the number of cores that it has."""
        network, x, t, times = self.network, self.x, self.t, {}
        size = sum(p.size for p in self.plain.values())
        chosen = {name: np.arange(0, p.size, max(1, size // self.sample)) for name, p in self.plain.items()}
        for cores in CORES:
            this, every = estimator(cores), estimator(cores, "every")
            works: dict[str, tuple[Callable[[], object], int]] = {
                "loop": (lambda: self.loop(chosen), 5),
                "backpropagation": (lambda: network.gradient(x, t, "backpropagation"), 15),
                "by hand": (lambda: backpropagation(network.params, self.hidden, x, t), 15),
                "floor": (floor(network, x, t), 5),
                "this": (lambda e=this: network.gradient(x, t, e), 9),
                "every": (lambda e=every: network.gradient(x, t, e), 3),
            }
            for name, work in works.items():
                with threadpool_limits(cores):
                    times[name, cores] = seconds(*work)
                if name not in {"this", "every"}:  # no opponent is given more BLAS threads than help it
                    times[name, cores] = min(times[name, cores], times[name, 1])
        fastest = min(times["loop", cores] for cores in CORES) * size / sum(map(len, chosen.values()))
        return times | {("loop", cores): fastest for cores in CORES}

    def errors(self) -> tuple[float, float, float]:
        """Return the largest error of the loop and of modnet, and the largest exact entry."""
        chosen = {name: entries[:: -(-len(entries) // 25)] for name, entries in self.entries().items()}
        found = self.network.gradient(self.x, self.t, estimator(None))
        step = modnet.default_step(np.dtype(self.case.dtype))
        exact = exact_differences(self.network, self.x, self.t, step, chosen)
        plain = self.network.with_arrays(self.plain)
        by_loop, by_loop_exact = self.loop(chosen), exact_differences(plain, self.x, self.t, H, chosen)
        return (
            max(float(abs(by_loop[n] - by_loop_exact[n]).max()) for n in chosen),
            max(float(abs(found[n].reshape(-1)[at] - exact[n]).max()) for n, at in chosen.items()),
            max(float(abs(values).max()) for values in exact.values()),
        )

    def entries(self) -> Entries:
        """Return entries whose differences are not 0 by their inputs."""
        return choose_entries(self.network, self.x)


def exact_differences(network: modnet.Network, x: np.ndarray, t: np.ndarray, h: float, chosen: Entries) -> Entries:
    """Return exact differences of the chosen entries."""
    exact, found = ExactNetwork(network, x, t, None, EIGHTY_BITS), {}
    h = float(x.dtype.type(h))
    for k, layer in enumerate(network.layers):
        for name, at in ((layer.weight, chosen[layer.weight]), (layer.bias, chosen[layer.bias])):
            inputs, units = ([None] * len(at), at) if name == layer.bias else np.divmod(at, layer.outputs)
            moves = [exact.move(k, i, h) for i in inputs]
            found[name] = exact.differences(k, units, moves) @ exact.share / (2 * np.longdouble(h))
    return found


def row_of(name: str, *cells: str) -> str:
    """Return a line of a table."""
    return f"{name:<28}" + "".join(f"{cell:>8}" for cell in cells)


def compare(cases: list[Measurement], rounds: int) -> None:
    """Print the times and ratios of all opponents, with one core and with all."""
    taken = {case.case.name: [case.times() for _ in range(rounds)] for case in cases}
    for cores in CORES:
        print(row_of("", "loop", "every", "this", "backpr.", "loop /", "every /", "this /", "this /", "this /"))
        units = "s", "ms", "ms", "ms", "this", "this", "backpr.", "by hand", "floor"
        print(row_of(f"{cores} core{'s' * (cores > 1)}", *units))
        for name, rows in taken.items():
            medians = {key: statistics.median(row[key, cores] for row in rows) for key, _ in rows[0]}
            ratios = {
                pair: statistics.median(row[pair[0], cores] / row[pair[1], cores] for row in rows)
                for pair in permutations(medians, 2)
            }
            cells = [f"{medians['loop']:.1f}"]
            cells += [f"{medians[key] * 1e3:.2f}" for key in ("every", "this", "backpropagation")]
            cells += [f"{ratios['loop', 'this']:,.0f}", f"{ratios['every', 'this']:.1f}"]
            cells += [f"{ratios['this', other]:.2f}" for other in ("backpropagation", "by hand", "floor")]
            print(row_of(name, *cells))
        print(flush=True)


def report_errors(cases: list[Measurement]) -> None:
    """Print errors against exact differences, and how the cells of each layer were evaluated."""
    print(row_of("largest error", "loop", "this", "entry") + "  how this evaluates each layer")
    for case in cases:
        layers = estimator(None).count_cells(case.network.objective(case.x, case.t), case.network.params)
        how = ", ".join(
            f"{layer.level} ({layer.fell_back / layer.cells:.2%} every)" if layer.fell_back else layer.level
            for layer in layers
        )
        print(row_of(case.case.name, *(f"{value:.1e}" for value in case.errors())) + f"  {how}", flush=True)
    print()


def report_memory(case: Measurement) -> None:
    """Print the peak of what a gradient allocates, besides the gradient."""
    tracemalloc.start()
    gradient = case.network.gradient(case.x, case.t, estimator(None))
    peak = tracemalloc.get_traced_memory()[1] - sum(g.nbytes for g in gradient.values())
    tracemalloc.stop()
    print(f"{case.case.name}: at most {peak / 1e6:.0f} MB besides the gradient")


def run_whole_loop(case: Measurement) -> None:
    """Print the time of the loop over all parameters, with its fastest number of BLAS threads, and its difference."""
    few, every = ({name: np.arange(p.size)[:n] for name, p in case.plain.items()} for n in (50, None))
    trials = {}
    for threads in CORES:
        with threadpool_limits(threads):
            trials[threads] = seconds(lambda: case.loop(few), 5)
    threads, found = min(trials, key=trials.__getitem__), {}
    with threadpool_limits(threads):
        by_loop = seconds(lambda: found.update(case.loop(every)))
    gradients: dict[str, np.ndarray] = {}
    this = seconds(lambda: gradients.update(case.network.gradient(case.x, case.t, estimator(1))), 30)
    off = max(float(abs(gradients[name].reshape(-1) - found[name]).max()) for name in found)
    print(f"the whole loop, once: {by_loop:.2f} s with {threads} BLAS threads, {by_loop / this:,.0f} times as long as")
    print(f"one gradient, {this * 1e3:.2f} ms; no entry of the two differs by more than {off:.1e}")


def run_without_avx512(arguments: list[str]) -> None:
    """Print the first lines of the tables again, in a process whose NumPy takes no AVX-512."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    names = [n for n in __cpu_dispatch__ if __cpu_features__.get(n) and (n == "X86_V4" or n.startswith("AVX512"))]
    if not names:
        print("this NumPy takes no AVX-512")
        return
    print("without AVX-512:", flush=True)
    environment = {**os.environ, "NPY_DISABLE_CPU_FEATURES": " ".join(names)}
    subprocess.run([sys.executable, __file__, *arguments, "--child"], env=environment, check=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="mnist-small", help="a data set or a file: mnist.pkl, an IDX file")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sample", type=int, default=100, help="how many parameters of the loop are timed")
    parser.add_argument("--only", default="", help="networks with this in their name")
    parser.add_argument("--whole", action="store_true", help="run the loop over all parameters of 784-50-10, too")
    parser.add_argument(
        "--cpu", action="store_true", help="take the time of the processor: for a busy machine, one core"
    )
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    train = modnet.load(options.data).train
    batch = np.random.default_rng(0).choice(len(train.x), BATCH, replace=False)
    cases = [Measurement(c, train.x[batch], train.t[batch], options.sample) for c in CASES if options.only in c.name]
    if options.child:
        compare([case for case in cases if case.case.name in {"784-50-10", "784-50-10, float32"}], options.rounds)
        return
    compare(cases, options.rounds)
    report_errors(cases)
    run_without_avx512(sys.argv[1:])
    for case in cases:
        if case.case.name in {"784-50-10", "784-1000-10"}:
            report_memory(case)
    if options.whole:
        run_whole_loop(cases[0])


if __name__ == "__main__":
    main()
