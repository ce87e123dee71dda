"""Differences by a dense layer's parameters, with what mixes its units interpolated.

Each move is evaluated up to there, whatever the layers do: batch normalization couples all samples. What follows is
a smooth function of the moved unit's output, F(dz) with F(0) = 0, of each sample by itself.
"""

from __future__ import annotations

from typing import Self

import attrs
import numpy as np

from modnet import Array, GradientError
from modnet_gradients.layered.every import Work, combine, describe_unit_not_finite, sum_samples
from modnet_gradients.layered.interpolated import Steps
from modnet_gradients.layered.units import NUMBERS, Units
from modnet_gradients.structure.moves import slices
from modnet_gradients.structure.nodes import ONE_MOVE, Nodes, choose_pairs, to_powers
from modnet_gradients.structure.outputs import NOISE


def sum_outputs(work: Work, units: Units, steps: Steps) -> tuple[Array, int]:
    """Return the sums (inputs and bias, units) over the samples of the differences, each times its weight.

    Beside them it returns the number of cells that were evaluated at every move. Raises GradientError where a loss is
    not finite.
    """
    found = np.zeros((units.count, units.chain.links[units.k].place.inputs[0] + 1), work.chain.losses.dtype)
    fell_back = np.zeros(units.count, int)
    noise = _Noise.of(work, units, steps)

    def put_unit(unit: int) -> None:
        with np.errstate(all="ignore"):  # an error with the parameter's name follows where it is not finite
            fell_back[unit] = _put_sums(work, units, unit, steps, noise, found[unit])

    work.share(put_unit, range(units.count))
    return np.ascontiguousarray(found.T) / work.stencil.divisor, int(fell_back.sum())


@attrs.frozen(eq=False)
class _Noise:
    """What rounding leaves of an audit: `absolute` (N,) and, times how far a unit moves, `relative` (N,).

    `reach` (N,) is how far the units' pre-activations are moved at most.
    """

    reach: Array
    absolute: Array
    relative: Array

    @classmethod
    def of(cls, work: Work, units: Units, steps: Steps) -> Self:
        """Return the limits: where no part that follows cancels, by the unit that the loss depends on most."""
        x, losses = work.chain.links[units.k].x, work.chain.losses
        reach = np.maximum(np.abs(x).max(axis=1) * x.dtype.type(steps[0]), x.dtype.type(steps[1]))
        unit = losses.dtype.type(NOISE * np.finfo(losses.dtype).eps)
        if not units.has_exact_changes(units.stop):
            return cls(reach, unit * (1 + np.abs(losses)), np.zeros_like(losses))
        largest = np.zeros_like(losses)
        with np.errstate(all="ignore"):
            for some in slices(units.count, units.at_once(1)):
                dz = np.broadcast_to(reach[:, np.newaxis], (1, len(reach), some.stop - some.start))
                np.fmax(largest, np.abs(units.changes_after(dz, some)).max(axis=(0, 1)), out=largest)
        return cls(reach, np.zeros_like(losses), unit * largest / reach)


def _put_sums(work: Work, units: Units, unit: int, steps: Steps, noise: _Noise, into: Array) -> int:
    """Put a unit's sums (inputs and bias,) into an array; return how many of its samples fell back to every move."""
    x, channels, bad = work.chain.links[units.k].x, slice(unit, unit + 1), np.zeros(len(noise.reach), bool)
    moves = np.full((x.shape[1] + 1, len(x)), steps[1], x.dtype)
    np.multiply(x.T, x.dtype.type(steps[0]), out=moves[:-1])
    used = np.flatnonzero(moves.any(axis=1))
    for some in slices(len(used), NUMBERS // len(x)):
        dz = [
            units.pass_alone((moves[used[some]] * x.dtype.type(shift))[..., np.newaxis], channels)[0]
            for shift in work.stencil.shifts
        ]
        found, wrong = _interpolate(work, units, channels, dz, noise)
        if wrong.any():
            found[:, wrong] = combine(work.chain, work.stencil, units.stop - 1, dz, channels)[:, wrong]
        if not np.isfinite(found).all():
            row, sample = map(int, np.argwhere(~np.isfinite(found))[0])
            raise GradientError(describe_unit_not_finite(work, units.k, int(used[some][row]), unit, sample, steps))
        into[used[some]] = sum_samples(work, found)
        bad |= wrong
    return int(np.count_nonzero(bad))


def _interpolate(work: Work, units: Units, channels: slice, dz: list[Array], noise: _Noise) -> tuple[Array, Array]:
    """Return the stencil's sums (moves, N) of a unit whose output changes by `dz` (moves, N, 1), for each shift.

    Beside them it returns which samples (N,) they do not hold for.
    """
    dtype = noise.reach.dtype
    farthest = np.max([np.abs(each).max(axis=(0, 2)) for each in dz], axis=0)
    # An output that does not move needs no scale of its own.
    top = np.where(farthest > np.finfo(dtype).tiny, farthest, noise.reach)
    pairs = choose_pairs(float(top.max()), float(np.finfo(dtype).eps))
    nodes = Nodes.of(pairs, ONE_MOVE, dtype)
    changes = units.changes_after((nodes.places[:, np.newaxis] * top)[..., np.newaxis], channels)[0]
    found = nodes.matrix @ changes
    powers = to_powers(2 * pairs, dtype) @ found[:-1]
    total, value = np.zeros(dz[0].shape[:2], dtype), np.empty(dz[0].shape[:2], dtype)
    for weight, each in zip(work.stencil.weights, dz, strict=True):
        t = each[..., 0] / top
        np.multiply(powers[-1], t, out=value)
        for power in powers[-2::-1]:  # Horner's rule
            value += power
            value *= t
        value *= weight.real
        total += value
    return total, ~(np.abs(found[-1]) <= noise.absolute + noise.relative * top)
