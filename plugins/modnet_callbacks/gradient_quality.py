"""The estimates of a run beside the exact gradient: angle, length, variance and cost."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
from attrs.validators import ge

from modnet import Array, Callback, ObservedRun, Params, Record, State, Stream, is_weight, to_numpy


@attrs.frozen
class GradientQuality(Callback):
    """Records how good the gradient estimates of a run are, beside the exact gradient by backpropagation.

    At the end of each epoch, or of each `every`-th one, it makes `repeats` estimates with the run's estimator and its
    state, by the current parameters and on a fixed batch of `rows` training samples, drawn once. Their random numbers
    are their own, and the states that they come to are dropped: training keeps its bits. The columns are
    `gradient_angle`, the angle of an estimate to the exact gradient in degrees, and `gradient_norm_ratio`, its length
    by that of the exact one, both the mean of all repeats; `gradient_variance`, the mean squared distance of an
    estimate to their mean by the squared length of the exact gradient, 0 where nothing is random; and
    `gradient_evaluations`, the evaluations of the loss for an estimate, if it makes any. With `per_array` each weight
    array has its own angle, too, such as `gradient_angle_of_w1`.

    Where the exact gradient is 0 nothing is recorded, and no angle where an estimate is. Lillicrap et al. (2016),
    "Random synaptic feedback weights support error backpropagation for deep learning", have the angle over a run.

    >>> modnet.callback("gradient-quality", rows=50)
    GradientQuality(rows=50, repeats=5, every=1, per_array=False)
    """

    rows: int = attrs.field(default=100, validator=ge(1))
    repeats: int = attrs.field(default=5, validator=ge(1))
    every: int = attrs.field(default=1, validator=ge(1))
    per_array: bool = False

    def init(self, run: ObservedRun) -> State:  # noqa: ARG002
        """Return that no epoch has ended yet."""
        return {"epochs": 0}

    def on_epoch(self, run: ObservedRun, state: State) -> tuple[State, Record | None]:
        """Return the number of epochs, and the columns of this one if it is due."""
        epochs = state["epochs"] + 1
        values = {} if (epochs - 1) % self.every else self._measure(run)
        return {"epochs": epochs}, Record(values) if values else None

    def _measure(self, run: ObservedRun) -> dict[str, float]:
        """Return the columns that are finite."""
        network, estimator = run.network, run.gradient
        stream = Stream(run.seed, ("gradient-quality",))
        batch = self._draw_batch(run, stream.child("rows"))
        if not len(batch[0]):
            return {}
        objective = network.objective(*batch, stream=stream.child("layers", run.iteration))
        params = network.params
        exact = {name: to_numpy(g) for name, g in objective.backward(params).items()}
        found: list[Params] = []
        for repeat in range(self.repeats):
            of_repeat = stream.child(run.iteration, repeat)
            grads, _ = estimator.estimate(objective, params, of_repeat, run.gradient_state)
            found.append({name: np.array(to_numpy(grads[name]), np.float64) for name in params})
            if repeat == 1 and all(np.array_equal(found[0][name], found[1][name]) for name in params):
                break  # nothing is random
        if not any(np.any(g) for g in exact.values()):
            return {}
        with np.errstate(over="ignore", invalid="ignore"):
            values = compare(found, exact, list(params))
            for name in filter(is_weight, params if self.per_array else ()):
                column = f"gradient_angle_of_{re.sub('[^a-z0-9]+', '_', name.lower())}"
                values[column] = compare(found, exact, [name])["gradient_angle"]
        if (evaluations := estimator.evaluations(params)) is not None:
            values["gradient_evaluations"] = evaluations
        return {name: value for name, value in values.items() if math.isfinite(value)}

    def _draw_batch(self, run: ObservedRun, stream: Stream) -> tuple[Array, Array, Array | None]:
        """Return samples, targets and weights of some training rows, which are the same at each call."""
        samples, network = run.data.train, run.network
        known = np.arange(len(samples)) if samples.weights is None else np.flatnonzero(samples.weights)
        chosen = np.sort(stream.generator().permutation(known)[: self.rows])
        weights = None if samples.weights is None else samples.weights[chosen]
        return samples.rows(chosen, network.dtype), samples.targets(chosen, network.outputs), weights


def compare(estimates: Sequence[Params], exact: Params, names: Sequence[str]) -> dict[str, float]:
    """Return the columns of some arrays' estimates by their exact gradient; NaN for what there is not.

    >>> found = [{"w": np.array([1.0, 1.0])}, {"w": np.array([1.0, -1.0])}]
    >>> compare(found, {"w": np.array([1.0, 0.0])}, ["w"])["gradient_variance"]
    2.0
    """
    wanted, found = flatten(exact, names), [flatten(grads, names) for grads in estimates]
    length, lengths = float(np.linalg.norm(wanted)), [float(np.linalg.norm(each)) for each in found]
    if not length:
        return dict.fromkeys(("gradient_angle", "gradient_norm_ratio", "gradient_variance"), math.nan)
    angles = [angle(each / n, wanted / length) if n else math.nan for each, n in zip(found, lengths, strict=True)]
    middle = np.mean(found, axis=0)
    spread = sum(float(np.sum(np.square((each - middle) / length))) for each in found)
    is_fixed = all(np.array_equal(each, found[0]) for each in found)
    return {
        "gradient_angle": float(np.mean(angles)),
        "gradient_norm_ratio": float(np.mean(lengths)) / length,
        "gradient_variance": math.nan if len(found) == 1 else 0.0 if is_fixed else spread / (len(found) - 1),
    }


def angle(one: Array, other: Array) -> float:
    """Return the angle between two vectors of length 1 in degrees, to full precision where it is small, too.

    >>> angle(np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    90.0
    """
    return math.degrees(2 * math.atan2(float(np.linalg.norm(one - other)), float(np.linalg.norm(one + other))))


def flatten(grads: Any, names: Sequence[str]) -> Array:
    """Return the entries of some arrays in a row, float64."""
    return np.concatenate([np.ravel(np.asarray(grads[name], np.float64)) for name in names])
