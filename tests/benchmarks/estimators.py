"""All gradient estimators on the default experiment: accuracy, seconds, angle and error.

Usage: python tests/benchmarks/estimators.py [--out FILE] [--seeds N] [--iterations N] [NAME ...]

784-50-10 on the digits that ship with modnet, batches of 100, `sgd`. The accuracy is that on the test part, as mean and
range over the seeds; the loss that of the last 50 mini-batches. Seconds are those of the processor for all iterations,
from the fastest tenth of 50, so that other processes distort them little. Angle and error are those of five estimates
at the end of the run, with its state, on the first 100 training samples. A NAME leaves out all others; --time measures
seconds alone.
"""

from __future__ import annotations

import argparse
import math
import time
from typing import Any

import attrs
import numpy as np

import modnet

# The estimator, its settings, its learning rate.
ROWS: list[tuple[str, dict[str, Any], float]] = [
    ("backpropagation", {}, 0.1),
    ("direct-feedback-alignment", {}, 0.1),
    ("direct-feedback-alignment", {"std": 3.0}, 0.1),
    ("feedback-alignment", {}, 0.1),
    ("node-perturbation", {}, 0.1),
    ("node-perturbation", {"directions": 1}, 0.1),
    ("activity-perturbation", {}, 0.1),
    ("activity-perturbation", {"directions": 1}, 0.1),
    ("central-difference", {}, 0.1),
    ("spsa", {"directions": 1}, 0.01),
    ("forward-gradient", {"directions": 1}, 0.01),
    ("forward-difference", {}, 0.1),
    ("spsa", {}, 0.1),
    ("forward-gradient", {}, 0.1),
    ("evolution-strategies", {}, 0.1),
    ("richardson", {}, 0.1),
    ("complex-step", {}, 0.1),
    ("random-coordinates", {}, 0.1),
    ("random-coordinates", {"rescale": False}, 40.0),
]


def main() -> None:
    """Measure, and print a row for each estimator as it is done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--iterations", type=int, default=2000)
    parser.add_argument("--time", action="store_true")
    given = parser.parse_args()
    data = modnet.load("mnist-small")
    head = ("estimator", "learning rate", "accuracy", "range", "loss", "seconds", "angle", "error")
    print(f"| {' | '.join(head)} |\n{'|---' * len(head)}|")
    for name, settings, lr in ROWS:
        if given.names and name not in given.names:
            continue
        seconds = given.iterations * measure_seconds(data, name, settings, lr)
        title = f"`{name}`" + "".join(f", `{key}={value}`" for key, value in settings.items())
        if given.time:
            print(f"| {title} | {seconds:.1f} |", flush=True)
            continue
        runs = [measure(data, name, settings, lr, seed, given.iterations) for seed in range(given.seeds)]
        accuracies, losses, angles, errors = zip(*runs, strict=True)
        spread = f"{min(accuracies):.3f} to {max(accuracies):.3f}"
        numbers = f"{np.mean(accuracies):.3f} | {spread} | {np.mean(losses):.2f} | {seconds:.1f}"
        print(f"| {title} | {lr:g} | {numbers} | {np.mean(angles):.0f}° | {np.mean(errors):.2g} |", flush=True)


@attrs.frozen
class Clock(modnet.Callback):
    """The seconds of the processor after each iteration."""

    repeatable = False

    def init(self, run: modnet.ObservedRun) -> Any:
        """Return no seconds."""
        return []

    def on_iteration(self, run: modnet.ObservedRun, state: Any) -> Any:
        """Return the seconds with those of now."""
        return [*state, time.process_time()], None


def measure_seconds(data: modnet.Dataset, name: str, settings: dict[str, Any], lr: float) -> float:
    """Return the seconds of one iteration."""
    parts = {"gradient": modnet.gradient(name, **settings), "optimizer": modnet.optimizer("sgd", lr=lr)}
    net = modnet.TwoLayerNet(784, 50, 10, seed=0)
    run = modnet.train(net, data, **parts, batch_size=100, iterations=50, callbacks=[Clock()])
    return float(np.quantile(np.diff(run.callbacks.last[0]), 0.1))


def measure(
    data: modnet.Dataset, name: str, settings: dict[str, Any], lr: float, seed: int, iterations: int
) -> tuple[float, float, float, float]:
    """Return the accuracy, the loss, and the mean angle in degrees and relative error at the end."""
    net = modnet.TwoLayerNet(784, 50, 10, seed=seed)
    parts = {"gradient": modnet.gradient(name, **settings), "optimizer": modnet.optimizer("sgd", lr=lr)}
    run = modnet.train(net, data, **parts, batch_size=100, iterations=iterations, seed=seed)
    objective = run.network.objective(data.train.x[:100], data.train.t[:100])
    exact, state = flatten(objective.backward(run.params)), run.gradient_state
    angles, errors = [], []
    for k in range(5):
        stream = modnet.Stream(seed, ("table", k))
        found = flatten(parts["gradient"].estimate(objective, run.params, stream, state)[0])
        lengths = float(np.linalg.norm(found) * np.linalg.norm(exact))
        angles.append(math.degrees(math.acos(np.clip(found @ exact / lengths, -1, 1))))
        errors.append(float(np.linalg.norm(found - exact) / np.linalg.norm(exact)))
    loss = float(np.mean(run.history.loss[-50:]))
    return run.history.test_accuracy[-1], loss, float(np.mean(angles)), float(np.mean(errors))


def flatten(grads: modnet.Grads) -> Any:
    """Return all entries of a gradient in one row."""
    return np.concatenate([np.ravel(grads[name]) for name in sorted(grads)])


if __name__ == "__main__":
    main()
