"""Benchmark of central differences: modnet, the book's loop, scipy and numdifftools.

Usage: python tests/benchmarks/central_difference.py [--rounds N] [--sample N] [--whole]

One gradient of a network's loss, float64, h = 1e-4, a mini-batch of 100 of the digits that ship with modnet. The book's
loop evaluates the loss twice for each parameter. It is timed on a sample of the parameters, spread evenly, and its time
taken to be proportional; with --whole it is run to its end once, for 784-50-10. The bound is the time of the
exponentials alone that the structure asks for, on one core. scipy.optimize.approx_derivative ("3-point") and
numdifftools are measured on the same sample, where they are installed.
"""

from __future__ import annotations

import argparse
import statistics
import time
import tracemalloc
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import modnet

H = 1e-4
DATA = modnet.load("mnist-small")
X, T = DATA.train.x[:100], DATA.train.t[:100]


class Arctan(modnet.Activation):
    """A third-party activation, without a derivative."""

    elementwise = True

    def __call__(self, a: Any, axis: int = -1) -> Any:
        return np.arctan(a)


class PlainSoftmax(modnet.Activation):
    """A third-party softmax, of which no loss knows a fused form."""

    def __call__(self, a: Any, axis: int = -1) -> Any:
        powers = np.exp(a - a.max(axis=axis, keepdims=True))
        return powers / powers.sum(axis=axis, keepdims=True)


NETWORKS: dict[str, Callable[[], modnet.Network]] = {
    "784-50-10": lambda: modnet.Network([784, 50, 10]),
    "784-50-10, relu": lambda: modnet.Network([784, 50, 10], hidden="relu"),
    "784-50-10, a third-party arctan": lambda: modnet.Network([784, 50, 10], hidden=Arctan()),
    "  and a softmax not fused": lambda: modnet.Network([784, 50, 10], hidden=Arctan(), output=PlainSoftmax()),
    "784-200-10": lambda: modnet.Network([784, 200, 10]),
    "784-50-50-10": lambda: modnet.Network([784, 50, 50, 10], weight_init_std="xavier"),
}


