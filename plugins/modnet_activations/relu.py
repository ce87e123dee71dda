"""The rectified linear unit."""

from __future__ import annotations

from typing import ClassVar

import attrs
from array_api_compat import array_namespace, is_numpy_namespace

from modnet import Activation, Array
from modnet_activations.changes import rectified_change


@attrs.frozen
class Relu(Activation):
    """The rectified linear unit: z = max(a, 0); its derivative at 0 is taken as 0.

    Nair and Hinton (2010), "Rectified linear units improve restricted Boltzmann machines"; Saitoh, "Deep
    Learning from Scratch", eq. 3.7.

    >>> Relu()(np.array([-1.5, 0.0, 2.0]))
    array([0., 0., 2.])
    """

    elementwise: ClassVar[bool] = True
    kinks: ClassVar[tuple[float, ...] | None] = (0.0,)

    def __call__(self, a: Array, axis: int = -1) -> Array:  # noqa: ARG002 - elementwise
        """Return z, of the shape and dtype of `a`."""
        xp = array_namespace(a)
        if is_numpy_namespace(xp):
            return xp.maximum(a, 0.0)
        return xp.where(a <= 0, xp.zeros_like(a), a)  # not max, which autodiff gives the slope 1/2 at 0

    def backward(self, a: Array, z: Array, dz: Array, axis: int = -1) -> Array:  # noqa: ARG002 - elementwise
        """Return da = dz where a > 0, otherwise 0."""
        return array_namespace(a).where(a > 0, dz, 0.0)

    def change(self, a: Array, z: Array, da: Array, axis: int = -1) -> Array:  # noqa: ARG002 - elementwise
        """Return the change of z: `da` itself where nothing is cut off."""
        return rectified_change(a, da)
