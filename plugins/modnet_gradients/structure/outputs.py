"""Differences with an activation evaluated at every move, and what follows it interpolated.

Nothing is assumed of the activation, so that none can fool it. The loss is a smooth function of the moved unit's output
alone, F(dz) with F(0) = 0. It is evaluated at nodes that reach as far as the sample's moves change that output.
"""

from __future__ import annotations

import attrs
import numpy as np

from modnet import Array
from modnet_gradients.forms import has_exact_changes
from modnet_gradients.steps.stencil import Stencil
from modnet_gradients.structure.columns import TILE, make_read_only
from modnet_gradients.structure.every import differences, sum_moves
from modnet_gradients.structure.moves import Moves, slices
from modnet_gradients.structure.nodes import ONE_MOVE, Nodes, choose_pairs, to_powers
from modnet_gradients.structure.task import Task

NOISE = 16  # in units of rounding: what checks of smooth functions stay below


def sum_outputs(task: Task, k: int, steps: tuple[float, float]) -> tuple[Array, int]:
    """Return the sums (inputs and bias, units) of layer k's differences, and how many cells fell back to every move.

    `steps` are that of the weights and that of the bias. Raises GradientError where a loss is not finite.
    """
    outputs = _Outputs.of(task, k, steps)
    fell_back: list[int] = []

    def evaluate(units: slice, moves: Moves) -> Array:
        moved, count = outputs.differences(units, moves)
        fell_back.append(count)
        return moved

    return sum_moves(task, k, steps, evaluate), sum(fell_back)


@attrs.frozen(eq=False)
class _Outputs:
    """The interpolation of what follows layer `k`.

    `reach` (N,) is how far each sample's pre-activations are moved at most. What rounding leaves of a check is below
    `noise` (N,), and `relative_noise` (N,) times how far the output is moved.
    """

    task: Task
    k: int
    nodes: Nodes
    powers: Array
    reach: Array
    noise: Array
    relative_noise: Array

    @classmethod
    def of(cls, task: Task, k: int, steps: tuple[float, float]) -> _Outputs:
        columns = task.columns
        dtype = columns.losses.dtype
        reach = np.maximum(
            np.abs(columns.inputs[k]).max(axis=1, initial=0) * dtype.type(steps[0]), dtype.type(steps[1])
        )
        pairs = choose_pairs(float(reach.max()), float(np.finfo(dtype).eps))
        nodes = Nodes.of(pairs, ONE_MOVE, dtype)
        return cls(task, k, nodes, to_powers(2 * pairs, dtype), reach, *_noise(task, k, reach))

    def differences(self, units: slice, moves: Moves) -> tuple[Array, int]:
        """Return the differences (units, P) that moves make, and how many cells fell back to every move."""
        task = self.task
        moved = np.empty((units.stop - units.start, len(moves.sample)), task.columns.losses.dtype)
        da = make_read_only(np.array(task.stencil.shifts, moved.dtype)[np.newaxis, :, np.newaxis] * moves.value)
        fell_back = 0
        with np.errstate(all="ignore"):  # a cell whose numbers are not finite falls back
            for some in slices(units.stop, task.block // da.size, units.start):
                into = moved[some.start - units.start : some.stop - units.start]
                bad = self._put_interpolated(some, da, moves, into)
                fell_back += int(np.count_nonzero(bad))
                self._put_evaluated(some, moves, bad, into)
        return moved, fell_back

    def _put_interpolated(self, units: slice, da: Array, moves: Moves, into: Array) -> Array:
        """Put the differences into an array (units, P), and return the cells (units, N) that are not to be trusted."""
        columns, nodes = self.task.columns, self.nodes
        starts = np.flatnonzero(np.diff(moves.sample, prepend=-1))  # the moves lie sample by sample
        sample, counts = moves.sample[starts], np.diff(starts, append=len(moves.sample))
        a, z = (
            np.repeat(values[self.k][units].take(sample, axis=-1), counts, axis=-1) for values in (columns.a, columns.z)
        )
        dz = columns.activation_changes[self.k](a, z, da, axis=0)
        farthest = np.maximum.reduceat(np.maximum(dz.max(axis=1), -dz.min(axis=1)), starts, axis=1)
        # An output that does not move needs no scale of its own.
        top = np.where(farthest > np.finfo(dz.dtype).tiny, farthest, self.reach[sample])
        changes = columns.changes_after(self.k, units, nodes.places[:, np.newaxis] * top[:, np.newaxis], sample)
        found = np.matmul(nodes.matrix, changes)
        powers = np.matmul(self.powers, found[:, :-1])
        t = dz * np.repeat(1 / top, counts, axis=1)[:, np.newaxis]  # not in place: `dz` may be `da` itself
        _put_polynomials(t, np.repeat(powers, counts, axis=2), self.task.stencil, into)
        check = np.maximum(2 * np.abs(found[:, -2]), np.abs(found[:, -1]))  # the highest coefficient, and the audit
        bad = np.zeros((len(into), len(self.reach)), bool)
        bad[:, sample] = ~(check <= self.noise[sample] + self.relative_noise[sample] * top)
        return bad

    def _put_evaluated(self, units: slice, moves: Moves, cells: Array, into: Array) -> None:
        """Put the differences of the chosen cells (units, N), evaluated at every move, into an array (units, P)."""
        for row in np.flatnonzero(cells.any(axis=1)):
            at = np.flatnonzero(cells[row].take(moves.sample))
            filled = np.pad(at, (0, -len(at) % TILE), "edge")
            unit = slice(units.start + int(row), units.start + int(row) + 1)
            those = attrs.evolve(moves, sample=moves.sample[filled], value=moves.value[filled])
            into[row, at] = differences(self.task, self.k, unit, those)[0, : len(at)]


def _noise(task: Task, k: int, reach: Array) -> tuple[Array, Array]:
    """Return limits (N,) of what rounding leaves of a check, absolute and relative to an output's change.

    Where no part that follows cancels it is relative, to the slope of the unit that the loss depends on most.
    """
    columns = task.columns
    unit = NOISE * np.finfo(reach.dtype).eps
    none = np.zeros_like(reach)
    if not has_exact_changes(columns.activations[k + 1 :], columns.loss):
        return (unit * (1 + np.abs(columns.losses))).astype(reach.dtype), none
    largest = none.copy()
    units = columns.layers[k].outputs
    with np.errstate(all="ignore"):
        for some in slices(units, task.block // (columns.rows(k) * len(reach))):
            dz = np.broadcast_to(reach, (some.stop - some.start, 1, len(reach)))
            np.fmax(largest, np.abs(columns.changes_after(k, some, dz)).max(axis=(0, 1)), out=largest)
    return none, unit * largest / reach


def _put_polynomials(t: Array, powers: Array, stencil: Stencil, into: Array) -> None:
    """Put the stencil's sums (units, P) of polynomials in `t` (units, shifts, P) that are 0 at 0 into an array.

    `powers` (units, degree, P) has their coefficients, that of t first.
    """
    value = np.empty_like(into)
    for s, weight in enumerate(stencil.weights):
        at = t[:, s]
        np.multiply(powers[:, -1], at, out=value)
        for p in range(powers.shape[1] - 2, -1, -1):
            value += powers[:, p]
            value *= at
        if weight != 1:
            value *= weight.real
        if s == 0:
            into[:] = value
        else:
            into += value
