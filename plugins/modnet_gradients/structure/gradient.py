"""Differences of a network's loss by single parameters.

Moving W[i, j] by h moves one column of one layer's pre-activations, by h z_in[:, i]; all before it stays. So a sample's
loss is a function of the move of unit j alone, and all its weights follow from one interpolation of it. Where that is
not exact, the loss is evaluated for each pair of a unit and a distinct input value, and only what follows that unit is
evaluated. The parts are called on arrays and are asked for no derivative.

A moved sample is a column: arrays have the units first and the samples last, in blocks that stay in the cache, and
NumPy lets other threads run meanwhile. Neither the blocks nor the threads show in the result: matrix products are
taken in tiles of a fixed width, and sums over samples in one order.

Memory besides the gradient: the layers' values for the batch once more; about 20 arrays of ENTRIES numbers at most;
and for each thread a few blocks, of BLOCK numbers or, where a layer is very wide, of one tile of columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from modnet import Array, Grads, Objective, Params, limit_blas_threads
from modnet_gradients.steps.stencil import Stencil
from modnet_gradients.structure.columns import Columns
from modnet_gradients.structure.every import sum_moves
from modnet_gradients.structure.interpolated import sum_interpolated
from modnet_gradients.structure.levels import Evaluate, LayerCells, choose_level
from modnet_gradients.structure.outputs import sum_outputs
from modnet_gradients.structure.slopes import is_linear, sum_slopes
from modnet_gradients.structure.task import Task, count_cores

BLOCK = 400_000  # numbers in a block: smaller ones make threads wait for the interpreter, larger ones for memory


def structured_gradient(
    objective: Objective,
    params: Params,
    stencil: Stencil,
    steps: Mapping[str, float],
    threads: int | None = None,
    evaluate: Evaluate | None = None,
    block: int = BLOCK,
) -> Grads:
    """Return the differences by each parameter, each moved by its step times the stencil's shifts.

    `threads` is by default the number of cores that the process may use. Raises GradientError where a loss is not
    finite, and ShapeError where a part gives other values along the first axis than it gives to the network.
    """
    return gradient_and_cells(objective, params, stencil, steps, threads, evaluate, block)[0]


def gradient_and_cells(
    objective: Objective,
    params: Params,
    stencil: Stencil,
    steps: Mapping[str, float],
    threads: int | None = None,
    evaluate: Evaluate | None = None,
    block: int = BLOCK,
) -> tuple[Grads, tuple[LayerCells, ...]]:
    """Return the gradient as `structured_gradient` does, and how each layer's was evaluated."""
    weights, samples_in_mean = objective.weights, float(len(objective.x))
    if weights is not None:  # of a size that leaves room for the steps
        weights = weights / (weights.max() or 1)
        samples_in_mean = float(weights.sum()) or 1.0
    threads = threads or count_cores()
    grads: dict[str, Array] = {}
    cells: list[LayerCells] = []
    # One thread for each product: these threads would wait for those, and more than one would split it differently.
    with limit_blas_threads(1), ThreadPoolExecutor(threads) as pool:
        columns = Columns(objective, params, np.result_type(*(np.min_scalar_type(s) for s in stencil.shifts)))
        task = Task(columns, stencil, weights, pool, threads, block)
        for k, layer in enumerate(objective.layers):
            h = steps[layer.weight], steps[layer.bias]
            total, counted = _evaluate_layer(task, k, h, evaluate)
            cells.append(counted)
            grads[layer.weight] = total[:-1] * (1 / (samples_in_mean * h[0]))
            grads[layer.bias] = total[-1] * (1 / (samples_in_mean * h[1]))
    return {name: grads[name] for name in params if name in grads}, tuple(cells)


def _evaluate_layer(task: Task, k: int, h: tuple[float, float], evaluate: Evaluate | None) -> tuple[Array, LayerCells]:
    """Return the sums (inputs and bias, units) of layer k's differences, and how they were evaluated."""
    columns, layer = task.columns, task.columns.layers[k]
    count = layer.outputs * len(columns.losses)
    if evaluate != "every" and is_linear(task, k, h):
        total = sum_slopes(task, k, h)
        if total is not None:
            return total, LayerCells(layer.number, "slopes", count)
    level = choose_level(columns, k) if evaluate != "every" and columns.dtype.kind == "f" else "every"
    if level == "nodes":
        interpolated = sum_interpolated(task, k, h)
    else:
        interpolated = sum_outputs(task, k, h) if level == "outputs" else None
    if interpolated is not None:
        return interpolated[0], LayerCells(layer.number, level, count, interpolated[1])
    return sum_moves(task, k, h), LayerCells(layer.number, "every", count)
