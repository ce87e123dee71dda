"""The book's convolutional network beside PyTorch: time per training iteration, one thread each.

Usage: python tests/benchmarks/convolution.py [--torch PYTHON] [--rounds N] [--layers]

Convolution of 30 filters 5 x 5, relu, max pooling 2 x 2, dense layers of 100 and 10 units, softmax with cross entropy,
a batch of 100 images 28 x 28, a step of gradient descent. Both work in processes of their own, by turns; PYTHON is an
interpreter that has PyTorch. The bound is 1.5 times PyTorch's time, in float32 and in float64. `--layers` lists the
milliseconds of each layer instead.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

DTYPES = ("float32", "float64")
ITERATIONS = 5  # of a turn


def create_modnet_step(dtype: str, timed: Callable[[Any], Any] = lambda layer: layer) -> Callable[[], object]:
    """Return a training iteration of modnet."""
    import numpy as np

    import modnet
    from modnet.nn.blas import limit_blas_threads
    from modnet.nn.layers import place_layers
    from modnet.nn.objective import NetworkObjective

    relu = modnet.layer("activation", activation=modnet.activation("relu"))
    softmax = modnet.activation("softmax")
    layers = [
        modnet.layer("convolution", filters=30, size=5),
        relu,
        modnet.layer("max-pool", size=2),
        modnet.layer("flatten"),
        modnet.layer("dense", units=100),
        relu,
        modnet.layer("dense", units=10),
    ]
    rng, loss, optimizer = np.random.default_rng(0), modnet.loss("cross-entropy"), modnet.optimizer("sgd")
    placed = place_layers([*map(timed, layers), modnet.layer("activation", activation=softmax)], (1, 28, 28))
    x, t = rng.random((100, 1, 28, 28)).astype(dtype), rng.integers(0, 10, 100)
    params = {
        place.name(param.name): (0.05 * rng.standard_normal(param.shape)).astype(dtype)
        for place in placed
        for param in place.params
    }
    state = optimizer.init(params)

    def step() -> None:
        nonlocal params, state
        with limit_blas_threads(1):
            objective = NetworkObjective(placed, loss, loss.fused(softmax), x, t)
            params, state = optimizer.step(params, objective.backward(params), state)

    return step


def create_torch_step(dtype: str) -> Callable[[], object]:
    """Return a training iteration of PyTorch."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 30, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(4320, 100),
        nn.ReLU(),
        nn.Linear(100, 10),
    ).to(getattr(torch, dtype))
    x, t = torch.rand(100, 1, 28, 28, dtype=getattr(torch, dtype)), torch.randint(0, 10, (100,))
    loss, optimizer = nn.CrossEntropyLoss(), torch.optim.SGD(network.parameters(), lr=0.01)

    def step() -> None:
        optimizer.zero_grad()
        loss(network(x), t).backward()
        optimizer.step()

    return step


def serve(library: str) -> None:
    """Answer each line, a dtype, with the milliseconds of a turn's fastest iteration."""
    create = {"modnet": create_modnet_step, "torch": create_torch_step}[library]
    steps = {dtype: create(dtype) for dtype in DTYPES}
    print("ready", flush=True)
    for line in sys.stdin:
        step, taken = steps[line.strip()], []
        for _ in range(ITERATIONS):
            start = time.perf_counter()
            step()
            taken.append(time.perf_counter() - start)
        print(1000 * min(taken), flush=True)


def start(python: str, library: str) -> subprocess.Popen[str]:
    """Return a process that serves a library."""
    command = [python, __file__, "--serve", library]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ask(process: subprocess.Popen[str], dtype: str) -> float:
    """Return the milliseconds of an iteration."""
    process.stdin.write(f"{dtype}\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def compare(python: str, rounds: int) -> int:
    """Print the times of both, and return whether a ratio is above the bound."""
    processes = {
        library: start(executable, library) for library, executable in (("modnet", sys.executable), ("torch", python))
    }
    try:
        for library, process in processes.items():
            if process.stdout.readline() != "ready\n":
                error = (process.stderr.read().splitlines() or ["no word"])[-1]
                print(f"skipped: {library} does not start: {error}: name an interpreter that has it with --torch")
                return 0
        worst = 0.0
        print(f"{'ms per iteration':<18}{'modnet':>9}{'torch':>9}{'ratio':>8}   (fastest; ratio: median of turns)")
        for dtype in DTYPES:
            turns = [[ask(process, dtype) for process in processes.values()] for _ in range(rounds + 2)][2:]
            ratio = statistics.median(ours / theirs for ours, theirs in turns)
            ours, theirs = (min(taken) for taken in zip(*turns, strict=True))
            print(f"{dtype:<18}{ours:>9.2f}{theirs:>9.2f}{ratio:>8.2f}", flush=True)
            worst = max(worst, ratio)
        return int(worst > 1.5)
    finally:
        for process in processes.values():
            process.kill()
            process.communicate()


def list_layers(dtype: str) -> None:
    """Print the milliseconds of each layer's methods, of the fastest of 30 iterations."""
    taken: dict[str, list[float]] = {}

    class Timed:
        def __init__(self, layer: Any) -> None:
            self.layer, self.place = layer, len(seen)
            seen.append(layer)

        def __getattr__(self, name: str) -> Any:
            found = getattr(self.layer, name)
            if name not in {"forward", "backward", "gradients"}:
                return found

            def run(*arguments: Any) -> Any:
                start = time.perf_counter()
                try:
                    return found(*arguments)
                finally:
                    key = f"{self.place + 1} {type(self.layer).__name__}.{name}"
                    taken.setdefault(key, []).append(1000 * (time.perf_counter() - start))

            return run

    seen: list[Any] = []
    step = create_modnet_step(dtype, Timed)
    for _ in range(30):
        step()
    for name, times in taken.items():
        print(f"{dtype:<10}{name:<30}{min(times):>8.2f}")


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--layers", action="store_true")
    parser.add_argument("--serve", choices=["modnet", "torch"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve)
    elif arguments.layers:
        for dtype in DTYPES:
            list_layers(dtype)
    else:
        return compare(arguments.torch, arguments.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
