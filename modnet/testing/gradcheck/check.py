"""Gradient check: verdicts on derivatives, and estimators compared.

A derivative is claimed to be exact, and is right or wrong; an estimate has an error, a variance and a price.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence

import attrs
import numpy as np

from modnet.interfaces import Activation, GradientEstimator
from modnet.nn.objective import NetworkObjective
from modnet.randomness import Stream
from modnet.testing.gradcheck.changes import judge_changes, judge_layer_changes, judge_loss_changes
from modnet.testing.gradcheck.conduct import MisconductError, find_line
from modnet.testing.gradcheck.estimators import EstimatorRow, estimate, format_estimators, measure_estimator
from modnet.testing.gradcheck.forward import Visit, is_dense_network, visit_layers
from modnet.testing.gradcheck.layers import (
    INPUTS,
    MOVE,
    LayerCase,
    judge_backward,
    judge_gradients,
    measure_unit,
    name_entry,
)
from modnet.testing.gradcheck.parts import drop_small_settings, judge_activation, judge_loss
from modnet.testing.gradcheck.reasons import Reference
from modnet.testing.gradcheck.reference import METHODS, copy_batch, is_costly, measure_parts, to_float64
from modnet.testing.gradcheck.taylor import CORRECT, KINK, TOO_NOISY, WRONG
from modnet.testing.gradcheck.verdicts import NOT_DETERMINISTIC, Verdict, advise, measure_difference
from modnet.testing.gradcheck.whole import BLOCKS, WHOLE, judge_whole
from modnet.text import format_count, format_error
from modnet.types import Displayed, Grads, Params

ROUNDINGS = 16.0  # a slope is rounding where it is this many times what the last bits of parameters make of it
NUMBERS = 10**6  # that are evaluated at most for directions of one array, but one, of layers that are not dense


@attrs.frozen(kw_only=True, repr=False)
class GradientCheck(Displayed):
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

    def __repr__(self) -> str:
        counts = [format_count(len(self.verdicts), "verdict"), format_count(len(self.estimators), "estimator")]
        return f"<GradientCheck: {'passed' if self.passed else 'failed'}, {', '.join(counts)}>"

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
    `visit_layers` does.
    """
    stream = Stream(seed, ("gradient check",))
    objective = copy_batch(objective)
    visits = visit_layers(objective, params)
    found, without = judge_parts(objective, visits, stream)
    bad = {part: [v for v in verdicts if v.is_failure or v.left_out] for part, verdicts in found.items()}
    bad = {part: verdicts for part, verdicts in bad.items() if verdicts}
    changes = _judge_all_changes(objective, visits, bad)
    # The exact gradient does not depend on a derivative that is missing or wrong: those are measured.
    all_bad = [verdict for verdicts in bad.values() for verdict in verdicts]
    costly = [visit.label for visit in visits if visit.place.index in bad and is_costly(visit)]
    checked = measure_parts(objective, without)
    sound = measure_parts(objective, {**without, **dict.fromkeys(bad, METHODS)})
    exact = None if costly else sound.backward(params)
    whole = _judge_own(objective, checked, sound, params, exact, all_bad, stream)
    if gradient is not None:
        whole = _judge_given(objective, params, gradient, whole, exact, stream)
    at_fault = [verdict for verdict in [*all_bad, *changes.values()] if verdict.is_failure]
    if exact is None:
        problem = f"there is no exact gradient to compare it with: correct {', '.join(costly)}, or take fewer samples"
        rows = [EstimatorRow(name=name, problem=problem) for name in estimators]
    else:
        without_changes = measure_parts(sound, dict.fromkeys(changes, METHODS))
        reference = Reference(objective, params, exact, without_changes, _name_parts(at_fault))
        rows = [measure_estimator(*named, reference, repeats, seed) for named in estimators.items()]
    labels = {visit.place.index: visit.label for visit in visits}
    missing = [
        "the loss" if part is None else f"the {method} of {labels[part]}"
        for part, methods in without.items()
        for method in methods
    ]
    return GradientCheck(
        verdicts=(*(v for verdicts in found.values() for v in verdicts), *changes.values(), whole),
        without=tuple(missing),
        estimators=tuple(rows),
    )


