"""The softplus."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np
from array_api_compat import array_namespace

from modnet import Activation, Array
from modnet_activations.changes import logistic, rectified_change, replace_large


@attrs.frozen
class Softplus(Activation):
    """The softplus, a smooth relu: z = log(1 + exp(a)).

    Evaluated as max(a, 0) + log(1 + exp(-|a|)), which never overflows and is exact to rounding for all a.
    Dugas, Bengio, Bélisle, Nadeau and Garcia (2001), "Incorporating second-order functional knowledge for
    better option pricing".

    >>> Softplus()(np.array([-1e4, 0.0, 1e4])).round(4)
    array([0.000e+00, 6.931e-01, 1.000e+04])
    """

    elementwise: ClassVar[bool] = True
    kinks: ClassVar[tuple[float, ...] | None] = ()

    def __call__(self, a: Array, axis: int = -1) -> Array:  # noqa: ARG002 - elementwise
        """Return z, of the shape and dtype of `a`."""
        xp = array_namespace(a)
        return xp.maximum(a, 0.0) + _excess(a)

    def backward(self, a: Array, z: Array, dz: Array, axis: int = -1) -> Array:  # noqa: ARG002 - elementwise
        """Return da = dz (1 - exp(-z)), which is dz times the sigmoid of a."""
        return -dz * array_namespace(z).expm1(-z)

    def change(self, a: Array, z: Array, da: Array, axis: int = -1) -> Array:  # noqa: ARG002 - elementwise
        """Return the change of z: log(1 + s(a) (exp(da) - 1)) with the sigmoid s."""
        xp = array_namespace(a, da)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):  # where `da` is large
            change = logistic(a) * xp.expm1(da)
            change = xp.log1p(change)
        return replace_large(change, da, 1.0, lambda: rectified_change(a, da) + (_excess(a + da) - _excess(a)))


def _excess(a: Array) -> Array:
    """Return what the softplus is more than max(a, 0)."""
    xp = array_namespace(a)
    return xp.log1p(xp.exp(-xp.abs(a)))
