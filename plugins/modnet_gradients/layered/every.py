"""Differences by any layer's parameters, with every move evaluated."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import numpy as np

from modnet import Array, GradientError, Param, limit_blas_threads
from modnet_gradients.layered.chain import EVERYTHING, Chain
from modnet_gradients.layered.units import Units
from modnet_gradients.steps.stencil import Stencil
from modnet_gradients.structure.moves import slices

NUMBERS = 1 << 18  # in an array of moves: 2 megabytes
Index = tuple[int, ...]


@attrs.frozen(eq=False)
class Work:
    """A network's chain of layers, the formula, the samples' weights (N,) or None, and threads that share the work."""

    chain: Chain
    stencil: Stencil
    weights: Array | None
    pool: ThreadPoolExecutor
    threads: int

    def share(self, put: Callable[[int], object], jobs: Iterable[int]) -> None:
        """Have the threads do all jobs, each with one thread of BLAS."""
        if self.threads == 1:
            for job in jobs:
                put(job)
        else:  # in the pool's threads, too: with OpenMP each has a number of its own
            list(self.pool.map(limit_blas_threads(1)(put), jobs))


def sum_entries(work: Work, k: int, param: Param, h: float) -> Array:
    """Return the sums over the samples of the differences by link k's parameter, each times its weight, in its shape.

    Blocks are the same for any number of threads. Raises GradientError where a loss is not finite.
    """
    total = np.zeros(param.shape, work.chain.losses.dtype)
    link, axis = work.chain.links[k], param.channel_axis
    has_slopes = axis is not None and link.slopes(param, 0) is not None
    if has_slopes and param.shape == link.place.outputs:
        total = _sum_by_units(work, Units.of(work.chain, k), param, h)
    elif axis is not None and not has_slopes:
        total = _sum_by_channels(work, k, param, axis, h)
    elif axis is not None:
        by_channel = np.moveaxis(total, axis, 0)

        def put_channel(channel: int) -> None:
            by_channel[channel] = _sum_by_slopes(work, k, param, channel, h).reshape(by_channel.shape[1:])

        work.share(put_channel, range(len(by_channel)))
    else:

        def put_entry(entry: int) -> None:
            index = tuple(int(i) for i in np.unravel_index(entry, param.shape))
            total[index] = _sum_by_forward(work, k, param, index, h)

        work.share(put_entry, range(total.size))
    return total / work.stencil.divisor


def _sum_by_units(work: Work, units: Units, param: Param, h: float) -> Array:
    """Return the sums (units,) for a parameter of one entry for each unit, many units at a time."""
    chain, link = work.chain, work.chain.links[units.k]
    of_units = (link.slopes(param, unit) for unit in range(units.count))
    slopes = np.stack([each for each in of_units if each is not None], axis=-1)  # (1, N, units)
    found = np.zeros((units.count, len(chain.losses)), chain.losses.dtype)
    blocks = list(slices(units.count, units.at_once(1)))

    def put_changes(block: int) -> None:
        some = blocks[block]
        with np.errstate(all="ignore"):  # an error with the parameter's name follows where it is not finite
            for shift, weight in zip(work.stencil.shifts, work.stencil.weights, strict=True):
                dz, _ = units.pass_alone(slopes[..., some] * chain.dtype.type(shift * h), some)
                found[some] += (units.changes_after(dz, some)[:, 0] * weight).real

    work.share(put_changes, range(len(blocks)))
    if not np.isfinite(found).all():
        unit, sample = map(int, np.argwhere(~np.isfinite(found))[0])
        raise GradientError(describe_not_finite(work, units.k, param, (unit,), sample, h))
    return sum_samples(work, found)


def _sum_by_slopes(work: Work, k: int, param: Param, channel: int, h: float) -> Array:
    """Return the sums (entries,) for the entries at one channel, from how each moves that channel."""
    chain, slopes = work.chain, work.chain.links[k].slopes(param, channel)
    assert slopes is not None  # noqa: S101 - as at the first channel
    sums = np.zeros(len(slopes), chain.losses.dtype)
    used = np.flatnonzero(slopes.any(axis=tuple(range(1, slopes.ndim))))
    slopes = slopes if len(used) == len(slopes) else slopes[used]
    channels, shifts = slice(channel, channel + 1), [chain.dtype.type(s * h) for s in work.stencil.shifts]
    for some in slices(len(used), NUMBERS // chain.numbers(k, channels)):
        found = combine(
            work.chain, work.stencil, k, [(slopes[some] * shift)[:, :, np.newaxis] for shift in shifts], channels
        )
        if not np.isfinite(found).all():
            wrong, sample = map(int, np.argwhere(~np.isfinite(found))[0])
            index = _index_of(param, channel, int(used[some][wrong]))
            raise GradientError(describe_not_finite(work, k, param, index, sample, h))
        sums[used[some]] = sum_samples(work, found)
    return sums


def _sum_by_channels(work: Work, k: int, param: Param, axis: int, h: float) -> Array:
    """Return the sums by entries that move one channel each: the same entry of all channels is moved at once."""
    link, chain = work.chain.links[k], work.chain
    channels, others = param.shape[axis], param.shape[:axis] + param.shape[axis + 1 :]
    sums = np.zeros((channels, math.prod(others)), chain.losses.dtype)
    numbers = max(chain.numbers(k, slice(0, 1)), link.z.size // channels)
    blocks = list(slices(sums.shape[1], NUMBERS // numbers))

    def put_block(block: int) -> None:
        some = blocks[block]
        moves = [
            np.stack([run(entry, shift) for entry in range(some.start, some.stop)]) for shift in work.stencil.shifts
        ]
        for channel in range(channels):
            one = slice(channel, channel + 1)
            found = combine(chain, work.stencil, k, [dz[:, :, one] for dz in moves], one)
            if not np.isfinite(found).all():
                wrong, sample = map(int, np.argwhere(~np.isfinite(found))[0])
                index = _index_of(param, channel, some.start + wrong)
                raise GradientError(describe_not_finite(work, k, param, index, sample, h))
            sums[channel, some] = sum_samples(work, found)

    def run(entry: int, shift: complex) -> Array:
        moved = np.array(link.own[param.name], chain.dtype)
        place: Any = (slice(None), *np.unravel_index(entry, others))
        np.moveaxis(moved, axis, 0)[place] += shift * h
        return link.run({**link.own, param.name: moved}) - link.z

    work.share(put_block, range(len(blocks)))
    return np.moveaxis(sums.reshape(channels, *others), 0, axis)


def _sum_by_forward(work: Work, k: int, param: Param, index: Index, h: float) -> Array:
    """Return the sum for one entry, from the layer's outputs where it is moved."""
    link, moves = work.chain.links[k], []
    for shift in work.stencil.shifts:
        moved = np.array(link.own[param.name], work.chain.dtype)
        moved[index] += shift * h
        z = link.run({**link.own, param.name: moved})
        moves.append((z - link.z)[np.newaxis])
    found = combine(work.chain, work.stencil, k, moves, EVERYTHING)
    if not np.isfinite(found).all():
        sample = int(np.flatnonzero(~np.isfinite(found[0]))[0])
        raise GradientError(describe_not_finite(work, k, param, index, sample, h))
    total: Array = sum_samples(work, found)[0]
    return total


