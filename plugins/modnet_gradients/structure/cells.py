"""Differences of single cells, with every move evaluated."""

from __future__ import annotations

import numpy as np

from modnet import Array, GradientError
from modnet_gradients.structure.columns import TILE
from modnet_gradients.structure.every import combine, describe_not_finite
from modnet_gradients.structure.moves import slices
from modnet_gradients.structure.task import Task

NUMBERS = 1 << 18  # in a block of moves, for all shifts and units that follow
MOVES = 1 << 20  # evaluated before they are added up


def add_cells(task: Task, k: int, units: Array, samples: Array, steps: tuple[float, float], total: Array) -> None:
    """Add the differences of layer k's cells, each one of the `units` and one of the `samples`, to `total`.

    `total` is (inputs and bias, units). Raises GradientError where a loss is not finite.
    """
    layer, x = task.columns.layers[k], task.columns.inputs[k]
    for some in slices(len(units), MOVES // (layer.inputs + 1)):
        moves = np.full((some.stop - some.start, layer.inputs + 1), steps[1], x.dtype)
        np.multiply(x[samples[some]], x.dtype.type(steps[0]), out=moves[:, :-1])
        cell, moved = np.nonzero(moves)
        unit, sample = units[some][cell], samples[some][cell]
        found = _differences(task, k, unit, sample, moves[cell, moved])
        if not np.isfinite(found).all():
            wrong = int(np.flatnonzero(~np.isfinite(found))[0])
            where = int(moved[wrong]), int(unit[wrong]), int(sample[wrong])
            raise GradientError(describe_not_finite(layer, *where, steps))
        if task.weights is not None:
            found *= task.weights.take(sample)
        np.add.at(total.reshape(-1), moved * layer.outputs + unit, found / task.stencil.divisor)


def _differences(task: Task, k: int, units: Array, samples: Array, moves: Array) -> Array:
    """Return the differences (P,) of units, for samples, by moves (P,)."""
    shifts = np.array(task.stencil.shifts, moves.dtype)[:, np.newaxis]
    width = max(TILE, NUMBERS // (task.columns.rows(k) * len(shifts)) // TILE * TILE)
    found = np.empty_like(moves)
    for some in slices(len(moves), width):
        missing = (0, -(some.stop - some.start) % TILE)  # whole tiles, filled up with moves by 0
        unit, sample, move = (np.pad(values[some], missing) for values in (units, samples, moves))
        changes = task.columns.changes_of_cells(k, unit, sample, shifts * move)
        found[some] = combine(changes[np.newaxis], task.stencil)[0, : some.stop - some.start]
    return found
