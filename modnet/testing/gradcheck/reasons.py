"""Reasons of estimators' errors."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import numpy as np

from modnet.interfaces import GradientEstimator
from modnet.nn.layers import default_step
from modnet.nn.objective import NetworkObjective
from modnet.randomness import Stream
from modnet.testing.gradcheck.forward import visit_layers
from modnet.testing.gradcheck.layers import name_entry
from modnet.testing.gradcheck.reference import copy_batch
from modnet.testing.gradcheck.taylor import KINK, find_kinks
from modnet.testing.gradcheck.verdicts import Verdict, advise
from modnet.types import Array, Grads, Params

EXPECTED = 1e-3  # relative error of a gradient that draws nothing at random; of more, the reason is looked for
LESS = 3.0  # an error falls by this factor at least, where its reason is taken away


@attrs.frozen(eq=False)
class Reference:
    """A network's exact gradient at its parameters, which estimators are compared with."""

    objective: NetworkObjective
    params: Params
    exact: Grads
    sound: NetworkObjective
    """The objective with derivatives and changes measured, of those parts that are at fault."""
    at_fault: str
    """Their names; "" where there are none."""

    @property
    def length(self) -> float:
        """The length of the exact gradient."""
        return math.sqrt(sum(float(np.sum(np.square(value, dtype=np.float64))) for value in self.exact.values()))

    def measure_error(self, estimator: GradientEstimator, objective: NetworkObjective) -> float:
        """Return the relative error of one estimate; infinite where it fails."""
        given = {name: value.copy() for name, value in self.params.items()}
        try:
            with warnings.catch_warnings(action="ignore"), np.errstate(all="ignore"):
                grads = estimator(copy_batch(objective), given, Stream(0, ("gradient check", "reason")))
            squares = [float(np.sum((np.asarray(grads[n]) - self.exact[n]) ** 2)) for n in self.exact]
            error = math.sqrt(sum(squares)) / (self.length or 1.0)
        except Exception:  # of a third-party estimator or part
            return math.inf
        return error if math.isfinite(error) else math.inf


@attrs.frozen
class _ChangedStep(GradientEstimator):
    """An estimator with another step h; it raises an error where it refuses the step."""

    estimator: Any
    h: float

    def __call__(self, objective: Callable[[Params], float], params: Params, stream: Stream) -> Grads:
        found: Grads = attrs.evolve(self.estimator, h=self.h)(objective, params, stream)
        return found


def explain_problem(estimator: GradientEstimator, reference: Reference) -> str:
    """Return the reason why an estimator fails, "" where it is none of the parts at fault."""
    if reference.at_fault and math.isfinite(reference.measure_error(estimator, reference.sound)):
        return f"it fails because of the {reference.at_fault}: see its verdict"
    return ""


def explain_error(
    estimator: GradientEstimator, reference: Reference, error: float, bias: float, variance: float
) -> str:
    """Return the reason of an error that is larger than it should be, or what to try; "" where it is as it should be.

    `bias` is the error of the mean. What is blamed was taken away, and the error fell.
    """
    if error <= EXPECTED or (variance > 0 and bias <= 4 * math.sqrt(variance)):
        return ""
    if reference.at_fault and reference.measure_error(estimator, reference.sound) < error / LESS:
        return f"its error comes from the {reference.at_fault}: see its verdict"
    if getattr(estimator, "promises", "gradient") == "direction":
        return "it promises a direction only, along which the loss grows, not the gradient"
    if variance > 0:
        return f"chance does not explain its error: the mean of its estimates is off by {bias:.2g}, too"
    if step := _explain_step(estimator, reference, error):
        return step
    if rounding := _explain_rounding(reference, error):
        return rounding
    if math.isnan(variance):
        return (
            "it was run once only, as it takes long: repeat it on a smaller network to see how much of this is chance"
        )
    return "no reason was found: modnet.testing.check_gradient_estimator tests it alone"


