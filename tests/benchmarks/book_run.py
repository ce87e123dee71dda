"""The book's whole run: by central differences beside backpropagation, and in float32 beside float64.

Usage: python tests/benchmarks/book_run.py [--data FILE] [--iterations N] [--rounds N] [--seeds N]

784-50-10, sigmoid, softmax, cross entropy, batches of 100, plain SGD with a learning rate of 0.1, 10,000 iterations,
accuracies at the end of every epoch: on the digits that ship with modnet, or MNIST's with --data. The two estimators
train in turn; ratios are taken round by round. With --seeds the run is made by central differences with so many
seeds, in both dtypes.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np

import modnet


def train(
    data: modnet.Dataset, gradient: str, iterations: int, seed: int = 0, dtype: str = "float64"
) -> tuple[modnet.Run, float]:
    """Return a run and how many seconds it took."""
    network = modnet.TwoLayerNet(data.train.x.shape[1], 50, 10, seed=seed, dtype=dtype)
    start = time.perf_counter()
    run = modnet.train(
        network,
        data,
        gradient=gradient,
        optimizer=modnet.optimizer("sgd", lr=0.1),
        batch_size=100,
        iterations=iterations,
        seed=seed,
    )
    return run, time.perf_counter() - start


def row_of(name: str, *cells: str) -> str:
    """Return a line of a table."""
    return f"{name:<24}" + "".join(f"{cell:>18}" for cell in cells)


def compare_estimators(data: modnet.Dataset, iterations: int, rounds: int) -> None:
    """Print what both estimators took and learned, and how far apart their parameters are."""
    names = "backpropagation", "central-difference"
    runs = [[train(data, name, iterations) for name in names] for _ in range(rounds)]
    print(row_of(f"{iterations:,} iterations", "seconds", "test accuracy", "training accuracy"))
    for k, name in enumerate(names):
        run, seconds = runs[-1][k][0], statistics.median(pair[k][1] for pair in runs)
        accuracies = (f"{values[-1]:.4f}" for values in (run.history.test_accuracy, run.history.train_accuracy))
        print(row_of(name, f"{seconds:.1f}", *accuracies))
    ratio = statistics.median(central / backpropagation for (_, backpropagation), (_, central) in runs)
    one, other = (run.network.params for run, _ in runs[-1])
    apart = max(float(np.abs(one[name] - other[name]).max()) for name in one)
    print(f"ratio {ratio:.2f}; the parameters differ by at most {apart:.1e}, the largest is {largest(one):.1f}")


def largest(params: modnet.Params) -> float:
    """Return the largest absolute value."""
    return max(float(np.abs(value).max()) for value in params.values())


def compare_dtypes(data: modnet.Dataset, iterations: int, seeds: int) -> None:
    """Print the test accuracies by central differences in both dtypes."""
    print("\n" + row_of("central-difference", "float64", "float32", "float64 s", "float32 s"))
    for seed in range(seeds):
        runs = [train(data, "central-difference", iterations, seed, dtype) for dtype in ("float64", "float32")]
        accuracies = (f"{run.history.test_accuracy[-1]:.4f}" for run, _ in runs)
        print(row_of(f"seed {seed}", *accuracies, *(f"{seconds:.1f}" for _, seconds in runs)), flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="mnist-small", help="a data set or a file: mnist.pkl, an IDX file")
    parser.add_argument("--iterations", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=0)
    options = parser.parse_args()
    data = modnet.load(options.data)
    compare_estimators(data, options.iterations, options.rounds)
    if options.seeds:
        compare_dtypes(data, options.iterations, options.seeds)


if __name__ == "__main__":
    main()
