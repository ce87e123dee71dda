"""Gradient check: verdicts on derivatives, and estimators compared.

A derivative is claimed to be exact, and is right or wrong; an estimate has an error, a variance and a price.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence

import attrs
import numpy as np

from modnet.interfaces import GradientEstimator
from modnet.nn.objective import NetworkObjective
from modnet.randomness import Stream
from modnet.testing.gradcheck.changes import judge_changes, judge_loss_changes
from modnet.testing.gradcheck.conduct import MisconductError, find_line
from modnet.testing.gradcheck.estimators import EstimatorRow, estimate, format_estimators, measure_estimator
from modnet.testing.gradcheck.forward import find_pre_activations
from modnet.testing.gradcheck.parts import drop_small_settings, judge_activation, judge_loss
from modnet.testing.gradcheck.reasons import Reference
from modnet.testing.gradcheck.reference import copy_batch, measure_parts, to_float64
from modnet.testing.gradcheck.taylor import CORRECT, KINK, TOO_NOISY, WRONG
from modnet.testing.gradcheck.verdicts import NOT_DETERMINISTIC, Verdict, advise, measure_difference
from modnet.testing.gradcheck.whole import WHOLE, judge_whole
from modnet.text import format_error
from modnet.types import Array, Grads, Params

LEAST_SIZE = 1e-30  # of inputs that steps are in proportion to, in float32 too
MOVE = 0.1  # of each parameter at most, off the kinks of a batch


@attrs.frozen(kw_only=True)
class GradientCheck:
    """The verdicts on a network's derivatives, and the estimators beside its exact gradient."""

    verdicts: tuple[Verdict, ...]
    """On each part, and on the whole gradient."""
    without: tuple[str, ...]
    """The parts without a derivative of their own, which is measured instead."""
    estimators: tuple[EstimatorRow, ...]

    @property
    def passed(self) -> bool:
        """True where no derivative is wrong or depends on chance."""
        return not any(verdict.is_failure for verdict in self.verdicts)

    def __str__(self) -> str:
        return "\n".join([*map(str, self.verdicts), *(f"no derivative of its own: {p}" for p in self.without),
                          *(["", *format_estimators(self.estimators)] if self.estimators else [])])  # fmt: skip


@np.errstate(all="ignore")  # what is not finite is looked for
def judge_gradient(
    objective: NetworkObjective,
    params: Params,
    estimators: Mapping[str, GradientEstimator],
    gradient: GradientEstimator | Grads | None = None,
    repeats: int = 5,
    seed: int = 0,
) -> GradientCheck:
    """Judge the derivatives of a network's parts and its whole gradient, and compare estimators with the exact one.

    `gradient` is the whole gradient to judge, or its estimator: by default the network's own chain rule. Raises as
    `find_pre_activations` does.
    """
    stream = Stream(seed, ("gradient check",))
    objective = copy_batch(objective)
    pre_activations = find_pre_activations(objective, params)
    found = judge_parts(objective, pre_activations, stream)
    missing = [layer for layer, verdict in found.items() if verdict is None]
    bad = {layer: verdict for layer, verdict in found.items() if verdict and (verdict.is_failure or verdict.left_out)}
    changes = _judge_all_changes(objective, pre_activations, bad)
    # The exact gradient does not depend on a derivative that is missing or wrong: those are measured.
    sound = measure_parts(objective, [*missing, *bad])
    exact = sound.backward(params)
    whole = _judge_own(objective, measure_parts(objective, missing), params, exact, [*bad.values()], stream)
    if gradient is not None:
        whole = _judge_given(objective, params, gradient, whole, exact, stream)
    at_fault = [verdict for verdict in [*bad.values(), *changes.values()] if verdict.is_failure]
    reference = Reference(objective, params, exact, measure_parts(sound, [*changes]), _name_parts(at_fault))
    return GradientCheck(
        verdicts=(*filter(None, found.values()), *changes.values(), whole),
        without=tuple("the loss" if k is None else f"the activation of layer {k}" for k in missing),
        estimators=tuple(
            measure_estimator(name, estimator, reference, repeats, seed) for name, estimator in estimators.items()
        ),
    )


