"""The book's network of two layers."""

from __future__ import annotations

from typing import Any

import numpy as np

import modnet
from modnet import SettingError, is_weight


class TwoLayerNet(modnet.TwoLayerNet):
    """The network of chapter 4.5.1, as its class: sigmoid, softmax, cross entropy; targets are one-hot or indices.

    `params` holds W1, b1, W2 and b2, and its arrays may be changed in place: `net.params["W1"] -= lr * grad["W1"]`.
    `numerical_gradient(x, t)` returns the book's central differences with h = 1e-4, and `gradient(x, t)` the same by
    backpropagation. Weights are drawn by `np.random.randn`, W1 first: after `np.random.seed` they are, bit for bit,
    those of the book's class, and `np.random.choice` then takes the same batches. All else is `modnet.TwoLayerNet`.

    >>> np.random.seed(0)
    >>> net = TwoLayerNet(input_size=784, hidden_size=50, output_size=10)
    >>> print(net.params["W1"][0, 0].round(8), net.params["b2"].shape)
    0.01764052 (10,)
    """

    def __init__(self, input_size: int, hidden_size: int, output_size: int, weight_init_std: float = 0.01) -> None:
        std: Any = weight_init_std
        if isinstance(std, str):
            what = f"'weight_init_std' must be a number here: {std!r}; modnet.TwoLayerNet takes such names"
            raise SettingError([what], "network")
        super().__init__(input_size, hidden_size, output_size, weight_init_std=std)
        for name, value in self.params.items():
            if is_weight(name):  # by the stream that the book's user seeds
                self.params[name] = std * np.random.randn(*value.shape)  # noqa: NPY002

    # As in training, linear algebra has one thread: for batches of this size two are no faster, and far slower where
    # others are at work.

    @modnet.limit_blas_threads(1)
    def loss(self, x: Any, t: Any, weights: Any = None) -> float:
        """Return the mean cross entropy of a batch."""
        return super().loss(x, t, weights)

    @modnet.limit_blas_threads(1)
    def gradient(self, x: Any, t: Any, *estimator: Any, **settings: Any) -> Any:
        """Return the gradient by backpropagation, or as the estimator of `modnet.TwoLayerNet.gradient` obtains it."""
        return super().gradient(x, t, *estimator, **settings)
