"""Gradient check: verdicts on derivatives, and estimators compared.

A derivative is claimed to be exact, and is right or wrong; an estimate has an error, a variance and a price.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import attrs
import numpy as np

from modnet.interfaces import GradientEstimator
from modnet.nn.network import NetworkObjective
from modnet.randomness import Stream
from modnet.testing.gradcheck.estimators import EstimatorRow, format_estimators, measure_estimator
from modnet.testing.gradcheck.parts import drop_small_settings, judge_activation, judge_loss
from modnet.testing.gradcheck.reference import measure_parts
from modnet.testing.gradcheck.taylor import CORRECT, WRONG
from modnet.testing.gradcheck.verdicts import NOT_DETERMINISTIC, Verdict, measure_difference
from modnet.testing.gradcheck.whole import WHOLE, judge_whole
from modnet.text import format_error
from modnet.types import Grads, Params


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


def judge_gradient(
    objective: NetworkObjective,
    params: Params,
    estimators: Mapping[str, GradientEstimator],
    gradient: GradientEstimator | Grads | None = None,
    repeats: int = 5,
    seed: int = 0,
) -> GradientCheck:
    """Judge the derivatives of a network's parts and its whole gradient, and compare estimators with the exact one.

    `gradient` is the whole gradient to judge, or its estimator: by default the network's own chain rule.
    """
    stream = Stream(seed, ("gradient check",))
    found = judge_parts(objective, params, stream)
    missing = [layer for layer, verdict in found.items() if verdict is None]
    bad = {layer: verdict for layer, verdict in found.items() if verdict and (verdict.is_failure or verdict.left_out)}
    # The exact gradient does not depend on a derivative that is missing or wrong: those are measured.
    exact = measure_parts(objective, [*missing, *bad]).backward(params)
    if gradient is None:
        whole = _judge_own(objective, measure_parts(objective, missing), params, exact, [*bad.values()], stream)
    else:
        whole = _judge_given(objective, params, gradient, stream)
    return GradientCheck(
        verdicts=(*filter(None, found.values()), whole),
        without=tuple("the loss" if k is None else f"the activation of layer {k}" for k in missing),
        estimators=tuple(
            measure_estimator(name, estimator, objective, params, exact, repeats, seed)
            for name, estimator in estimators.items()
        ),
    )


def judge_parts(objective: NetworkObjective, params: Params, stream: Stream) -> dict[int | None, Verdict | None]:
    """Return the verdict on each activation, by its layer's number, and on the loss, by None.

    A part without a derivative of its own has None instead of a verdict.
    """
    trace, last = objective.trace(params), objective.layers[-1]
    with_loss = objective.loss_function.fused(last.activation) is not None
    found: dict[int | None, Verdict | None] = {
        layer.number: judge_activation(layer, a, stream.child("activation", layer.number))
        for layer, a in zip(objective.layers, trace.pre_activations, strict=True)
        if layer is not last or not with_loss
    }
    loss = judge_loss(objective.loss_function, last, trace.pre_activations[-1], objective.t, stream.child("loss"))
    return {**found, None: loss}


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
        text = f"the chain rule ends with {format_error(error)}"
        return Verdict(verdict=WRONG, part=WHOLE, size=math.inf, explanation=text)
    whole = judge_whole(objective, params, claimed, stream, batch=len(objective.x))
    if whole.verdict == WRONG and bad and judge_whole(objective, params, exact, stream).verdict != WRONG:
        return _attribute_to_parts(whole, claimed, exact, bad)
    return whole


def _attribute_to_parts(whole: Verdict, claimed: Grads, exact: Grads, bad: list[Verdict]) -> Verdict:
    """Return the verdict on a whole gradient whose errors all come from parts."""
    parts = " and the ".join(v.part if v.left_out else f"{v.part} of layer {v.layer}" for v in bad)
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
    objective: NetworkObjective, params: Params, gradient: GradientEstimator | Grads, stream: Stream
) -> Verdict:
    """Judge a given gradient; an estimator is called twice and must return the same."""
    batch = len(objective.x)
    if isinstance(gradient, Mapping):
        part, grads = WHOLE, gradient
    else:
        part = f"{WHOLE} by {gradient!r}"
        grads, again = (gradient(objective, dict(params), stream.child("given")) for _ in range(2))
        gap = max((measure_difference(grads[name], again[name]) for name in grads), default=0.0)
        if gap:
            text = f"called twice alike, it gives gradients that differ by {gap:.1e} of the largest entry"
            return Verdict(verdict=NOT_DETERMINISTIC, part=part, size=gap, explanation=text)
    whole = judge_whole(objective, params, grads, stream, part=part, batch=batch)
    if whole.verdict != WRONG:
        return whole
    for name, value, other in drop_small_settings(objective.loss_function):
        fused = other.fused(objective.layers[-1].activation)
        without = attrs.evolve(objective, loss_function=other, fused=fused)
        if judge_whole(without, params, grads, stream).verdict == CORRECT:
            text = (
                f"the gradient is that of the loss with {name} = 0; with {name} = {value:g} the loss is another "
                f"function: {whole.explanation}"
            )
            return attrs.evolve(whole, verdict=CORRECT, explanation=text, left_out=name)
    return whole
