"""The identity."""

from __future__ import annotations

from typing import ClassVar

import attrs
from array_api_compat import array_namespace

from modnet import Activation, Array


@attrs.frozen
class Identity(Activation):
    """The identity: z = a, for the output layer of a regression.

    Saitoh, "Deep Learning from Scratch", chapter 3.5.1.

    >>> Identity()(np.array([-1.5, 0.0, 2.0]))
    array([-1.5,  0. ,  2. ])
    """

    elementwise: ClassVar[bool] = True
    kinks: ClassVar[tuple[float, ...] | None] = ()

    def __call__(self, a: Array, axis: int = -1) -> Array:  # noqa: ARG002 - elementwise
        """Return z, a copy of `a`."""
        return +a

    def backward(self, a: Array, z: Array, dz: Array, axis: int = -1) -> Array:  # noqa: ARG002 - elementwise
        """Return da = dz, as a copy."""
        return +dz

    def change(self, a: Array, z: Array, da: Array, axis: int = -1) -> Array:  # noqa: ARG002 - elementwise
        """Return `da`, of the shape that it has with `a`."""
        return da + array_namespace(a).zeros_like(a)
