"""Comparison of gradient estimators: error, angle, variance and cost."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Sequence

import attrs
import numpy as np

from modnet.errors import ModnetError
from modnet.interfaces import GradientEstimator
from modnet.nn.objective import NetworkObjective
from modnet.nn.validation import split_estimate, validate_arrays
from modnet.randomness import Stream
from modnet.testing.gradcheck.conduct import MisconductError, find_line
from modnet.testing.gradcheck.forward import find_place
from modnet.testing.gradcheck.reasons import Reference, explain_error, explain_problem, find_kinks_in_steps
from modnet.testing.gradcheck.reference import copy_batch
from modnet.testing.gradcheck.verdicts import Verdict
from modnet.text import format_count, format_error, format_table
from modnet.types import Array, Grads, Params, State

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
    bias: float = math.nan
    """The length of the error of the mean of all repeats."""
    problem: str = ""
    """The reason why there is no estimate."""
    reason: str = ""
    """The cause of an error that is larger than it should be, or of the problem, or what to try."""


def measure_estimator(
    name: str, estimator: GradientEstimator, reference: Reference, repeats: int = 5, seed: int = 0
) -> EstimatorRow:
    """Return an estimator's error, cosine, variance, evaluations and seconds; an error becomes its `problem`.

    One that returns the same for another random stream is not run again, nor is one that takes long.
    """
    params = reference.params
    recording = _RecordingObjective(**attrs.asdict(copy_batch(reference.objective), recurse=False, filter=_is_init))
    estimates: list[Grads] = []
    seconds: list[float] = []
    for repeat in range(repeats):
        stream = Stream(seed, ("gradient check", name, repeat))
        start = time.perf_counter()
        try:
            estimates.append(estimate(estimator, recording, params, stream))
        except Exception as error:  # of third-party code: its row shows the error
            row = EstimatorRow(name=name, problem=_describe(error))
            return attrs.evolve(row, reason=explain_problem(estimator, reference))
        seconds.append(time.perf_counter() - start)
        if sum(seconds) > ENOUGH_SECONDS or (repeat == 1 and _are_equal(*estimates)):
            break
    row = _summarize(name, [_flatten(grads, params) for grads in estimates], _flatten(reference.exact, params))
    is_fixed = (row.variance == 0 or len(estimates) == 1) and not recording.used_backward
    kinks = find_kinks_in_steps(reference, estimates[-1], getattr(estimator, "h", None)) if is_fixed else []
    return attrs.evolve(
        row,
        evaluations=estimator.evaluations(params),
        uses_backward=recording.used_backward,
        seconds=min(seconds),
        kinks=tuple(kinks),
        reason="" if kinks else explain_error(estimator, reference, row.error, row.bias, row.variance),
    )


def estimate(estimator: GradientEstimator, objective: NetworkObjective, params: Params, stream: Stream) -> Grads:
    """Return an estimator's gradient, as arrays of its own.

    Raises MisconductError where it writes into the parameters or gives what is not finite, and PluginError where it
    returns no gradient.
    """
    given = {name: value.copy() for name, value in params.items()}
    with warnings.catch_warnings(action="ignore"):
        grads = validate_arrays(estimator(objective, dict(given), stream), params, estimator)
    if written := [name for name in params if not np.array_equal(given[name], params[name])]:
        raise MisconductError(f"it writes into {' and '.join(written)}, which it was given: let it move copies")
    for name, value in grads.items():
        if place := find_place(value):
            raise MisconductError(f"its gradient is {value[place]} at {name}[{', '.join(map(str, place))}]")
    return {name: np.array(value) for name, value in grads.items()}


def estimate_after(
    estimator: GradientEstimator,
    objective: Callable[[Params], float],
    params: Params,
    stream: Stream,
    steps: int,
) -> Grads:
    """Return the estimate that comes after so many others from a new state; with none the plain call's.

    >>> net, estimator = modnet.TwoLayerNet(2, 2, 2), modnet.gradient("feedback-alignment")
    >>> objective = net.objective(np.ones((1, 2)), np.array([1]))
    >>> sorted(estimate_after(estimator, objective, net.params, modnet.Stream(0), 2))
    ['W1', 'W2', 'b1', 'b2']
    """
    if not steps:
        return estimator(objective, params, stream)
    state = states_after(estimator, objective, params, stream, steps)[1]
    return split_estimate(estimator.estimate(objective, params, stream.child(steps), state), estimator)[0]


def states_after(
    estimator: GradientEstimator,
    objective: Callable[[Params], float],
    params: Params,
    stream: Stream,
    steps: int,
) -> tuple[State, State]:
    """Return an estimator's new state, and the one after so many estimates; raises PluginError where one has none."""
    first = state = estimator.init(params, stream.child("init"))
    for step in range(steps):
        state = split_estimate(estimator.estimate(objective, params, stream.child(step), state), estimator)[1]
    return first, state


def _describe(error: Exception) -> str:
    if isinstance(error, (ModnetError, MisconductError)):
        return str(error).partition("\n")[0]
    return format_error(error) + find_line(error)


def _is_init(field: attrs.Attribute[object], _: object) -> bool:
    return field.init


def _are_equal(one: Grads, other: Grads) -> bool:
    return all(np.array_equal(one[name], other[name]) for name in one)


def _summarize(name: str, estimates: Sequence[Array], exact: Array) -> EstimatorRow:
    length = float(np.linalg.norm(exact)) or 1.0
    errors = tuple(float(np.linalg.norm(estimate - exact)) / length for estimate in estimates)
    lengths = [float(np.linalg.norm(estimate)) * float(np.linalg.norm(exact)) for estimate in estimates]
    cosines = [float(e @ exact) / length if length else math.nan for e, length in zip(estimates, lengths, strict=True)]
    mean = np.mean(estimates, axis=0)
    n = len(estimates)
    spread = sum(float(np.sum((estimate - mean) ** 2)) for estimate in estimates) / length**2
    alike = all(np.array_equal(estimate, estimates[0]) for estimate in estimates)
    return EstimatorRow(
        name=name,
        error=float(np.mean(errors)),
        errors=errors,
        cosine=float(np.mean(cosines)),
        bias=float(np.linalg.norm(mean - exact)) / length,
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
    """Return the estimators as the lines of a table, and below it what their errors come from."""
    cells: list[tuple[str, ...]] = [("estimator", "error", "cosine", "variance", "evaluations", "seconds")]
    for row in rows:
        cost = "1 + backward" if row.uses_backward else "-" if row.evaluations is None else f"{row.evaluations:,}"
        variance = "-" if math.isnan(row.variance) else f"{row.variance:.2g}"
        cosine = "-" if math.isnan(row.cosine) else f"{row.cosine:.6f}"
        numbers = (f"{row.error:.2g}", cosine, variance, cost, f"{row.seconds:.2g}")
        cells.append((row.name, *numbers) if not row.problem else (row.name, row.problem))
    lines = format_table(cells)
    for row in rows:
        lines += [f"{row.name}: {kink}" for kink in row.kinks[:SHOWN]]
        lines += [f"{row.name}: {format_count(len(row.kinks) - SHOWN, 'more kink')}"] if len(row.kinks) > SHOWN else []
        lines += [f"{row.name}: {row.reason}"] if row.reason else []
    return lines
