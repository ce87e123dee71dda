"""All gradient estimators on the default experiment: accuracy, seconds, angle and error.

Usage: python tests/benchmarks/estimators.py [--out FILE] [--seeds N] [--iterations N] [NAME ...]

784-50-10 on the digits that ship with modnet, batches of 100, `sgd`. The accuracy is that on the test part, as mean and
range over the seeds; the loss that of the last 50 mini-batches. Seconds are those of the processor, of a run and its
evaluations, so that other processes distort them little. Angle and error are those of five estimates at the end of the
run, with its state, on the first 100 training samples. A NAME leaves out all others; results are added to FILE (JSON).
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

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
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--iterations", type=int, default=2000)
    given = parser.parse_args()
    data = modnet.load("mnist-small")
    head = ("estimator", "learning rate", "accuracy", "range", "loss", "seconds", "angle", "error")
    print(f"| {' | '.join(head)} |\n{'|---' * len(head)}|")
    for name, settings, lr in ROWS:
        if given.names and name not in given.names:
            continue
        runs = [measure(data, name, settings, lr, seed, given.iterations) for seed in range(given.seeds)]
        accuracies, losses, seconds, angles, errors = zip(*runs, strict=True)
        title = f"`{name}`" + "".join(f", `{key}={value}`" for key, value in settings.items())
        spread = f"{min(accuracies):.3f} to {max(accuracies):.3f}"
        numbers = f"{np.mean(accuracies):.3f} | {spread} | {np.mean(losses):.2f} | {np.median(seconds):.1f}"
        print(f"| {title} | {lr:g} | {numbers} | {np.mean(angles):.0f}° | {np.mean(errors):.2g} |", flush=True)
        if given.out:
            before = json.loads(given.out.read_text()) if given.out.exists() else {}
            given.out.write_text(json.dumps(before | {title: runs}, indent=1))


def measure(
    data: modnet.Dataset, name: str, settings: dict[str, Any], lr: float, seed: int, iterations: int
) -> tuple[float, float, float, float, float]:
    """Return the accuracy, the loss, the seconds, and the mean angle in degrees and relative error at the end."""
    net = modnet.TwoLayerNet(784, 50, 10, seed=seed)
    parts = {"gradient": modnet.gradient(name, **settings), "optimizer": modnet.optimizer("sgd", lr=lr)}
    start = time.process_time()
    run = modnet.train(net, data, **parts, batch_size=100, iterations=iterations, seed=seed)
    seconds = time.process_time() - start
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
    return run.history.test_accuracy[-1], loss, seconds, float(np.mean(angles)), float(np.mean(errors))


def flatten(grads: modnet.Grads) -> Any:
    """Return all entries of a gradient in one row."""
    return np.concatenate([np.ravel(grads[name]) for name in sorted(grads)])


if __name__ == "__main__":
    main()
