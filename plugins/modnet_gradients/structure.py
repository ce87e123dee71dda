"""Differences of a network's loss by single parameters, from the network's structure.

Moving W[i, j] by h moves one column of one layer's pre-activations, by h z_in[:, i]; all before it stays. So a sample's
loss is evaluated for each pair of a unit j and a distinct input value, and only what follows that unit is evaluated.
Where an input is 0 nothing moves, and equal inputs of one sample move alike. The parts are called on arrays and are
asked for no derivative.

A moved sample is a column: arrays are (units, columns), in blocks that stay in the cache, and NumPy lets other threads
run meanwhile. Neither the blocks nor the threads show in the result: matrix products are taken in tiles of
a fixed width, and sums over samples in one order.

Memory besides the gradient: the layers' values for the batch once more; about 20 arrays of ENTRIES numbers at most;
and for each thread a few blocks, of BLOCK numbers or, where a layer is very wide, of one tile of columns.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Self

import attrs
import numpy as np

from modnet import Array, DenseLayer, GradientError, Grads, Loss, Objective, Params, ShapeError, limit_blas_threads
from modnet_gradients.stencil import Stencil

TILE = 128  # columns of one matrix product
BLOCK = 400_000  # numbers in a block: smaller ones make threads wait for the interpreter, larger ones for memory
ENTRIES = 1 << 20  # numbers in an array over samples and inputs, or over samples and units: 8 megabytes


@limit_blas_threads(1)  # from the forward pass on: with more, a product is split differently, and threads wait for it
def structured_gradient(
    objective: Objective,
    params: Params,
    stencil: Stencil,
    steps: Mapping[str, float],
    threads: int | None = None,
    block: int = BLOCK,
) -> Grads:
    """Return the differences by each parameter, each moved by its step times the stencil's shifts.

    `threads` is by default the number of cores that the process may use. Raises GradientError where a loss is not
    finite, and ShapeError where a part gives other values along the first axis than it gives to the network.
    """
    columns = _Columns(objective, params, stencil)
    weights = objective.weights
    samples_in_mean = len(objective.x) if weights is None else float(weights.sum()) or 1.0
    threads = threads or _cores()
    grads: dict[str, Array] = {}
    with ThreadPoolExecutor(threads) as pool:
        for k, layer in enumerate(objective.layers):
            h_weight, h_bias = steps[layer.weight], steps[layer.bias]
            total = np.zeros((layer.outputs, layer.inputs + 1), params[layer.weight].dtype)
            for samples in _slices(len(objective.x), ENTRIES // (layer.inputs + 1)):
                moves = Moves.of(columns.inputs[k][samples], h_weight, h_bias, samples.start)

                @limit_blas_threads(1)  # in the pool's threads, too: with OpenMP each has a number of its own
                def add_up(units: slice, k: int = k, moves: Moves = moves, total: Array = total) -> None:
                    moved = columns.differences(k, units, moves, block)
                    if not np.isfinite(moved).all():
                        raise GradientError(_not_finite(columns.layers[k], units, moved, moves, steps))
                    if weights is not None:
                        moved *= weights.take(moves.sample)
                    total[units, moves.inputs] += moves.sums_by_input(moved)

                rounds = -(-layer.outputs * len(moves.entries) // (threads * ENTRIES))
                shares = _slices(layer.outputs, -(-layer.outputs // (threads * rounds)))
                list((map if threads == 1 else pool.map)(add_up, shares))
            total /= samples_in_mean * stencil.divisor
            grads[layer.weight] = np.ascontiguousarray(total[:, :-1].T) / h_weight
            grads[layer.bias] = total[:, -1] / h_bias
    return {name: grads[name] for name in params}


@attrs.frozen(eq=False)
class Moves:
    """The moves of each sample's pre-activation: one for each distinct input value; the bias's input is 1.

    `sample` and `value` (P,) are filled up to whole tiles with moves by 0. The moves `entries[starts[m]:starts[m+1]]`
    are those of input `inputs[m]`.
    """

    sample: Array
    value: Array
    entries: Array
    starts: Array
    inputs: Array

    @classmethod
    def of(cls, z: Array, h_weight: float, h_bias: float, first: int) -> Self:
        """Return the moves of samples with inputs `z` (N, inputs), which are numbered from `first` on."""
        h = np.full((z.shape[1] + 1, len(z)), h_bias, z.dtype)
        np.multiply(z.T, z.dtype.type(h_weight), out=h[:-1])
        nonzero = np.flatnonzero(h != 0)
        moved, row = np.divmod(nonzero, len(z))
        values, value = np.unique(h.reshape(-1)[nonzero], return_inverse=True)
        pairs, entries = np.unique(row * len(values) + value, return_inverse=True)
        row, value = np.divmod(pairs, len(values))
        starts = np.flatnonzero(np.diff(moved, prepend=-1))
        missing = (0, -len(pairs) % TILE)
        return cls(np.pad(row + first, missing, "edge"), np.pad(values[value], missing), entries, starts, moved[starts])

    def sums_by_input(self, moved: Array) -> Array:
        """Return the sums (units, inputs) over the samples of the values after each move, `moved` (units, P)."""
        sums: Array = np.add.reduceat(moved.take(self.entries, axis=1), self.starts, axis=1)
        return sums


class _Columns:
    """A network at its parameters, one column for each sample; evaluates moved columns."""

    def __init__(self, objective: Objective, params: Params, stencil: Stencil) -> None:
        trace = objective.trace(params)
        self.stencil = stencil
        self.layers = objective.layers
        self.loss: Loss = objective.loss_function
        self.fused = self.loss.fused(self.layers[-1].activation)
        self.inputs = trace.inputs
        outputs = (*trace.inputs[1:], trace.output)
        self.a = [np.ascontiguousarray(a.T) for a in trace.pre_activations]
        self.z = [np.ascontiguousarray(z.T) for z in outputs]
        self.t = np.ascontiguousarray(objective.t.T)
        self.dtype = np.result_type(trace.output.dtype, *(np.min_scalar_type(s) for s in stencil.shifts))
        self.shifts = np.array(stencil.shifts, self.dtype)[:, np.newaxis]
        self.weights = [np.ascontiguousarray(params[layer.weight].T, self.dtype) for layer in self.layers]
        self.biases = [params[layer.bias][:, np.newaxis] for layer in self.layers]
        self.losses = self._check(trace.losses)

    def differences(self, k: int, units: slice, moves: Moves, block: int) -> Array:
        """Return the differences (units, P) that moves of layer k's pre-activations make, block by block."""
        moved = np.empty((units.stop - units.start, len(moves.sample)), self.losses.dtype)
        follows = self.layers[k + 1 :] if self._is_alone(k) else self.layers[k:]
        rows = max((layer.outputs for layer in follows), default=self.layers[k].outputs) * len(self.shifts)
        width = max(TILE, min(block // rows // TILE * TILE, len(moves.sample)))
        with np.errstate(all="ignore"):  # an error with the parameter's name follows where it is not finite
            for columns in _slices(len(moves.sample), width):
                self._put_differences(k, units, columns, moves, moved, max(1, block // (rows * width)))
        return moved

    def _put_differences(self, k: int, units: slice, columns: slice, moves: Moves, moved: Array, at_once: int) -> None:
        layer, last, alone = self.layers[k], k == len(self.layers) - 1, self._is_alone(k)
        sample = moves.sample[columns]
        shifts = self.shifts * moves.value[columns]
        # A moved unit enters its own layer's pre-activations, the output, or the next layer's pre-activations.
        around = (self.a[k] if not alone else self.z[k] if last else self.a[k + 1]).take(sample, axis=-1)
        around = around[:, np.newaxis, np.newaxis]
        t = np.tile(self.t.take(sample, axis=-1), at_once * len(shifts))
        buffer = np.empty((len(around), at_once, *shifts.shape), self.dtype)
        for some in _slices(units.stop, at_once, units.start):
            moving = self.a[k][some].take(sample, axis=-1)[:, np.newaxis] + shifts
            if alone:
                moving = layer.activation(moving.reshape(1, -1), axis=0).reshape(moving.shape)
            into = buffer[:, : len(moving)]
            if alone and not last:
                change = moving - self.z[k][some].take(sample, axis=-1)[:, np.newaxis]
                np.multiply(self.weights[k + 1][:, some, np.newaxis, np.newaxis], change, out=into)
                into += around
            else:
                into[:] = around
                for i, unit in enumerate(moving):
                    into[some.start + i, i] = unit
            flat = into.reshape(len(around), -1)
            targets = t[..., : flat.shape[1]]
            losses = self.loss(flat, targets, axis=0) if alone and last else self._losses_from(k + alone, flat, targets)
            moved[some.start - units.start : some.stop - units.start, columns] = self._combine(
                losses.reshape(moving.shape), sample
            )

    def _is_alone(self, k: int) -> bool:
        """Return whether a moved unit of layer k moves its own output alone."""
        fused = k == len(self.layers) - 1 and self.fused is not None
        return self.layers[k].activation.elementwise and not fused

    def _losses_from(self, k: int, a: Array, t: Array) -> Array:
        """Return the losses (columns,) for layer k's pre-activations `a` (units, columns), which may be written to."""
        for m in range(k, len(self.layers) - 1):
            z = np.ascontiguousarray(self.layers[m].activation(a, axis=0))
            a = _product(self.weights[m + 1], z)
            a += self.biases[m + 1]
        if self.fused is not None:
            return self.fused.losses(a, t, axis=0, overwrite_a=True)
        return self.loss(self.layers[-1].activation(a, axis=0), t, axis=0)

    def _combine(self, losses: Array, sample: Array) -> Array:
        """Return the stencil's sum over the shifts, of losses (units, shifts, columns)."""
        first, *others = self.stencil.weights
        total: Array = losses[:, 0] * first
        for s, weight in enumerate(others, start=1):
            total += losses[:, s] * weight
        if self.stencil.centre:
            total += self.stencil.centre * self.losses.take(sample)
        return total.real

    def _check(self, expected: Array) -> Array:
        """Return the losses without a move; raises ShapeError with the part that contradicts its own statements."""
        with np.errstate(all="ignore"):
            for k, layer in enumerate(self.layers):
                if k == len(self.layers) - 1 and self.fused is not None:
                    continue
                a = self.a[k]
                z = layer.activation(a.reshape(1, -1) if self._is_alone(k) else a, axis=0).reshape(a.shape)
                if not _alike(z, self.z[k]):
                    how = "unit by unit, though it says it is elementwise" if self._is_alone(k) else "with axis=0"
                    raise ShapeError(f"the activation {layer.activation!r} of layer {k + 1} gives other outputs {how}")
            if self.fused is not None:
                losses = self.fused.losses(self.a[-1], self.t, axis=0)
            else:
                losses = self.loss(self.z[-1], self.t, axis=0)
        if not _alike(losses, expected):
            raise ShapeError(f"the loss {self.loss!r} gives other values with axis=0")
        return losses


def _product(weights: Array, z: Array) -> Array:
    """Return `weights @ z`, tile by tile: a library may choose another order of summing for another width."""
    tiles = z.shape[1] // TILE
    a = np.empty((len(weights), z.shape[1]), np.result_type(weights, z))
    np.matmul(
        weights,
        z.reshape(len(z), tiles, TILE).transpose(1, 0, 2),
        out=a.reshape(len(a), tiles, TILE).transpose(1, 0, 2),
    )
    return a


def _alike(found: Array, expected: Array) -> bool:
    tolerance = float(np.finfo(expected.dtype).eps) ** 0.5
    return found.shape == expected.shape and np.allclose(found, expected, tolerance, tolerance, equal_nan=True)


def _not_finite(layer: DenseLayer, units: slice, moved: Array, moves: Moves, steps: Mapping[str, float]) -> str:
    row, move = np.argwhere(~np.isfinite(moved))[0]
    entry = int(np.flatnonzero(moves.entries == move)[0])
    i, j = int(moves.inputs[np.searchsorted(moves.starts, entry, "right") - 1]), units.start + int(row)
    name, place = (layer.bias, f"[{j}]") if i == layer.inputs else (layer.weight, f"[{i}, {j}]")
    return (
        f"the loss of sample {moves.sample[move]} of the batch is not finite where {name}{place} is moved by "
        f"{steps[name]:g}: try another h"
    )


def _slices(stop: int, size: int, start: int = 0) -> Iterator[slice]:
    for first in range(start, stop, max(1, size)):
        yield slice(first, min(stop, first + max(1, size)))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
