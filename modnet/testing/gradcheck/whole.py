"""Verdicts on whole gradients, along random directions within each unit's parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from modnet.randomness import Stream
from modnet.testing.gradcheck.taylor import WRONG, Judgement, judge
from modnet.testing.gradcheck.verdicts import NOT_DETERMINISTIC, Verdict, conclude, measure_difference
from modnet.types import Array, Grads, Params

BLOCKS = 64  # of the parameters in one array at most: a block holds those of one unit, or of some in a wide layer
WHOLE = "whole gradient"


@attrs.frozen(eq=False)
class _Block:
    """Some entries of one parameter array, and a sign for each: a direction of length 1."""

    name: str
    entries: Array
    signs: Array
    unit: float
    """The length of a step of 1."""

    def move(self, params: Params, step: float) -> Params:
        value = np.array(params[self.name])
        value.reshape(-1)[self.entries] += value.dtype.type(step * self.unit / len(self.entries) ** 0.5) * self.signs
        return {**params, self.name: value}

    def project(self, grads: Grads) -> float:
        """Return the change that a gradient claims for a step of 1 along the direction."""
        flat = np.asarray(grads[self.name]).reshape(-1)
        return float((flat[self.entries] * self.signs).sum() / len(self.entries) ** 0.5) * self.unit

    def measure(self, params: Params) -> float:
        return float(np.linalg.norm(np.asarray(params[self.name]).reshape(-1)[self.entries])) / self.unit

    def halve(self) -> list[_Block]:
        halves = (np.array_split(values, 2) for values in (self.entries, self.signs))
        return [_Block(self.name, entries, signs, self.unit) for entries, signs in zip(*halves, strict=True)]


def judge_whole(
    f: Callable[[Params], float],
    params: Params,
    grads: Grads,
    stream: Stream,
    *,
    part: str = WHOLE,
    batch: int = 0,
    units: Mapping[str, float] | None = None,
) -> Verdict:
    """Judge a gradient of any function of the parameters by its Taylor remainder in random directions.

    Each direction lies within the parameters that lead into one unit. Where a slope is wrong, halves of these are
    judged, and halves of the worse half, down to one parameter. `batch`, the number of samples, is recognised as
    a missing factor. `units` are lengths of a step of 1 in each parameter, by default 1. Costs about 27 evaluations for
    each unit and bias.

    >>> f = lambda params: float((params["w"] ** 2).sum())
    >>> print(judge_whole(f, {"w": np.array([3.0, 4.0])}, {"w": np.array([6.0, 8.0])}, modnet.Stream(0)).verdict)
    correct
    >>> print(judge_whole(f, {"w": np.array([3.0, 4.0])}, {"w": np.array([6.0, 8.1])}, modnet.Stream(0)).place)
    w[1]
    """
    if fault := _find_fault(params, grads, part):
        return fault
    if gap := measure_difference(*(np.asarray(f(dict(params))) for _ in range(2))):
        text = f"the same parameters give losses that differ by {gap:.1e} of the loss"
        return Verdict(verdict=NOT_DETERMINISTIC, part=part, size=gap, explanation=text)
    units = units or {}
    blocks = [
        block
        for name in params
        for block in _split_into_blocks(name, params[name], stream.child(name), units.get(name, 1.0))
    ]
    judgement = _judge_blocks(f, params, grads, blocks)
    verdict = conclude(judgement, lambda i: _locate(blocks[i], params), batch, part=part)
    if verdict.verdict != WRONG:
        return verdict
    worst = blocks[int(np.where(judgement.verdict == WRONG, judgement.error, -1).argmax())]
    block, found = _narrow(f, params, grads, worst)
    return conclude(found, lambda _: _locate(block, params), batch, among=judgement, part=part)


def _find_fault(params: Params, grads: Grads, part: str) -> Verdict | None:
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


def _judge_blocks(f: Callable[[Params], float], params: Params, grads: Grads, blocks: Sequence[_Block]) -> Judgement:
    def values(step: float) -> Array:
        return np.array([f(block.move(params, step)) for block in blocks])

    claimed = np.array([block.project(grads) for block in blocks])
    sizes = np.array([block.measure(params) for block in blocks])
    units = np.array([block.unit for block in blocks])
    return judge(values, claimed, sizes, np.result_type(*params.values()), units)


def _narrow(f: Callable[[Params], float], params: Params, grads: Grads, block: _Block) -> tuple[_Block, Judgement]:
    """Follow the worse half down to one parameter, as far as it is wrong; return it and its judgement."""
    while len(block.entries) > 1:
        halves = block.halve()
        judgement = _judge_blocks(f, params, grads, halves)
        wrong = judgement.verdict == WRONG
        if not wrong.any():
            break
        lengths = np.array([len(half.entries) for half in halves]) ** 0.5
        block = halves[int(np.where(wrong, judgement.error * lengths, -1).argmax())]
    if len(block.entries) == 1:  # its slope is shown
        block = attrs.evolve(block, signs=np.ones_like(block.signs))
    return block, _judge_blocks(f, params, grads, [block])


def _split_into_blocks(name: str, value: Array, stream: Stream, unit: float) -> list[_Block]:
    """Return directions that cover an array, unit by unit: the last axis counts units."""
    entries = np.arange(value.size).reshape(value.shape)
    by_unit = entries.reshape(-1, value.shape[-1]).T if value.ndim > 1 else entries.reshape(-1, 1)
    signs = stream.generator().choice([-1.0, 1.0], value.size).astype(value.dtype)
    parts = np.array_split(by_unit, min(len(by_unit), BLOCKS))
    return [_Block(name, part.reshape(-1), signs[part.reshape(-1)], unit) for part in parts if part.size]


def _locate(block: _Block, params: Params) -> dict[str, Any]:
    if len(block.entries) > 1:
        return {"parameter": block.name}
    index = np.unravel_index(int(block.entries[0]), params[block.name].shape)
    return {"parameter": block.name, "index": tuple(int(i) for i in index)}