def _explain_step(estimator: GradientEstimator, reference: Reference, error: float) -> str:
    """Return words on the step of differences, where another one has a smaller error."""
    params = reference.params
    h = getattr(estimator, "h", "")
    if not attrs.has(type(estimator)) or not (h is None or isinstance(h, float)):
        return ""
    h = h or default_step(np.result_type(*params.values()))
    others = (h / 10_000, h / 100, h / 10, 10 * h, 100 * h)
    tried = {other: reference.measure_error(_ChangedStep(estimator, other), reference.objective) for other in others}
    best = min(tried, key=lambda other: tried[other])
    if tried[best] > error / LESS:
        return ""
    size = "large" if best < h else "small"
    placed, values = reference.objective.placed, reference.objective.trace(params).values
    inputs = max(float(np.abs(z).max(initial=0.0)) for at, z in zip(placed, values, strict=True) if at.params)
    why = f"it moves pre-activations by up to {h * max(inputs, 1.0):.2g}" if best < h else "rounding is divided by it"
    return f"its step h = {h:.2g} is too {size} here, {why}: with h = {best:.2g} the error is {tried[best]:.2g}"


def _explain_rounding(reference: Reference, error: float) -> str:
    """Return words on a gradient that is so small beside the loss that its error is no more than rounding."""
    dtype = np.result_type(*reference.params.values())
    loss, length = reference.sound(reference.params), reference.length
    if error * length > 16 * float(np.finfo(dtype).eps) * abs(loss) / default_step(dtype):
        return ""
    return (
        f"the gradient, of length {length:.1g}, is lost in the rounding of a loss of {loss:.1g}: {advise(str(dtype))}"
    )


def find_kinks_in_steps(reference: Reference, estimate: Grads, step: object) -> list[Verdict]:
    """Return the kinks between which a gradient by differences was taken, where it strays from the exact one.

    In each unit the entry with the largest error is moved by `step`, by default that of central differences, and by
    ten times that. Elementwise activations of which a pre-activation passes a kink on the way are the cause.
    """
    objective, params, exact = reference.sound, reference.params, reference.exact
    found: dict[tuple[int, ...], Verdict] = {}
    large = EXPECTED * max(float(np.abs(value).max(initial=0.0)) for value in exact.values())
    for name, value in params.items():
        gap = np.abs(np.asarray(estimate[name]) - np.asarray(exact[name])).reshape(-1, value.shape[-1])
        h = step if isinstance(step, float) else default_step(value.dtype)
        rounding = 16 * float(np.finfo(value.dtype).eps) * abs(objective(params)) / h
        # An error above ten times the usual one of this array is no truncation error, nor is a large one.
        usual = min(10 * float(np.quantile(gap, 0.25)), large)
        for unit in np.flatnonzero(gap.max(axis=0) > max(rounding, usual)):
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
    objective: NetworkObjective, params: Params, ends: Sequence[Params], step: str
) -> dict[tuple[int, ...], Verdict]:
    """Return the kinks that elementwise layers pass between two parameters, by layer and entry."""
    found = {}
    passes = zip(visit_layers(objective, params), *(objective.trace(end).values for end in ends), strict=True)
    for visit, one, other in passes:
        if not visit.place.layer.elementwise or not (moved := one != other).any():
            continue
        x, (low, high) = visit.x, np.sort([one, other], axis=0)
        kinks: Array = np.full(x.shape, np.nan)
        if visit.activation is not None:
            kinks[moved] = find_kinks(visit.activation, low[moved], high[moved])
        else:
            kinks = find_kinks(visit.evaluate, low, high)
        for entry in np.argwhere(np.isfinite(kinks)):
            index = tuple(int(i) for i in entry)
            a, kink = float(x[index]), float(kinks[index])
            kink = 0.0 if abs(kink) < 1e-6 * max(1.0, abs(float(one[index] - other[index]))) else kink
            part = visit.place.layer if visit.activation is None else f"activation {visit.activation!r}"
            what = "the input" if visit.activation is None else "the pre-activation"
            passed = Verdict(
                **visit.fields,
                verdict=KINK,
                part=str(part),
                sample=index[0],
                unit=int(np.ravel_multi_index(index[1:], x.shape[1:])),
                size=abs(kink - a),
                explanation=f"{what} is {abs(kink - a):.2g} from the kink at {kink:.3g}; {step} "
                "passes it, so that the difference mixes both sides",
            )
            found[visit.place.index, *index] = passed if x.ndim == 2 else name_entry(passed, x.shape)
    return found
