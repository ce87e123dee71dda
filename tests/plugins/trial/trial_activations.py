"""Activations with settings of every sort."""

import enum

import attrs
import numpy as np
from attrs.validators import ge, gt

import modnet


class Shape(enum.StrEnum):
    ROUND = "round"
    STEEP = "steep"


class Order(enum.Enum):
    FIRST = (1,)
    SECOND = (2,)


@attrs.frozen
class Limits:
    low: float = -2.0
    high: float | None = None


class Cube(modnet.Activation):
    """z = a³, as on the first page: no settings, no derivative."""

    elementwise = True

    def __call__(self, a, axis=-1):
        return a**3


@attrs.frozen
class Bend(modnet.Activation):
    """A tanh, or a steeper one, times its order."""

    shape: Shape = Shape.ROUND
    order: Order = Order.FIRST

    elementwise = True
    kinks = ()

    def __call__(self, a, axis=-1):
        return self.order.value[0] * np.tanh(self.steepness * a)

    def backward(self, a, z, dz, axis=-1):
        return self.steepness * self.order.value[0] * dz * (1 - np.tanh(self.steepness * a) ** 2)

    @property
    def steepness(self):
        return 3.0 if self.shape is Shape.STEEP else 1.0


@attrs.frozen
class Clamp(modnet.Activation):
    """Inputs between two limits; no upper one by default."""

    limits: Limits = attrs.field(factory=Limits)

    elementwise = True

    def __call__(self, a, axis=-1):
        return np.clip(a, self.limits.low, self.limits.high)

    def backward(self, a, z, dz, axis=-1):
        return dz * ((a >= self.limits.low) & (a <= (self.limits.high or np.inf)))


@attrs.frozen
class Capped(modnet.Activation):
    """A ReLU up to a cap, or without one: `cap = none`."""

    cap: float | None = attrs.field(default=6.0)

    elementwise = True

    @property
    def kinks(self):
        return (0.0,) if self.cap is None else (0.0, self.cap)

    def __call__(self, a, axis=-1):
        return np.clip(a, 0, self.cap)

    def backward(self, a, z, dz, axis=-1):
        return dz * ((a > 0) & (a < (np.inf if self.cap is None else self.cap)))


@attrs.frozen
class Scaled(modnet.Activation):
    """Another activation, times a factor."""

    inner: modnet.Activation = attrs.field(factory=Cube)
    factor: float = attrs.field(default=0.5, validator=gt(0))

    @property
    def elementwise(self):
        return self.inner.elementwise

    def __call__(self, a, axis=-1):
        return self.factor * self.inner(a, axis)


class PReLU(modnet.Activation):
    """A plain class: its setting is the argument of its `__init__`."""

    elementwise = True
    kinks = (0.0,)

    def __init__(self, slope: float = 0.25):
        self.slope = slope

    def __call__(self, a, axis=-1):
        return np.where(a > 0, a, self.slope * a)

    def backward(self, a, z, dz, axis=-1):
        return np.where(a > 0, dz, self.slope * dz)


@attrs.frozen
class GroupMax(modnet.Activation):
    """Not elementwise: the sum of each unit and the largest of all, by powers."""

    weights: tuple[float, ...] = (1.0, 0.5)
    times: int = attrs.field(default=1, validator=ge(1))

    def __call__(self, a, axis=-1):
        return self.weights[0] * a + self.times * self.weights[1] * a.mean(axis=axis, keepdims=True)

    def backward(self, a, z, dz, axis=-1):
        return self.weights[0] * dz + self.times * self.weights[1] * dz.mean(axis=axis, keepdims=True)


@modnet.hookimpl
def register_activations(register):
    register(Cube)
    register(Bend)
    register(Clamp)
    register(Capped)
    register(Scaled)
    register(PReLU)
    register(GroupMax, "with-mean")
