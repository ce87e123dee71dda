"""Verdicts on the derivatives of single parts, where a network uses them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs
import numpy as np

from modnet.errors import NoDerivativeError
from modnet.interfaces import Activation, Loss
from modnet.nn.layers import default_step
from modnet.randomness import Stream
from modnet.testing.gradcheck.conduct import MisconductError, call_part, check_array, check_memory, vary
from modnet.testing.gradcheck.taylor import CORRECT, SURE, TOO_NOISY, WRONG, Judgement, find_kinks, judge_entries
from modnet.testing.gradcheck.verdicts import NOT_DETERMINISTIC, Verdict, conclude, measure_difference
from modnet.types import Array, Shape

ENTRIES = 50_000  # slopes of one activation that are judged at most: those of the first samples
COLUMNS = 64  # positions along the axis that are moved at most, where each moves all outputs
SAME_OUTPUTS = 1e-3  # of the largest one, by which a fused form may differ from its activation
SMALL = 1e-3  # a constant below this may be there to keep a logarithm finite


@attrs.frozen(kw_only=True, eq=False)
class Claim:
    """A function and its own derivative, at one place."""

    values: Callable[[Array], Array]
    """From the argument (N, units) to values: as many, or one for each sample."""
    call: Callable[..., Any]
    """The part itself, of the arguments `called`."""
    called: Mapping[str, Array]
    shape: Shape
    """That of what the call returns."""
    name: str = "backward"
    """The name of `backward`."""
    backward: Callable[..., Array]
    given: Mapping[str, Array]
    """The arguments of `backward`, by name; the first is the function's argument."""
    fields: Mapping[str, Any]
    elementwise: bool = False
    unit: Array | float = 1.0
    """The length of a step of 1 for each entry."""
    wide: float = 0.0
    """The least length of a step of 1, where steps of `unit` are too small to tell; 0 for none."""
    weight: Array | float = 1.0
    """The divisor that makes each entry of `backward` the slope of its value."""

    def judge(self, claimed: Array) -> Judgement:
        """Judge claims (N, units)."""
        slopes = claimed / self.weight
        return judge_entries(self.values, slopes, self.at, self.columns, self.unit, elementwise=self.elementwise)

    @property
    def at(self) -> Array:
        """The function's argument, (N, units)."""
        return next(iter(self.given.values()))

    @property
    def columns(self) -> Array:
        """The columns that are judged: all, or some of very many, where each takes evaluations of its own."""
        count = self.at.shape[1]
        return np.unique(np.linspace(0, count - 1, count if self.elementwise else COLUMNS).round().astype(int))

    def locate(self, i: int) -> dict[str, Any]:
        """Return the sample and unit of the i-th slope that is judged."""
        column, sample = divmod(i, len(self.at))
        return {"sample": sample, "unit": int(self.columns[column])}

    def conclude(self, claimed: Array) -> Verdict:
        """Return the verdict on claims."""
        return conclude(self.judge(claimed), self.locate, **self.fields)


