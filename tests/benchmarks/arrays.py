"""Networks on torch and array-api-strict beside NumPy, and beside plain torch.

Usage: python tests/benchmarks/arrays.py [--device cuda] [--iterations N] [--dtype float32] [--wide N]

The same network learns mnist-small with backpropagation and SGD on each library, in turn; of an iteration's time the
fastest of two runs counts, evaluations at epochs' ends left out. `--wide N` trains 784-4096-4096-10 for N iterations on
the device instead, beside torch as its own tutorials write it, with autograd. Without --wide, --hidden tanh says how
far the libraries are apart without the kinks of relu.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch

import modnet

SIZES = [784, 50, 10], [784, 512, 512, 10]
WIDE = [784, 4096, 4096, 10]


class Clock(modnet.Callback):
    """Keeps the time of each iteration; a device that works by itself has ended when the loss is known."""

    def __init__(self, times: list[float], clock: Callable[[], float]) -> None:
        self.times, self.clock = times, clock

    def init(self, run: Any) -> Any:
        return self.clock()

    def on_iteration(self, run: Any, state: Any) -> tuple[Any, None]:
        self.times.append(self.clock() - state)
        return self.clock(), None


def create(sizes: list[int], **settings: Any) -> modnet.Network:
    """Return an untrained network."""
    return modnet.Network(sizes, weight_init_std="he", seed=0, **settings)


def train(net: modnet.Network, iterations: int, threads: int = 1) -> tuple[modnet.Run, float]:
    """Return a run, and the fastest iteration's seconds: of one thread those of the processor, whatever else runs."""
    times: list[float] = []
    clock = Clock(times, time.process_time if threads == 1 and net.device in {None, "cpu"} else time.perf_counter)
    settings = {"iterations": iterations, "optimizer": modnet.optimizer("sgd", lr=0.1), "blas_threads": threads}
    run = modnet.train(net, modnet.load("mnist-small"), gradient="backpropagation", callbacks=[clock], **settings)
    return run, min(times[1:])


def compare(sizes: list[int], iterations: int, places: dict[str, dict[str, Any]], **network: Any) -> None:
    """Print a row for each place to train at."""
    data = modnet.load("mnist-small")
    batch = data.train.rows(slice(100), network["dtype"]), data.train.t[:100]
    reference: Any = None
    print(f"\n{'-'.join(map(str, sizes))}, {', '.join(network.values())}, {iterations} iterations")
    print(f"{'':24}{'loss differs':>14}{'gradient':>12}{'test accuracy':>15}{'ms':>9}{'ratio':>8}")
    for name, where in places.items():
        threads = where.get("threads", 1)
        net = create(sizes, **network, **{key: value for key, value in where.items() if key != "threads"})
        run, seconds = min((train(net, iterations, threads) for _ in range(2)), key=lambda pair: pair[1])
        grads = {key: modnet.to_numpy(value) for key, value in net.gradient(*batch).items()}
        loss, accuracy = np.array(run.history.loss), run.history.test_accuracy[-1]
        reference = reference or (loss, grads, seconds)
        apart = max(float(np.abs(grads[key] - g).max() / np.abs(g).max()) for key, g in reference[1].items())
        far = float(np.abs(loss / reference[0] - 1).max())
        print(f"{name:24}{far:14.1e}{apart:12.1e}{accuracy:15.3f}{seconds * 1e3:9.3f}{seconds / reference[2]:8.2f}")


def train_plain(sizes: list[int], dtype: str, iterations: int, device: str) -> tuple[float, float]:
    """Return the last loss and the fastest iteration's seconds of a network written in torch alone."""
    torch.manual_seed(0)
    layers: list[torch.nn.Module] = []
    for one, two in pairwise(sizes):
        layers += [torch.nn.Linear(one, two), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1]).to(device, getattr(torch, dtype))
    loss_fn, optimizer = torch.nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.1)
    data, draws, times = modnet.load("mnist-small"), np.random.default_rng(0), []
    rows, targets = torch.from_numpy(data.train.rows(slice(None), dtype)), torch.from_numpy(data.train.t)
    loss = torch.zeros(())
    for _ in range(iterations):
        started = time.perf_counter()
        chosen = torch.from_numpy(draws.integers(0, len(rows), 100))
        x, t = rows[chosen].to(device), targets[chosen].to(device)
        loss = loss_fn(model(x), t)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        loss.item()
        times.append(time.perf_counter() - started)
    return loss.item(), min(times[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--iterations", type=int, default=200)
    parser.add_argument("--dtype", choices=["float64", "float32"], action="append")
    parser.add_argument("--hidden", default="relu")
    parser.add_argument("--wide", type=int, default=0, metavar="N", help="iterations of 784-4096-4096-10")
    given = parser.parse_args()
    every = torch.get_num_threads()
    on_torch = {"array": "torch", "device": given.device}
    places: dict[str, dict[str, Any]] = {"numpy": {}, f"numpy, {every} threads": {"threads": every}, "torch": on_torch}
    if given.device == "cpu":
        places[f"torch, {every} threads"] = {**on_torch, "threads": every}
        places["array-api-strict"] = {"array": "array-api-strict"}
    print(f"torch {torch.__version__}, NumPy {np.__version__}, device {given.device}")
    for dtype in given.dtype or ["float64", "float32"]:
        for sizes in SIZES if not given.wide else ():
            compare(sizes, given.iterations, places, hidden=given.hidden, dtype=dtype)
        if given.wide:
            net = create(WIDE, hidden="relu", dtype=dtype, **on_torch)
            _, here = train(net, given.wide, every)
            _, plain = train_plain(WIDE, dtype, given.wide, given.device)
            times = f"modnet {here * 1e3:.1f} ms, plain torch {plain * 1e3:.1f} ms, ratio {here / plain:.2f}"
            print(f"784-4096-4096-10, {dtype}, {given.device}: {times}")


if __name__ == "__main__":
    main()