def combine(chain: Chain, stencil: Stencil, k: int, moves: Sequence[Array], channels: slice) -> Array:
    """Return the stencil's sum (M, N) of the changes by moves of link k's outputs, an array for each shift.

    The centre is left out: the weights of a difference add up to 0 with it.
    """
    found: Array = np.zeros((), chain.losses.dtype)
    with np.errstate(all="ignore"):  # an error with the parameter's name follows where it is not finite
        for weight, dz in zip(stencil.weights, moves, strict=True):
            found = found + (chain.changes(k, dz, channels) * weight).real
    return found


def sum_samples(work: Work, found: Array) -> Array:
    """Return the sums (M,) over the samples of differences (M, N), each times its weight."""
    sums: Array = (found if work.weights is None else found * work.weights).sum(axis=1)
    return sums


def _index_of(param: Param, channel: int, entry: int) -> Index:
    """Return where the entry of a number among those at a channel is in the parameter."""
    axis = param.channel_axis or 0
    others = param.shape[:axis] + param.shape[axis + 1 :]
    index = [int(i) for i in np.unravel_index(entry, others)] if others else []
    return *index[:axis], channel, *index[axis:]


def describe_not_finite(work: Work, k: int, param: Param, index: Index, sample: int, h: float) -> str:
    """Return what is wrong where an entry of link k's parameter is moved."""
    place = work.chain.placed[k]
    name = place.name(param.name) + (f"[{', '.join(map(str, index))}]" if index else "")
    return (
        f"the loss of sample {sample} of the batch is not finite where {name} of {place.label} is moved by {h:g}: "
        "try another h"
    )


def describe_unit_not_finite(work: Work, k: int, entry: int, unit: int, sample: int, steps: tuple[float, float]) -> str:
    """Return what is wrong where a unit is moved by an input's weight, or by the bias, behind all inputs."""
    place = work.chain.links[k].place
    weight, bias = place.params
    if entry == place.inputs[0]:
        return describe_not_finite(work, k, bias, (unit,), sample, steps[1])
    return describe_not_finite(work, k, weight, (entry, unit), sample, steps[0])
