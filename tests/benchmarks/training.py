"""Backpropagation, per iteration: modnet against a hand-written NumPy loop, scikit-learn and PyTorch.

Usage: python tests/benchmarks/training.py [--data FILE] [--rounds N] [--iterations N]

The same work for all: 784-50-10, sigmoid, softmax, cross entropy, batches of 100 drawn with replacement (scikit-learn
shuffles), plain SGD, one thread, in float64 and in float32; and modnet and NumPy once more with the accuracies on all
samples at the epochs' ends. The hand-written loop works in place, in memory that is allocated once, on features that
were divided beforehand; modnet divides each batch. Each opponent runs once a round, in turn, and the smallest CPU time
of an iteration counts, the start of a run left out. PyTorch is measured where it is installed: pip install torch.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest.mock import patch

import numpy as np
from threadpoolctl import threadpool_limits

import modnet
import modnet.nn.training

BATCH, LR = 100, 0.1
Work = Callable[[int], object]


def by_hand(data: modnet.Dataset, x_all: Any, x_test: Any, evaluates: bool, iterations: int) -> None:
    """Train as one would write it down for speed, without a framework."""
    start = modnet.TwoLayerNet(784, 50, 10, seed=0, dtype=x_all.dtype.name).params
    w1, b1, w2, b2 = (start[name].copy() for name in ("W1", "b1", "W2", "b2"))
    rng, rows, losses, accuracies = np.random.default_rng(0), np.arange(BATCH), [], []
    x, dw1, every = np.empty((BATCH, 784), x_all.dtype), np.empty_like(w1), len(x_all) // BATCH

    def forward(x: Any) -> tuple[Any, Any]:
        z = x @ w1
        z += b1
        np.negative(z, out=z)
        np.exp(z, out=z)
        z += 1
        np.divide(1, z, out=z)
        y = z @ w2
        y += b2
        y -= y.max(axis=1, keepdims=True)
        np.exp(y, out=y)
        y /= y.sum(axis=1, keepdims=True)
        return z, y

    for k in range(iterations):
        chosen = rng.integers(0, len(x_all), BATCH)
        np.take(x_all, chosen, axis=0, out=x, mode="clip")
        t = data.train.t[chosen]
        z, y = forward(x)
        losses.append(-float(np.log(y[rows, t] + 1e-7).sum()) / BATCH)
        y[rows, t] -= 1
        y /= BATCH
        dz = y @ w2.T
        dw2 = z.T @ y
        dz *= z
        np.subtract(1, z, out=z)
        dz *= z
        np.matmul(x.T, dz, out=dw1)
        for w, dw in ((w1, dw1), (b1, dz.sum(axis=0)), (w2, dw2), (b2, y.sum(axis=0))):
            dw *= LR
            w -= dw
        if evaluates and (k + 1) % every == 0:
            for some, t in ((x_all, data.train.t), (x_test, data.test.t)):
                accuracies.append(float((forward(some)[1].argmax(axis=1) == t).mean()))


def with_modnet(data: modnet.Dataset, dtype: str, evaluates: bool, iterations: int) -> None:
    """Train with modnet; without the accuracies at the epochs' ends where others do not take them."""
    with patch("modnet.nn.training._evaluate", *([] if not evaluates else [modnet.nn.training._evaluate])):
        modnet.train(
            modnet.TwoLayerNet(784, 50, 10, seed=0, dtype=dtype),
            data,
            gradient="backpropagation",
            optimizer=modnet.optimizer("sgd", lr=LR),
            batch_size=BATCH,
            iterations=iterations,
        )


def with_scikit_learn(x: Any, t: Any, iterations: int) -> None:
    """Train scikit-learn's MLPClassifier, all epochs in one call: a mini-batch a call takes more than twice as long."""
    from sklearn.neural_network import MLPClassifier

    rows = min(len(x), max(1, iterations) * BATCH)
    model = MLPClassifier(
        (50,),
        activation="logistic",
        solver="sgd",
        alpha=0.0,
        batch_size=BATCH,
        learning_rate_init=LR,
        momentum=0.0,
        max_iter=max(1, iterations * BATCH // rows),
        n_iter_no_change=max(1, iterations),
    )
    model.fit(x[:rows], t[:rows])


def with_pytorch(x: Any, t: Any, iterations: int) -> None:
    """Train with PyTorch on the CPU, eager."""
    import torch

    torch.set_num_threads(1)
    x, t = torch.from_numpy(x), torch.from_numpy(t)
    layers = torch.nn.Sequential(torch.nn.Linear(784, 50), torch.nn.Sigmoid(), torch.nn.Linear(50, 10)).to(x.dtype)
    optimizer = torch.optim.SGD(layers.parameters(), lr=LR)
    losses = []
    for _ in range(iterations):
        chosen = torch.randint(0, len(x), (BATCH,))
        loss = torch.nn.functional.cross_entropy(layers(x[chosen]), t[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())


def is_installed(module: str) -> bool:
    """Return whether a module can be imported, and say where it cannot."""
    try:
        __import__(module)
    except ImportError:
        print(f"{module} is not installed")
        return False
    return True


def list_opponents(data: modnet.Dataset) -> dict[tuple[str, str], Work]:
    """Return what is measured, by its kind and its name; modnet is the last of each kind."""
    found: dict[tuple[str, str], Work] = {}
    others = {"scikit-learn": ("sklearn", with_scikit_learn), "PyTorch": ("torch", with_pytorch)}
    others = {name: pair for name, pair in others.items() if is_installed(pair[0])}
    for dtype in ("float64", "float32"):
        x, x_test = (part.rows(slice(None), dtype) for part in (data.train, data.test))
        for kind, evaluates in ((dtype, False), (f"{dtype}, with accuracies", True)):
            found[kind, "hand-written NumPy"] = partial(by_hand, data, x, x_test, evaluates)
            if not evaluates:
                found |= {(kind, name): partial(work, x, data.train.t) for name, (_, work) in others.items()}
            found[kind, "modnet"] = partial(with_modnet, data, dtype, evaluates)
    return found


def seconds(work: Work, iterations: int) -> float:
    """Return the CPU time of a run."""
    start = time.thread_time()
    work(iterations)
    return time.thread_time() - start


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="mnist-small")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--iterations", type=int, default=600)
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # scikit-learn's on not having converged
    opponents = list_opponents(modnet.load(options.data))
    starts, runs = ({each: float("inf") for each in opponents} for _ in range(2))
    with threadpool_limits(1):
        for _ in range(options.rounds):
            for each, work in opponents.items():
                starts[each] = min(starts[each], seconds(work, 1))
                runs[each] = min(runs[each], seconds(work, options.iterations + 1))
    taken = {each: (runs[each] - starts[each]) / options.iterations for each in opponents}
    print(f"{'784-50-10, batch 100, one thread':<52}{'µs/iteration':>14}{'modnet / it':>14}")
    for (kind, name), its in taken.items():
        print(f"{f'{kind}: {name}':<52}{its * 1e6:>14.0f}{taken[kind, 'modnet'] / its:>14.2f}")
    for name in ("hand-written NumPy", "modnet"):
        print(f"{name}, float32 / float64: {taken['float32', name] / taken['float64', name]:.2f}")


if __name__ == "__main__":
    main()
