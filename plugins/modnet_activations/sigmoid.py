"""The logistic sigmoid."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np

from modnet import Activation, Array
from modnet_activations.changes import logistic, logistic_change


@attrs.frozen
class Sigmoid(Activation):
    """The logistic function: z = 1 / (1 + exp(-a)).

    Exact to rounding for all a: where exp(-a) overflows, z is 0.
    Saitoh, "Deep Learning from Scratch", eq. 3.6.

    >>> Sigmoid()(np.array([-1e4, 0.0, 1e4]))
    array([0. , 0.5, 1. ])
    """

    elementwise: ClassVar[bool] = True
    kinks: ClassVar[tuple[float, ...] | None] = ()
    computes: ClassVar[str] = "sigmoid"

    def __call__(self, a: Array, axis: int = -1) -> Array:  # noqa: ARG002 - elementwise
        """Return z, of the shape and dtype of `a`."""
        is_numpy = isinstance(a, np.ndarray)  # `Array` stands for the arrays of other libraries, too
        if not is_numpy:
            return logistic(a)
        with np.errstate(over="ignore"):  # 1 / (1 + inf) is the 0 that is meant
            z: Array = np.asarray(np.negative(a))
            np.exp(z, out=z)  # in place: new memory for each step would take longer than the exponentials
            z += 1.0
            return np.divide(1.0, z, out=z)

    def backward(self, a: Array, z: Array, dz: Array, axis: int = -1) -> Array:  # noqa: ARG002 - elementwise
        """Return da = dz z (1 - z)."""
        return dz * z * (1.0 - z)

    def change(self, a: Array, z: Array, da: Array, axis: int = -1) -> Array:  # noqa: ARG002 - elementwise
        """Return the change of z, in which nothing cancels."""
        return logistic_change(a, da)
