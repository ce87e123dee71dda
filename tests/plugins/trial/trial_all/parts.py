"""Parts of a network, and a data set."""

import enum

import attrs
import numpy as np
from attrs.validators import ge

import modnet


class Side(enum.IntEnum):
    UP = 1
    DOWN = -1


@attrs.frozen
class Gaussian(modnet.Activation):
    """A bump, up or down."""

    side: Side = Side.UP

    elementwise = True
    kinks = ()

    def __call__(self, a, axis=-1):
        return int(self.side) * np.exp(-a * a)

    def backward(self, a, z, dz, axis=-1):
        return -2 * a * z * dz


@attrs.frozen
class Shift(modnet.Layer):
    """Adds what is trained to each number."""

    elementwise = True

    def params(self, inputs):
        return (modnet.Param("shift", inputs, init=0.0, linear=True),)

    def forward(self, params, x, mode, stream):
        return x + params["shift"], None

    def backward(self, params, x, z, memo, dz):
        return dz

    def gradients(self, params, x, z, memo, dz):
        return {"shift": dz.sum(axis=0)}


class LogCosh(modnet.Loss):
    """The logarithm of the hyperbolic cosine, for regression and classes."""

    smooth = True

    def __call__(self, y, t, axis=-1):
        d = abs(y - modnet.one_hot(t, y, axis))
        return (d + np.log1p(np.exp(-2 * d)) - np.log(2).astype(y.dtype)).sum(axis=axis)

    def backward(self, y, t, axis=-1):
        return np.tanh(y - modnet.one_hot(t, y, axis))


@attrs.frozen
class Sureness(modnet.Metric):
    """The mean of the outputs at the classes."""

    task = "classification"

    def __call__(self, y, t, weights=None):
        return float(np.average(y[np.arange(len(t)), t], weights=weights))


@attrs.frozen
class HalfCircles(modnet.DataSource):
    """Two half circles by name."""

    samples: int = attrs.field(default=60, validator=ge(4))
    origin: tuple[float, float] = (0.0, 0.0)

    reads_files = False

    def read(self, path):
        t = np.arange(self.samples) % 2
        angle = np.linspace(0, np.pi, self.samples)
        x = np.column_stack([np.cos(angle) + t, np.sin(angle) * (1 - 2 * t)]) + self.origin
        return modnet.Dataset.from_arrays((x, t), scale=1.0, test_fraction=0.25)
