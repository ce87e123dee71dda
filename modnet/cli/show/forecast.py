"""Forecasts of the time that a run would take, with each estimator."""

from __future__ import annotations

import math
import textwrap
import time
import timeit

import attrs
import numpy as np

from modnet.compose.experiment import Experiment, create_network
from modnet.compose.parts import find_name, list_usable_names, make_part
from modnet.data.dataset import Dataset
from modnet.errors import DivergedError, ModnetError
from modnet.interfaces import Callback, ObservedRun, Observer
from modnet.nn.blas import limit_blas_threads
from modnet.nn.layers import find_dense_layers
from modnet.nn.schedules import fix_rate, set_horizon
from modnet.nn.training import train_network
from modnet.text import format_duration, format_table
from modnet.types import State

LONGEST = 60.0  # seconds of evaluations one after the other, of which structure may spare most
TIMING = 0.3  # seconds for each estimator
WIDTH = 80  # columns of the notes
ENDLESS = 10**9  # iterations


def format_forecast(wanted: Experiment, data: Dataset) -> str:
    """Return a table of the time with each estimator; an asterisk marks the experiment's own, others have defaults.

    Below it stands why an estimator cannot be taken here.
    """
    own = find_name(wanted.gradient)
    notes: list[str] = []
    others = [make_part("gradient", name) for name in list_usable_names("gradient") if name != own]
    rows = [["gradient", "one iteration", f"{wanted.training.iterations:,} iterations", "as a black box"]]
    for i, estimator in enumerate([wanted.gradient, *others]):
        name = find_name(estimator)
        try:
            times = _format_times(attrs.evolve(wanted, gradient=estimator), data)
        except ModnetError as error:
            times = ["not here"]
            why = f"{name}: {str(error).removeprefix(f'{name}: ')}"
            notes += textwrap.wrap(why, WIDTH, subsequent_indent="  ", break_on_hyphens=False)
        rows.append([name + " *" * (i == 0), *times])
    return "\n".join([*format_table(rows, left=len(rows[0])), *[""][: len(notes)], *notes])


def _format_times(wanted: Experiment, data: Dataset) -> list[str]:
    """Return the time of an iteration, of all, and of as many evaluations of the loss one after the other.

    Where those of the layers before the dense ones at the end take too long for one iteration, none is timed.
    """
    count, network = wanted.training.iterations, create_network(wanted, data)
    evaluations = wanted.gradient.evaluations(network.params)
    before = network.placed[: len(network.placed) - 2 * len(find_dense_layers(network.placed))]
    if evaluations is not None and before:
        sizes = {name: math.prod(array.shape) for name, array in network.params.items()}
        moved = sum(sizes[place.name(param.name)] for place in before for param in place.params)
        each = time_evaluation(wanted, data)
        if evaluations * each * moved / sum(sizes.values()) > LONGEST:
            return ["not timed", "-", format_duration(count * (evaluations * each))]
    iteration, evaluation = time_iteration(wanted, data)
    black_box = "-" if evaluations is None else format_duration(count * (evaluations * evaluation))
    return [format_duration(iteration), format_duration(count * iteration), black_box]


def time_iteration(wanted: Experiment, data: Dataset, seconds: float = TIMING) -> tuple[float, float]:
    """Return the seconds of an iteration and of one evaluation of the loss, each of the fastest of a few.

    Iterations are made for about `seconds`, but two at least; the accuracies at epochs' ends are left out. Raises any
    error of the estimator.
    """
    network, settings, watch = create_network(wanted, data), wanted.training, _Stopwatch(seconds)
    optimizer = fix_rate(set_horizon(wanted.optimizer, settings.iterations), 0)  # a number, as a schedule may end
    parts = wanted.gradient, optimizer, attrs.evolve(settings, iterations=ENDLESS)
    try:
        train_network(network, data, *parts, seed=wanted.seed, callbacks=[watch], observer=watch)
    except _EnoughError:
        pass
    except DivergedError:
        if not watch.times:
            raise
    return min(watch.times), time_evaluation(wanted, data, repeat=min(len(watch.times), 10))


def time_evaluation(wanted: Experiment, data: Dataset, repeat: int = 2) -> float:
    """Return the seconds of one evaluation of the loss, the fastest of a few."""
    network, settings = create_network(wanted, data), wanted.training
    batch = np.arange(settings.batch_size) % len(data.train)
    with np.errstate(all="ignore"), limit_blas_threads(settings.blas_threads):
        objective = network.objective(data.train.rows(batch, network.dtype), data.train.t[batch])
        return min(timeit.repeat(lambda: objective(network.params), number=1, repeat=repeat))


class _EnoughError(Exception):
    """Ends a run, without the evaluation at its end."""


class _Stopwatch(Callback, Observer):
    """Takes the time of each iteration, and ends the run after so many seconds."""

    def __init__(self, seconds: float) -> None:
        self.end = time.perf_counter() + seconds
        self.times: list[float] = []

    def run_started(self, run: ObservedRun) -> None:  # noqa: ARG002 - as a hook has it
        self.started = time.perf_counter()

    epoch_ended = run_started

    def on_iteration(self, run: ObservedRun, state: State) -> tuple[State, None]:  # noqa: ARG002 - as a callback has it
        now = time.perf_counter()
        self.times.append(now - self.started)
        if len(self.times) > 1 and now > self.end:
            raise _EnoughError
        self.started = now
        return state, None
