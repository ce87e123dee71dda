"""The hyperbolic tangent."""

from __future__ import annotations

from typing import ClassVar

import attrs
from array_api_compat import array_namespace

from modnet import Activation, Array
from modnet_activations.changes import logistic_change


@attrs.frozen
class Tanh(Activation):
    """The hyperbolic tangent: z = (exp(a) - exp(-a)) / (exp(a) + exp(-a)).

    LeCun, Bottou, Orr and Müller (1998), "Efficient BackProp", chapter 4.4.

    >>> Tanh()(np.array([-1e4, 0.0, 0.5])).round(4)
    array([-1.    ,  0.    ,  0.4621])
    """

    elementwise: ClassVar[bool] = True
    kinks: ClassVar[tuple[float, ...] | None] = ()

    def __call__(self, a: Array, axis: int = -1) -> Array:  # noqa: ARG002 - elementwise
        """Return z, of the shape and dtype of `a`."""
        return array_namespace(a).tanh(a)

    def backward(self, a: Array, z: Array, dz: Array, axis: int = -1) -> Array:  # noqa: ARG002 - elementwise
        """Return da = dz (1 - z²)."""
        return dz * (1.0 - z * z)

    def change(self, a: Array, z: Array, da: Array, axis: int = -1) -> Array:  # noqa: ARG002 - elementwise
        """Return the change of z = 2 / (1 + exp(-2a)) - 1, in which nothing cancels."""
        return 2.0 * logistic_change(2.0 * a, 2.0 * da)
