"""Flattening of images."""

from __future__ import annotations

import math
from typing import Any

import attrs
from array_api_compat import array_namespace

from modnet import Array, Layer, Mode, Params, Shape, Stream
from modnet_layers.order import put_in_order


@attrs.frozen
class Flatten(Layer):
    """Samples (C, H, W) as rows of C H W numbers, channel by channel, for a dense layer.

    Saitoh, "Deep Learning from Scratch", chapter 7.5.

    >>> Flatten().shape((30, 12, 12))
    (4320,)
    """

    kinks = ()

    def shape(self, inputs: Shape) -> Shape:
        """Return (numbers of a sample,)."""
        return (math.prod(inputs),)

    def forward(self, params: Params, x: Array, mode: Mode, stream: Stream) -> tuple[Array, Any]:
        """Return the rows (N, C H W)."""
        return array_namespace(x).reshape(x, (-1, *self.shape(x.shape[1:]))), None

    def backward(self, params: Params, x: Array, z: Array, memo: Any, dz: Array) -> Array:
        """Return dz in the shape of the inputs, and their order in memory."""
        return put_in_order(array_namespace(dz).reshape(dz, x.shape), x)

    def reach(self, inputs: Shape, channels: slice) -> slice:
        """Return the places of these channels in a row."""
        first, last, _ = channels.indices(inputs[0])
        numbers = math.prod(inputs[1:])
        return slice(first * numbers, last * numbers)

    def change(
        self, params: Params, x: Array, z: Array, memo: Any, dx: Array, channels: slice, mode: Mode, stream: Stream
    ) -> Array:
        """Return dx, (M, N, channels, H, W), as rows (M, N, channels H W)."""
        return array_namespace(dx).reshape(dx, (*dx.shape[:2], math.prod(dx.shape[2:])))
