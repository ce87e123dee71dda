"""The leaky rectified linear unit."""

from __future__ import annotations

from typing import ClassVar

import attrs
from array_api_compat import array_namespace
from attrs.validators import ge

from modnet import Activation, Array
from modnet_activations.changes import rectified_change, remaining_change


@attrs.frozen
class LeakyRelu(Activation):
    """The leaky rectified linear unit: z = a where a > 0, otherwise slope a.

    Its derivative at 0 is taken as slope. Maas, Hannun and Ng (2013), "Rectifier nonlinearities improve
    neural network acoustic models".

    >>> LeakyRelu(slope=0.1)(np.array([-1.5, 0.0, 2.0]))
    array([-0.15,  0.  ,  2.  ])
    """

    slope: float = attrs.field(default=0.01, validator=ge(0))

    elementwise: ClassVar[bool] = True

    @property
    def kinks(self) -> tuple[float, ...]:  # type: ignore[override]
        """The kink at 0, unless the slope is 1."""
        return () if self.slope == 1 else (0.0,)

    def __call__(self, a: Array, axis: int = -1) -> Array:  # noqa: ARG002 - elementwise
        """Return z, of the shape and dtype of `a`."""
        return array_namespace(a).where(a > 0, a, self.slope * a)

    def backward(self, a: Array, z: Array, dz: Array, axis: int = -1) -> Array:  # noqa: ARG002 - elementwise
        """Return da = dz where a > 0, otherwise slope dz."""
        return array_namespace(a).where(a > 0, dz, self.slope * dz)

    def change(self, a: Array, z: Array, da: Array, axis: int = -1) -> Array:  # noqa: ARG002 - elementwise
        """Return the change of z: of both pieces, each without cancellation."""
        return rectified_change(a, da) + self.slope * remaining_change(a, da)
