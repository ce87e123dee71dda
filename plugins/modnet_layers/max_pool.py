"""Max pooling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np
from array_api_compat import array_namespace

from modnet import Array, Layer, Mode, Params, Shape, Stream, is_numpy
from modnet_layers.order import put_in_order
from modnet_layers.patches import find_largest, find_places, give_to_largest
from modnet_layers.shapes import check_images
from modnet_layers.windows import Pair, check_pair, count_windows, freeze, to_pair


@attrs.frozen
class MaxPool(Layer):
    """Max pooling: each output is the largest number of a window of `size` pixels, of its channel.

    Windows are `stride` pixels apart, by default their size; what they do not cover at the right and the bottom counts
    for nothing. The derivative goes to the largest number, of equal ones to the first, row by row.
    Saitoh, "Deep Learning from Scratch", chapter 7.3; Ranzato, Huang, Boureau and LeCun (2007), "Unsupervised learning
    of invariant feature hierarchies with applications to object recognition".

    >>> image = np.array([[1.0, 2.0, 1.0, 0.0], [0.0, 1.0, 2.0, 3.0], [3.0, 0.0, 1.0, 2.0], [2.0, 4.0, 0.0, 1.0]])
    >>> MaxPool(size=2).forward({}, image.reshape(1, 1, 4, 4), "train", modnet.Stream(0))[0][0, 0]
    array([[2., 3.],
           [4., 2.]])
    """

    size: Pair = attrs.field(default=2, converter=freeze, validator=check_pair(1))
    stride: Pair | None = attrs.field(default=None, converter=freeze, validator=check_pair(1))

    def shape(self, inputs: Shape) -> Shape:
        """Return (channels, windows down, windows across); raises ShapeError."""
        check_images(inputs)
        return inputs[0], *count_windows(inputs, self.size, self.stride or self.size)

    def forward(self, params: Params, x: Array, mode: Mode, stream: Stream) -> tuple[Array, Any]:
        """Return the outputs (N, channels, windows down, windows across)."""
        if not is_numpy(x):
            stride = to_pair(self.stride or self.size)
            return find_largest(x, count_windows(x.shape[1:], self.size, stride), to_pair(self.size), stride), None
        return _largest(x[..., down, across] for down, across in self._places(x.shape[1:])), None

    def backward(self, params: Params, x: Array, z: Array, memo: Any, dz: Array) -> Array:
        """Return dz at the largest number of each window, and 0 at all others: where windows overlap, the sum."""
        if not is_numpy(x):
            return give_to_largest(x, z, dz, to_pair(self.size), to_pair(self.stride or self.size))
        (kh, kw), (oh, ow) = to_pair(self.size), z.shape[2:]
        are_tiles = (kh, kw) == to_pair(self.stride or self.size)
        dx = np.empty_like(x) if are_tiles else np.zeros_like(x)
        dz = put_in_order(dz, z)
        free = np.ones_like(z, np.bool_)
        for down, across in self._places(x.shape[1:]):
            is_first = x[..., down, across] == z
            is_first &= free
            free ^= is_first
            if are_tiles:
                np.multiply(dz, is_first, out=dx[..., down, across])
            else:
                dx[..., down, across] += dz * is_first
        if are_tiles:
            dx[..., kh * oh :, :] = dx[..., kw * ow :] = 0
        return dx

    def reach(self, inputs: Shape, channels: slice) -> slice:
        """Return the same channels."""
        return channels

    def change(
        self, params: Params, x: Array, z: Array, memo: Any, dx: Array, channels: slice, mode: Mode, stream: Stream
    ) -> Array:
        """Return the largest dx - (z - x) of each window: dx itself where the largest number stays it."""
        x, z = x[:, channels, ...], z[:, channels, ...]
        places = self._places(x.shape[1:])
        return _largest((x[..., down, across] - z) + dx[..., down, across] for down, across in places)

    def _places(self, inputs: Shape) -> list[tuple[slice, slice]]:
        """Return for each pixel of a window where it is in the image, for all windows: rows and columns."""
        stride = self.stride or self.size
        return find_places(count_windows(inputs, self.size, stride), to_pair(self.size), to_pair(stride))


def _largest(values: Iterator[Array]) -> Array:
    """Return the largest number at each place; of the first array's order in memory."""
    largest = +next(values)
    for each in values:
        largest = np.maximum(largest, each, out=largest) if is_numpy(largest) else _maximum(largest, each)
    return largest


def _maximum(one: Array, other: Array) -> Array:
    larger: Array = array_namespace(one, other).maximum(one, other)
    return larger
