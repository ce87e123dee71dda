"""Differences from an interpolation of each sample's loss."""

from __future__ import annotations

import numpy as np

from modnet import Array
from modnet_gradients.stencil import Stencil
from modnet_gradients.structure.cells import add_cells
from modnet_gradients.structure.columns import Columns
from modnet_gradients.structure.moves import slices
from modnet_gradients.structure.nodes import Nodes, basis, choose_pairs
from modnet_gradients.structure.task import Task

BLOCK = 1 << 16  # numbers in a block of nodes: half a megabyte
ENTRIES = 1 << 20
NOISE = 16  # in units of rounding: the audit's residual of a smooth function is below
MOST = 0.05  # share of cells that may be evaluated at every move one by one


def sum_interpolated(task: Task, k: int, steps: tuple[float, float]) -> tuple[Array, int] | None:
    """Return the sums (inputs and bias, units) over the samples of layer k's differences, each times its weight.

    Beside them it returns the number of cells that were evaluated at every move; None in place of both where these are
    too many for a function that is smooth almost everywhere.
    """
    columns, layer = task.columns, task.columns.layers[k]
    x, dtype = columns.inputs[k], columns.losses.dtype
    reach = np.maximum(np.abs(x).max(axis=1) * dtype.type(steps[0]), dtype.type(steps[1]))
    nodes = Nodes.of(choose_pairs(float(reach.max()), float(np.finfo(dtype).eps)), task.stencil, dtype)
    total = np.zeros((layer.inputs + 1, layer.outputs), dtype)
    fallen = 0
    for samples in slices(len(x), ENTRIES // max(layer.inputs + 1, len(nodes.places) * layer.outputs)):
        changes = _evaluate(task, k, nodes.places[:, np.newaxis] * reach[samples], samples)
        found = (nodes.matrix @ changes.reshape(len(changes), -1)).reshape(-1, *changes.shape[1:])
        bad = _find_bad(columns, k, found, reach, samples)
        count = int(np.count_nonzero(bad))
        if count > MOST * bad.size:
            return None
        coefficients = found[:-1]
        if count:
            coefficients[:, bad] = 0
            unit, n = np.nonzero(bad)
            add_cells(task, k, unit, n + samples.start, steps, total)
        if task.weights is not None:
            coefficients *= task.weights[samples]
        _add_product(x[samples], coefficients, nodes, task.stencil, steps, reach[samples], total)
        fallen += count
    return total, fallen


def _evaluate(task: Task, k: int, da: Array, samples: slice) -> Array:
    columns = task.columns
    units = columns.layers[k].outputs
    changes = np.empty((len(da), units, da.shape[1]), columns.losses.dtype)
    at_once = max(1, min(task.block, BLOCK) // (columns.rows(k) * da.size))
    sample = None if da.shape[1] == len(columns.losses) else np.arange(samples.start, samples.stop)
    with np.errstate(all="ignore"):
        for some in slices(units, at_once):
            np.copyto(changes[:, some], columns.changes(k, some, da[np.newaxis], sample).transpose(1, 0, 2))
    return changes


def _find_bad(columns: Columns, k: int, found: Array, reach: Array, samples: slice) -> Array:
    eps = np.finfo(found.dtype).eps
    residual = np.abs(found[-1])
    loose = NOISE * eps * (1 + np.abs(columns.losses[samples]))
    tight = NOISE * eps * np.abs(found[0]).max(axis=0)
    bad: Array = ~(residual <= tight)
    if np.count_nonzero(bad) > MOST * bad.size:
        bad = ~(residual <= loose)
    for kink in columns.layers[k].activation.kinks or ():
        bad |= np.abs(columns.a[k][:, 0, samples] - found.dtype.type(kink)) <= reach[samples]
    return bad


def _add_product(
    x: Array,
    coefficients: Array,
    nodes: Nodes,
    stencil: Stencil,
    steps: tuple[float, float],
    reach: Array,
    total: Array,
) -> None:
    degrees, units, n = coefficients.shape
    largest = [float(np.abs(c).max()) for c in coefficients]
    keep = max(i + 1 for i in range(degrees) if i == 0 or largest[i] > np.finfo(x.dtype).eps / 16 * largest[0])
    used = np.flatnonzero(x.any(axis=0))
    rho = np.empty((n, len(used) + 1), x.dtype)
    np.multiply(x.take(used, axis=1), (x.dtype.type(steps[0]) / reach)[:, np.newaxis], out=rho[:, :-1])
    rho[:, -1] = steps[1] / reach
    b = np.empty((keep, *rho.shape), x.dtype)
    basis(rho, nodes.degrees[:keep], stencil, b)
    c = np.ascontiguousarray(coefficients[:keep].transpose(1, 0, 2)).reshape(units, -1)
    product = b.reshape(-1, b.shape[-1]).T @ c.T
    total[used] += product[:-1]
    total[-1] += product[-1]
