"""One iteration of the slides' script, beside the slides' own loop.

Usage: python tests/benchmarks/slides.py [--entries N]

784-50-10 on batches of 100 of the digits that ship with modnet. The slides' loop takes too long for all 39,760
parameters: it is timed on some entries of each array, and scaled by their number.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import modnet
from modnet import book

H = 1e-4


def predict(params: dict[str, Any], x: Any) -> Any:
    """Return the outputs, as the slides' network computes them."""
    z = 1 / (1 + np.exp(-(np.dot(x, params["W1"]) + params["b1"])))
    a = np.dot(z, params["W2"]) + params["b2"]
    powers = np.exp(a - np.max(a, axis=1, keepdims=True))
    return powers / np.sum(powers, axis=1, keepdims=True)


def compute_loss(params: dict[str, Any], x: Any, t: Any) -> Any:
    """Return the mean cross entropy."""
    return -np.sum(t * np.log(predict(params, x) + 1e-7)) / len(x)


def difference(params: dict[str, Any], name: str, entry: int, x: Any, t: Any) -> Any:
    """Return one entry of the gradient: the loss with the entry moved up, less that with it moved down."""
    flat = params[name].reshape(-1)
    value = flat[entry]
    flat[entry] = value + H
    above = compute_loss(params, x, t)
    flat[entry] = value - H
    below = compute_loss(params, x, t)
    flat[entry] = value
    return (above - below) / (2 * H)


def measure(function: Callable[[], object], rounds: int) -> float:
    """Return the median of a function's seconds."""
    function()
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


@modnet.limit_blas_threads(1)
def main() -> None:
    """Print the table; linear algebra has one thread, of which neither has a use for more."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=200, help="entries of each array that the slides' loop computes")
    entries = parser.parse_args().entries
    (x_train, t_train), _ = book.load_mnist(one_hot_label=True, data="mnist-small")
    network = book.TwoLayerNet(input_size=784, hidden_size=50, output_size=10)
    x, t = x_train[:100], t_train[:100]
    ours = measure(lambda: network.numerical_gradient(x, t), 100)
    found, theirs, gap = network.numerical_gradient(x, t), 0.0, 0.0
    for name, array in network.params.items():
        some = np.random.default_rng(0).permutation(array.size)[:entries]
        start = time.perf_counter()
        computed = [difference(network.params, name, int(entry), x, t) for entry in some]
        theirs += (time.perf_counter() - start) / len(some) * array.size
        gap = max(gap, float(np.abs(found[name].reshape(-1)[some] - computed).max()))
    print(f"the slides' loop, {entries} entries of each array, scaled   {theirs:10.3f} s an iteration")
    print(f"modnet.book.TwoLayerNet.numerical_gradient           {ours:10.6f} s an iteration")
    print(f"ratio {theirs / ours:,.0f}; the entries differ by at most {gap:.1e}")


if __name__ == "__main__":
    main()
