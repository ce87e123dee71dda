"""Differences from an interpolation of each sample's loss."""

from __future__ import annotations

import numpy as np

from modnet import Array
from modnet_gradients.forms import has_exact_changes
from modnet_gradients.steps.stencil import Stencil
from modnet_gradients.structure.cells import add_cells
from modnet_gradients.structure.columns import make_read_only
from modnet_gradients.structure.moves import slices
from modnet_gradients.structure.nodes import Nodes, basis, choose_pairs
from modnet_gradients.structure.task import Task

BLOCK = 1 << 18  # numbers in a block of moves, at all nodes and for all units that follow: 2 megabytes
ENTRIES = 1 << 20  # numbers in an array over samples and inputs, or over samples, units and nodes: 8 megabytes
SHARED = 1 << 21  # numbers from which on threads share the work
# The audit's residual of a smooth function is below NOISE times rounding. With sigmoid, tanh, relu and gelu, one or two
# hidden layers, float64 and float32, trained and untrained, the largest of 5,000 cells is 1.3 to 5.8 times the rounding
# of the sample's changes; with tanh and h = 0.01 the next coefficient shows, and is 21.
NOISE = 16
# Share of the cells that may be evaluated at every move one by one, at 8 times the cost; noise and steps reach all of
# them, kinks of an untrained network in float32 5 %.
MOST = 0.1


def sum_interpolated(task: Task, k: int, steps: tuple[float, float]) -> tuple[Array, int] | None:
    """Return the sums (inputs and bias, units) over the samples of layer k's differences, each times its weight.

    Beside them it returns the number of cells that were evaluated at every move; None in place of both where these are
    too many for a function that is smooth almost everywhere. Raises GradientError where a loss is not finite.
    """
    columns, layer = task.columns, task.columns.layers[k]
    x, dtype = columns.inputs[k], columns.losses.dtype
    reach = np.maximum(np.maximum(x.max(axis=1), -x.min(axis=1)) * dtype.type(steps[0]), dtype.type(steps[1]))
    nodes = Nodes.of(choose_pairs(float(reach.max()), float(np.finfo(dtype).eps)), task.stencil, dtype)
    total, fell_back = np.zeros((layer.inputs + 1, layer.outputs), dtype), 0
    for samples in slices(len(x), ENTRIES // max(layer.inputs + 1, len(nodes.places) * layer.outputs)):
        changes = _evaluate(task, k, nodes.places[:, np.newaxis] * reach[samples], samples)
        found = nodes.matrix @ changes
        coefficients, residual = found[:, :-1], found[:, -1]  # (units, degrees, N) and (units, N)
        bad = _find_bad(task, k, coefficients[:, 0], residual, reach[samples], samples)
        count = int(np.count_nonzero(bad))
        if count > MOST * bad.size:
            return None
        if count:
            unit, n = np.nonzero(bad)
            coefficients[unit, :, n] = 0
            add_cells(task, k, unit, n + samples.start, steps, total)
        if task.weights is not None:
            coefficients *= task.weights[samples]
        scales = np.array([steps], dtype).T / reach[samples]
        add_products(task.stencil, nodes, x[samples], scales, coefficients, total)
        fell_back += count
    return total, fell_back


def _evaluate(task: Task, k: int, da: Array, samples: slice) -> Array:
    """Return the changes (units, M, N) of some samples' losses where each unit of layer k is moved by `da` (M, N).

    Blocks are the same for any number of threads.
    """
    columns, units = task.columns, task.columns.layers[k].outputs
    changes, moves = np.empty((units, *da.shape), columns.losses.dtype), make_read_only(da[np.newaxis])
    sample = None if da.shape[1] == len(columns.losses) else np.arange(samples.start, samples.stop)
    numbers = da.size if columns.is_direct(k) else columns.rows(k, together=True) * da.size
    blocks = list(slices(units, columns.units_together(k, da.size) or BLOCK // numbers))

    def put_changes(some: slice) -> None:
        with np.errstate(all="ignore"):  # cells that are not finite are evaluated at every move, with an error's name
            changes[some] = columns.changes(k, some, moves, sample, together=True)

    task.share(put_changes, blocks, numbers * units >= SHARED)
    return changes


def _find_bad(task: Task, k: int, first: Array, residual: Array, reach: Array, samples: slice) -> Array:
    """Return which cells (units, N) are not interpolated to rounding, by their `first` coefficient and `residual`.

    Rounding is that of the changes, or that of the loss where a part evaluates twice and subtracts: then more cells
    than a smooth function has kinks are above the first.
    """
    columns, eps = task.columns, np.finfo(first.dtype).eps
    size = np.abs(residual)
    bad: Array = ~(size <= NOISE * eps * np.abs(first).max(axis=0))
    if np.count_nonzero(bad) > MOST * bad.size and not has_exact_changes(columns.activations[k:], columns.loss):
        bad = ~(size <= NOISE * eps * (1 + np.abs(columns.losses[samples])))
    for kink in columns.layers[k].activation.kinks or ():
        bad |= np.abs(columns.a[k][:, 0, samples] - first.dtype.type(kink)) <= reach
    return bad


def add_products(stencil: Stencil, nodes: Nodes, x: Array, scales: Array, coefficients: Array, total: Array) -> None:
    """Add the differences by all weights and biases, of inputs `x` (N, inputs), to `total` (inputs and bias, units).

    Moves are `x` times `scales[0]` (N,), and `scales[1]` of the biases, in units of each sample's reach.
    """
    eps = np.finfo(x.dtype).eps
    largest = np.abs(coefficients).max(axis=(0, 2))
    kept = int(np.flatnonzero(largest >= eps / 16 * largest[0]).max(initial=0)) + 1
    used = np.flatnonzero(x.any(axis=0))
    some = len(used) < 0.9 * x.shape[1]
    rho = x.take(used, axis=1) if some else x
    if (scales[0] != 1).any():
        rho = rho * scales[0][:, np.newaxis]
    left = coefficients[:, :kept].reshape(len(coefficients), -1).T
    sums = basis(rho, nodes.degrees[:kept], stencil).T @ left
    total[used if some else slice(len(total) - 1)] += sums
    total[-1] += basis(scales[1][:, np.newaxis], nodes.degrees[:kept], stencil)[:, 0] @ left
