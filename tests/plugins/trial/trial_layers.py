"""Layers with parameters, buffers, random numbers and parts of other kinds."""

import enum

import attrs
import numpy as np
from attrs.validators import ge

import modnet


class Start(enum.Enum):
    ONES = "ones"
    HALVES = "halves"


@attrs.frozen
class Scale(modnet.Layer):
    """A factor for each number, as on the first page: no derivative."""

    start: Start = Start.ONES

    elementwise = True

    def params(self, inputs):
        return (modnet.Param("scale", inputs, init=1.0 if self.start is Start.ONES else 0.5),)

    def forward(self, params, x, mode, stream):
        return params["scale"] * x, None


@attrs.frozen
class RunningScale(modnet.Layer):
    """Divides by the running size of each number."""

    share: float = attrs.field(default=0.1, validator=ge(0))
    least: float | None = None

    elementwise = True

    def buffers(self, inputs):
        return (modnet.Param("size", inputs, init=1.0),)

    def forward(self, params, x, mode, stream):
        return x / self.floor(params["size"]), None

    def floor(self, size):
        return size + (0.01 if self.least is None else self.least)

    def update(self, params, x, memo):
        return {"size": ((1 - self.share) * params["size"] + self.share * abs(x).mean(axis=0)).astype(x.dtype)}

    def backward(self, params, x, z, memo, dz):
        return dz / self.floor(params["size"])


class Jitter(modnet.Layer):
    """Noise in training; a plain class."""

    elementwise = True

    def __init__(self, std: float = 0.1):
        if not std >= 0:
            raise ValueError("'std' must be >= 0")
        self.std = std

    def forward(self, params, x, mode, stream):
        if mode == "predict":
            return x, None
        return x + (self.std * stream.generator().standard_normal(x.shape)).astype(x.dtype), None

    def backward(self, params, x, z, memo, dz):
        return dz


@attrs.frozen
class Residual(modnet.Layer):
    """Another layer, and its inputs added."""

    inner: modnet.Layer = attrs.field(factory=Scale)

    @property
    def elementwise(self):
        return self.inner.elementwise

    @property
    def couples_samples(self):
        return self.inner.couples_samples

    def shape(self, inputs):
        if self.inner.shape(inputs) != inputs:
            raise modnet.ShapeError(f"expects a layer inside that keeps the shape {inputs}")
        return inputs

    def params(self, inputs):
        return self.inner.params(inputs)

    def buffers(self, inputs):
        return self.inner.buffers(inputs)

    def forward(self, params, x, mode, stream):
        z, memo = self.inner.forward(params, x, mode, stream)
        return x + z, (z, memo)

    def update(self, params, x, memo):
        return self.inner.update(params, x, memo[1])

    def backward(self, params, x, z, memo, dz):
        return dz + self.inner.backward(params, x, *memo, dz)

    def gradients(self, params, x, z, memo, dz):
        return self.inner.gradients(params, x, *memo, dz)


@attrs.frozen
class Gated(modnet.Layer):
    """Half of the units, times an activation of the other half."""

    gate: modnet.Activation = attrs.field(factory=lambda: modnet.activation("sigmoid"))

    def shape(self, inputs):
        if inputs[0] % 2:
            raise modnet.ShapeError(f"expects an even number of units, it was given {inputs[0]}")
        return (inputs[0] // 2, *inputs[1:])

    def forward(self, params, x, mode, stream):
        values, gates = np.split(x, 2, axis=1)
        opened = self.gate(gates)
        return values * opened, opened

    def backward(self, params, x, z, memo, dz):
        values, gates = np.split(x, 2, axis=1)
        return np.concatenate([dz * memo, self.gate.backward(gates, memo, dz * values)], axis=1)


@modnet.hookimpl
def register_layers(register):
    register(Scale, "book-scale")
    register(RunningScale)
    register(Jitter)
    register(Residual)
    register(Gated)
