"""The parametric rectified linear unit."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from modnet import Array, Grads, Layer, Mode, Param, Params, Shape, Stream
from modnet_layers.channels import along_channels, other_axes


@attrs.frozen
class Prelu(Layer):
    """The parametric rectified linear unit: z = x where x > 0, otherwise a x, with a slope a for each channel or unit.

    The slopes are trained, without weight decay. `slope` is the number that they begin with. The derivative at 0 is
    taken as a. He et al. (2015), "Delving deep into rectifiers", eq. 1.

    >>> params = {"slope": np.array([0.25, 0.5])}
    >>> Prelu().forward(params, np.array([[-1.0, -1.0], [2.0, 2.0]]), "train", modnet.Stream(0))[0]
    array([[-0.25, -0.5 ],
           [ 2.  ,  2.  ]])
    """

    slope: float = 0.25
    elementwise = True
    kinks = (0.0,)

    def params(self, inputs: Shape) -> tuple[Param, ...]:
        """Return the slopes (channels,)."""
        return (Param("slope", inputs[:1], init=self.slope, channel_axis=0, linear=True),)

    def forward(self, params: Params, x: Array, mode: Mode, stream: Stream) -> tuple[Array, Any]:
        """Return the outputs."""
        return np.where(x > 0, x, along_channels(params["slope"], x) * x), None

    def backward(self, params: Params, x: Array, z: Array, memo: Any, dz: Array) -> Array:
        """Return dx = dz where x > 0, otherwise a dz."""
        return np.where(x > 0, dz, along_channels(params["slope"], x) * dz)

    def gradients(self, params: Params, x: Array, z: Array, memo: Any, dz: Array) -> Grads:
        """Return the derivative by a: the sum of x dz where x <= 0."""
        return {"slope": (np.minimum(x, 0.0) * dz).sum(axis=other_axes(x))}

    def change(
        self, params: Params, x: Array, z: Array, memo: Any, dx: Array, channels: slice, mode: Mode, stream: Stream
    ) -> Array:
        """Return the change of both pieces, max(x, 0) and a min(x, 0), each without cancellation."""
        positive, negative = np.maximum(x[:, channels], 0.0), np.minimum(x[:, channels], 0.0)
        change = np.maximum(dx + negative, -positive)
        rest = np.minimum(dx + positive, -negative)
        return change + along_channels(params["slope"][channels], x) * rest

    def slopes(self, params: Params, x: Array, memo: Any, name: str, channel: int) -> Array:
        """Return min(x, 0) of the channel, (1, N, *rest)."""
        return np.minimum(x[np.newaxis, :, channel], 0.0)
