"""The cost of callbacks per iteration, nobody listening and one doing so.

Usage: python tests/benchmarks/callback_cost.py [--rounds N] [--iterations N] [--hidden N] [--batch-size N]

The loop of before there were callbacks stands below. It and the loop of now run in turn, on the same batches, and the
median of the ratios of all rounds counts. Where nobody listens, the bound is 0.5 % of an iteration.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from typing import Any
from unittest.mock import patch

import numpy as np

import modnet
from modnet.nn import training
from modnet.nn.blas import count_renewals, renew_limit
from modnet.nn.validation import validate_arrays, validate_step
from modnet.randomness import Stream


def iterate_without_events(run: Any, until: Any, tell_epoch: Any, schedule: Any) -> None:
    """Make all iterations as the loop did that knew no callbacks."""
    network, history, stream = run.network, run.history, Stream(run.seed, ("gradient",))
    at, repeated = run.sound, -1
    while run.iteration < run.iterations:
        k, params, state, *rest = at
        renewals = count_renewals()
        objective = training._bind_objective(network, run.data.train, run.batches.draw(k))
        loss = objective.trace(params).loss
        if not math.isfinite(loss):
            raise AssertionError("it diverges")
        run.sound = at
        history.loss.append(loss)
        schedule.save_if_due(run)
        grads = validate_arrays(run.gradient(objective, params, stream.child(k)), params, run.gradient)
        made = validate_step(run.optimizer.step(params, grads, state), params, run.optimizer)
        del objective, grads
        renew_limit()
        if count_renewals() != renewals and k != repeated:
            repeated = k
            history.loss.pop()
            continue
        at = (k + 1, *made, *rest)
        run.iteration = k + 1
        if run.batches.ends_epoch(k):
            network.params = dict(at[1])
            training._evaluate(run)
            tell_epoch()
    network.params, run.callbacks.last = {name: np.array(value) for name, value in at[1].items()}, ()


class Empty(modnet.Callback):
    """Listens to every iteration, and does nothing."""

    def on_iteration(self, run: modnet.ObservedRun, state: modnet.State) -> Any:
        return state, None


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--iterations", type=int, default=100)
    parser.add_argument("--hidden", type=int, default=50)
    parser.add_argument("--batch-size", type=int, default=100)
    args = parser.parse_args()
    data = modnet.load("mnist-small")
    net = modnet.Network.for_data(data, hidden=args.hidden)

    def measure(*callbacks: modnet.Callback) -> float:
        sgd, start = modnet.optimizer("sgd", lr=0.1), time.process_time()
        with patch.object(training, "_evaluate", lambda run: run.history.record(run.iteration, {})):
            modnet.train(
                net, data, optimizer=sgd, callbacks=callbacks, observer=modnet.Observer(),
                iterations=args.iterations, batch_size=args.batch_size,
            )  # fmt: skip
        return (time.process_time() - start) / args.iterations

    def measure_before() -> float:
        with patch.object(training, "_iterate", iterate_without_events):
            return measure()

    ways = {"before": measure_before, "nobody listens": measure, "one empty body": lambda: measure(Empty())}
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(args.rounds + 1):
        order = list(ways) if number % 2 else list(reversed(ways))
        found = {name: ways[name]() for name in order}
        for name in ways if number else ():
            times[name].append(found[name])
    print(f"{'':<16}{'µs an iteration':>16}{'more':>9}")
    for name, taken in times.items():
        more = statistics.median(one / other - 1 for one, other in zip(taken, times["before"], strict=True))
        print(f"{name:<16}{1e6 * statistics.median(taken):>16.1f}{more:>9.2%}")


if __name__ == "__main__":
    main()
