"""Differences of single cells of a dense layer, with every move evaluated."""

from __future__ import annotations

from typing import Self

import attrs
import numpy as np

from modnet import Array, GradientError
from modnet_gradients.layered.every import NUMBERS, Work, combine, describe_unit_not_finite
from modnet_gradients.structure.moves import slices

MOVES = 1 << 20  # evaluated before they are added up
FEW = 8  # cells of a unit below which it is evaluated together with others


@attrs.frozen(eq=False)
class Moves:
    """All moves that are not 0, sample by sample: those of sample n are `starts[n]` to `starts[n + 1]`.

    `entry` (P,) is the input that makes each, behind all inputs the bias, and `value` (P,) how far.
    """

    starts: Array
    entry: Array
    value: Array

    @classmethod
    def of(cls, x: Array, steps: tuple[float, float]) -> Self:
        """Return the moves of samples with inputs `x` (N, inputs), by steps of the weights and of the bias."""
        moves = np.full((len(x), x.shape[1] + 1), steps[1], x.dtype)
        np.multiply(x, x.dtype.type(steps[0]), out=moves[:, :-1])
        sample, entry = np.nonzero(moves)
        return cls(np.searchsorted(sample, np.arange(len(x) + 1)), entry, moves[sample, entry])

    def count(self) -> Array:
        """Return the number of moves of each sample."""
        return np.diff(self.starts)


def sum_cells(work: Work, k: int, steps: tuple[float, float], cells: Array) -> Array:
    """Return the sums (inputs and bias, units) of the differences by link k, a dense layer, over some `cells`.

    These are (units, N), each a unit and a sample: no layer that follows may couple samples, so that each sample is
    moved in its own way. Few cells of many units are evaluated together, and else those of one unit at a time. Raises
    GradientError where a loss is not finite.
    """
    link = work.chain.links[k]
    total = np.zeros((link.place.inputs[0] + 1, len(cells)), work.chain.losses.dtype)
    summing = _Cells(work, k, steps, Moves.of(link.x, steps), work.chain.can_take(k), total)
    units = np.flatnonzero(cells.any(axis=1))
    if np.count_nonzero(cells) < FEW * len(units):
        summing.add(*np.nonzero(cells))
    else:
        alone = attrs.evolve(summing, work=attrs.evolve(work, threads=1))  # each thread has units of its own

        def add_unit(unit: int) -> None:
            sample = np.flatnonzero(cells[unit])
            alone.add(np.full(len(sample), unit), sample)

        work.share(add_unit, map(int, units))
    return total / work.stencil.divisor


@attrs.frozen(eq=False)
class _Cells:
    """The sums of link k's cells, `total` (inputs and bias, units)."""

    work: Work
    k: int
    steps: tuple[float, float]
    moves: Moves
    can_take: bool
    total: Array

    def add(self, units: Array, samples: Array) -> None:
        """Add cells, each one of the units and one of the samples."""
        moves, weights = self.moves, self.work.weights
        for some in slices(len(units), MOVES // len(self.total)):
            count = moves.count()[samples[some]]
            cell = np.repeat(np.arange(len(count)), count)
            at = (moves.starts[samples[some]] - np.cumsum(count) + count)[cell] + np.arange(len(cell))
            entry, unit, sample = moves.entry[at], units[some][cell], samples[some][cell]
            found = self._differences(unit, sample, moves.value[at])
            if not np.isfinite(found).all():
                wrong = int(np.flatnonzero(~np.isfinite(found))[0])
                where = int(entry[wrong]), int(unit[wrong]), int(sample[wrong])
                raise GradientError(describe_unit_not_finite(self.work, self.k, *where, self.steps))
            np.add.at(self.total, (entry, unit), found if weights is None else found * weights[sample])

    def _differences(self, unit: Array, sample: Array, value: Array) -> Array:
        """Return the differences (P,) of moves, each of a unit and a sample."""
        chain, stencil, found = self.work.chain, self.work.stencil, np.empty_like(value)
        channels, samples = slice(int(unit.min()), int(unit.max()) + 1), len(chain.losses)
        # Rows of the whole batch, in each of which a sample is moved once at most.
        by_sample, place = np.argsort(sample, kind="stable"), sample
        row = np.empty_like(sample)
        row[by_sample] = np.arange(len(sample)) - np.searchsorted(sample[by_sample], sample[by_sample])
        order = np.argsort(row, kind="stable")
        takes = self.can_take and len(value) < (int(row.max()) + 1) * samples // 2
        if takes:  # rows would be nearly empty: batches of nothing but the samples that are moved
            order, row, place = np.arange(len(value)), np.arange(len(value)) // samples, np.arange(len(value)) % samples
        rows = row[order]
        blocks = list(slices(int(rows[-1]) + 1, NUMBERS // chain.numbers(self.k, channels)))

        def put_block(block: int) -> None:
            some = blocks[block]
            those = order[slice(*np.searchsorted(rows, (some.start, some.stop)))]
            at = row[those] - some.start, place[those], unit[those] - channels.start
            moves = np.zeros((some.stop - some.start, samples, channels.stop - channels.start), chain.dtype)
            moves[at] = value[those]
            of = chain
            if takes:
                taken = np.zeros(moves.shape[:2], np.intp)
                taken[at[:2]] = sample[those]
                of, moves = chain.take(self.k, taken.reshape(-1)), moves.reshape(1, -1, moves.shape[2])
            shifted = [moves * chain.dtype.type(shift) for shift in stencil.shifts]
            found[those] = combine(of, stencil, self.k, shifted, channels).reshape(-1, samples)[at[:2]]

        self.work.share(put_block, range(len(blocks)))
        return found
