"""The exponential linear unit."""

from __future__ import annotations

from typing import ClassVar

import attrs
from array_api_compat import array_namespace
from attrs.validators import gt

from modnet import Activation, Array
from modnet_activations.changes import rectified_change, remaining_change


@attrs.frozen
class Elu(Activation):
    """The exponential linear unit: z = a where a > 0, otherwise alpha (exp(a) - 1).

    Its derivative at 0 is taken as alpha, the one from below. Clevert, Unterthiner and Hochreiter (2016),
    "Fast and accurate deep network learning by exponential linear units".

    >>> Elu()(np.array([-1e4, -1.0, 0.0, 2.0])).round(4)
    array([-1.    , -0.6321,  0.    ,  2.    ])
    """

    alpha: float = attrs.field(default=1.0, validator=gt(0))

    elementwise: ClassVar[bool] = True
    kinks: ClassVar[tuple[float, ...] | None] = (0.0,)

    def __call__(self, a: Array, axis: int = -1) -> Array:  # noqa: ARG002 - elementwise
        """Return z, of the shape and dtype of `a`."""
        xp = array_namespace(a)
        below = xp.where(a > 0, xp.zeros_like(a), a)  # not min, which autodiff differentiates otherwise at 0
        return xp.where(a > 0, a, self.alpha * xp.expm1(below))

    def backward(self, a: Array, z: Array, dz: Array, axis: int = -1) -> Array:  # noqa: ARG002 - elementwise
        """Return da = dz where a > 0, otherwise dz alpha exp(a)."""
        xp = array_namespace(a)
        return xp.where(a > 0, dz, dz * (self.alpha * xp.exp(xp.minimum(a, 0.0))))

    def change(self, a: Array, z: Array, da: Array, axis: int = -1) -> Array:  # noqa: ARG002 - elementwise
        """Return the change of z: of both pieces, the lower one as alpha exp(a) (exp(da) - 1)."""
        xp = array_namespace(a, da)
        below = remaining_change(a, da)
        # Upwards it is exp(a + da) (1 - exp(-da)), which cannot overflow.
        power = xp.exp(xp.minimum(a, 0.0) + xp.maximum(below, 0.0))
        sign = xp.where(below > 0, -xp.ones_like(below), xp.ones_like(below))
        return rectified_change(a, da) + self.alpha * sign * power * xp.expm1(sign * below)
