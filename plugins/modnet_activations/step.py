"""The step function."""

from __future__ import annotations

from typing import ClassVar

import attrs
from array_api_compat import array_namespace

from modnet import Activation, Array


@attrs.frozen
class Step(Activation):
    """The step function of the perceptron: z = 1 where a > 0, otherwise 0.

    Its derivative is 0 wherever there is one, so that it has no `backward`; estimators that take longer
    strides than a derivative can still train with it. Saitoh, "Deep Learning from Scratch", chapter 3.2.

    >>> Step()(np.array([-1.5, 0.0, 2.0]))
    array([0., 0., 1.])
    """

    elementwise: ClassVar[bool] = True
    kinks: ClassVar[tuple[float, ...] | None] = (0.0,)

    def __call__(self, a: Array, axis: int = -1) -> Array:  # noqa: ARG002 - elementwise
        """Return z, of the shape and dtype of `a`."""
        return array_namespace(a).astype(a > 0, a.dtype)
