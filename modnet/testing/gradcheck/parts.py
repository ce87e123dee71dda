"""Verdicts on the derivatives of single parts, where a network uses them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs
import numpy as np

from modnet.errors import NoDerivativeError
from modnet.interfaces import Activation, DenseLayer, Loss
from modnet.nn.numerical import default_step
from modnet.randomness import Stream
from modnet.testing.gradcheck.taylor import CORRECT, SURE, WRONG, Judgement, find_kinks, judge_entries
from modnet.testing.gradcheck.verdicts import NOT_DETERMINISTIC, Verdict, conclude, measure_difference
from modnet.text import format_error
from modnet.types import Array

ENTRIES = 50_000  # slopes of one activation that are judged at most: those of the first samples
COLUMNS = 64  # positions along the axis that are moved at most, where each moves all outputs
SMALL = 1e-3  # a constant below this may be there to keep a logarithm finite


@attrs.frozen(eq=False)
class Claim:
    """A function and its own derivative, at one place."""

    values: Callable[[Array], Array]
    """From the argument (N, units) to values: as many, or one for each sample."""
    backward: Callable[..., Array]
    given: tuple[Array, ...]
    """The arguments of `backward`; the first is the function's argument."""
    fields: Mapping[str, Any]
    elementwise: bool = False
    unit: Array | float = 1.0
    """The length of a step of 1 for each entry."""
    weight: Array | float = 1.0
    """The divisor that makes each entry of `backward` the slope of its value."""

    def judge(self, claimed: Array) -> Judgement:
        """Judge claims (N, units)."""
        at, slopes = self.given[0], claimed / self.weight
        return judge_entries(self.values, slopes, at, self.columns, self.unit, elementwise=self.elementwise)

    @property
    def columns(self) -> Array:
        """The columns that are judged: all, or some of very many, where each takes evaluations of its own."""
        count = self.given[0].shape[1]
        return np.unique(np.linspace(0, count - 1, count if self.elementwise else COLUMNS).round().astype(int))

    def locate(self, i: int) -> dict[str, Any]:
        """Return the sample and unit of the i-th slope that is judged."""
        column, sample = divmod(i, len(self.given[0]))
        return {"sample": sample, "unit": int(self.columns[column])}


