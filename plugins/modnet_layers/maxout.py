"""Maxout."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from array_api_compat import array_namespace
from attrs.validators import ge

from modnet import Array, Grads, Layer, Mode, Param, Params, Shape, Stream, is_numpy
from modnet_layers.shapes import check_rows


@attrs.frozen
class Maxout(Layer):
    """A dense layer of which each unit is the largest of several pieces: z_j = max_k (sum_i W[j, k, i] x_i + b[j, k]).

    It learns its activation, a convex one of straight lines: an activation behind it would be one too many. W is
    (units, pieces, inputs), b (units, pieces). Of equal pieces the derivative goes to the first. Goodfellow,
    Warde-Farley, Mirza, Courville and Bengio (2013), "Maxout networks", chapter 3.

    >>> absolute = {"W": np.array([[[1.0], [-1.0]]]), "b": np.zeros((1, 2))}
    >>> Maxout(units=1).forward(absolute, np.array([[-3.0], [2.0]]), "train", modnet.Stream(0))[0]
    array([[3.],
           [2.]])
    """

    units: int = attrs.field(validator=ge(1))
    pieces: int = attrs.field(default=2, validator=ge(1))

    def shape(self, inputs: Shape) -> Shape:
        """Return (units,); raises ShapeError where the samples are no rows of numbers."""
        check_rows(inputs)
        return (self.units,)

    def params(self, inputs: Shape) -> tuple[Param, ...]:
        """Return W (units, pieces, inputs) and b (units, pieces)."""
        weight = Param("W", (self.units, self.pieces, *inputs), channel_axis=0, fan_in=inputs[0])
        return weight, Param("b", (self.units, self.pieces), channel_axis=0)

    def forward(self, params: Params, x: Array, mode: Mode, stream: Stream) -> tuple[Array, Any]:
        """Return the outputs (N, units), and how far each piece is below the largest, (N, units, pieces)."""
        pieces = self._multiply(x, params["W"]) + params["b"]
        z = array_namespace(pieces).max(pieces, axis=-1)
        return z, pieces - z[..., None]

    def backward(self, params: Params, x: Array, z: Array, memo: Any, dz: Array) -> Array:
        """Return the derivative by the inputs, (N, inputs)."""
        return self._give_to_largest(memo, dz) @ self._flatten(params["W"])

    def gradients(self, params: Params, x: Array, z: Array, memo: Any, dz: Array) -> Grads:
        """Return the derivatives by W and b."""
        of_pieces = self._give_to_largest(memo, dz)
        xp = array_namespace(x, dz)
        grads = {"W": of_pieces.T @ x, "b": xp.sum(of_pieces, axis=0)}
        return {name: xp.reshape(grad, params[name].shape) for name, grad in grads.items()}

    def change(
        self, params: Params, x: Array, z: Array, memo: Any, dx: Array, channels: slice, mode: Mode, stream: Stream
    ) -> Array:
        """Return the change of all units: that of the largest piece, where it stays the largest."""
        pieces = memo + self._multiply(dx, params["W"][..., channels])
        change: Array = array_namespace(pieces).max(pieces, axis=-1)
        return change

    def _multiply(self, x: Array, weights: Array) -> Array:
        """Return the weighted sums of all pieces, (..., units, pieces)."""
        sums = x @ self._flatten(weights).T
        samples = (-1,) if x.ndim == 2 else x.shape[:-1]
        return array_namespace(sums).reshape(sums, (*samples, self.units, self.pieces))

    def _flatten(self, weights: Array) -> Array:
        """Return the weights (units, pieces, inputs) as (units pieces, inputs)."""
        return array_namespace(weights).reshape(weights, (self.units * self.pieces, -1))

    def _give_to_largest(self, memo: Array, dz: Array) -> Array:
        """Return the derivative by the pieces, (N, units pieces): dz at the first of the largest."""
        xp, shape = array_namespace(memo, dz), (-1, self.units * self.pieces)
        if not is_numpy(memo):
            first = xp.argmax(memo, axis=-1, keepdims=True) == xp.arange(self.pieces)
            return xp.reshape(xp.where(first, dz[..., None], xp.zeros_like(memo)), shape)
        of_pieces = np.zeros_like(memo)
        np.put_along_axis(of_pieces, memo.argmax(axis=-1)[..., np.newaxis], dz[..., np.newaxis], axis=-1)
        return of_pieces.reshape(shape)
