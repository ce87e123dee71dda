"""The softmax."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np
from array_api_compat import array_namespace, device

from modnet import Activation, Array


@attrs.frozen
class Softmax(Activation):
    """The softmax along an axis: z_k = exp(a_k - max a) / sum_i exp(a_i - max a).

    Subtracting the largest entry changes nothing but that nothing overflows.
    Saitoh, "Deep Learning from Scratch", eq. 3.10 and 3.11.

    >>> import numpy as np
    >>> Softmax()(np.array([[0.3, 2.9, 4.0], [1010.0, 1000.0, 990.0]])).round(4)
    array([[0.0182, 0.2452, 0.7366],
           [1.    , 0.    , 0.    ]])
    """

    computes: ClassVar[str] = "softmax"
    kinks: ClassVar[tuple[float, ...] | None] = ()

    def __call__(self, a: Array, axis: int = -1) -> Array:
        """Return z, of the shape and dtype of `a`; it sums to 1 along `axis`."""
        xp = array_namespace(a)
        powers = xp.exp(a - xp.max(a, axis=axis, keepdims=True))
        return powers / xp.sum(powers, axis=axis, keepdims=True)

    def backward(self, a: Array, z: Array, dz: Array, axis: int = -1) -> Array:  # noqa: ARG002 - z says it all
        """Return da_k = z_k (dz_k - sum_i z_i dz_i)."""
        xp = array_namespace(z)
        return z * (dz - xp.sum(z * dz, axis=axis, keepdims=True))

    def change(self, a: Array, z: Array, da: Array, axis: int = -1) -> Array:
        """Return the change of z: z_k (w_k - s) / (1 + s) with w = exp(da - da_m) - 1 and s = sum_i z_i w_i.

        The largest output is number m, so that nothing cancels for small `da`.
        """
        xp = array_namespace(a, da)
        largest = xp.argmax(z, axis=axis, keepdims=True)
        at_largest = xp.sum(da * xp.astype(_positions(z, axis) == largest, z.dtype), axis=axis, keepdims=True)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):  # where `da` is large
            w = xp.expm1(da - at_largest)
            mean = xp.sum(z * w, axis=axis, keepdims=True)
            change = z * (w - mean) / (1.0 + mean)
        is_exact = (mean > -0.5) & (mean < 2.0)
        return change if xp.all(is_exact) else xp.where(is_exact, change, self(a + da, axis) - z)


def _positions(z: Array, axis: int) -> Array:
    """Return the positions along `axis`, in the number of axes of `z`."""
    shape = [1] * z.ndim
    shape[axis] = -1
    xp = array_namespace(z)
    return xp.reshape(xp.arange(z.shape[axis], device=device(z)), tuple(shape))
