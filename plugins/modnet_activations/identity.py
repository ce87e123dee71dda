"""The identity."""

from __future__ import annotations

from typing import ClassVar

import attrs

from modnet import Activation, Array


@attrs.frozen
class Identity(Activation):
    """The identity: z = a, for the output layer of a regression.

    Saitoh, "Deep Learning from Scratch", chapter 3.5.1.

    >>> Identity()(np.array([-1.5, 0.0, 2.0]))
    array([-1.5,  0. ,  2. ])
    """

    elementwise: ClassVar[bool] = True

    def __call__(self, a: Array, axis: int = -1) -> Array:  # noqa: ARG002 - elementwise
        """Return z, a copy of `a`."""
        return +a

    def backward(self, a: Array, z: Array, dz: Array, axis: int = -1) -> Array:  # noqa: ARG002 - elementwise
        """Return da = dz, as a copy."""
        return +dz