def judge_parts(
    objective: NetworkObjective, pre_activations: Sequence[Array], stream: Stream
) -> dict[int | None, Verdict | None]:
    """Return the verdict on each activation, by its layer's number, and on the loss, by None.

    A part without a derivative of its own has None instead of a verdict.
    """
    last = objective.layers[-1]
    with_loss = objective.loss_function.fused(last.activation) is not None
    found: dict[int | None, Verdict | None] = {
        layer.number: judge_activation(layer, a, stream.child("activation", layer.number))
        for layer, a in zip(objective.layers, pre_activations, strict=True)
        if layer is not last or not with_loss
    }
    loss = judge_loss(objective.loss_function, last, pre_activations[-1], objective.t.copy(), stream.child("loss"))
    return {**found, None: loss}


def _judge_all_changes(
    objective: NetworkObjective, pre_activations: Sequence[Array], bad: Collection[int | None]
) -> dict[int | None, Verdict]:
    """Return the verdicts on wrong changes, by layers' numbers and None, of parts that are not bad already."""
    last, a = objective.layers[-1], pre_activations[-1]
    of_parts: dict[int | None, Iterator[Verdict]] = {
        layer.number: judge_changes(layer, a) for layer, a in zip(objective.layers, pre_activations, strict=True)
    }
    of_parts[None] = judge_loss_changes(objective.loss_function, last, a, objective.t)
    # The first verdict on a part alone: the others follow from it.
    firsts = {part: next(verdicts, None) for part, verdicts in of_parts.items() if part not in bad}
    return {part: verdict for part, verdict in firsts.items() if verdict}


def _judge_own(
    objective: NetworkObjective,
    checked: NetworkObjective,
    params: Params,
    exact: Grads,
    bad: list[Verdict],
    stream: Stream,
) -> Verdict:
    """Judge the chain rule's gradient; the explanation says where all errors come from parts."""
    try:
        claimed = checked.backward(params)
    except Exception as error:  # of a third-party part
        cause = f"; its cause is the {_name_parts(bad)}" if bad else ""
        text = f"the chain rule ends with {format_error(error)}{find_line(error)}{cause}"
        return Verdict(verdict=WRONG, part=WHOLE, size=math.inf, explanation=text)
    whole = _judge_at(objective, params, claimed, stream)
    if whole.verdict == WRONG and bad and _judge_at(objective, params, exact, stream).verdict != WRONG:
        return _attribute_to_parts(whole, claimed, exact, bad)
    if whole.verdict == WRONG and not bad and objective.x.dtype != np.float64:
        wide, at = to_float64(checked), {name: value.astype(np.float64) for name, value in params.items()}
        there = _judge_at(wide, at, wide.backward(at), stream)
        if there.verdict != WRONG:
            text = f"rounding hides the slope; in float64 {there.explanation}"
            return Verdict(verdict=TOO_NOISY, part=WHOLE, size=whole.size, explanation=text)
    if whole.verdict == WRONG and not bad and not _is_smooth(objective):
        # Near many kinks slopes are those of no one side: parameters away from these show whether the rule is right.
        moved = _move_off_kinks(params, stream)
        there = _judge_at(objective, moved, checked.backward(moved), stream)
        text = f"at parameters moved by up to {MOVE:g}, off the kinks that the batch lies at: {there.explanation}"
        return attrs.evolve(there, explanation=text)
    return whole


def _judge_at(objective: NetworkObjective, params: Params, grads: Grads, stream: Stream, part: str = WHOLE) -> Verdict:
    """Judge a whole gradient, with steps that move the pre-activations by about their length, whatever the inputs."""
    inputs = copy_batch(objective).trace(params).inputs
    units = {layer.weight: _measure_unit(z) for layer, z in zip(objective.layers, inputs, strict=True)}

    def evaluate(moved: Params) -> float:
        return attrs.evolve(objective, t=objective.t.copy())(moved)  # a loss may write into its targets

    found = judge_whole(evaluate, params, grads, stream, part=part, batch=len(objective.x), units=units)
    if found.verdict != KINK or not _is_smooth(objective):
        return found
    text = f"rounding hides the slope, and no part has a kink: {advise(str(objective.x.dtype))}"
    return attrs.evolve(found, verdict=TOO_NOISY, explanation=text)


def _measure_unit(z: Array) -> float:
    """Return the step of a weight that moves pre-activations by about 1, for inputs `z`; 1 where these are all 0."""
    largest = float(np.abs(z).max(initial=0.0))
    if not largest:
        return 1.0
    size = largest * float(np.sqrt(np.mean(np.square(z / largest))))
    return 1 / min(max(size, LEAST_SIZE), 1 / LEAST_SIZE)


