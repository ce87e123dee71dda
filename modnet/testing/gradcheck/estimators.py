"""Comparison of gradient estimators: error, angle, variance and cost."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Sequence

import attrs
import numpy as np

from modnet.errors import ModnetError
from modnet.interfaces import GradientEstimator, Objective
from modnet.nn.network import NetworkObjective
from modnet.nn.numerical import default_step
from modnet.nn.validation import validate_arrays
from modnet.randomness import Stream
from modnet.testing.gradcheck.taylor import KINK, find_kinks
from modnet.testing.gradcheck.verdicts import Verdict
from modnet.text import format_error, format_table
from modnet.types import Array, Grads, Params

SHOWN = 3  # kinks of one estimator that are printed
ENOUGH_SECONDS = 2.0  # after so long an estimator is not run again to see its variance


@attrs.frozen(kw_only=True)
class EstimatorRow:
    """The measurements of one estimator; errors and variance are relative to the exact gradient's length."""

    name: str
    error: float = math.nan
    """The length of the error, the mean of all repeats."""
    errors: tuple[float, ...] = ()
    """The same, of each repeat."""
    cosine: float = math.nan
    """Of the angle to the exact gradient, the mean of all repeats."""
    variance: float = math.nan
    """The mean squared distance to the mean of all repeats; 0 where nothing is random, NaN where it was run once."""
    evaluations: int | None = None
    """The evaluations of the loss as a black box; None where the estimator makes none."""
    uses_backward: bool = False
    """True for one that uses the network's own backward pass."""
    seconds: float = math.nan
    """Of one estimate."""
    kinks: tuple[Verdict, ...] = ()
    """The kinks within the steps of differences that the error comes from."""
    problem: str = ""
    """The reason why there is no estimate."""


def measure_estimator(
    name: str,
    estimator: GradientEstimator,
    objective: NetworkObjective,
    params: Params,
    exact: Grads,
    repeats: int = 5,
    seed: int = 0,
) -> EstimatorRow:
    """Return an estimator's error, cosine, variance, evaluations and seconds; an error becomes its `problem`.

    One that returns the same for another random stream is not run again, nor is one that takes long.
    """
    recording = _RecordingObjective(**attrs.asdict(objective, recurse=False, filter=lambda field, _: field.init))
    estimates: list[Array] = []
    seconds: list[float] = []
    for repeat in range(repeats):
        stream = Stream(seed, ("gradient check", name, repeat))
        start = time.perf_counter()
        try:
            with warnings.catch_warnings(action="ignore"):
                grads = validate_arrays(estimator(recording, dict(params), stream), params, estimator)
            estimates.append(_flatten(grads, params))
        except Exception as error:  # of third-party code: its row shows the error
            text = str(error).partition("\n")[0] if isinstance(error, ModnetError) else format_error(error)
            return EstimatorRow(name=name, problem=text)
        seconds.append(time.perf_counter() - start)
        if sum(seconds) > ENOUGH_SECONDS or (repeat == 1 and np.array_equal(estimates[0], estimates[1])):
            break
    row = _summarize(name, estimates, _flatten(exact, params))
    kinks: list[Verdict] = []
    if row.variance == 0 or len(estimates) == 1:
        kinks = find_kinks_in_steps(objective, params, grads, exact, getattr(estimator, "h", None))
    return attrs.evolve(
        row,
        evaluations=estimator.evaluations(params),
        uses_backward=recording.used_backward,
        seconds=min(seconds),
        kinks=tuple(kinks),
    )


def find_kinks_in_steps(
    objective: Objective, params: Params, estimate: Grads, exact: Grads, step: object
) -> list[Verdict]:
    """Return the kinks between which a gradient by differences was taken, where it strays from the exact one.

    In each unit the entry with the largest error is moved by `step`, by default that of central differences, and by
    ten times that. Elementwise activations of which a pre-activation passes a kink on the way are the cause.
    """
    found: dict[tuple[int, int, int], Verdict] = {}
    for name, value in params.items():
        gap = np.abs(np.asarray(estimate[name]) - np.asarray(exact[name])).reshape(-1, value.shape[-1])
        h = step if isinstance(step, float) else default_step(value.dtype)
        rounding = 16 * float(np.finfo(value.dtype).eps) * abs(objective(params)) / h
        # An error above ten times the usual one of this array is no truncation error.
        for unit in np.flatnonzero(gap.max(axis=0) > max(rounding, 10 * float(np.quantile(gap, 0.25)))):
            entry = int(gap[:, unit].argmax()), int(unit)
            slope = float(np.asarray(exact[name]).reshape(gap.shape)[entry])
            for reach in (h, 10 * h):
                ends = [_move_entry(params, name, entry, move) for move in (-reach, reach)]
                error = abs((objective(ends[1]) - objective(ends[0])) / (2 * reach) - slope)
                # A step of this length makes an error of this size, or else it was another step.
                if not error / 10 < gap[entry] < error * 10:
                    continue
                if passed := _find_passed_kinks(objective, params, ends, f"a step of {reach:.2g} in {name}"):
                    found = passed | found
                    break
    return list(found.values())


