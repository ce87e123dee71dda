"""Signs that a run has failed, each with what to try."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from modnet.compose.experiment import Experiment, create_network
from modnet.compose.network import Network
from modnet.compose.parts import find_name
from modnet.compose.settings import get_settings
from modnet.data.dataset import Dataset
from modnet.errors import Problem
from modnet.interfaces import ObservedRun
from modnet.nn.arrays import match_array, to_numpy
from modnet.nn.layers import run_layer
from modnet.randomness import Stream
from modnet.runs.contents import find_baseline
from modnet.text import list_some, quote
from modnet.types import Array, Status

ROWS = 2000  # of the sample, at most
SHORT = 200  # iterations after which a run should have learned something: the book's leaves its plateau before
FALL = 0.02  # of the first loss: mini-batches alone vary as much
APART = 100  # between scales: the iterations that gradient descent takes grow with its square
VARYING = 0.05  # of the rows, for a feature's scale to count: rare words and the borders of pictures have none
FLAT = 0.04  # of an activation's steepest slope: a sigmoid's at outputs of 0.01 and 0.99
STEADY = 0.95  # of the samples, for which a unit passes nothing back
MANY = 0.5  # classes for each sample
UNEVEN = 0.7  # the share of a class that hides the others
REGRESSION = "--set data.task=regression --output identity --loss mean-squared-error"
STARTING = "--set network.weight_init_std=he --optimizer adam --lr 0.001"


def diagnose(run: ObservedRun, experiment: Experiment, data: Dataset) -> list[Problem]:
    """Return the signs that a run has failed, those of its course first; none of a run that may be resumed."""
    try:
        with np.errstate(all="ignore"):
            return [*_find_problems(run, experiment, data)] if run.status.is_final else []
    except Exception:  # of a third-party part: the run itself got along with it
        return []


def _find_problems(run: ObservedRun, experiment: Experiment, data: Dataset) -> Iterator[Problem]:
    if len(data.classes) == 1:
        yield Problem(f"all rows have the label {quote(str(data.classes[0]))}", "there is nothing to tell apart")
        return
    part, source = "validation" if "validation" in data.parts else "test", get_settings(experiment.data.source)
    samples = data.parts[part] if len(data.parts[part]) else data.train
    some = np.linspace(0, len(samples) - 1, min(ROWS, len(samples))).astype(np.int64)
    x, lr = samples.rows(some), get_settings(experiment.optimizer).get("lr", 0.1)
    distances = np.abs(x - np.median(x, axis=0))
    scales = distances.max(axis=0)[np.mean(distances > 0, axis=0) >= VARYING]
    apart = float(scales.max() / scales.min()) if len(scales) else 1.0
    raw = source.get("standardize") is False and (apart > APART or np.abs(x).mean() > 10)
    standardize = "--set data.standardize=true" * raw
    slower = standardize or f"--lr {min(lr / 10, 0.1):g}"
    of_layers = experiment.network.layers
    hidden = {find_name(part) for part in experiment.network.activation or ()} or {"relu"}
    knows = hidden == {"relu"} and find_name(experiment.optimizer) == "adam" and 0.0003 < lr < 0.01
    start = STARTING if of_layers else f"--activation relu {STARTING}"
    restart = f"{standardize} {'' if knows else start}".strip()
    baseline, name = find_baseline(data, part), f"{part}_accuracy" if data.classes else f"{part}_r2"
    at_baseline = baseline is not None and (run.history.columns.get(name) or [math.nan])[-1] <= baseline
    if run.status is Status.DIVERGED:
        yield _advise("the run diverged", slower)
    elif run.iteration < SHORT:
        if at_baseline and not run.stop_reason:
            yield _advise(f"only {run.iteration} iterations", f"--iterations {10 * SHORT}")
    else:
        network = create_network(experiment, data).with_arrays(run.params)
        yield from _judge_loss(run.history.loss, slower, restart)
        yield from _judge_units(network, x, slower, restart)
        what = _judge_predictions(network.predict(x), samples.t[some], data, run) if data.classes else ""
        if at_baseline and not what and data.train.weights is None:  # which may be there to count other than hits
            what = f"{name.replace('_', ' ')} is not above {baseline:.4f}, which a constant answer has"
        is_uneven = source.get("class_weight", "") is None and (baseline or 0) > UNEVEN
        if (
            what
            and "task" in source
            and len(data.classes) > max(20, MANY * len(data.train))
            and _are_numbers(data.classes)
        ):
            what = f"{len(data.classes):,} classes of numbers, nearly one for each sample"
            yield _advise(what, REGRESSION)
        elif what:
            yield _advise(what, restart or "--set data.class_weight=balanced" * is_uneven)
    if standardize and apart > APART:
        yield _advise(f"scales of features lie apart by a factor of {apart:,.0f}", standardize)


def _advise(what: str, option: str) -> Problem:
    return Problem(what, f"try {option}" if option else "the features may not tell more")


def _are_numbers(classes: Sequence[Any]) -> bool:
    """Return whether all labels are numbers, as a table may have them in words."""
    try:
        return all(math.isfinite(float(label)) for label in classes)
    except (TypeError, ValueError):
        return False


def _judge_loss(loss: list[float], slower: str, restart: str) -> Iterator[Problem]:
    """Compare the mean losses in ten equal parts of a run."""
    means = [float(part.mean()) for part in np.array_split(loss, 10)]
    first, low, last = max(loss[0], means[0]), min(means), means[-1]
    if last > first * (1 + FALL):
        yield _advise(f"the loss rose from {first:.4g} to {last:.4g}", slower)
    elif last > first * (1 - FALL):
        yield _advise(f"the loss did not fall: {first:.4g}, in the end {last:.4g}", restart)
    elif last - low > (first - low) / 2:
        yield _advise(f"the loss fell to {low:.4g}, then rose to {last:.4g}", slower)


def _judge_units(network: Network, x: Array, slower: str, restart: str) -> Iterator[Problem]:
    """Find hidden activations half of whose units, or channels, pass no gradient back for nearly all samples."""
    usual = np.linspace(-4, 4, 100)
    z = match_array(x[: network.rows_at_once].reshape(-1, *network.shape), next(iter(network.params.values())))
    for place in network.placed[:-1]:
        activation, own, before = place.layer.activation, place.take(network.params, network.buffers), z
        z, _ = run_layer(place, own, before, "predict", Stream(0))
        if activation is None or not activation.elementwise:
            continue
        a, values = (np.moveaxis(each, 1, -1).reshape(-1, each.shape[1]) for each in map(to_numpy, (before, z)))
        steepest = np.abs(np.diff(activation(usual)) / np.diff(usual)).max()
        slope = np.abs(activation(a + 1e-3) - activation(a - 1e-3)) / 2e-3
        flat = np.mean(slope <= FLAT * steepest, axis=0) >= STEADY
        if flat.mean() >= 0.5:
            state, option = ("saturated", restart) if np.median(values[:, flat], axis=0).any() else ("dead", slower)
            yield _advise(f"{place.label}: {100 * flat.mean():.0f} % of its units are {state}", option)


def _judge_predictions(y: Array, t: Array, data: Dataset, run: ObservedRun) -> str:
    count = len(data.classes)
    predicted = np.bincount(y.argmax(axis=1) if y.shape[1] > 1 else y[:, 0] > 0.5, minlength=count)
    there = np.bincount(t, minlength=count)
    if predicted.max() == len(y) > there.max():
        return f"only the class {quote(str(data.classes[predicted.argmax()]))} is predicted"
    # Half of an equal share: of such a class, ten samples are hardly missed by chance.
    never = np.flatnonzero((predicted == 0) & (there >= 10) & (there * 2 * count >= len(y)))
    names = list_some((quote(str(data.classes[i])) for i in never), 3)
    return f"never predicted: {names}" if names and run.iteration >= 5 * SHORT else ""
