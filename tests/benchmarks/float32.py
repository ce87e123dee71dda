"""Gradients in float32 and float64: their errors at three stages of training.

Usage: python tests/benchmarks/float32.py [--entries N] [--iterations N]

The book's network on the digits that ship with modnet: untrained, after 3,000 iterations, and overfitted on 300
samples. Errors are the largest of N entries of each parameter, beside the exact central difference of 50 digits at the
parameters of the dtype; backpropagation's are beside the same difference, so that they are those of its h.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import mpmath
import numpy as np

import modnet

sys.path.append(str(Path(__file__).parents[1]))

from exact_differences import FIFTY_DIGITS, ExactNetwork, central

Array = Any
Entries = Mapping[str, Array]
DATA = modnet.load("mnist-small")


def stages(iterations: int) -> Iterator[tuple[str, modnet.Network, Array, Array]]:
    """Yield a name, a network in float64, and a batch of what it has learned from."""
    rng, x, t = np.random.default_rng(3), DATA.train.x, DATA.train.t
    for name, std, samples, rate, steps in (
        ("untrained", 0.01, len(x), 0.1, 0),
        (f"{iterations} iterations", 0.01, len(x), 0.1, iterations),
        ("overfitted on 300", "xavier", 300, 0.5, 8 * iterations // 3),
    ):
        network = modnet.Network([784, 50, 10], weight_init_std=std, seed=3)
        for _ in range(steps):
            batch = rng.choice(samples, 100, replace=False)
            gradient = network.gradient(x[batch], t[batch])
            network.params = {n: p - rate * gradient[n] for n, p in network.params.items()}
        batch = rng.choice(samples, 100, replace=False)
        yield name, network, x[batch], t[batch]


def in_dtype(network: modnet.Network, dtype: str) -> modnet.Network:
    """Return the network with its parameters rounded to a dtype."""
    return network.with_arrays({name: p.astype(dtype) for name, p in network.params.items()})


def choose(network: modnet.Network, x: Array, count: int) -> Entries:
    """Return `count` entries of each parameter, of the first layer's those of inputs that count."""
    rng = np.random.default_rng(0)
    chosen = {n: rng.choice(p.size, min(count, p.size), replace=False) for n, p in network.params.items()}
    units = network.layers[0].outputs
    rows = np.flatnonzero(x.sum(axis=0) > 5)
    chosen["W1"] = rng.choice(rows, count) * units + rng.integers(0, units, count)
    return chosen


def exactly(network: modnet.Network, x: Array, t: Array, h: float, entries: Entries) -> dict[str, Array]:
    """Return the exact central differences with 50 digits."""
    with mpmath.workdps(50):
        exact, found = ExactNetwork(network, x, t, None, FIFTY_DIGITS), {}
        for k, layer in enumerate(exact.layers):
            rows, units = np.divmod(entries[layer.weight], layer.outputs)
            weights = [(exact.move(k, i, h), j) for i, j in zip(rows, units, strict=True)]
            biases = [(exact.move(k, None, h), j) for j in entries[layer.bias]]
            for name, moves in ((layer.weight, weights), (layer.bias, biases)):
                changes = [exact.differences(k, [unit], [move])[0] @ exact.share for move, unit in moves]
                found[name] = np.array([change / (2 * mpmath.mpf(h)) for change in changes])
    return found


def by_loop(network: modnet.Network, x: Array, t: Array, h: float, entries: Entries) -> dict[str, Array]:
    """Return the entries as the book's loop finds them, whose loss is a number of the dtype."""
    found, dtype = {}, x.dtype.type
    for name, chosen in entries.items():
        params = {other: p.copy() for other, p in network.params.items()}
        flat, found[name] = params[name].reshape(-1), np.empty(len(chosen), x.dtype)
        moved = network.with_arrays(params)
        for i, entry in enumerate(chosen):
            value, losses = flat[entry], []
            for step in (h, -h):
                flat[entry] = value + dtype(step)
                losses.append(dtype(moved.loss(x, t)))
            flat[entry] = value
            found[name][i] = (losses[0] - losses[1]) / dtype(2 * h)
    return found


def row(network: modnet.Network, x: Array, t: Array, count: int) -> list[float]:
    """Return the largest errors of the loop, every, nodes and backpropagation, and the largest entry."""
    h = float(x.dtype.type(modnet.default_step(x.dtype)))
    entries = choose(network, x, count)
    exact = exactly(network, x, t, h, entries)

    def error(gradient: Mapping[str, Array]) -> float:
        return max(float(abs(exact[n] - FIFTY_DIGITS.convert(gradient[n])).max()) for n in exact)

    found = [by_loop(network, x, t, h, entries)]
    for estimator in (
        *(central(e, h) for e in ("every", "nodes")),
        modnet.gradient("backpropagation"),
    ):
        gradient = network.gradient(x, t, estimator)
        found.append({name: gradient[name].reshape(-1)[chosen] for name, chosen in entries.items()})
    largest = max(float(abs(values).max()) for values in exact.values())
    return [*map(error, found), largest]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=10)
    parser.add_argument("--iterations", type=int, default=3000)
    options = parser.parse_args()
    columns = ("loop", "every", "nodes", "backprop", "largest")
    print(f"{'stage':<22}{'loss':>9}  {'dtype, h':<18}" + "".join(f"{column:>10}" for column in columns))
    for name, network, x, t in stages(options.iterations):
        for dtype in ("float64", "float32"):
            rounded, batch = in_dtype(network, dtype), x.astype(dtype)
            cells = "".join(f"{value:>10.1e}" for value in row(rounded, batch, t, options.entries))
            step = f"{dtype}, {modnet.default_step(dtype):.2g}"
            print(f"{name:<22}{rounded.loss(batch, t):>9.1e}  {step:<18}{cells}", flush=True)


if __name__ == "__main__":
    main()
