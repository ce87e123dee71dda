"""The softplus."""

from __future__ import annotations

from typing import ClassVar

import attrs
from array_api_compat import array_namespace

from modnet import Activation, Array


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
        return xp.maximum(a, 0.0) + xp.log1p(xp.exp(-xp.abs(a)))

    def backward(self, a: Array, z: Array, dz: Array, axis: int = -1) -> Array:  # noqa: ARG002 - elementwise
        """Return da = dz (1 - exp(-z)), which is dz times the sigmoid of a."""
        return -dz * array_namespace(z).expm1(-z)
