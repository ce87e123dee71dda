"""Differences with every move evaluated."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from modnet import Array, DenseLayer, GradientError
from modnet_gradients.steps.stencil import Stencil
from modnet_gradients.structure.columns import TILE, make_read_only
from modnet_gradients.structure.moves import Moves, slices
from modnet_gradients.structure.task import Task

UNITS = 16  # at least in a block, where it is large enough: what units have in common is taken once for all
ENTRIES = 1 << 20  # numbers in an array over samples and inputs, or over samples and units: 8 megabytes


def sum_moves(
    task: Task, k: int, steps: tuple[float, float], evaluate: Callable[[slice, Moves], Array] | None = None
) -> Array:
    """Return the sums (inputs and bias, units) over the samples of layer k's differences, each times its weight.

    `steps` are that of the weights and that of the bias. `evaluate` returns the differences (units, P) of some units;
    by default every move is evaluated. Raises GradientError where a loss is not finite.
    """
    columns, layer = task.columns, task.columns.layers[k]
    total = np.zeros((layer.outputs, layer.inputs + 1), columns.losses.dtype)
    entries = ENTRIES // 4 if evaluate else ENTRIES  # an interpolation holds more numbers for each
    for samples in slices(len(columns.losses), entries // (layer.inputs + 1)):
        moves = Moves.of(columns.inputs[k][samples], *steps, samples.start)

        def add_up(units: slice, moves: Moves = moves) -> None:
            moved = evaluate(units, moves) if evaluate else differences(task, k, units, moves)
            if not np.isfinite(moved).all():
                row, move = map(int, np.argwhere(~np.isfinite(moved))[0])
                where = moves.input_of(move), units.start + row, int(moves.sample[move])
                raise GradientError(describe_not_finite(layer, *where, steps))
            if task.weights is not None:
                moved *= task.weights.take(moves.sample)
            total[units, moves.inputs] += moves.sums_by_input(moved)

        rounds = -(-layer.outputs * len(moves.entries) // (task.threads * ENTRIES))
        task.share(add_up, slices(layer.outputs, -(-layer.outputs // (task.threads * rounds))))
    return np.ascontiguousarray(total.T) / task.stencil.divisor


def differences(task: Task, k: int, units: slice, moves: Moves) -> Array:
    """Return the differences (units, P) that moves of layer k's pre-activations make, block by block.

    The centre is left out: the weights of a difference add up to 0 with it.
    """
    columns, stencil, block = task.columns, task.stencil, task.block
    moved = np.empty((units.stop - units.start, len(moves.sample)), columns.losses.dtype)
    shifts = np.array(stencil.shifts, columns.dtype)[np.newaxis, :, np.newaxis]
    rows = columns.rows(k) * len(stencil.shifts)
    width = max(TILE, min(block // (rows * UNITS) // TILE * TILE, len(moves.sample)))
    at_once = max(1, block // (rows * width))
    with np.errstate(all="ignore"):  # an error with the parameter's name follows where it is not finite
        for some in slices(len(moves.sample), width):
            da, sample = make_read_only(shifts * moves.value[some]), moves.sample[some]
            for j in slices(units.stop, at_once, units.start):
                changes = columns.changes(k, j, da, sample)
                moved[j.start - units.start : j.stop - units.start, some] = combine(changes, stencil)
    return moved


def combine(changes: Array, stencil: Stencil) -> Array:
    """Return the stencil's sum over the shifts, of changes (units, shifts, columns)."""
    first, *others = stencil.weights
    total: Array = changes[:, 0] * first
    for s, weight in enumerate(others, start=1):
        total += changes[:, s] * weight
    return total.real


def describe_not_finite(layer: DenseLayer, i: int, j: int, sample: int, steps: tuple[float, float]) -> str:
    """Return what is wrong where unit `j` is moved as its input `i` moves it, the number of inputs for the bias."""
    name, place = (layer.bias, f"[{j}]") if i == layer.inputs else (layer.weight, f"[{i}, {j}]")
    return (
        f"the loss of sample {sample} of the batch is not finite where {name}{place} is moved by "
        f"{steps[i == layer.inputs]:g}: try another h"
    )
