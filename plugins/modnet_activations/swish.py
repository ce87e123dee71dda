"""The swish, or SiLU."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np
from array_api_compat import array_namespace, is_numpy_namespace
from attrs.validators import ge

from modnet import Activation, Array
from modnet_activations.changes import logistic, logistic_change, product_change, rectified_change, replace_large


@attrs.frozen
class Swish(Activation):
    """The swish: z = a sigmoid(beta a); with beta = 1 it is the SiLU.

    Ramachandran, Zoph and Le (2017), "Searching for activation functions"; Elfwing, Uchibe and Doya (2018),
    "Sigmoid-weighted linear units for neural network function approximation in reinforcement learning".

    >>> Swish()(np.array([-1.0, 0.0, 1e4])).round(4)
    array([-2.689e-01,  0.000e+00,  1.000e+04])
    """

    beta: float = attrs.field(default=1.0, validator=ge(0))

    elementwise: ClassVar[bool] = True
    kinks: ClassVar[tuple[float, ...] | None] = ()

    def __call__(self, a: Array, axis: int = -1) -> Array:  # noqa: ARG002 - elementwise
        """Return z, of the shape and dtype of `a`."""
        xp = array_namespace(a)
        if not is_numpy_namespace(xp):
            return a * logistic(self.beta * a)
        with np.errstate(over="ignore"):  # a / (1 + inf) is the 0 that is meant
            return a / (1.0 + xp.exp(-self.beta * a))

    def backward(self, a: Array, z: Array, dz: Array, axis: int = -1) -> Array:  # noqa: ARG002 - elementwise
        """Return da = dz (s + beta a s (1 - s)) with s = sigmoid(beta a)."""
        xp = array_namespace(a)
        power = xp.exp(-self.beta * xp.abs(a))  # with |a|, so that nothing cancels in 1 - s = s(-beta a)
        share = 1.0 / (1.0 + power)
        s = xp.where(a < 0, power * share, share)
        return dz * (s + self.beta * a * power * share * share)

    def change(self, a: Array, z: Array, da: Array, axis: int = -1) -> Array:  # noqa: ARG002 - elementwise
        """Return the change of z: da s + (a + da) times the change of s = sigmoid(beta a), for small `da`."""
        share = logistic(self.beta * a)
        change = product_change(a, da, share, logistic_change(self.beta * a, self.beta * da))
        return replace_large(change, da, 1.0, lambda: rectified_change(a, da) + (self._dent(a + da) - self._dent(a)))

    def _dent(self, a: Array) -> Array:
        """Return what the swish is more than max(a, 0)."""
        size = array_namespace(a).abs(a)
        return -size * logistic(-self.beta * size)
