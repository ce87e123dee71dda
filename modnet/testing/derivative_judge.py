"""Judge of the derivative of any function, array by array and entry by entry."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import attrs
import numpy as np

from modnet.errors import ShapeError
from modnet.randomness import Stream
from modnet.testing.gradcheck.conduct import MisconductError
from modnet.testing.gradcheck.functions import (
    LAST_BITS,
    TRIED,
    Function,
    find_dtype,
    has_coarse_inputs,
    measure_sizes,
    move,
    vary,
)
from modnet.testing.gradcheck.taylor import CORRECT, DECIDABLE, KINK, SURE, TOO_NOISY, WRONG, Judgement
from modnet.testing.gradcheck.verdicts import (
    NOT_DETERMINISTIC,
    NOTHING,
    Verdict,
    advise,
    conclude,
    find_gravest,
    measure_difference,
)
from modnet.testing.gradcheck.whole import Block, find_fault, judge_blocks, locate, narrow, split_into_blocks
from modnet.types import Array, Grads, Params

PART = "derivative"
BLOCKS, ALL_BLOCKS, LEAST_BLOCKS = 64, 256, 4  # directions in one array, in all arrays, in each of very many arrays
OUTPUTS = 64  # of a function that are judged one by one; of more, as many sums
ROUNDINGS = 16.0  # of what the last bits of parameters make of a gradient; of more an error is none of rounding
# Steps of other lengths, in powers of 2, where those in proportion to the parameters show too little.
FINER, COARSER = (-14, -28), (14, 28, 42)
# Evaluations that show the noise, off a kink at the parameters: noise is the same at each spacing.
SPACINGS, POINTS, AWAY = (2.0**-27, 2.0**-34, 2.0**-41), 10, 2.0**-18
ENOUGH = 10.0  # times the error of the best step, relative to a slope: what is less certain is tried with other steps
TINY, SLIGHT = 1e-300, 1e-2
# Of what is said of networks, as it is for any function.
_WORDS = {
    NOTHING: "no step to both sides has finite values: choose parameters away from the edge of the domain",
    advise("float64"): "compute it to more digits, or at parameters where it changes more",
}

Finding = tuple[Verdict, list[Verdict]]  # on an array, and on its entries


def judge_function(function: Function, stream: Stream) -> list[Finding]:
    """Return the verdicts on each array and its entries, or one on the function itself."""
    start = function.start
    value = function.evaluate(start)
    if not value.size:
        raise ShapeError("f returns an empty array: return a number, or an array of some")
    if not np.isfinite(value).all():
        raise ShapeError(f"f is {value[~np.isfinite(value)][0]} at these parameters: choose some where it is finite")
    function.dtype = find_dtype(function, stream)
    if problem := function.find_writes():
        return [_fail(WRONG, np.inf, problem)]
    least = LAST_BITS * float(np.finfo(function.dtype).eps)
    if (gap := measure_difference(value, function.evaluate(start))) > least:
        return [
            _fail(NOT_DETERMINISTIC, gap, f"the same parameters give values that differ by {gap:.1e} of the largest")
        ]
    weights = _draw_sums(len(value), stream)
    try:
        claims = function.claim(start, weights)
        if fault := _find_fault(claims, function, weights):
            return [(fault, [])]
        again = {"called twice alike": function.claim(start, weights)}
        with suppress(Exception):  # of third-party code, which may refuse other parameters
            function.evaluate(vary(start))
        again["called again after f at other parameters"] = function.claim(start, weights)
    except MisconductError as error:
        return [_fail(WRONG, np.inf, str(error))]
    for when, other in again.items():
        if (gap := max(measure_difference(claims[name], other[name]) for name in claims)) > least:
            text = f"{when}, the derivative differs by {gap:.1e} of its largest entry"
            return [_fail(NOT_DETERMINISTIC, gap, text)]
    if (gap := measure_difference(value, function.evaluate(start))) > least:
        text = f"the same parameters give values that differ by {gap:.1e} of the largest, after other calls"
        return [_fail(NOT_DETERMINISTIC, gap, text)]
    return _judge_in_dtypes(function, claims, weights, stream)


def _fail(word: str, size: float, text: str) -> Finding:
    return Verdict(verdict=word, part=PART, size=size, explanation=text), []


def _find_fault(claims: Grads, function: Function, weights: Array | None) -> Verdict | None:
    """Return the verdict on what is no finite gradient, None where it is one."""
    rows = max((len(rows) for rows in claims.values()), default=1)
    for row in range(rows):
        one = {name: value[row] for name, value in claims.items()}
        if fault := find_fault(function.start, one, PART):
            return attrs.evolve(fault, output=_locate_output(function, row if weights is None else None))
    return None


def _locate_output(function: Function, number: int | None) -> tuple[int, ...] | None:
    """Return the index of an output, None where there is one only."""
    if number is None or not function.shape:
        return None
    return tuple(int(i) for i in np.unravel_index(number, function.shape))


def _draw_sums(outputs: int, stream: Stream) -> Array | None:
    """Return the weights (sums, outputs) of very many outputs; None of some, which are judged one by one."""
    if outputs <= OUTPUTS:
        return None
    signs = stream.child("sums").generator().choice([-1.0, 1.0], outputs)
    weights = np.zeros((OUTPUTS, outputs))
    for row, part in zip(weights, np.array_split(np.arange(outputs), OUTPUTS), strict=True):
        row[part] = signs[part]
    return weights


def _judge_in_dtypes(function: Function, claims: Grads, weights: Array | None, stream: Stream) -> list[Finding]:
    """Return the verdicts in the precision of the function; of one that follows its parameters, in float64, too."""
    found = _Case.prepare(function, claims, weights, stream).judge()
    if function.dtype == "float64":
        if all(verdict.verdict == CORRECT for verdict, _ in found) or not has_coarse_inputs(function, stream):
            return found
        function.dtype = "float32"
        return _Case.prepare(function, claims, weights, stream).judge()
    wide = function.to_float64()
    try:
        wide_claims = wide.claim(wide.start, weights)
        if find_dtype(wide, stream) != "float64" or has_coarse_inputs(wide, stream):
            return found
    except Exception:  # of third-party code, which may have arrays of one dtype in it
        return found
    gap = max(measure_difference(claims[name].astype(np.float64), wide_claims[name]) for name in claims)
    if not gap <= DECIDABLE:
        return found
    there = _Case.prepare(wide, wide_claims, weights, stream).judge()
    function.calls += wide.calls
    return [
        (attrs.evolve(other, explanation=f"in float64 {other.explanation}"), entries)
        if other.verdict != one.verdict
        else (other, entries)
        for (one, _), (other, entries) in zip(found, there, strict=True)
    ]


@attrs.frozen(eq=False, kw_only=True)
class _Case:
    """A function, or sums of its outputs in proportion to their sizes, and the claimed derivative of these."""

    function: Function
    weights: Array | None
    sizes: Array
    """Of each sum, (sums,): values and claims are divided by them."""
    claims: Grads
    roundings: Grads
    """Of the claims."""
    blocks: tuple[Block, ...]
    noise: float
    stream: Stream

    @classmethod
    def prepare(cls, function: Function, claims: Grads, weights: Array | None, stream: Stream) -> _Case:
        """Return the case, with the noise and the sizes that evaluations show."""
        start = function.start
        most = min(BLOCKS, max(LEAST_BLOCKS, ALL_BLOCKS // len(start)))
        blocks: list[Block] = []
        for name, array in start.items():
            by_entry = array.reshape(-1) if array.size <= most else array
            units = measure_sizes(by_entry)
            split = split_into_blocks(name, by_entry, stream.child(name), units, None, most)
            blocks += [block.to_positive() if len(block.entries) == 1 else block for block in split]
        draw = stream.child("noise").generator()
        directions = [{name: draw.uniform(-1, 1, array.shape) for name, array in start.items()} for _ in range(TRIED)]

        def evaluate(step: float, direction: Params = directions[0]) -> Array:
            value = function.evaluate({name: move(array, step * direction[name]) for name, array in start.items()})
            return _add_up(value, weights)

        centre = evaluate(0.0)
        sizes = np.abs(centre)
        for direction in directions:
            with suppress(Exception):  # of third-party code, which may refuse other parameters
                changes = [np.abs(evaluate(step, direction) - centre) for step in (-(2.0**-7), 2.0**-7)]
                sizes = np.maximum(sizes, np.nan_to_num(np.minimum(*changes), posinf=0))
        sizes = np.where(sizes > 0, sizes, 1.0)
        noise = 0.0
        if function.dtype == "float64":
            with suppress(Exception):
                near = [np.stack([evaluate(AWAY + k * spacing) for k in range(POINTS)]) for spacing in SPACINGS]
                noise = min(_estimate_noise(values / sizes) for values in near)
        roundings = _measure_roundings(function, claims, weights, stream)
        return cls(
            function=function,
            weights=weights,
            sizes=sizes,
            claims={name: (rows.T / sizes).T for name, rows in claims.items()},
            roundings={name: (rows.T / sizes).T for name, rows in roundings.items()},
            blocks=tuple(blocks),
            noise=noise,
            stream=stream,
        )

    def evaluate(self, params: Params) -> Array:
        """Return the sums, in proportion to their sizes."""
        return _add_up(self.function.evaluate(params), self.weights) / self.sizes

    @property
    def options(self) -> dict[str, Any]:
        """The options of `judge_blocks`."""
        return {"outputs": len(self.sizes), "dtype": self.function.dtype, "noise": self.noise}

    def judge(self) -> list[Finding]:
        """Return the verdicts on each array and its entries."""
        found, factors = self._judge_slopes()
        return [self._conclude(name, found, factors) for name in self.function.start]

    def _judge_slopes(self) -> tuple[Judgement, Array]:
        """Return the judgement of all slopes, block by block, and the length of the steps that each block takes.

        Where steps in proportion to the parameters tell too little, shorter and longer ones are tried.
        """
        start, rows = self.function.start, len(self.sizes)
        found = judge_blocks(self.evaluate, start, self.claims, self.blocks, **self.options)
        factors = np.ones(len(self.blocks))
        enough = ENOUGH * float(np.finfo(self.function.dtype).eps) ** (1 / 3)
        known = SURE * found.uncertainty / np.maximum(np.maximum(abs(found.slope), abs(found.claimed)), TINY)
        unclear = (found.verdict != CORRECT) | (~(known <= enough) & (found.claimed != 0))
        for shift in (*FINER, *COARSER):
            open_ = np.flatnonzero((unclear & ~(_is_clear(found) & (shift > 0))).reshape(-1, rows).any(axis=1))
            if not len(open_):
                continue
            factor = 2.0 ** (shift if self.function.dtype == "float64" else shift / 2)
            blocks = [attrs.evolve(self.blocks[i], unit=self.blocks[i].unit * factor) for i in open_]
            other = judge_blocks(self.evaluate, start, self.claims, blocks, **self.options)
            # Far away values round otherwise than here: what is below their last bits for a step of 1 is no slope.
            doubt = np.maximum(other.uncertainty, LAST_BITS * float(np.finfo(self.function.dtype).eps) * factor)
            other = attrs.evolve(other, uncertainty=doubt)
            numbers = (open_[:, np.newaxis] * rows + np.arange(rows)).ravel()
            found, taken = _take_surer(found, other, numbers, factor)
            bent = np.isfinite(other.left) | (other.jump != 0)
            unclear[numbers] &= ~(_is_clear(other) | (bent & (found.verdict[numbers] == KINK)))
            factors[open_[taken.reshape(-1, rows).any(axis=1)]] = factor
        shown = np.tile(self.sizes, len(self.blocks))
        tolerance = np.concatenate([self._measure_tolerance(block) for block in self.blocks])
        # What is below its own rounding, or makes less than the last bit of values in float64, is 0.
        least = float(np.finfo(np.float64).eps)
        claimed = np.where(np.abs(found.claimed) <= np.maximum(tolerance, least), 0.0, found.claimed)
        tolerance = np.maximum(tolerance, self.function.rtol * np.abs(found.claimed))
        # Values are of size 1 here: beside them a slope so small is none, at a minimum, too.
        small = (found.verdict == TOO_NOISY) & (SURE * found.uncertainty <= DECIDABLE * SLIGHT)
        excused = small | ((found.verdict == WRONG) & (found.error <= tolerance) & ~np.isfinite(found.left))
        return attrs.evolve(
            found,
            verdict=np.where(excused, CORRECT, found.verdict),
            claimed=claimed,
            slope=np.where(excused & ~small, claimed, found.slope),
            unit=found.unit / shown,
            noise=found.noise * shown,
            jump=found.jump * shown,
        ), factors

    def _measure_tolerance(self, block: Block) -> Array:
        """Return the rounding of the claims along a direction, of each sum."""
        rows = self.roundings[block.name].reshape(len(self.sizes), -1)[:, block.entries]
        found: Array = np.linalg.norm(rows * block.signs, axis=1) / len(block.entries) ** 0.5 * block.unit
        return ROUNDINGS * found

    def _conclude(self, name: str, found: Judgement, factors: Array) -> Finding:
        """Return the verdict on an array: on the worst of its slopes, followed to one entry and one output."""
        rows, shape = len(self.sizes), self.function.start[name].shape
        own = [i for i, block in enumerate(self.blocks) if block.name == name]
        blocks = [self.blocks[i] for i in own]
        these = _choose(found, (np.array(own)[:, np.newaxis] * rows + np.arange(rows)).ravel())

        def place(i: int) -> dict[str, Any]:
            output = _locate_output(self.function, i % rows if self.weights is None else None)
            return {**locate(blocks[i // rows], shape), "output": output}

        def conclude_one(i: int) -> Verdict:
            one = _choose(these, np.array([i]))
            return self._describe(conclude(one, lambda _: place(i), part=PART), name, one)

        worst_rows = _find_worst_rows(these, rows)
        entries = [conclude_one(i) for i in worst_rows if len(blocks[i // rows].entries) == 1]
        verdict, (_, worst) = conclude(these, place, part=PART), find_gravest(these)
        if verdict.verdict != WRONG:
            return self._describe(verdict, name, _choose(these, np.array([worst])), these), entries
        number, row = divmod(worst, rows)
        output = _locate_output(self.function, row if self.weights is None else None)
        block = attrs.evolve(blocks[number], unit=blocks[number].unit * factors[own[number]])
        block, narrowed = narrow(self.evaluate, self.function.start, self.claims, block, sample=row, **self.options)
        step = narrowed.step * factors[own[number]]
        narrowed = attrs.evolve(narrowed, unit=narrowed.unit / self.sizes[row], step=step)
        if self.weights is not None and (single := self._narrow_output(block, row)):
            narrowed, output = single
        if not (narrowed.verdict == WRONG).any():  # as where a finer step was needed to see it
            narrowed = _choose(these, np.array([number * rows + row]))
        here = {**locate(block, shape), "output": output}
        verdict = conclude(narrowed, lambda _: here, among=these, part=PART)
        return self._describe(verdict, name, narrowed), entries

    def _narrow_output(self, block: Block, row: int) -> tuple[Judgement, tuple[int, ...] | None] | None:
        """Return the judgement of the single output of a sum that is most wrong, and its index; None where none is."""
        assert self.weights is not None
        members = np.flatnonzero(self.weights[row])
        weights = np.eye(self.weights.shape[1])[members]
        claims = self.function.claim(self.function.start, weights)
        case = _Case.prepare(self.function, claims, weights, self.stream)
        found = judge_blocks(case.evaluate, self.function.start, case.claims, [block], **case.options)
        if not (found.verdict == WRONG).any():
            return None
        worst = int(np.where(found.verdict == WRONG, found.error, -1).argmax())
        one = _choose(attrs.evolve(found, unit=found.unit / case.sizes), np.array([worst]))
        return one, _locate_output(self.function, int(members[worst]))

    def _describe(self, verdict: Verdict, name: str, one: Judgement, among: Judgement | None = None) -> Verdict:
        """Return the verdict with its array, and with the numbers of a single entry, whose judgement is `one`."""
        fields: dict[str, Any] = {"parameter": name}
        if verdict.index is not None:
            unit = float(one.unit[0])
            fields |= {"given": float(one.claimed[0]) / unit, "slope": float(one.slope[0]) / unit}
            fields["step"] = float(one.step[0]) * self._unit_of(name, verdict.index)
        if one.jump[0]:
            fields["size"] = np.inf
        for words, better in _WORDS.items():
            fields["explanation"] = fields.get("explanation", verdict.explanation).replace(words, better)
        among = among or one
        unseen = int(((np.abs(among.claimed) < SURE * among.uncertainty) & (among.claimed != 0)).sum())
        if verdict.verdict == CORRECT and unseen:
            text = f"{unseen:,} of {len(among.claimed):,} slopes are too small beside its values to be seen"
            fields["explanation"] += f"; {text}"
        return attrs.evolve(verdict, **fields)

    def _unit_of(self, name: str, index: tuple[int, ...]) -> float:
        return float(measure_sizes(self.function.start[name])[index])


def _add_up(value: Array, weights: Array | None) -> Array:
    value = value.astype(np.float64)
    return value if weights is None else weights @ value


def _estimate_noise(values: Array) -> float:
    """Return the standard deviation of noise in values (P, sums) at equal distances, from their fourth differences.

    Moré and Wild (2011), "Estimating computational noise".
    """
    differences = np.diff(values, n=4, axis=0)
    deviations = np.sqrt(np.mean(differences**2, axis=0) / 70)  # the sum of squares of 1, 4, 6, 4, 1
    return float(np.max(deviations[np.isfinite(deviations)], initial=0.0))


def _measure_roundings(function: Function, claims: Grads, weights: Array | None, stream: Stream) -> Grads:
    """Return what the last bits of the parameters, and of the derivative itself, make of each entry of the claims."""
    is_coarse = all(np.array_equal(rows, rows.astype(np.float32)) for rows in claims.values())
    eps = float(np.finfo(np.float32 if is_coarse else function.dtype).eps)
    draw = stream.child("rounding").generator()
    found = {name: eps * np.abs(rows) for name, rows in claims.items()}
    for _ in range(TRIED if function.grad is None or callable(function.grad) else 0):
        near = {name: move(array, 4 * eps * draw.uniform(-1, 1, array.shape)) for name, array in function.start.items()}
        with suppress(Exception):  # of third-party code, which may refuse other parameters
            for name, rows in function.claim(near, weights).items():
                found[name] = np.maximum(found[name], np.nan_to_num(np.abs(rows - claims[name])))
    return found


def _find_worst_rows(found: Judgement, rows: int) -> list[int]:
    """Return the number of the worst slope of each direction in which one is not correct, of its `rows` outputs."""
    bad = (found.verdict != CORRECT).reshape(-1, rows)
    errors = np.where(bad, found.error.reshape(-1, rows), -1.0)
    worst = errors.argmax(axis=1) + rows * np.arange(len(bad))
    at = np.flatnonzero(bad.any(axis=1))
    return [int(worst[i]) for i in at[np.argsort(-errors.max(axis=1)[at], kind="stable")]]


def _choose(found: Judgement, numbers: Array) -> Judgement:
    """Return the judgement of some slopes."""
    fields = {field.name: getattr(found, field.name) for field in attrs.fields(Judgement)}
    return Judgement(**{name: value[numbers] if name != "dtype" else value for name, value in fields.items()})


def _is_clear(found: Judgement) -> Array:
    return np.asarray(
        (np.abs(found.slope) > 4 * SURE * found.uncertainty) & ~np.isfinite(found.left) & (found.jump == 0)
    )


def _take_surer(found: Judgement, other: Judgement, numbers: Array, factor: float) -> tuple[Judgement, Array]:
    """Return the judgement with those of the slopes `numbers` that steps of another length, `factor`, tell better.

    And which of these they are. Shorter steps are nearer to the derivative, where they see it clearly; longer ones may
    reach beyond the function's own scale, and count where nothing is seen with shorter ones.
    """
    before = _choose(found, numbers)
    slope, doubt = other.slope / factor, other.uncertainty / factor
    apart = np.abs(before.slope - slope) > SURE * (before.uncertainty + doubt)
    better = doubt < before.uncertainty
    taken = _is_clear(other) & ((apart | better) if factor < 1 else (better & ~apart & ~_is_clear(before)))
    changes = {}
    for field in attrs.fields(Judgement):
        if field.name in {"dtype", "unit", "claimed"}:
            continue
        values, new = getattr(found, field.name).copy(), getattr(other, field.name)
        if field.name in {"slope", "uncertainty", "left", "right"}:
            new = new / factor
        values[numbers[taken]] = (new * factor if field.name == "step" else new)[taken]
        changes[field.name] = values
    return attrs.evolve(found, **changes), taken
