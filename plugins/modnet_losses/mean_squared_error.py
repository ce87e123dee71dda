"""The mean squared error."""

from __future__ import annotations

from typing import ClassVar

import attrs
from array_api_compat import array_namespace

from modnet import Array, Loss, one_hot


@attrs.frozen
class MeanSquaredError(Loss):
    """The mean squared error over a sample's n outputs: sum_k (y_k - t_k)² / n.

    The variant of Keras, scikit-learn, PyTorch and ONNX. Saitoh, "Deep Learning from Scratch", eq. 4.1, has
    half the sum instead, which is n / 2 times this one.

    >>> MeanSquaredError()(np.array([[0.5, 0.0], [1.0, 3.0]]), np.array([[1.0, 0.0], [1.0, 1.0]]))
    array([0.125, 2.   ])
    """

    smooth: ClassVar[bool] = True

    def __call__(self, y: Array, t: Array, axis: int = -1) -> Array:
        """Return the loss of each sample; `t` are class indices, or dense targets of the shape of `y`."""
        difference = y - one_hot(t, y, axis)
        return array_namespace(y).mean(difference * difference, axis=axis)

    def backward(self, y: Array, t: Array, axis: int = -1) -> Array:
        """Return dy_k = 2 (y_k - t_k) / n."""
        return (y - one_hot(t, y, axis)) * (2.0 / y.shape[axis])

    def change(self, y: Array, t: Array, dy: Array, axis: int = -1) -> Array:
        """Return sum_k dy_k (2 (y_k - t_k) + dy_k) / n, in which nothing cancels."""
        change = 2.0 * (y - one_hot(t, y, axis)) + dy
        change *= dy
        return array_namespace(y).mean(change, axis=axis)
