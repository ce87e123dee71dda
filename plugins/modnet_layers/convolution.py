"""Convolution."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal

import attrs
import numpy as np
from array_api_compat import array_namespace
from attrs.validators import ge
from numpy.lib.stride_tricks import sliding_window_view

from modnet import Array, Grads, Layer, Mode, Param, Params, Shape, Stream, is_numpy
from modnet_layers.channels import along_channels
from modnet_layers.patches import correlate, correlate_back, pad, sum_products, take_patches
from modnet_layers.shapes import check_images
from modnet_layers.windows import Pair, check_pair, count_windows, freeze, to_pair

BLOCK = 2**20  # bytes of windows that one matrix product takes: as many as stay in the cache


def _check_padding(part: object, field: attrs.Attribute[Any], value: Any) -> None:
    if isinstance(value, str) and value != "same":
        raise ValueError(f"'padding' must be \"same\", a whole number >= 0, or two, (height, width): {value!r}")
    if value != "same":
        check_pair(0)(part, field, value)


@attrs.frozen
class Convolution(Layer):
    """A convolution: output (f, i, j) is the sum over (c, p, q) of W[f, c, p, q] x[c, s i + p, s j + q], plus b[f].

    W is (filters, channels, height, width) with `size` = (height, width), b (filters,), and s the `stride`. `padding`
    is the number of zeros that images get on each side; "same" gives outputs of ceil(input / stride). The filters are
    not mirrored, as everywhere in the field: mathematics calls it cross-correlation.

    A layer's images are in memory with samples last, (channels, height, width, N), so that windows are copied in long
    runs, and outputs are one matrix product for each block of rows (Chellapilla, Puri and Simard 2006, "High
    performance convolutional neural networks for document processing"). LeCun et al. (1998), "Gradient-based learning
    applied to document recognition"; Saitoh, "Deep Learning from Scratch", chapter 7.2 and 7.4.

    >>> image = np.array([[1.0, 2.0, 3.0, 0.0], [0.0, 1.0, 2.0, 3.0], [3.0, 0.0, 1.0, 2.0], [2.0, 3.0, 0.0, 1.0]])
    >>> params = {"W": np.array([[[[2.0, 0.0, 1.0], [0.0, 1.0, 2.0], [1.0, 0.0, 2.0]]]]), "b": np.array([3.0])}
    >>> layer = Convolution(filters=1, size=3)
    >>> layer.forward(params, image.reshape(1, 1, 4, 4), "train", modnet.Stream(0))[0][0, 0]
    array([[18., 19.],
           [ 9., 18.]])
    """

    filters: int = attrs.field(validator=ge(1))
    size: Pair = attrs.field(converter=freeze, validator=check_pair(1))
    stride: Pair = attrs.field(default=1, converter=freeze, validator=check_pair(1))
    padding: Pair | Literal["same"] = attrs.field(default=0, converter=freeze, validator=_check_padding)
    bias: bool = True
    kinks = ()

    def shape(self, inputs: Shape) -> Shape:
        """Return (filters, windows down, windows across); raises ShapeError."""
        check_images(inputs)
        (top, left), (bottom, right) = self._find_padding(inputs)
        return self.filters, *count_windows(inputs, self.size, self.stride, (top + bottom, left + right))

    def params(self, inputs: Shape) -> tuple[Param, ...]:
        """Return W (filters, channels, height, width) and, with `bias`, b (filters,)."""
        weight = Param("W", (self.filters, inputs[0], *to_pair(self.size)), channel_axis=0, linear=True)
        bias = Param("b", (self.filters,), channel_axis=0, linear=True)
        return (weight, bias) if self.bias else (weight,)

    def forward(self, params: Params, x: Array, mode: Mode, stream: Stream) -> tuple[Array, Any]:
        """Return the outputs (N, filters, windows down, windows across), and the padded images.

        These have samples last, those of other libraries than NumPy samples first.
        """
        images = self._pad(x)
        return self._convolve(params["W"], params.get("b"), images), images

    def backward(self, params: Params, x: Array, z: Array, memo: Any, dz: Array) -> Array:
        """Return the derivative by the inputs: each window's share is dz @ W, added where the window was."""
        (top, left), _ = self._find_padding(x.shape[1:])
        if not is_numpy(x):
            dx = correlate_back(dz, params["W"], memo, to_pair(self.stride))
            return dx[:, :, top : top + x.shape[2], left : left + x.shape[3]]
        weights, dz = params["W"].reshape(self.filters, -1), _put_samples_last(dz)
        dimages = np.zeros_like(memo, np.result_type(memo, dz))
        places = self._slide(dimages, writeable=True)
        for rows in self._blocks(places):
            shares = (weights.T @ _as_matrix(dz[:, rows])).reshape(places[:, :, :, rows].shape)
            for p, q in np.ndindex(places.shape[1:3]):
                places[:, p, q, rows] += shares[:, p, q]
        return _put_samples_first(dimages[:, top : top + x.shape[2], left : left + x.shape[3]])

    def gradients(self, params: Params, x: Array, z: Array, memo: Any, dz: Array) -> Grads:
        """Return the derivatives by W and b."""
        if not is_numpy(x):
            xp, by_weights = array_namespace(x), sum_products(dz, memo, to_pair(self.size), to_pair(self.stride))
            of_bias = {"b": xp.sum(dz, axis=(0, 2, 3))} if self.bias else {}
            return {"W": xp.reshape(by_weights, params["W"].shape), **of_bias}
        places, dz = self._slide(memo), _put_samples_last(dz)
        dtype = np.result_type(memo, dz)
        grads = {"W": np.zeros((self.filters, params["W"].size // self.filters), dtype)}
        if self.bias:
            grads["b"] = np.zeros(self.filters, dtype)
        for rows in self._blocks(places):
            of_block = _as_matrix(dz[:, rows])
            grads["W"] += of_block @ _as_matrix(places[:, :, :, rows], 3).T
            if self.bias:
                grads["b"] += of_block.sum(axis=1)
        return grads | {"W": grads["W"].reshape(params["W"].shape)}

    def change(
        self, params: Params, x: Array, z: Array, memo: Any, dx: Array, channels: slice, mode: Mode, stream: Stream
    ) -> Array:
        """Return the change of all filters, which is linear in that of the inputs: the convolution of dx."""
        moves = array_namespace(dx).reshape(dx, (dx.shape[0] * dx.shape[1], *dx.shape[2:]))
        changes = self._convolve(params["W"][:, channels, ...], None, self._pad(moves))
        return array_namespace(dx).reshape(changes, (*dx.shape[:2], *changes.shape[1:]))

    def slopes(self, params: Params, x: Array, memo: Any, name: str, channel: int) -> Array:
        """Return the pixels that each entry of W meets, (entries, N, *rest), and ones (1, N, *rest) for b."""
        if not is_numpy(x):
            return self._find_slopes(x, memo, name)
        places = self._slide(memo)
        if name == "b":
            return np.ones((1, len(x), *places.shape[3:5]), x.dtype)
        slopes = places.reshape(math.prod(places.shape[:3]), *places.shape[3:])
        return np.moveaxis(slopes, -1, 1)

    def _find_slopes(self, x: Array, images: Array, name: str) -> Array:
        xp, windows = array_namespace(x), count_windows(images.shape[1:], self.size, self.stride)
        patches = take_patches(images, windows, to_pair(self.size), to_pair(self.stride))
        slopes = xp.reshape(xp.permute_dims(patches, (1, 0, 2)), (patches.shape[1], patches.shape[0], *windows))
        return slopes if name == "W" else xp.ones_like(slopes[:1, ...])

    def _convolve(self, weights: Array, bias: Array | None, images: Array) -> Array:
        """Return the outputs for padded images."""
        if not is_numpy(images):
            windows = count_windows(images.shape[1:], self.size, self.stride)
            outputs = correlate(images, weights, windows, to_pair(self.stride))
            return outputs if bias is None else outputs + along_channels(bias, outputs)
        places, filters = self._slide(images), weights.reshape(self.filters, -1)
        z = np.empty((self.filters, *places.shape[3:]), np.result_type(images, weights))
        for rows in self._blocks(places):
            of_block = np.matmul(filters, _as_matrix(places[:, :, :, rows], 3), out=_as_matrix(z[:, rows]))
            if bias is not None:
                of_block += bias[:, np.newaxis]
        return _put_samples_first(z)

    def _find_padding(self, inputs: Shape) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return the zeros before and after, of height and width each."""
        if self.padding != "same":
            return to_pair(self.padding), to_pair(self.padding)
        pairs = zip(inputs[1:], to_pair(self.size), to_pair(self.stride), strict=False)
        down, across = (max(0, (-(-length // s) - 1) * s + k - length) for length, k, s in pairs)
        return (down // 2, across // 2), (down - down // 2, across - across // 2)

    def _pad(self, x: Array) -> Array:
        """Return the images (channels, height, width, N) with zeros around them: `x` itself where it lies so.

        Those of other libraries than NumPy stay (N, channels, height, width).
        """
        if not is_numpy(x):
            return pad(x, *self._find_padding(x.shape[1:]))
        (samples, channels, height, width), ((top, left), (bottom, right)) = x.shape, self._find_padding(x.shape[1:])
        if not any((top, left, bottom, right)):
            return _put_samples_last(x)
        images = np.zeros((channels, top + height + bottom, left + width + right, samples), x.dtype)
        images[:, top : top + height, left : left + width] = np.moveaxis(x, 0, -1)
        return images

    def _slide(self, images: Array, *, writeable: bool = False) -> Array:
        """Return all windows as a view (channels, height, width, windows down, windows across, N)."""
        (sh, sw) = to_pair(self.stride)
        windows = sliding_window_view(images, to_pair(self.size), axis=(1, 2), writeable=writeable)
        return windows[:, ::sh, ::sw].transpose(0, 4, 5, 1, 2, 3)

    def _blocks(self, places: Array) -> Iterator[slice]:
        """Yield rows of windows that fit in a block."""
        down = places.shape[3]
        step = max(1, BLOCK * down // max(1, places.nbytes))
        for first in range(0, down, step):
            yield slice(first, first + step)


def _as_matrix(values: Array, axes: int = 1) -> Array:
    """Return a matrix that has the first axes as its rows: of windows a copy, otherwise a view."""
    return values.reshape(math.prod(values.shape[:axes]), math.prod(values.shape[axes:]))


def _put_samples_last(x: Array) -> Array:
    return np.ascontiguousarray(np.moveaxis(x, 0, -1))


def _put_samples_first(x: Array) -> Array:
    return np.moveaxis(x, -1, 0)