def _move_entry(params: Params, name: str, entry: tuple[int, int], move: float) -> Params:
    value = np.array(params[name])
    value.reshape(-1, value.shape[-1])[entry] += move
    return {**params, name: value}


def _find_passed_kinks(
    objective: Objective, params: Params, ends: Sequence[Params], step: str
) -> dict[tuple[int, int, int], Verdict]:
    """Return the kinks that are passed between two parameters, by layer, unit and sample."""
    traces = [objective.trace(end) for end in ends]
    here = objective.trace(params)
    found = {}
    for k, layer in enumerate(objective.layers):
        one, other = (trace.pre_activations[k] for trace in traces)
        samples, units = np.nonzero(one != other)
        if not layer.activation.elementwise or not len(samples):
            continue
        low, high = np.sort([one[samples, units], other[samples, units]], axis=0)
        kinks = find_kinks(layer.activation, low, high)
        for i in np.flatnonzero(np.isfinite(kinks)):
            sample, unit = int(samples[i]), int(units[i])
            a, kink = float(here.pre_activations[k][sample, unit]), float(kinks[i])
            kink = 0.0 if abs(kink) < 1e-6 else kink
            found[layer.number, unit, sample] = Verdict(
                verdict=KINK,
                part=f"activation {layer.activation!r}",
                layer=layer.number,
                unit=unit,
                sample=sample,
                size=abs(kink - a),
                explanation=f"the pre-activation is {abs(kink - a):.2g} from the kink at {kink:.3g}; {step} "
                "passes it, so that the difference mixes both sides",
            )
    return found


def _summarize(name: str, estimates: Sequence[Array], exact: Array) -> EstimatorRow:
    length = float(np.linalg.norm(exact)) or 1.0
    errors = tuple(float(np.linalg.norm(estimate - exact)) / length for estimate in estimates)
    cosines = [float(estimate @ exact) / (float(np.linalg.norm(estimate)) * length or 1.0) for estimate in estimates]
    mean = np.mean(estimates, axis=0)
    n = len(estimates)
    spread = sum(float(np.sum((estimate - mean) ** 2)) for estimate in estimates) / length**2
    alike = all(np.array_equal(estimate, estimates[0]) for estimate in estimates)
    return EstimatorRow(
        name=name,
        error=float(np.mean(errors)),
        errors=errors,
        cosine=float(np.mean(cosines)),
        variance=math.nan if n == 1 else 0.0 if alike else spread / (n - 1),
    )


def _flatten(grads: Grads, params: Params) -> Array:
    return np.concatenate([np.asarray(grads[name], np.float64).reshape(-1) for name in params])


@attrs.define(eq=False)
class _RecordingObjective(NetworkObjective):
    """An objective that records whether its backward pass was used."""

    used_backward: bool = attrs.field(default=False, init=False)

    def backward(self, params: Params) -> Grads:
        self.used_backward = True
        return super().backward(params)


def format_estimators(rows: Sequence[EstimatorRow]) -> list[str]:
    """Return the estimators as the lines of a table, and below it the kinks that their errors come from."""
    cells: list[tuple[str, ...]] = [("estimator", "error", "cosine", "variance", "evaluations", "seconds")]
    for row in rows:
        cost = "1 + backward" if row.uses_backward else "-" if row.evaluations is None else f"{row.evaluations:,}"
        variance = "-" if math.isnan(row.variance) else f"{row.variance:.2g}"
        numbers = (f"{row.error:.2g}", f"{row.cosine:.6f}", variance, cost, f"{row.seconds:.2g}")
        cells.append((row.name, *numbers) if not row.problem else (row.name, row.problem))
    lines = format_table(cells)
    for row in rows:
        lines += [f"{row.name}: {kink}" for kink in row.kinks[:SHOWN]]
        lines += [f"{row.name}: {len(row.kinks) - SHOWN} more kinks"] if len(row.kinks) > SHOWN else []
    return lines