def judge_activation(layer: DenseLayer, a: Array, stream: Stream) -> Verdict | None:
    """Judge an activation's `backward` at the pre-activations `a` (N, units), and at random ones from -8 to 8.

    Returns None where it has none. Raises any error of the activation.
    """
    a = a[: max(1, ENTRIES // a.shape[1])]
    units = 1 if layer.activation.elementwise else min(a.shape[1], COLUMNS)
    beyond = stream.child("beyond").generator().uniform(-8, 8, (400 // units + 1, units)).astype(a.dtype)
    verdict = _judge_twice(lambda a: _judge_claim(_claim_of_activation(layer, a, stream)), a, beyond)
    if verdict is None or verdict.verdict != CORRECT:
        return verdict
    return attrs.evolve(verdict, explanation=verdict.explanation + _describe_near_kinks(layer.activation, a))


def judge_loss(loss: Loss, layer: DenseLayer, a: Array, t: Array, stream: Stream) -> Verdict | None:
    """Judge the derivative of a loss after the last `layer`: the fused form's where there is one, else the loss's own.

    `a` (N, outputs) are the layer's pre-activations, `t` the targets. Returns None where it has none. Where the
    claim is off, it is also compared with the loss without its small constants, as the `eps` in a logarithm.
    """

    def judge_at(a: Array) -> Verdict | None:
        verdict = _judge_claim(_claim_of_loss(loss, layer, a, t))
        if verdict is not None and verdict.verdict == WRONG:
            return _judge_without_constants(loss, layer, a, t) or verdict
        return verdict

    beyond = 3 * stream.child("beyond").generator().standard_normal(a.shape).astype(a.dtype)
    return _judge_twice(judge_at, a, beyond)


def _judge_twice(judge_at: Callable[[Array], Verdict | None], a: Array, beyond: Array) -> Verdict | None:
    """Return the verdict at pre-activations of a batch, or where all is right there, on a failure at others."""
    verdict = judge_at(a)
    if verdict is None or verdict.verdict != CORRECT or verdict.left_out:
        return verdict
    there = judge_at(beyond)
    if there is None or not there.is_failure:
        return verdict
    where = "" if there.sample is None else f" {beyond[there.sample, there.unit or 0]:.4g}"
    text = f"right in this batch, but at another pre-activation{where}: {there.explanation}"
    return attrs.evolve(there, sample=None, unit=None, explanation=text)


def _claim_of_activation(layer: DenseLayer, a: Array, stream: Stream) -> Claim:
    activation, elementwise = layer.activation, layer.activation.elementwise
    # Another dz for each entry, none of them near 0: a `backward` that forgets dz, or mixes entries up, shows.
    generator = stream.child("dz").generator()
    dz: Array = (generator.uniform(0.5, 1.5, a.shape) * generator.choice([-1.0, 1.0], a.shape)).astype(a.dtype)
    return Claim(
        values=activation if elementwise else lambda moved: (dz * activation(moved)).sum(axis=-1),
        backward=activation.backward,
        given=(a, activation(a), dz),
        fields={"part": f"activation {activation!r}", "layer": layer.number},
        elementwise=elementwise,
        unit=np.maximum(np.abs(a), 1.0) if elementwise else 1.0,
        weight=dz if elementwise else 1.0,
    )


def _claim_of_loss(loss: Loss, layer: DenseLayer, a: Array, t: Array) -> Claim:
    fused = loss.fused(layer.activation)
    if fused is not None:
        return Claim(
            values=lambda moved: fused(moved, t)[0],
            backward=lambda a, y: fused.backward(a, y, t),
            given=(a, fused(a, t)[1]),
            fields={"part": f"loss {loss!r} with {layer.activation!r}", "layer": layer.number},
        )
    y = layer.activation(a)
    return Claim(
        values=lambda moved: loss(moved, t),
        backward=lambda y: loss.backward(y, t),
        given=(y,),
        fields={"part": f"loss {loss!r}", "layer": layer.number},
        # Near 0 a logarithm bends within a distance of y itself: steps are shares of y, as far as rounding lets them.
        unit=np.clip(np.abs(y), 1e-6 if y.dtype == np.float64 else 0.03, 1.0),
    )


def _judge_claim(part: Claim) -> Verdict | None:
    """Return the verdict on a part, None where it has no derivative."""

    def verdict(word: str, size: float, explanation: str) -> Verdict:
        return Verdict(verdict=word, size=size, explanation=explanation, **part.fields)

    copies = tuple(array.copy() for array in part.given)
    try:
        claimed = np.array(part.backward(*copies))
    except NoDerivativeError:
        return None
    except Exception as error:  # of third-party code
        return verdict(WRONG, np.inf, f"backward raises {format_error(error)}")
    at = part.given[0]
    if claimed.shape != at.shape:
        return verdict(WRONG, np.inf, f"backward returns shape {claimed.shape}, not {at.shape}")
    if any(map(measure_difference, part.given, copies)):
        return verdict(WRONG, np.inf, "backward writes into an array that it was given")
    if gap := measure_difference(part.values(at), part.values(at)):
        return verdict(NOT_DETERMINISTIC, gap, f"the same input gives outputs that differ by {gap:.1e} of the largest")
    judgement = part.judge(claimed)
    if gap := measure_difference(claimed, part.backward(*copies)):
        text = f"backward, called twice alike, gives derivatives that differ by {gap:.1e} of the largest"
        return verdict(NOT_DETERMINISTIC, gap, text)
    return conclude(judgement, part.locate, **part.fields)


def _describe_near_kinks(activation: Activation, a: Array) -> str:
    """Return words on the pre-activation nearest to a kink, where it is within the step of a central difference."""
    if not activation.elementwise:
        return ""
    h = default_step(a.dtype)
    distance = np.abs(find_kinks(activation, a - h, a + h) - a)
    near = int(np.isfinite(distance).sum())
    if not near:
        return ""
    sample, unit = divmod(int(np.nanargmin(distance)), a.shape[1])
    return (
        f"; {near:,} of {a.size:,} pre-activations are within {h:.2g} of a kink, nearest unit {unit} of sample "
        f"{sample}, by {distance[sample, unit]:.1e}: a central difference with that step mixes both sides"
    )


def _judge_without_constants(loss: Loss, layer: DenseLayer, a: Array, t: Array) -> Verdict | None:
    """Return the verdict where a claim is right for the loss without a small constant that it has, else None."""
    part = _claim_of_loss(loss, layer, a, t)
    claimed = np.array(part.backward(*part.given))
    found = part.judge(claimed)
    settings = (
        (name, value)
        for name, value, other in drop_small_settings(loss)
        if not (_claim_of_loss(other, layer, a, t).judge(claimed).verdict == WRONG).any()
    )
    constant = _find_constant(found, part, part.given[-1], t)
    name, value = next(settings, ("the constant in its logarithm", constant))
    if not value:
        return None
    text = (
        f"the derivative is that of the loss with {name} = 0; with {value:.2g} there it is another function, whose "
        f"slopes differ by up to {found.error.max():.2g}"
    )
    size = float(found.error.max() / np.abs(found.slope).max())
    return Verdict(verdict=CORRECT, size=size, explanation=text, left_out=name, **part.fields)


def drop_small_settings(loss: Loss) -> Iterator[tuple[str, float, Loss]]:
    """Yield the name and value of each small positive setting of a loss, and the loss with that setting at 0."""
    cls: type[Any] = type(loss)
    names = [field.name for field in attrs.fields(cls)] if attrs.has(cls) else list(vars(loss))
    for name in names:
        value = getattr(loss, name)
        if isinstance(value, float) and 0 < value < SMALL:
            other = copy.copy(loss)
            object.__setattr__(other, name, 0.0)  # past the validator, which forbids an infinite loss: none occurs here
            yield name, value, other


def _find_constant(found: Judgement, part: Claim, y: Array, t: Array) -> float:
    """Return the constant c of a loss -log(y_c + c) whose derivative is claimed to be that of -log(y_c), or 0.

    Then each claim is (y_c + c) / y_c times the slope, for one c in all samples.
    """
    if t.ndim > 1 or not found.slope.any():
        return 0.0
    at_class = np.tile(y[np.arange(len(t)), t], len(part.columns)).astype(np.float64)
    clear = np.abs(found.slope) > 1e-3 * np.abs(found.slope).max()
    ratio, y_c = (found.claimed / np.where(clear, found.slope, 1.0))[clear], at_class[clear]
    constants = (ratio - 1) * y_c
    known = (SURE * found.uncertainty[clear] / np.abs(found.slope[clear])) * y_c
    constant = float(np.median(constants))
    fits = np.abs(constants - constant) <= known + 0.01 * abs(constant)
    return constant if 0 < constant < SMALL and bool(fits.all()) else 0.0
