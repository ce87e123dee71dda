"""Dense layer."""

from __future__ import annotations

from typing import Any

import attrs
from array_api_compat import array_namespace
from attrs.validators import ge

from modnet import Array, Grads, Layer, Mode, Param, Params, Shape, Stream, is_numpy
from modnet_layers.shapes import check_rows


@attrs.frozen
class Dense(Layer):
    """A dense layer, the book's affine: z = x @ W + b, with W (inputs, units) and b (units,).

    The network's `weight_init` and `bias_init` say what W and b begin with. Saitoh, "Deep Learning from Scratch",
    chapter 5.6.

    >>> Dense(units=2).shape((3,))
    (2,)
    """

    units: int = attrs.field(validator=ge(1))
    is_dense = True
    kinks = ()

    def shape(self, inputs: Shape) -> Shape:
        """Return (units,); raises ShapeError where the samples are no rows of numbers."""
        check_rows(inputs)
        return (self.units,)

    def params(self, inputs: Shape) -> tuple[Param, ...]:
        """Return W (inputs, units) and b (units,)."""
        weight = Param("W", (*inputs, self.units), channel_axis=1, linear=True)
        return weight, Param("b", (self.units,), channel_axis=0, linear=True)

    def forward(self, params: Params, x: Array, mode: Mode, stream: Stream) -> tuple[Array, Any]:
        """Return the outputs (N, units)."""
        z = x @ params["W"]
        z += params["b"]
        return z, None

    def backward(self, params: Params, x: Array, z: Array, memo: Any, dz: Array) -> Array:
        """Return the derivative by the inputs, (N, inputs); in memory it lies as they do, which may be samples last."""
        if is_numpy(x) and not x.flags.c_contiguous:
            return (params["W"] @ dz.T).T
        return dz @ params["W"].T

    def gradients(self, params: Params, x: Array, z: Array, memo: Any, dz: Array) -> Grads:
        """Return the derivatives by W and b."""
        return {"W": x.T @ dz, "b": dz.sum(axis=0) if is_numpy(dz) else array_namespace(dz).sum(dz, axis=0)}

    def change(
        self, params: Params, x: Array, z: Array, memo: Any, dx: Array, channels: slice, mode: Mode, stream: Stream
    ) -> Array:
        """Return the change of all outputs, which is linear in that of the inputs."""
        return dx @ params["W"][channels, :]

    def slopes(self, params: Params, x: Array, memo: Any, name: str, channel: int) -> Array:
        """Return the inputs (inputs, N) for W, and ones (1, N) for b."""
        return x.T if name == "W" else array_namespace(x).ones_like(x[:, :1]).T
