"""Differences by a dense layer's parameters, from an interpolation of each sample's loss.

What `modnet_gradients.structure` does with networks of dense layers, for those with other layers among them.
"""

from __future__ import annotations

import numpy as np

from modnet import Array
from modnet_gradients.layered.cells import sum_cells
from modnet_gradients.layered.every import Work
from modnet_gradients.layered.units import Units
from modnet_gradients.structure.columns import make_read_only
from modnet_gradients.structure.interpolated import ENTRIES, MOST, NOISE, add_products
from modnet_gradients.structure.moves import slices
from modnet_gradients.structure.nodes import Nodes, choose_pairs

Steps = tuple[float, float]  # of the weights, and of the biases


def sum_interpolated(work: Work, units: Units, steps: Steps) -> tuple[Array, int] | None:
    """Return the sums (inputs and bias, units) over the samples of the differences, each times its weight.

    Beside them it returns the number of cells that were evaluated at every move; None in place of both where these are
    too many for a function that is smooth almost everywhere. Raises GradientError where a loss is not finite.
    """
    chain, link = work.chain, work.chain.links[units.k]
    x, dtype = link.x, chain.losses.dtype
    reach = np.maximum(np.abs(x).max(axis=1) * dtype.type(steps[0]), dtype.type(steps[1]))
    nodes = Nodes.of(choose_pairs(float(reach.max()), float(np.finfo(dtype).eps)), work.stencil, dtype)
    moves = make_read_only(nodes.places[:, np.newaxis] * reach)
    scales = np.array([steps], dtype).T / reach
    total, bad = np.zeros((x.shape[1] + 1, units.count), dtype), np.zeros((units.count, len(x)), bool)
    for some in slices(units.count, ENTRIES // moves.size):
        coefficients, bad[some] = _interpolate(work, units, some, nodes, moves)
        if np.count_nonzero(bad) > MOST * bad.size:
            return None
        coefficients.transpose(0, 2, 1)[bad[some]] = 0
        if work.weights is not None:
            coefficients *= work.weights
        for samples in slices(len(x), ENTRIES // len(total)):
            part = coefficients[:, :, samples]
            add_products(work.stencil, nodes, x[samples], scales[:, samples], part, total[:, some])

    if bad.any():
        total += sum_cells(work, units.k, steps, bad)
    return total, int(np.count_nonzero(bad))


def _interpolate(work: Work, units: Units, some: slice, nodes: Nodes, moves: Array) -> tuple[Array, Array]:
    """Return the coefficients (units, degrees, N) of some units, and which cells (units, N) they do not hold for.

    Rounding is that of the changes, or that of the loss where a part evaluates twice and subtracts: then more cells
    than a smooth function has kinks are above the first.
    """
    eps, losses = np.finfo(moves.dtype).eps, work.chain.losses
    count = some.stop - some.start
    changes, near = np.empty((count, *moves.shape), moves.dtype), np.empty((moves.shape[1], count), bool)
    blocks = list(slices(count, units.at_once(len(moves))))

    def put_changes(block: int) -> None:
        into = blocks[block]
        those = slice(some.start + into.start, some.start + into.stop)
        da = make_read_only(np.broadcast_to(moves[..., np.newaxis], (*moves.shape, into.stop - into.start)))
        with np.errstate(all="ignore"):  # cells that are not finite are evaluated at every move, with an error's name
            dz, near[:, into] = units.pass_alone(da, those)
            changes[into] = units.changes_after(dz, those)

    work.share(put_changes, range(len(blocks)))
    found = nodes.matrix @ changes
    size, first = np.abs(found[:, -1]), np.abs(found[:, 0]).max(axis=0)
    bad = ~(size <= NOISE * eps * first)
    if np.count_nonzero(bad) > MOST * bad.size and not units.has_exact_changes(units.k + 1):
        bad = ~(size <= NOISE * eps * (1 + np.abs(losses)))
    return found[:, :-1], bad | near.T
