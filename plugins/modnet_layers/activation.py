"""Activation as a layer."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from array_api_compat import array_namespace

from modnet import Activation, Array, Layer, Mode, Params, Stream, is_numpy


@attrs.frozen
class ActivationLayer(Layer):
    """An activation as a layer: of each number by itself, or along axis 1. In a network its name alone stands for it.

    >>> layer = ActivationLayer(modnet.activation("relu"))
    >>> layer.forward({}, np.array([[-1.0, 2.0]]), "train", modnet.Stream(0))[0]
    array([[0., 2.]])
    """

    activation: Activation

    @property
    def elementwise(self) -> bool:
        """True where the activation is elementwise."""
        return self.activation.elementwise

    def forward(self, params: Params, x: Array, mode: Mode, stream: Stream) -> tuple[Array, Any]:
        """Return the activation's outputs."""
        return self.activation(x, _axis(x)), None

    def backward(self, params: Params, x: Array, z: Array, memo: Any, dz: Array) -> Array:
        """Return the derivative by the inputs; raises NoDerivativeError where the activation has no backward."""
        return self.activation.backward(x, z, dz, _axis(x))

    def change(
        self, params: Params, x: Array, z: Array, memo: Any, dx: Array, channels: slice, mode: Mode, stream: Stream
    ) -> Array:
        """Return the change that the activation itself computes."""
        part = self.activation
        if self.elementwise:
            return part.change(x[:, channels, ...], z[:, channels, ...], dx, _axis(x))
        return part.change(x, z, _spread(dx, x, channels), _axis(x))


def _spread(dx: Array, x: Array, channels: slice) -> Array:
    """Return moves of some channels as moves (M, *x.shape) of all, those of the others 0."""
    if is_numpy(dx):
        spread: Array = np.zeros((len(dx), *x.shape), dx.dtype)
        spread[:, :, channels] = dx
        return spread
    first, last, _ = channels.indices(x.shape[1])
    nothing = array_namespace(dx).zeros_like(dx[:, :, :1, ...])
    after = x.shape[1] - last
    all_channels: Array = array_namespace(dx).concat([nothing] * first + [dx] + [nothing] * after, axis=2)
    return all_channels


def _axis(x: Array) -> int:
    """Return the axis of the units, or the channels of an image; from the end, as moves may stand before samples."""
    return 1 - x.ndim
