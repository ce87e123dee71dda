"""Backpropagation, per iteration: modnet against a hand-written NumPy loop, scikit-learn and PyTorch.

Usage: python tests/benchmarks/training.py [--rounds N] [--iterations N]

The same work for all: 784-50-10, sigmoid, softmax, cross entropy, batches of 100 drawn with replacement (scikit-learn
shuffles), plain SGD, float64, one thread. Each opponent runs once a round, in turn; the ratios are taken round by
round, so that they hold when the machine's speed drifts. PyTorch is measured where it is installed: pip install torch.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from unittest.mock import patch

import numpy as np
from threadpoolctl import threadpool_limits

import modnet

BATCH, LR = 100, 0.1
DATA = modnet.load("mnist-small")
X, T = DATA.train.x, DATA.train.t


def by_hand(iterations: int) -> None:
    """Train as one would write it down, without a framework."""
    start = modnet.TwoLayerNet(784, 50, 10, seed=0).params
    w1, b1, w2, b2 = (start[name].copy() for name in ("W1", "b1", "W2", "b2"))
    rng, rows, losses = np.random.default_rng(0), np.arange(BATCH), []
    for _ in range(iterations):
        chosen = rng.integers(0, len(X), BATCH)
        x, t = X[chosen], T[chosen]
        z = 1 / (1 + np.exp(-(x @ w1 + b1)))
        a = z @ w2 + b2
        powers = np.exp(a - a.max(axis=1, keepdims=True))
        y = powers / powers.sum(axis=1, keepdims=True)
        losses.append(-np.log(y[rows, t] + 1e-7).mean())
        da2 = y.copy()
        da2[rows, t] -= 1
        da2 /= BATCH
        dw2, db2 = z.T @ da2, da2.sum(axis=0)
        da1 = (da2 @ w2.T) * z * (1 - z)
        dw1, db1 = x.T @ da1, da1.sum(axis=0)
        w1 -= LR * dw1
        b1 -= LR * db1
        w2 -= LR * dw2
        b2 -= LR * db2


def with_modnet(iterations: int) -> None:
    """Train with modnet, but for the accuracies at the epochs' ends, which the others do not take."""
    with patch("modnet.nn.training._evaluate"):
        modnet.train(
            modnet.TwoLayerNet(784, 50, 10, seed=0),
            DATA,
            gradient="backpropagation",
            optimizer=modnet.optimizer("sgd", lr=LR),
            batch_size=BATCH,
            iterations=iterations,
        )


def with_scikit_learn(iterations: int) -> None:
    """Train scikit-learn's MLPClassifier, all epochs in one call: a mini-batch a call takes more than twice as long."""
    from sklearn.neural_network import MLPClassifier

    rows = min(len(X), iterations * BATCH)
    model = MLPClassifier(
        (50,),
        activation="logistic",
        solver="sgd",
        alpha=0.0,
        batch_size=BATCH,
        learning_rate_init=LR,
        momentum=0.0,
        max_iter=iterations * BATCH // rows,
        n_iter_no_change=iterations,
    )
    model.fit(X[:rows], T[:rows])


def with_pytorch(iterations: int) -> None:
    """Train with PyTorch on the CPU, eager."""
    import torch

    torch.set_num_threads(1)
    x, t = torch.from_numpy(X), torch.from_numpy(T)
    layers = torch.nn.Sequential(torch.nn.Linear(784, 50), torch.nn.Sigmoid(), torch.nn.Linear(50, 10)).double()
    optimizer = torch.optim.SGD(layers.parameters(), lr=LR)
    losses = []
    for _ in range(iterations):
        chosen = torch.randint(0, len(x), (BATCH,))
        loss = torch.nn.functional.cross_entropy(layers(x[chosen]), t[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())


def seconds(work: Callable[[int], None], iterations: int) -> float:
    """Return the time of one iteration."""
    start = time.perf_counter()
    work(iterations)
    return (time.perf_counter() - start) / iterations


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--iterations", type=int, default=2000)
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # scikit-learn's on not having converged
    opponents: dict[str, Callable[[int], None]] = {"hand-written NumPy": by_hand, "modnet": with_modnet}
    for name, module, work in (("scikit-learn", "sklearn", with_scikit_learn), ("PyTorch", "torch", with_pytorch)):
        try:
            __import__(module)
        except ImportError:
            print(f"{name} is not installed")
        else:
            opponents[name] = work
    times: dict[str, list[float]] = {name: [] for name in opponents}
    with threadpool_limits(1):
        for work in opponents.values():
            work(50)
        for _ in range(options.rounds):
            for name, work in opponents.items():
                times[name].append(seconds(work, options.iterations))
    print(f"{'784-50-10, batch 100, float64, one thread':<44}{'µs/iteration':>14}{'modnet / it':>14}")
    for name, taken in times.items():
        ratio = statistics.median(m / o for m, o in zip(times["modnet"], taken, strict=True))
        print(f"{name:<44}{statistics.median(taken) * 1e6:>14.0f}{ratio:>14.2f}")


if __name__ == "__main__":
    main()
