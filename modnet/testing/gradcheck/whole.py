"""Verdicts on gradients along random directions within each unit's parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from modnet.randomness import Stream
from modnet.testing.gradcheck.taylor import WRONG, Judgement, judge
from modnet.testing.gradcheck.verdicts import NOT_DETERMINISTIC, Verdict, conclude, measure_difference
from modnet.types import Array, Grads, Params, Shape

BLOCKS = 64  # of the parameters in one array at most: a block holds those of one unit, or of some in a wide layer
WHOLE = "whole gradient"


@attrs.frozen(eq=False)
class Block:
    """Some entries of an array, and a sign for each, times its share of the unit: a direction.

    Of an array of samples, given as `lead` of them, the entries are those of each sample, which all move at once.
    """

    name: str
    entries: Array
    signs: Array
    unit: float
    """The length of a step of 1."""

    def move(self, params: Params, step: float, lead: int = 1) -> Params:
        """Return the parameters, with the entries moved by a step."""
        value = np.array(params[self.name], order="C")
        value.reshape(lead, -1)[:, self.entries] += (
            value.dtype.type(step * self.unit / len(self.entries) ** 0.5) * self.signs
        )
        return {**params, self.name: value}

    def project(self, grads: Grads, lead: int = 1) -> Array:
        """Return the changes (lead,) that a gradient claims for a step of 1 along the direction."""
        rows = np.asarray(grads[self.name]).reshape(lead, -1)
        return (
            np.array([float((r[self.entries] * self.signs).sum() / len(self.entries) ** 0.5) for r in rows]) * self.unit
        )

    def measure(self, params: Params, lead: int = 1) -> Array:
        """Return the lengths (lead,) of what moves."""
        rows, shares = np.asarray(params[self.name]).reshape(lead, -1), np.abs(self.signs)
        return np.array([float(np.linalg.norm(row[self.entries] / shares)) for row in rows]) / self.unit

    def to_positive(self) -> Block:
        """Return the same of one entry, towards larger values."""
        share = float(np.abs(self.signs[0]))
        return attrs.evolve(self, signs=np.ones_like(self.signs), unit=self.unit * share)

    def halve(self) -> list[Block]:
        """Return its two halves."""
        halves = (np.array_split(values, 2) for values in (self.entries, self.signs))
        return [Block(self.name, entries, signs, self.unit) for entries, signs in zip(*halves, strict=True)]


def judge_whole(
    f: Callable[[Params], float],
    params: Params,
    grads: Grads,
    stream: Stream,
    *,
    part: str = WHOLE,
    batch: int = 0,
    units: Mapping[str, float] | None = None,
    axes: Mapping[str, int | None] | None = None,
    most: Mapping[str, int] | None = None,
) -> Verdict:
    """Judge a gradient of any function of the parameters by its Taylor remainder in random directions.

    Each direction lies within the parameters that lead into one unit. Where a slope is wrong, halves of these are
    judged, and halves of the worse half, down to one parameter. `batch`, the number of samples, is recognised as
    a missing factor. `units` are lengths of a step of 1 in each parameter, by default 1; `axes` are those that count
    units, by default the last ones. Costs about 27 evaluations for each unit and bias, or for `most` directions in an
    array.

    >>> f = lambda params: float((params["w"] ** 2).sum())
    >>> print(judge_whole(f, {"w": np.array([3.0, 4.0])}, {"w": np.array([6.0, 8.0])}, modnet.Stream(0)).verdict)
    correct
    >>> print(judge_whole(f, {"w": np.array([3.0, 4.0])}, {"w": np.array([6.0, 8.1])}, modnet.Stream(0)).place)
    w[1]
    """
    if fault := find_fault(params, grads, part):
        return fault
    if gap := measure_difference(*(np.asarray(f(dict(params))) for _ in range(2))):
        text = f"the same parameters give losses that differ by {gap:.1e} of the loss"
        return Verdict(verdict=NOT_DETERMINISTIC, part=part, size=gap, explanation=text)
    units, axes, most = units or {}, axes or {}, most or {}
    blocks = [
        block
        for name, value in params.items()
        for block in split_into_blocks(
            name, value, stream.child(name), units.get(name, 1.0), axes.get(name), most.get(name, BLOCKS)
        )
    ]
    judgement = judge_blocks(f, params, grads, blocks)
    verdict = conclude(judgement, lambda i: locate(blocks[i], params[blocks[i].name].shape), batch, part=part)
    if verdict.verdict != WRONG:
        return verdict
    worst = blocks[find_worst(judgement)]
    block, found = narrow(f, params, grads, worst)
    place = locate(block, params[block.name].shape)
    return conclude(found, lambda _: place, batch, among=judgement, part=part)


def find_fault(params: Params, grads: Grads, part: str) -> Verdict | None:
    """Return the verdict on what is no finite gradient of these parameters, None where it is one."""
    for name, value in params.items():
        fields: dict[str, Any] = {"verdict": WRONG, "part": part, "parameter": name, "size": np.inf}
        if name not in grads:
            return Verdict(**fields, explanation="it is missing")
        given = np.asarray(grads[name])
        if given.shape != value.shape:
            return Verdict(**fields, explanation=f"it has shape {given.shape}, the parameter {value.shape}")
        if given.dtype.kind not in "fiu":
            return Verdict(**fields, explanation=f"it is an array of {given.dtype}: real numbers are expected")
        if not np.isfinite(given).all():
            index = tuple(int(i) for i in np.argwhere(~np.isfinite(given))[0])
            return Verdict(**fields, index=index, explanation=f"it is {given[index]}")
    return None


def find_worst(judgement: Judgement) -> int:
    """Return the number of the wrong slope with the largest error."""
    return int(np.where(judgement.verdict == WRONG, judgement.error, -1).argmax())


def judge_blocks(
    f: Callable[[Params], Any],
    params: Params,
    grads: Grads,
    blocks: Sequence[Block],
    lead: int = 1,
    sample: Any = ...,
    *,
    outputs: int = 1,
    dtype: Any = None,
    noise: float = 0.0,
) -> Judgement:
    """Judge the slopes in each block's direction: of one value, or of `lead` samples each, or of one of these.

    `f` returns one value, or those of the samples (lead,); or several `outputs` of all that moves, and gradients have
    as many rows. It computes in `dtype`, by default that of the parameters, with a `noise` of its values at least.
    """
    rows = lead * outputs

    def choose(values: Any) -> Array:
        return np.array(values).reshape(len(blocks), rows)[:, sample].reshape(-1)

    def values(step: float) -> Array:
        return choose([f(block.move(params, step, lead)) for block in blocks])

    claimed = choose([block.project(grads, rows) for block in blocks])
    sizes = choose([np.repeat(block.measure(params, lead), outputs) for block in blocks])
    units = choose([[block.unit] * rows for block in blocks])
    return judge(values, claimed, sizes, dtype or np.result_type(*params.values()), units, noise)


def narrow(
    f: Callable[[Params], Any],
    params: Params,
    grads: Grads,
    block: Block,
    lead: int = 1,
    sample: int = 0,
    **options: Any,
) -> tuple[Block, Judgement]:
    """Follow the worse half down to one entry, as far as it is wrong; return it and its judgement.

    `options` are those of `judge_blocks`.
    """
    while len(block.entries) > 1:
        halves = block.halve()
        judgement = judge_blocks(f, params, grads, halves, lead, sample, **options)
        wrong = judgement.verdict == WRONG
        if not wrong.any():
            break
        lengths = np.array([len(half.entries) for half in halves]) ** 0.5
        block = halves[int(np.where(wrong, judgement.error * lengths, -1).argmax())]
    if len(block.entries) == 1:  # its slope is shown
        block = block.to_positive()
    return block, judge_blocks(f, params, grads, [block], lead, sample, **options)


def split_into_blocks(
    name: str, value: Array, stream: Stream, unit: float | Array, axis: int | None = None, most: int = BLOCKS
) -> list[Block]:
    """Return directions that cover an array, unit by unit, or some units together where these are more than `most`.

    `unit` is the length of a step of 1, in each entry where it is an array like `value`. `axis` counts units, by
    default the last one.
    """
    axis = -1 if axis is None else axis
    entries = np.arange(value.size).reshape(value.shape)
    by_unit = np.moveaxis(entries, axis, 0).reshape(value.shape[axis], -1) if value.ndim else entries.reshape(1, 1)
    signs = stream.generator().choice([-1.0, 1.0], value.size).astype(value.dtype)
    parts = [part.reshape(-1) for part in np.array_split(by_unit, min(len(by_unit), most))]
    if isinstance(unit, float):
        return [Block(name, part, signs[part], unit) for part in parts if part.size]
    lengths, blocks = unit.reshape(-1), []
    for part in parts:
        longest = float(lengths[part].max(initial=0.0))
        shares = (lengths[part] / (longest or 1.0)).astype(value.dtype)
        blocks += [Block(name, part, signs[part] * shares, longest)] if part.size else []
    return blocks


def locate(block: Block, shape: Shape) -> dict[str, Any]:
    """Return the fields of a verdict on a block of an array: the name, and the index where it is one entry."""
    if len(block.entries) > 1:
        return {"parameter": block.name}
    index = np.unravel_index(int(block.entries[0]), shape)
    return {"parameter": block.name, "index": tuple(int(i) for i in index)}