def judge_activation(activation: Activation, a: Array, stream: Stream, **fields: Any) -> Verdict | None:
    """Judge an activation's `backward` at the pre-activations `a` (N, units), and at random ones from -8 to 8.

    `fields` are those of a verdict that say where it is. Returns None where it has none. Raises any error of the
    activation.
    """
    fields = {"part": f"activation {activation!r}", **fields}
    a = a[: max(1, ENTRIES // a.shape[1])]
    units = 1 if activation.elementwise else min(a.shape[1], COLUMNS)
    beyond = stream.child("beyond").generator().uniform(-8, 8, (400 // units + 1, units)).astype(a.dtype)
    beyond = _keep_defined(activation, beyond)
    if problem := _find_broken_promise(activation, a):
        return Verdict(**fields, verdict=WRONG, size=np.inf, explanation=problem)
    verdict = _judge_twice(lambda a: judge_claim(_claim_of_activation(activation, a, stream, fields)), a, beyond)
    if verdict is None or verdict.verdict != CORRECT:
        return verdict
    return attrs.evolve(verdict, explanation=verdict.explanation + _describe_near_kinks(activation, a))


def judge_loss(loss: Loss, activation: Activation, a: Array, t: Array, stream: Stream, **fields: Any) -> Verdict | None:
    """Judge the derivative of a loss after an activation: the fused form's where there is one, else the loss's own.

    `a` (N, outputs) are the pre-activations, `t` the targets. Returns None where it has none. Where the
    claim is off, it is also compared with the loss without its small constants, as the `eps` in a logarithm.
    """
    if problem := _find_other_outputs(loss, activation, a, t):
        part = f"loss {loss!r} with {activation!r}"
        return Verdict(**fields, verdict=WRONG, part=part, size=np.inf, explanation=problem)

    def judge_at(a: Array) -> Verdict | None:
        def claim_of(loss: Loss) -> Claim:
            return _claim_of_loss(loss, activation, a, t, fields)

        verdict = judge_claim(claim_of(loss))
        if verdict is not None and verdict.verdict == WRONG:
            return _judge_without_constants(loss, claim_of, t) or verdict
        return verdict

    beyond = 3 * stream.child("beyond").generator().standard_normal(a.shape).astype(a.dtype)
    return _judge_twice(judge_at, a, beyond)


def _judge_twice(judge_at: Callable[[Array], Verdict | None], a: Array, beyond: Array) -> Verdict | None:
    """Return the verdict at pre-activations of a batch, or where all is right there, on a failure at others."""
    verdict = judge_at(a)
    if verdict is None or verdict.verdict != CORRECT or verdict.left_out:
        return verdict
    there = judge_at(beyond) if len(beyond) else None
    if there is None or not there.is_failure:
        return verdict
    where = "" if there.sample is None else f" {beyond[there.sample, there.unit or 0]:.4g}"
    text = f"right in this batch, but at another pre-activation{where}: {there.explanation}"
    return attrs.evolve(there, sample=None, unit=None, explanation=text)


def _find_broken_promise(activation: Activation, a: Array) -> str:
    """Return words on an activation that says it is elementwise and is not; "" where that is not so."""
    if not activation.elementwise:
        return ""
    together, again, alone = (activation(x) for x in (a.copy(), a.copy(), a.reshape(-1, 1).copy()))
    gap = float(np.abs(together - np.reshape(alone, a.shape)).max())
    if gap <= 1e-6 * float(np.abs(together).max()) or measure_difference(together, again):
        return ""
    return f"it says it is elementwise, but its outputs differ by up to {gap:.2g} unit by unit: set elementwise = False"


def _find_other_outputs(loss: Loss, activation: Activation, a: Array, t: Array) -> str:
    """Return words on a fused form that gives other outputs than the activation; "" where there is none."""
    fused = loss.fused(activation)
    gap = 0.0 if fused is None else measure_difference(activation(a.copy()), fused(a.copy(), t.copy())[1])
    if gap <= SAME_OUTPUTS:
        return ""
    claim = f"says that it computes {activation.computes!r}" if activation.computes else "is known to the loss"
    text = f"its fused form gives outputs that differ by {gap:.1e} of the largest from those of the activation, which"
    return f"{text} {claim}: correct one of them"


def _keep_defined(activation: Activation, a: Array) -> Array:
    """Return the rows at which an activation gives finite values."""
    with np.errstate(all="ignore"):
        try:
            return a[np.isfinite(activation(a.copy())).all(axis=1)]
        except Exception:  # of third-party code, which may refuse what no batch has
            return a[:0]


def _claim_of_activation(activation: Activation, a: Array, stream: Stream, fields: Mapping[str, Any]) -> Claim:
    elementwise = activation.elementwise
    # Another dz for each entry, none of them near 0: a `backward` that forgets dz, or mixes entries up, shows.
    generator = stream.child("dz").generator()
    dz: Array = (generator.uniform(0.5, 1.5, a.shape) * generator.choice([-1.0, 1.0], a.shape)).astype(a.dtype)
    return Claim(
        values=activation if elementwise else lambda moved: (dz * activation(moved)).sum(axis=-1),
        call=activation,
        called={"a": a},
        shape=a.shape,
        backward=activation.backward,
        given={"a": a, "z": np.array(activation(a.copy())), "dz": dz},
        fields=fields,
        elementwise=elementwise,
        unit=np.maximum(np.abs(a), 1.0) if elementwise else 1.0,
        weight=dz if elementwise else 1.0,
    )


def _claim_of_loss(loss: Loss, activation: Activation, a: Array, t: Array, fields: Mapping[str, Any]) -> Claim:
    fused = loss.fused(activation)
    if fused is not None:
        return Claim(
            values=lambda moved: fused(moved, t)[0],
            call=lambda a, t: fused(a, t)[0],
            called={"a": a, "t": t},
            shape=a.shape[:1],
            backward=fused.backward,
            given={"a": a, "y": np.array(fused(a.copy(), t.copy())[1]), "t": t},
            fields={"part": f"loss {loss!r} with {activation!r}", **fields},
        )
    y = np.array(activation(a.copy()))
    return Claim(
        values=lambda moved: loss(moved, t),
        call=loss,
        called={"y": y, "t": t},
        shape=y.shape[:1],
        backward=loss.backward,
        given={"y": y, "t": t},
        fields={"part": f"loss {loss!r}", **fields},
        # Near 0 a logarithm bends within a distance of y itself: steps are shares of y, as far as rounding lets them.
        unit=np.clip(np.abs(y), 1e-6 if y.dtype == np.float64 else 0.03, 1.0),
        wide=max(1.0, float(np.abs(t).max(initial=0.0))) if t.ndim > 1 else 1.0,
    )


def judge_claim(part: Claim) -> Verdict | None:
    """Return the verdict on a part, None where it has no derivative and does nothing that it must not do."""
    try:
        claimed = claim_slopes(part)
    except MisconductError as error:
        return Verdict(verdict=WRONG, size=np.inf, explanation=str(error), **part.fields)
    if isinstance(claimed, Verdict) or claimed is None:
        return claimed
    verdict = part.conclude(claimed)
    if verdict.verdict == TOO_NOISY and part.wide:
        wider = attrs.evolve(part, unit=np.maximum(np.abs(part.at), part.wide))
        verdict = wider.conclude(claimed)
    value = part.call(*(array.copy() for array in part.called.values()))
    if value.dtype != part.at.dtype:
        text = f"{verdict.explanation}; calling it returns {value.dtype} for {part.at.dtype}"
        return attrs.evolve(verdict, explanation=text)
    return verdict


def claim_slopes(part: Claim) -> Array | Verdict | None:
    """Return what `backward` claims, or the verdict on a part that depends on chance or on other calls.

    Returns None where it has none; raises MisconductError.
    """

    def call() -> Array:
        return check_array("calling it", call_part("calling it", part.call, part.called), part.shape)

    def claim() -> Array:
        return check_array(part.name, call_part(part.name, part.backward, part.given), part.at.shape)

    def verdict(size: float, explanation: str) -> Verdict:
        return Verdict(verdict=NOT_DETERMINISTIC, size=size, explanation=explanation, **part.fields)

    value = call()
    check_memory("calling it", part.call, part.called)
    if gap := measure_difference(value, call()):
        return verdict(gap, f"the same input gives outputs that differ by {gap:.1e} of the largest")
    try:
        claimed = claim()
    except NoDerivativeError:
        return None
    if gap := measure_difference(claimed, claim()):
        return verdict(
            gap, f"{part.name}, called twice alike, gives derivatives that differ by {gap:.1e} of the largest"
        )
    check_memory(part.name, part.backward, part.given)
    part.call(*vary(part.called).values())
    if gap := measure_difference(claimed, claim()):
        text = f"{part.name} gives derivatives that differ by {gap:.1e} of the largest"
        remedy = f"let it keep nothing between calls, and use {', '.join(part.given)} alone"
        return verdict(gap, f"{text} once it was called with other inputs: {remedy}")
    return claimed


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


def _judge_without_constants(loss: Loss, claim_of: Callable[[Loss], Claim], t: Array) -> Verdict | None:
    """Return the verdict where a claim is right for the loss without a small constant that it has, else None."""
    part = claim_of(loss)
    claimed = np.array(part.backward(*part.given.values()))
    found = part.judge(claimed)
    settings = (
        (name, value)
        for name, value, other in drop_small_settings(loss)
        if not (claim_of(other).judge(claimed).verdict == WRONG).any()
    )
    constant = _find_constant(found, part, [*part.given.values()][-2], t)
    name, value = next(settings, ("the constant in its logarithm", constant))
    if not value:
        return None
    text = (
        f"the derivative is that of the loss with {name} = 0; with {value:.2g} there it is another function, whose "
        f"slopes differ by up to {(found.error / found.unit).max():.2g}"
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
