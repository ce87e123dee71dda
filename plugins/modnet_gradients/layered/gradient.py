"""Differences of the loss of any network of layers by single parameters.

The dense layers at the end are evaluated as those of a network of dense layers are: see `modnet_gradients.structure`.
By a parameter of a layer before them only what follows that layer is evaluated. An entry that moves one channel of a
layer's outputs, in proportion to the layer's `slopes`, is not even evaluated there; and of the layers that follow only
the channels in reach. Moves of a layer without slopes are its outputs with the entry moved, less those without. The
changes are passed on by each layer's own `change`, and by that of the loss at the end, so that nothing cancels where
they have one. Where samples are coupled, as by batch normalization, a move is that of the whole batch.

Neither the blocks nor the threads show in the result.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import attrs
import numpy as np

from modnet import Array, Grads, Objective, Params, limit_blas_threads
from modnet_gradients.layered.chain import Chain
from modnet_gradients.layered.every import Work, sum_entries
from modnet_gradients.stencil import Stencil
from modnet_gradients.structure import Evaluate, LayerCells
from modnet_gradients.structure import gradient_and_cells as gradient_and_cells_of_dense
from modnet_gradients.structure.task import count_cores


def gradient_and_cells(
    objective: Objective,
    params: Params,
    stencil: Stencil,
    steps: Mapping[str, float],
    threads: int | None = None,
    evaluate: Evaluate | None = None,
) -> tuple[Grads, tuple[LayerCells, ...]]:
    """Return the differences by each parameter, and how each layer's was evaluated.

    A parameter is moved by its step times the stencil's shifts. `threads` is by default the number of cores that the
    process may use. Raises GradientError where a loss is not finite.
    """
    before, tail = objective.dense_tail(params)
    if not before:
        return gradient_and_cells_of_dense(objective, params, stencil, steps, threads, evaluate)
    grads, cells = _evaluate_layers(objective, params, stencil, steps, threads or count_cores(), before)
    if before < len(objective.placed):
        of_tail, cells_of_tail = gradient_and_cells_of_dense(tail, params, stencil, steps, threads, evaluate)
        grads |= of_tail
        for found, place in zip(cells_of_tail, objective.placed[before::2], strict=True):
            cells.append(attrs.evolve(found, layer=place.index, label=place.label))
    return {name: grads[name] for name in params}, tuple(cells)


def _evaluate_layers(
    objective: Objective, params: Params, stencil: Stencil, steps: Mapping[str, float], threads: int, before: int
) -> tuple[dict[str, Array], list[LayerCells]]:
    """Return the differences by the parameters of the layers `before` the dense ones at the end."""
    weights, samples_in_mean = objective.weights, float(len(objective.x))
    if weights is not None:  # of a size that leaves room for the steps
        weights = weights / (weights.max() or 1)
        samples_in_mean = float(weights.sum()) or 1.0
    grads: dict[str, Array] = {}
    cells: list[LayerCells] = []
    # One thread for each product: these threads would wait for those, and more than one would split it differently.
    with limit_blas_threads(1), ThreadPoolExecutor(threads) as pool:
        chain = Chain(objective, params, np.result_type(*(np.min_scalar_type(s) for s in stencil.shifts)))
        work = Work(chain, stencil, weights, pool, threads)
        for k, place in enumerate(objective.placed[:before]):
            for param in place.params:
                name = place.name(param.name)
                grads[name] = sum_entries(work, k, param, steps[name]) * (1 / (samples_in_mean * steps[name]))
            if place.params:
                cells.append(LayerCells(place.index, "every", len(chain.losses) * place.outputs[0], label=place.label))
    return grads, cells
