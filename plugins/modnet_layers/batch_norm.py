"""Batch normalization."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
from array_api_compat import array_namespace
from attrs.validators import and_, ge, gt, lt

from modnet import Array, Grads, Layer, Mode, Param, Params, Shape, Stream, is_numpy
from modnet_layers.channels import along_channels, other_axes


@attrs.frozen(eq=False)
class Normalized:
    """Normalized inputs, and by what: `deviation` is sqrt(var + eps). Mean and variance are None in predict mode."""

    x: Array
    deviation: Array
    mean: Array | None = None
    var: Array | None = None


@attrs.frozen
class BatchNorm(Layer):
    """Batch normalization: z = gamma (x - mean) / sqrt(var + eps) + beta, for each unit, or channel of an image.

    In training mean and variance are those of the batch (of a channel: of all its pixels), and predictions take the
    running ones: running <- momentum running + (1 - momentum) batch, as in the book. (PyTorch's momentum is 1 minus
    this one.) The variance divides by the number of values everywhere, as the book's does; Ioffe and Szegedy's running
    one is larger by n / (n - 1). `eps` is the book's 10e-7.

    Ioffe and Szegedy (2015), "Batch normalization: accelerating deep network training by reducing internal covariate
    shift", algorithm 1; Saitoh, "Deep Learning from Scratch", chapter 6.3.

    >>> params = {"gamma": np.array([1.0, 2.0]), "beta": np.array([0.0, 5.0])}
    >>> BatchNorm().forward(params, np.array([[1.0, 10.0], [3.0, 30.0]]), "train", modnet.Stream(0))[0].round(4)
    array([[-1.,  3.],
           [ 1.,  7.]])
    """

    momentum: float = attrs.field(default=0.9, validator=and_(ge(0), lt(1)))
    eps: float = attrs.field(default=1e-6, validator=gt(0))
    couples_samples = True
    kinks = ()

    def params(self, inputs: Shape) -> tuple[Param, ...]:
        """Return gamma and beta, (channels,)."""
        return tuple(
            Param(name, inputs[:1], init, channel_axis=0, linear=True) for name, init in (("gamma", 1.0), ("beta", 0.0))
        )

    def buffers(self, inputs: Shape) -> tuple[Param, ...]:
        """Return the running mean and variance, (channels,)."""
        return Param("mean", inputs[:1], 0.0), Param("var", inputs[:1], 1.0)

    def forward(self, params: Params, x: Array, mode: Mode, stream: Stream) -> tuple[Array, Any]:
        """Return the outputs, and the normalized inputs."""
        memo = self._normalize_batch(x) if mode == "train" and x.shape[0] else self._normalize(params, x)
        z = along_channels(params["gamma"], x) * memo.x
        z += along_channels(params["beta"], x)
        return z, memo

    def _normalize(self, params: Params, x: Array) -> Normalized:
        deviation = array_namespace(x).sqrt(along_channels(params["var"], x)[None, ...] + self.eps)
        return Normalized((x - along_channels(params["mean"], x)) / deviation, deviation)

    def _normalize_batch(self, x: Array) -> Normalized:
        xp, axes = array_namespace(x), other_axes(x)
        mean = xp.mean(x, axis=axes, keepdims=True)
        centred = x - mean
        rounding = xp.mean(centred, axis=axes, keepdims=True)  # of the mean: large where it is far from 0
        centred -= rounding
        var = xp.mean(xp.square(centred), axis=axes, keepdims=True)
        deviation = xp.sqrt(var + self.eps)
        y: Array = np.divide(centred, deviation, out=centred) if is_numpy(centred) else centred / deviation
        return Normalized(y, deviation, mean + rounding, var)

    def update(self, params: Params, x: Array, memo: Any) -> Mapping[str, Array]:
        """Return the running mean and variance, one batch further."""
        if memo.mean is None:  # there was no sample
            return {"mean": params["mean"], "var": params["var"]}
        xp = array_namespace(x)
        batch = {"mean": xp.reshape(memo.mean, (-1,)), "var": xp.reshape(memo.var, (-1,))}
        return {name: self.momentum * params[name] + (1 - self.momentum) * new for name, new in batch.items()}

    def backward(self, params: Params, x: Array, z: Array, memo: Any, dz: Array) -> Array:
        """Return the derivative by the inputs, with that of the batch's mean and variance in training.

        With y, the normalized inputs, it is gamma / sqrt(var + eps) (dz - mean of dz - y mean of (y dz)).
        """
        scale = along_channels(params["gamma"], x) / memo.deviation
        if memo.mean is None:
            return dz * scale
        xp, axes = array_namespace(x, dz), other_axes(x)
        dx = memo.x * -xp.mean(memo.x * dz, axis=axes, keepdims=True)
        dx += dz
        dx -= xp.mean(dz, axis=axes, keepdims=True)
        dx *= scale
        return dx

    def gradients(self, params: Params, x: Array, z: Array, memo: Any, dz: Array) -> Grads:
        """Return the derivatives by gamma and beta."""
        xp, axes = array_namespace(x, dz), other_axes(x)
        return {"gamma": xp.sum(memo.x * dz, axis=axes), "beta": xp.sum(dz, axis=axes)}

    def reach(self, inputs: Shape, channels: slice) -> slice:
        """Return the same channels."""
        return channels

    def change(
        self, params: Params, x: Array, z: Array, memo: Any, dx: Array, channels: slice, mode: Mode, stream: Stream
    ) -> Array:
        """Return the change of all samples, in which nothing cancels but what does in dx less its mean.

        With c, the centred inputs, dc, the change of them, and s, the deviation, it is
        gamma (dc - y dvar / (s' + s)) / s', where s'^2 is s^2 + dvar, and dvar the mean of dc (2 c + dc).
        """
        gamma, deviation, y = (
            along_channels(params["gamma"][channels], x),
            memo.deviation[:, channels, ...],
            memo.x[:, channels, ...],
        )
        if memo.mean is None:
            return dx * (gamma / deviation)
        xp, axes = array_namespace(x, dx), tuple(axis + 1 for axis in other_axes(x))
        dc = dx - xp.mean(dx, axis=axes, keepdims=True)
        moved = y * deviation + dc
        new = xp.sqrt(xp.mean(xp.square(moved), axis=axes, keepdims=True) + self.eps)
        growth = xp.mean(dc * (y * deviation + moved), axis=axes, keepdims=True)
        change = dc - y * (growth / (new + deviation))
        change *= gamma / new
        return change

    def slopes(self, params: Params, x: Array, memo: Any, name: str, channel: int) -> Array:
        """Return the channel's normalized inputs (1, N, *rest) for gamma, and ones for beta."""
        y: Array = memo.x[None, :, channel, ...]
        return y if name == "gamma" else array_namespace(y).ones_like(y)
