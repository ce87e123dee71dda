"""The parametric rectified linear unit."""

from __future__ import annotations

from typing import Any

import attrs
from array_api_compat import array_namespace

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
        return array_namespace(x).where(x > 0, x, along_channels(params["slope"], x) * x), None

    def backward(self, params: Params, x: Array, z: Array, memo: Any, dz: Array) -> Array:
        """Return dx = dz where x > 0, otherwise a dz."""
        return array_namespace(x).where(x > 0, dz, along_channels(params["slope"], x) * dz)

    def gradients(self, params: Params, x: Array, z: Array, memo: Any, dz: Array) -> Grads:
        """Return the derivative by a: the sum of x dz where x <= 0."""
        xp = array_namespace(x, dz)
        return {"slope": xp.sum(xp.minimum(x, 0.0) * dz, axis=other_axes(x))}

    def change(
        self, params: Params, x: Array, z: Array, memo: Any, dx: Array, channels: slice, mode: Mode, stream: Stream
    ) -> Array:
        """Return the change of both pieces, max(x, 0) and a min(x, 0), each without cancellation."""
        xp, x = array_namespace(x, dx), x[:, channels, ...]
        positive, negative = xp.maximum(x, 0.0), xp.minimum(x, 0.0)
        change = xp.maximum(dx + negative, -positive)
        rest = xp.minimum(dx + positive, -negative)
        return change + along_channels(params["slope"][channels], x) * rest

    def slopes(self, params: Params, x: Array, memo: Any, name: str, channel: int) -> Array:
        """Return min(x, 0) of the channel, (1, N, *rest)."""
        return array_namespace(x).minimum(x[None, :, channel, ...], 0.0)
