"""Slopes of each sample's loss by the units of a dense layer, by a tiny complex step."""

from __future__ import annotations

import numpy as np

from modnet import Array
from modnet_gradients.layered.every import Work
from modnet_gradients.layered.units import Units
from modnet_gradients.structure.columns import make_read_only
from modnet_gradients.structure.moves import slices


def is_linear(units: Units, steps: tuple[float, float]) -> bool:
    """Return whether moves are complex, of single samples, and so small that all powers vanish beside the first."""
    chain = units.chain
    if chain.dtype.kind != "c" or chain.couples_after(units.k):
        return False
    largest = max(steps[0] * float(np.abs(chain.links[units.k].x).max(initial=0)), *steps)
    return largest <= float(np.finfo(chain.dtype).eps)


def sum_slopes(work: Work, units: Units, steps: tuple[float, float]) -> Array | None:
    """Return the sums (inputs and bias, units) over the samples of the imaginary changes, each times its weight.

    They are linear in the move, so that one evaluation of a sample and a unit serves all inputs. Returns None where a
    change is not finite.
    """
    chain, x = work.chain, work.chain.links[units.k].x
    changes = np.empty((units.count, len(x)), chain.losses.dtype)
    blocks = list(slices(units.count, units.at_once(1)))

    def put_changes(block: int) -> None:
        some = blocks[block]
        da = make_read_only(np.full((1, len(x), some.stop - some.start), 1j * steps[0], chain.dtype))
        with np.errstate(all="ignore"):
            changes[some] = units.changes_after(units.pass_alone(da, some)[0], some)[:, 0].imag

    work.share(put_changes, range(len(blocks)))
    if not np.isfinite(changes).all():
        return None
    if work.weights is not None:
        changes *= work.weights
    bias = changes.sum(axis=1)[np.newaxis] * (steps[1] / steps[0])
    return np.concatenate([x.T @ changes.T, bias]) / work.stencil.divisor
