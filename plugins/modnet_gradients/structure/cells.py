"""Differences of single cells, with every move evaluated."""

from __future__ import annotations

import numpy as np

from modnet import Array, GradientError
from modnet_gradients.stencil import Stencil
from modnet_gradients.structure.columns import TILE, Columns
from modnet_gradients.structure.every import combine, describe_not_finite
from modnet_gradients.structure.moves import slices

ENTRIES = 1 << 17  # moves at a time: the arrays of a block have this many numbers for each shift and unit that follows


def add_cells(
    columns: Columns,
    k: int,
    cells: tuple[Array, Array],
    stencil: Stencil,
    steps: tuple[float, float],
    weights: Array | None,
    total: Array,
) -> None:
    """Add to `total` (inputs and bias, units) the differences of layer k's cells, each a unit and a sample.

    Raises GradientError where a loss is not finite.
    """
    x = columns.inputs[k]
    shifts = np.array(stencil.shifts, columns.dtype)[:, np.newaxis]
    width = max(TILE, ENTRIES // (columns.rows(k) * len(shifts)) // TILE * TILE)
    for some in slices(len(cells[0]), ENTRIES // (x.shape[1] + 1)):
        units, samples = cells[0][some], cells[1][some]
        moves = np.full((len(units), x.shape[1] + 1), steps[1], x.dtype)
        np.multiply(x[samples], x.dtype.type(steps[0]), out=moves[:, :-1])
        cell, moved = np.nonzero(moves)
        value, unit, sample = moves[cell, moved], units[cell], samples[cell]
        found = np.empty(len(value), x.dtype)
        for part in slices(len(value), width):
            missing = (0, -(part.stop - part.start) % TILE)
            da = shifts * np.pad(value[part], missing)
            changes = columns.changes_of_cells(k, np.pad(unit[part], missing), np.pad(sample[part], missing), da)
            found[part] = combine(changes[np.newaxis], stencil)[0, : part.stop - part.start]
        if not np.isfinite(found).all():
            wrong = int(np.flatnonzero(~np.isfinite(found))[0])
            where = int(moved[wrong]), int(unit[wrong]), int(sample[wrong])
            raise GradientError(describe_not_finite(columns.layers[k], *where, steps))
        if weights is not None:
            found *= weights.take(sample)
        found /= stencil.divisor
        np.add.at(total.reshape(-1), moved * total.shape[1] + unit, found)
