"""Slopes of each sample's loss by a tiny complex step."""

from __future__ import annotations

import numpy as np

from modnet import Array
from modnet_gradients.structure.columns import make_read_only
from modnet_gradients.structure.moves import slices
from modnet_gradients.structure.task import Task


def is_linear(task: Task, k: int, steps: tuple[float, float]) -> bool:
    """Return whether layer k's moves are complex and so small that all powers of them vanish beside the first."""
    columns = task.columns
    if columns.dtype.kind != "c":
        return False
    largest = max(steps[0] * float(np.abs(columns.inputs[k]).max(initial=0)), *steps)
    return largest <= float(np.finfo(columns.dtype).eps)


def sum_slopes(task: Task, k: int, steps: tuple[float, float]) -> Array | None:
    """Return the sums (inputs and bias, units) over the samples of layer k's imaginary changes, each times its weight.

    They are linear in the move, so that one evaluation of a sample and a unit serves all inputs. `steps` are that of
    the weights and that of the bias. Returns None where a change is not finite.
    """
    columns, z = task.columns, task.columns.inputs[k]
    changes = np.empty((columns.layers[k].outputs, len(z)), columns.losses.dtype)
    da = make_read_only(np.full((1, 1, len(z)), 1j * steps[0], columns.dtype))

    def put_changes(units: slice) -> None:
        with np.errstate(all="ignore"):
            changes[units] = columns.changes(k, units, da)[:, 0].imag

    task.share(put_changes, slices(len(changes), task.block // (columns.rows(k) * len(z))))
    if not np.isfinite(changes).all():
        return None
    if task.weights is not None:
        changes *= task.weights
    bias = changes.sum(axis=1)[np.newaxis] * (steps[1] / steps[0])
    return np.concatenate([z.T @ changes.T, bias]) / task.stencil.divisor