def judge_parts(
    objective: NetworkObjective, visits: Sequence[Visit], stream: Stream
) -> tuple[dict[int | None, list[Verdict]], dict[int | None, list[str]]]:
    """Return the verdicts on each layer, by its index, and on the loss, by None; and the methods that are missing.

    A dense layer in a network of nothing else has a verdict only where it is not what it says it is.
    """
    last = visits[-1]
    with_loss = objective.fused is not None
    found: dict[int | None, list[Verdict]] = {}
    without: dict[int | None, list[str]] = {}
    for visit in visits:
        index = visit.place.index
        judged: dict[str, Sequence[Verdict] | None] = {}
        if visit.activation is not None and visit.is_plain_activation:
            if visit is not last or not with_loss:
                judged["activation"] = _judge_activation(visit, visit.activation, stream)
        elif not visit.is_plain_dense:
            case = _case_of(visit)
            judged["backward"] = _in_list(judge_backward(case, stream.child("layer", index)))
            judged["gradients"] = judge_gradients(case, stream.child("layer", index))
        found[index] = [verdict for verdicts in judged.values() for verdict in verdicts or ()]
        if missing := [method for method, verdicts in judged.items() if verdicts is None]:
            without[index] = missing
    t, activation = objective.t.copy(), objective.activation
    loss = judge_loss(objective.loss_function, activation, last.x, t, stream.child("loss"), **last.fields)
    found[None] = [loss] if loss else []
    return found, without if loss else {**without, None: ["loss"]}


def _judge_activation(visit: Visit, part: Activation, stream: Stream) -> list[Verdict] | None:
    x = visit.x
    by_pixel = x.ndim > 2 and not part.elementwise
    rows = np.moveaxis(x, 1, -1).reshape(-1, x.shape[1]) if by_pixel else x.reshape(len(x), -1)
    verdict = judge_activation(part, rows, stream.child("activation", visit.fields["layer"]), **visit.fields)
    if verdict is None or verdict.sample is None or x.ndim == 2:
        return _in_list(verdict)
    if not by_pixel:
        return [name_entry(verdict, x.shape)]
    sample, *pixel = (int(i) for i in np.unravel_index(verdict.sample, (len(x), *x.shape[2:])))
    index = (sample, verdict.unit or 0, *pixel)
    return [attrs.evolve(verdict, sample=None, unit=None, parameter=INPUTS, index=index)]


def _in_list(verdict: Verdict | None) -> list[Verdict] | None:
    return None if verdict is None else [verdict]


def _case_of(visit: Visit) -> LayerCase:
    return LayerCase(
        layer=visit.place.layer,
        own=visit.own,
        x=visit.x,
        mode=visit.mode,
        stream=visit.stream,
        number=str(visit.place.number),
        fields=visit.fields,
    )


def _judge_all_changes(
    objective: NetworkObjective, visits: Sequence[Visit], bad: Collection[int | None]
) -> dict[int | None, Verdict]:
    """Return the verdicts on wrong changes, by layers' indices and None, of parts that are not bad already."""
    last = visits[-1]
    of_parts: dict[int | None, Iterator[Verdict]] = {}
    for visit in visits:
        if visit.activation is not None and visit.is_plain_activation and visit.x.ndim == 2:
            of_parts[visit.place.index] = judge_changes(visit.activation, visit.x, visit.fields)
        elif not visit.is_plain_dense:
            of_parts[visit.place.index] = judge_layer_changes(_case_of(visit))
    of_parts[None] = judge_loss_changes(objective.loss_function, objective.activation, last.x, objective.t, last.fields)
    # The first verdict on a part alone: the others follow from it.
    firsts = {part: next(verdicts, None) for part, verdicts in of_parts.items() if part not in bad}
    return {part: verdict for part, verdict in firsts.items() if verdict}


def _judge_own(
    objective: NetworkObjective,
    checked: NetworkObjective,
    sound: NetworkObjective,
    params: Params,
    exact: Grads | None,
    bad: list[Verdict],
    stream: Stream,
) -> Verdict:
    """Judge the chain rule's gradient; the explanation says where all errors come from parts.

    `exact` is the gradient of `sound`, in which parts that are `bad` are measured.
    """
    try:
        claimed = checked.backward(params)
    except Exception as error:  # of a third-party part
        cause = f"; its cause is the {_name_parts(bad)}" if bad else ""
        text = f"the chain rule ends with {format_error(error)}{find_line(error)}{cause}"
        return Verdict(verdict=WRONG, part=WHOLE, size=math.inf, explanation=text)
    whole = _judge_chain_rule(objective, checked, params, claimed, stream)
    if whole.verdict != WRONG:
        return whole
    if bad and exact is None:
        cause = f"the {_name_parts(bad)} may be the cause: fewer samples show it"
        return attrs.evolve(whole, explanation=f"{whole.explanation}; {cause}")
    if bad and exact is not None:
        there = _judge_chain_rule(objective, sound, params, exact, stream)
        return whole if there.verdict == WRONG else _attribute_to_parts(whole, claimed, exact, bad)
    if objective.x.dtype != np.float64:
        wide, at = to_float64(checked), {name: value.astype(np.float64) for name, value in params.items()}
        there = _judge_chain_rule(wide, wide, at, wide.backward(at), stream)
        if there.verdict != WRONG:
            text = f"rounding hides the slope; in float64 {there.explanation}"
            return Verdict(verdict=TOO_NOISY, part=WHOLE, size=whole.size, explanation=text)
    if not _is_smooth(objective):
        # Near many kinks slopes are those of no one side: parameters away from these show whether the rule is right.
        moved = _move_off_kinks(params, stream)
        there = _judge_chain_rule(objective, checked, moved, checked.backward(moved), stream)
        text = f"at parameters moved by up to {MOVE:g}, off the kinks that the batch lies at: {there.explanation}"
        return attrs.evolve(there, explanation=text)
    return whole


