"""Differences of the loss of any network of layers by single parameters.

The dense layers at the end are evaluated as those of a network of dense layers are: see `modnet_gradients.structure`.
By a parameter of a layer before them only what follows that layer is evaluated. An entry that moves one channel of a
layer's outputs, in proportion to the layer's `slopes`, is not even evaluated there; and of the layers that follow only
the channels in reach. Moves of a layer without slopes are its outputs with the entry moved, less those without. The
changes are passed on by each layer's own `change`, and by that of the loss at the end, so that nothing cancels where
they have one. Where samples are coupled, as by batch normalization, a move is that of the whole batch. Units of a dense
layer are interpolated where the layers that follow allow it: see `units`.

Neither the blocks nor the threads show in the result.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import attrs
import numpy as np

from modnet import Array, Grads, Objective, Params, limit_blas_threads
from modnet_gradients.layered.cells import sum_cells
from modnet_gradients.layered.chain import Chain
from modnet_gradients.layered.every import Work, sum_entries
from modnet_gradients.layered.interpolated import sum_interpolated
from modnet_gradients.layered.outputs import sum_outputs
from modnet_gradients.layered.slopes import is_linear, sum_slopes
from modnet_gradients.layered.units import Units
from modnet_gradients.steps.stencil import Stencil
from modnet_gradients.structure import Evaluate, LayerCells
from modnet_gradients.structure import gradient_and_cells as gradient_and_cells_of_dense
from modnet_gradients.structure.levels import Level
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
    grads, cells = _evaluate_layers(objective, params, stencil, steps, threads or count_cores(), evaluate, before)
    if before < len(objective.placed):
        of_tail, cells_of_tail = gradient_and_cells_of_dense(tail, params, stencil, steps, threads, evaluate)
        grads |= of_tail
        for found, place in zip(cells_of_tail, objective.placed[before::2], strict=True):
            cells.append(attrs.evolve(found, layer=place.index, label=place.label))
    return {name: grads[name] for name in params}, tuple(cells)


def _evaluate_layers(
    objective: Objective,
    params: Params,
    stencil: Stencil,
    steps: Mapping[str, float],
    threads: int,
    evaluate: Evaluate | None,
    before: int,
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
            if not place.params:
                continue
            sums, counted = _evaluate_layer(
                work, k, {p.name: steps[place.name(p.name)] for p in place.params}, evaluate
            )
            cells.append(counted)
            for param, total in sums.items():
                name = place.name(param)
                grads[name] = total * (1 / (samples_in_mean * steps[name]))
    return grads, cells


def _evaluate_layer(
    work: Work, k: int, steps: Mapping[str, float], evaluate: Evaluate | None
) -> tuple[dict[str, Array], LayerCells]:
    """Return the sums of the differences by each parameter of link k, by its own name, and how they were evaluated."""
    chain, place = work.chain, work.chain.links[k].place
    every = LayerCells(place.index, "every", len(chain.losses) * place.outputs[0], label=place.label)
    if place.layer.is_dense and evaluate != "every":
        h, units = (steps["W"], steps["b"]), Units.of(chain, k)
        found: tuple[Array, int] | None = None
        level: Level = "slopes"
        if is_linear(units, h):
            slopes = sum_slopes(work, units, h)
            found = None if slopes is None else (slopes, 0)
        elif chain.dtype.kind == "f" and (level := units.choose_level()) != "every":
            found = sum_interpolated(work, units, h) if level == "nodes" else sum_outputs(work, units, h)
        if found is not None:
            after = chain.links[units.stop - 1].place.label
            total, fell_back = found
            counted = attrs.evolve(every, level=level, fell_back=fell_back, after=after)
            return {"W": total[:-1], "b": total[-1]}, counted
    if place.layer.is_dense and not chain.couples_after(k) and chain.dtype.kind == "f":
        cells = np.ones((place.outputs[0], len(chain.losses)), bool)
        total = sum_cells(work, k, (steps["W"], steps["b"]), cells)
        return {"W": total[:-1], "b": total[-1]}, every
    return {param.name: sum_entries(work, k, param, steps[param.name]) for param in place.params}, every