def _is_smooth(objective: NetworkObjective) -> bool:
    """Return whether all parts promise that they have no kink."""
    return objective.loss_function.smooth and all(layer.activation.kinks == () for layer in objective.layers)


def _move_off_kinks(params: Params, stream: Stream) -> Params:
    moved = {}
    for name, value in params.items():
        moves = stream.child("off kinks", name).generator().uniform(-MOVE, MOVE, value.shape)
        moved[name] = np.asarray(value + moves, value.dtype)
    return moved


def _name_parts(verdicts: Sequence[Verdict]) -> str:
    return " and the ".join(v.part if v.left_out else f"{v.part} of layer {v.layer}" for v in verdicts)


def _attribute_to_parts(whole: Verdict, claimed: Grads, exact: Grads, bad: list[Verdict]) -> Verdict:
    """Return the verdict on a whole gradient whose errors all come from parts."""
    parts = _name_parts(bad)
    if not all(v.left_out for v in bad):
        return attrs.evolve(whole, explanation=f"{whole.explanation}; all of it comes from the {parts}")
    name = list(exact)[-1]
    residual = float(np.abs(claimed[name] - exact[name]).mean())
    text = (
        f"it differs from that of this loss by {residual:.2e} in {name}, on average: it is that of the {parts} with "
        f"{bad[0].left_out} = 0"
    )
    return attrs.evolve(whole, verdict=CORRECT, parameter=None, index=None, explanation=text, left_out=bad[0].left_out)


def _judge_given(
    objective: NetworkObjective,
    params: Params,
    gradient: GradientEstimator | Grads,
    own: Verdict,
    exact: Grads,
    stream: Stream,
) -> Verdict:
    """Judge a given gradient; an estimator is called twice and must return the same.

    `own` is the verdict on the chain rule's gradient.
    """
    if isinstance(gradient, Mapping):
        part, grads = WHOLE, gradient
    else:
        part = f"{WHOLE} by {gradient!r}"
        try:
            grads, again = (estimate(gradient, copy_batch(objective), params, stream.child("given")) for _ in range(2))
        except MisconductError as error:
            return Verdict(verdict=WRONG, part=part, size=math.inf, explanation=str(error))
        gap = max((measure_difference(grads[name], again[name]) for name in grads), default=0.0)
        if gap:
            text = f"called twice alike, it gives gradients that differ by {gap:.1e} of the largest entry"
            return Verdict(verdict=NOT_DETERMINISTIC, part=part, size=gap, explanation=text)
    whole = _judge_at(objective, params, grads, stream, part)
    if whole.verdict != WRONG:
        return whole
    if not isinstance(gradient, Mapping) and _draws(gradient, objective, params, grads, stream):
        text = f"{whole.explanation}; it draws at random, and one estimate is not the gradient"
        return attrs.evolve(whole, explanation=text)
    if own.verdict != WRONG and _are_close(grads, exact):  # at kinks a derivative of its own choice is as good
        return attrs.evolve(own, part=part)
    for name, value, other in drop_small_settings(objective.loss_function):
        fused = other.fused(objective.layers[-1].activation)
        without = attrs.evolve(objective, loss_function=other, fused=fused)
        if _judge_at(without, params, grads, stream).verdict == CORRECT:
            text = (
                f"the gradient is that of the loss with {name} = 0; with {name} = {value:g} the loss is another "
                f"function: {whole.explanation}"
            )
            return attrs.evolve(whole, verdict=CORRECT, explanation=text, left_out=name)
    return whole


def _draws(
    gradient: GradientEstimator, objective: NetworkObjective, params: Params, grads: Grads, stream: Stream
) -> bool:
    """Return whether another random stream gives another gradient than `grads`."""
    other = estimate(gradient, copy_batch(objective), params, stream.child("given again"))
    return any(measure_difference(grads[name], other[name]) for name in grads)


def _are_close(grads: Grads, exact: Grads) -> bool:
    """Return whether a gradient is another one to rounding."""
    return grads.keys() == exact.keys() and all(
        np.shape(grads[name]) == value.shape
        and measure_difference(value, np.asarray(grads[name])) < 100 * np.finfo(value.dtype).eps
        for name, value in exact.items()
    )