def loop(network: modnet.Network, chosen: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the differences of the chosen entries, flat indices by name, as chapter 4 of the book obtains them."""
    objective, gradient = network.objective(X, T), {}
    for name, entries in chosen.items():
        params = {other: p.copy() for other, p in network.params.items()}
        flat, gradient[name] = params[name].reshape(-1), np.empty(len(entries))
        for i, entry in enumerate(entries):
            value = flat[entry]
            flat[entry] = value + H
            above = objective(params)
            flat[entry] = value - H
            below = objective(params)
            flat[entry] = value
            gradient[name][i] = (above - below) / (2 * H)
    return gradient


def sample_of(network: modnet.Network, count: int) -> dict[str, np.ndarray]:
    """Return about `count` entries of all parameters, spread evenly."""
    step = max(1, sum(p.size for p in network.params.values()) // count)
    return {name: np.arange(0, p.size, step) for name, p in network.params.items()}


def seconds(work: Callable[[], object]) -> float:
    """Return the time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def exponentials(network: modnet.Network) -> float:
    """Return the seconds that the exponentials of one gradient of 784-50-10 take, and nothing else."""
    moves = [
        sum(len(np.unique(row[row != 0])) + (1 not in row) for row in z)
        for z in network.objective(X, T).trace(network.params).inputs
    ]
    hidden, outputs = (layer.outputs for layer in network.layers)
    count = 2 * moves[0] * hidden * (1 + outputs) + 2 * moves[1] * outputs * outputs
    values, out = np.random.default_rng(0).standard_normal(40_000), np.empty(40_000)
    each = min(seconds(lambda: np.exp(values, out=out)) for _ in range(200)) / len(values)
    print(f"{count / 1e6:.1f} million exponentials of {each * 1e9:.2f} ns: {count * each * 1e3:.1f} ms on one core")
    return count * each


def opponents(network: modnet.Network, chosen: Mapping[str, np.ndarray]) -> dict[str, Callable[[], object]]:
    """Return what else obtains the chosen entries, as far as it is installed."""
    objective, params = network.objective(X, T), network.params
    start = np.concatenate([params[name].reshape(-1)[entries] for name, entries in chosen.items()])

    def f(vector: np.ndarray) -> float:
        moved, at = {}, 0
        for name, entries in chosen.items():
            moved[name] = params[name].copy()
            moved[name].reshape(-1)[entries] = vector[at : at + len(entries)]
            at += len(entries)
        return objective(moved)

    found: dict[str, Callable[[], object]] = {}
    try:
        from scipy.optimize._numdiff import approx_derivative
    except ImportError:
        print("scipy is not installed")
    else:
        found["scipy, 3-point"] = lambda: approx_derivative(f, start, method="3-point")
    try:
        import numdifftools
    except ImportError:
        print("numdifftools is not installed")
    else:
        found["numdifftools"] = lambda: numdifftools.Gradient(f)(start)
    return found


def compare(name: str, rounds: int, count: int) -> None:
    """Print a row: the loop, modnet on one core and on all."""
    network = NETWORKS[name]()
    size = sum(p.size for p in network.params.values())
    chosen = sample_of(network, count)
    measured = sum(len(entries) for entries in chosen.values())
    one, all_cores = (modnet.gradient("central-difference", h=H, threads=n) for n in (1, None))
    rows = []
    for _ in range(rounds):
        by_loop = seconds(lambda: loop(network, chosen)) * size / measured
        rows.append(
            (
                by_loop,
                *(min(seconds(lambda e=e: network.gradient(X, T, e)) for _ in range(5)) for e in (one, all_cores)),
            )
        )
    took = [statistics.median(column) for column in zip(*rows, strict=True)]
    ratios = [statistics.median(row[0] / row[i] for row in rows) for i in (1, 2)]
    found, expected = network.gradient(X, T, all_cores), loop(network, chosen)
    off = max(np.abs(found[n].reshape(-1)[chosen[n]] - expected[n]).max() for n in chosen)
    bound = 8 * np.finfo(float).eps * network.loss(X, T) / H
    cells = f"{took[0]:.1f}", f"{took[1] * 1e3:.1f}", f"{took[2] * 1e3:.1f}", *(f"{ratio:,.0f}" for ratio in ratios)
    print(row_of(name, f"{size:,}", *cells, f"{off:.1e}", f"{bound:.1e}"), flush=True)


def row_of(name: str, *cells: str) -> str:
    """Return a line of the table."""
    return f"{name:<32}" + "".join(f"{cell:>11}" for cell in cells)


def memory(width: int) -> None:
    """Print the peak of what a gradient of 784-width-10 allocates, besides the gradient."""
    network = modnet.Network([784, width, 10])
    estimator = modnet.gradient("central-difference", h=H)
    tracemalloc.start()
    gradient = network.gradient(X, T, estimator)
    peak = tracemalloc.get_traced_memory()[1] - sum(g.nbytes for g in gradient.values())
    tracemalloc.stop()
    print(f"784-{width}-10: at most {peak / 1e6:.0f} MB besides the gradient")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sample", type=int, default=1000)
    parser.add_argument("--whole", action="store_true", help="run the loop over all parameters of 784-50-10 too")
    options = parser.parse_args()
    with threadpool_limits(1):
        print(row_of("", "", "loop", "1 core", "all cores", "loop /", "loop /", "largest", "round-off"))
        print(row_of("one gradient, batch 100", "params", "s", "ms", "ms", "1 core", "all", "difference", "bound"))
        for name in NETWORKS:
            compare(name, options.rounds, options.sample)
        network = NETWORKS["784-50-10"]()
        exponentials(network)
        chosen = sample_of(network, 300)
        scale = sum(p.size for p in network.params.values()) / sum(len(entries) for entries in chosen.values())
        alone = seconds(lambda: loop(network, chosen))
        for name, work in opponents(network, chosen).items():
            taken = seconds(work)
            print(f"{name}: {taken * scale:.0f} s for all parameters, {taken / alone:.1f} times the loop")
        for width in (50, 1000):
            memory(width)
        if options.whole:
            every = {name: np.arange(p.size) for name, p in network.params.items()}
            by_loop = seconds(lambda: loop(network, every))
            by_modnet = statistics.median(
                seconds(lambda: network.numerical_gradient(X, T)) for _ in range(10 * options.rounds)
            )
            print(f"the whole loop: {by_loop:.1f} s, modnet {by_modnet * 1e3:.1f} ms: {by_loop / by_modnet:,.0f} times")


if __name__ == "__main__":
    main()