def _judge_chain_rule(
    objective: NetworkObjective, checked: NetworkObjective, params: Params, claimed: Grads, stream: Stream
) -> Verdict:
    """Judge the gradient of a backward pass; slopes that are nothing but rounding count as 0."""
    whole = _judge_at(objective, params, claimed, stream)
    if whole.verdict != WRONG:
        return whole
    # A bias before a batch normalization has the slope 0: of its sum the chain rule leaves what rounding makes.
    eps, draw = float(np.finfo(objective.x.dtype).eps), stream.child("rounding").generator()
    nearby = {
        name: np.asarray(value * (1 + eps * draw.uniform(-4, 4, value.shape)), value.dtype)
        for name, value in params.items()
    }
    again, cleared = checked.backward(nearby), {}
    for name, value in claimed.items():
        rounding = ROUNDINGS * float(np.abs(again[name] - value).max(initial=0.0))
        cleared[name] = np.where(np.abs(value) <= rounding, np.zeros_like(value), value)
    if all(np.array_equal(cleared[name], claimed[name]) for name in claimed):
        return whole
    there = _judge_at(objective, params, cleared, stream)
    return whole if there.verdict == WRONG else there


def _judge_at(objective: NetworkObjective, params: Params, grads: Grads, stream: Stream, part: str = WHOLE) -> Verdict:
    """Judge a whole gradient, with steps that move the pre-activations by about their length, whatever the inputs."""
    values = copy_batch(objective).trace(params).values
    units, axes, first, most = {}, {}, {}, {}
    for k, (place, x) in enumerate(zip(objective.placed, values, strict=True)):
        for param in place.params:
            name = place.name(param.name)
            units[name], axes[name], first[name] = measure_unit(param, x), param.channel_axis, k
            if not is_dense_network(objective.placed):
                most[name] = min(BLOCKS, 1 + NUMBERS // sum(value.size for value in values[k:]))

    def evaluate(moved: Params) -> float:
        """Return the loss, from the first layer on that moved parameters lead into."""
        k = min((first[name] for name, value in moved.items() if value is not params[name]), default=0)
        # A part may write into what it is given.
        rest = attrs.evolve(objective, placed=objective.placed[k:], x=values[k].copy(), t=objective.t.copy())
        return rest(moved)

    found = judge_whole(
        evaluate, params, grads, stream, part=part, batch=len(objective.x), units=units, axes=axes, most=most
    )
    if found.verdict != KINK or not _is_smooth(objective):
        return found
    text = f"rounding hides the slope, and no part has a kink: {advise(str(objective.x.dtype))}"
    return attrs.evolve(found, verdict=TOO_NOISY, explanation=text)


def _is_smooth(objective: NetworkObjective) -> bool:
    """Return whether all parts promise that they have no kink."""
    layers = [place.layer for place in objective.placed]
    return objective.loss_function.smooth and all(
        layer.is_dense if layer.activation is None else layer.activation.kinks == () for layer in layers
    )


def _move_off_kinks(params: Params, stream: Stream) -> Params:
    moved = {}
    for name, value in params.items():
        moves = stream.child("off kinks", name).generator().uniform(-MOVE, MOVE, value.shape)
        moved[name] = np.asarray(value + moves, value.dtype)
    return moved


def _name_parts(verdicts: Sequence[Verdict]) -> str:
    return " and the ".join(v.part if v.left_out else f"{v.part} of {v.layer_label}" for v in verdicts)


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
    exact: Grads | None,
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
    if (
        own.verdict != WRONG and exact is not None and _are_close(grads, exact)
    ):  # at kinks a derivative of its own choice is as good
        return attrs.evolve(own, part=part)
    for name, value, other in drop_small_settings(objective.loss_function):
        fused = other.fused(objective.activation)
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
