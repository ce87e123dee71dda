"""Changes of each sample's loss by single units of a network."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from modnet import Activation, Array, FusedLoss, Loss, Objective, Params, ShapeError, is_numpy
from modnet_gradients.forms import check_shape
from modnet_gradients.structure.layers import LEAST, LayerPolynomials

TILE = 128  # columns of one matrix product, where columns are no whole batch
NUMBERS = 1 << 18  # in an array, where units are evaluated together


class Columns:
    """A network at its parameters, one column for each sample; evaluates what single units change.

    Arrays have the units first and the samples last: `a[k]` and `z[k]` (units, 1, N) are layer k's pre-activations and
    outputs, `t` the targets (1, N) or (outputs, 1, N). Numbers that are moved have the dtype `moved`, complex for a
    complex step. Raises ShapeError where a part gives other values along the first axis than it gives to the network.
    """

    def __init__(self, objective: Objective, params: Params, moved: npt.DTypeLike | None = None) -> None:
        trace = objective.trace(params)
        self.layers = objective.layers
        self.activations = [layer.activation for layer in self.layers]
        self.loss: Loss = objective.loss_function
        self.fused = self.loss.fused(self.layers[-1].activation)
        self.inputs = trace.inputs
        self.dtype = np.result_type(trace.output.dtype, moved or trace.output.dtype)
        self.a = [make_read_only(np.ascontiguousarray(a.T)[:, np.newaxis]) for a in trace.pre_activations]
        self.z = [make_read_only(np.ascontiguousarray(z.T)[:, np.newaxis]) for z in (*trace.inputs[1:], trace.output)]
        self.t = make_read_only(np.ascontiguousarray(objective.t.T)[..., np.newaxis, :])
        # Of the first layer's nothing follows.
        self.weights = [
            np.ascontiguousarray(params[layer.weight].T, self.dtype) if layer.number > 1 else np.empty(0)
            for layer in self.layers
        ]
        self.losses = trace.losses
        self._take_forms(plain=np.issubdtype(self.dtype, np.complexfloating))
        self._check()

    def _take_forms(self, *, plain: bool) -> None:
        """Take the parts' own forms of changes; or the plain ones, as theirs may be for real numbers only."""
        parts = self.activations
        changes = [partial(Activation.change, part) if plain else part.change for part in parts]
        self.activation_changes = [
            check_shape(change, f"activation {part!r} of layer {k}")
            for k, (part, change) in enumerate(zip(parts, changes, strict=True), start=1)
        ]
        of_loss, name = partial(Loss.change, self.loss) if plain else self.loss.change, f"loss {self.loss!r}"
        self.loss_change = check_shape(of_loss, name, axes=1)
        self.fused_change: Callable[..., Array] | None = None
        if self.fused is not None:
            fused_change = partial(FusedLoss.change, self.fused) if plain else self.fused.change
            self.fused_change = check_shape(fused_change, f"{name} with {parts[-1]!r}", axes=1)

    def is_alone(self, k: int) -> bool:
        """Return whether a moved unit of layer k moves its own output alone."""
        fused = k == len(self.layers) - 1 and self.fused is not None
        return self.layers[k].activation.elementwise and not fused

    def is_direct(self, k: int) -> bool:
        """Return whether a moved unit of layer k moves the pre-activations of a fused loss along one direction."""
        return self.fused is not None and k >= len(self.layers) - 1 - self.layers[k].activation.elementwise

    def units_together(self, k: int, moves: int) -> int | None:
        """Return how many units of layer k are evaluated together where that shows in the last bits, by `moves` each.

        A layer's units are then split in the same way whatever else is evaluated at the same time.
        """
        if self.is_direct(k):
            return TILE
        return max(1, NUMBERS // (self.rows(k, together=True) * moves)) if self.has_polynomials(k) else None

    def has_polynomials(self, k: int) -> bool:
        """Return whether units of layer k evaluated together take the next layer's outputs as polynomials."""
        last = len(self.layers) - 1
        return k < last - 1 and self.is_alone(k) and self.is_alone(k + 1) and len(self.losses) >= LEAST

    def rows(self, k: int, *, together: bool = False) -> int:
        """Return the largest number of units that a moved unit of layer k makes numbers for."""
        follows = self.layers[k + 1 :] if self.is_alone(k) else self.layers[k:]
        if together and self.has_polynomials(k):
            follows = self.layers[k + 2 :]
        return max((layer.outputs for layer in follows), default=self.layers[k].outputs)

    def changes(self, k: int, units: slice, da: Array, sample: Array | None = None, *, together: bool = False) -> Array:
        """Return the change of each loss where each single unit of layer k has its pre-activation moved by `da`.

        `da` is (1 or units, M, columns), the changes (units, M, columns). `sample` (columns,) says which sample each
        column is, by default the one of its number. All units `together` are faster, but then the last bits depend on
        which units and columns these are; activations that follow are taken to be smooth as far as their kinks say.
        """
        if self.is_alone(k):
            return self.changes_after(k, units, self.output_changes(k, units, da, sample), sample, together=together)
        if together and k == len(self.layers) - 1 and self.fused is not None:
            return self._changes_along(
                self.fused, np.eye(self.layers[k].outputs, dtype=self.dtype)[:, units], da, sample
            )
        return self._changes_from(k, _spread(da, units, self.layers[k].outputs), sample)

    def output_changes(self, k: int, units: slice, da: Array, sample: Array | None = None) -> Array:
        """Return the change of each unit's own output, (units, M, columns). For a layer whose units move alone."""
        a, z = _take(self.a[k][units], sample), _take(self.z[k][units], sample)
        return self.activation_changes[k](a, z, da, axis=0)

    def changes_after(
        self, k: int, units: slice, dz: Array, sample: Array | None = None, *, together: bool = False
    ) -> Array:
        """Return the change of each loss where each single unit of layer k has its output changed by `dz`.

        `dz` and the changes are (units, M, columns). For a layer whose units move alone.
        """
        if k == len(self.layers) - 1:
            dy = _spread(dz, units, self.layers[k].outputs)
            y, t = _take(self.z[k], sample), _take(self.t, sample)
            return self.loss_change(y, t, dy.reshape(len(dy), -1, dy.shape[-1]), axis=0).reshape(dy.shape[1:])
        if together and k == len(self.layers) - 2 and self.fused is not None:
            return self._changes_along(self.fused, self.weights[k + 1][:, units], dz, sample)
        if together and self.has_polynomials(k):
            return self._changes_by_polynomials(k, units, dz, sample)
        return self._changes_from(k + 1, self.weights[k + 1][:, units, np.newaxis, np.newaxis] * dz, sample)

    def _changes_along(self, fused: FusedLoss, directions: Array, steps: Array, sample: Array | None) -> Array:
        """Return the changes (units, M, columns) by moves of the last layer's pre-activations."""
        a, y, t = (_take(values, sample) for values in (self.a[-1], self.z[-1], self.t))
        return fused.changes_along(a, y, t, directions, steps)

    def _changes_by_polynomials(self, k: int, units: slice, dz: Array, sample: Array | None) -> Array:
        """Return the changes (units, M, columns), with the outputs of layer k + 1 as polynomials where they are."""
        kinks, weights = self.layers[k + 1].activation.kinks or (), self.weights[k + 1][:, units]
        a, z = _take(self.a[k + 1], sample), _take(self.z[k + 1], sample)
        layer = LayerPolynomials.of(self.activation_changes[k + 1], kinks, a, z, weights, dz)
        changes = self._changes_from(k + 2, layer.products(self.weights[k + 2], dz), sample)
        bad = np.flatnonzero(layer.bad)
        if len(bad):
            those = bad if sample is None else sample[bad]
            at_once = max(1, NUMBERS // (self.rows(k) * dz.shape[1] * len(bad)))
            for first in range(0, len(dz), at_once):
                some = slice(units.start + first, min(units.stop, units.start + first + at_once))
                again = self.changes_after(k, some, dz[first : first + at_once, :, bad], those)
                changes[first : first + at_once, :, bad] = again
        return changes

    def changes_of_cells(self, k: int, units: Array, sample: Array, da: Array) -> Array:
        """Return the change of each loss where a unit of layer k has its pre-activation moved by `da` (M, columns).

        `units` and `sample` (columns,) say whose column each is; the changes are (M, columns).
        """
        da = da[np.newaxis]
        changes: Array
        if self.is_alone(k):
            a, z = self.a[k][units, :, sample].T[np.newaxis], self.z[k][units, :, sample].T[np.newaxis]
            da = self.activation_changes[k](a, z, da, axis=0)
            if k < len(self.layers) - 1:
                da = self.weights[k + 1][:, np.newaxis, np.newaxis, units] * da[np.newaxis]
                changes = self._changes_from(k + 1, da, sample)
                return changes.reshape(changes.shape[1:])
        spread = np.zeros((self.layers[k].outputs, *da.shape), da.dtype)
        each = np.arange(len(units))
        spread[units, 0, :, each] = da[0].T
        if self.is_alone(k):
            return self.loss_change(_take(self.z[k], sample), _take(self.t, sample), spread[:, 0], axis=0)
        changes = self._changes_from(k, spread, sample)
        return changes.reshape(changes.shape[1:])

    def _changes_from(self, k: int, da: Array, sample: Array | None) -> Array:
        """Return the changes (units, M, columns) for moves `da` (units of layer k, units, M, columns)."""
        _, units, m, columns = da.shape
        for layer in range(k, len(self.layers)):
            da = da.reshape(len(da), units * m, columns)
            a, z = _take(self.a[layer], sample), _take(self.z[layer], sample)
            if layer == len(self.layers) - 1:
                break
            dz = self.activation_changes[layer](a, z, da, axis=0)
            da = _product(self.weights[layer + 1], dz.reshape(-1, units, m, columns))
        t = _take(self.t, sample)
        if self.fused_change is not None:
            changes = self.fused_change(a, z, t, da, axis=0)
        else:
            changes = self.loss_change(z, t, self.activation_changes[-1](a, z, da, axis=0), axis=0)
        return changes.reshape(units, m, columns)

    def _check(self) -> None:
        """Raise ShapeError with the part that contradicts its own statements."""
        with np.errstate(all="ignore"):
            for k, layer in enumerate(self.layers):
                if k == len(self.layers) - 1 and self.fused is not None:
                    continue
                a, expected = self.a[k][:, 0], self.z[k][:, 0]
                z = layer.activation(a.reshape(1, -1) if self.is_alone(k) else a, axis=0).reshape(a.shape)
                if not _alike(z, expected):
                    how = "unit by unit, though it says it is elementwise" if self.is_alone(k) else "with axis=0"
                    raise ShapeError(f"the activation {layer.activation!r} of layer {k + 1} gives other outputs {how}")
            t = self.t[..., 0, :]
            if self.fused is not None:
                losses = self.fused.losses(self.a[-1][:, 0], t, axis=0)
            else:
                losses = self.loss(self.z[-1][:, 0], t, axis=0)
        if not _alike(losses, self.losses):
            raise ShapeError(f"the loss {self.loss!r} gives other values with axis=0")


def make_read_only(values: Array) -> Array:
    """Return values that a part cannot write to, as they are used more than once; those of other libraries as given."""
    if not is_numpy(values):
        return values
    view = values.view()
    view.flags.writeable = False
    return view


def _take(values: Array, sample: Array | None) -> Array:
    return values if sample is None else values.take(sample, axis=-1)


def _spread(moves: Array, units: slice, rows: int) -> Array:
    """Return moves (rows, units, M, columns) of all units of a layer, where each time a single one is moved."""
    count = units.stop - units.start
    spread = np.zeros((rows, count, *moves.shape[1:]), moves.dtype)
    each = np.arange(count)
    spread[units.start + each, each] = moves
    return spread


def _product(weights: Array, dz: Array) -> Array:
    """Return the sum over the first axis of `dz` (inputs, units, M, columns) with each row of `weights`.

    A library may choose another order of summing for another width. So each product has the columns of one unit, or
    one tile of them, whatever else is evaluated at the same time.
    """
    inputs, _, m, columns = dz.shape
    width = TILE if columns % TILE == 0 else m * columns
    da = np.empty((len(weights), *dz.shape[1:]), np.result_type(weights, dz))
    np.matmul(
        weights,
        dz.reshape(inputs, -1, width).transpose(1, 0, 2),
        out=da.reshape(len(weights), -1, width).transpose(1, 0, 2),
    )
    return da


def _alike(found: Array, expected: Array) -> bool:
    tolerance = float(np.finfo(expected.dtype).eps) ** 0.5
    if found.shape == expected.shape and (np.abs(found - expected) <= tolerance).all():
        return True
    return found.shape == expected.shape and np.allclose(found, expected, tolerance, tolerance, equal_nan=True)
