"""Dropout."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from array_api_compat import array_namespace, device
from attrs.validators import and_, ge, lt

from modnet import Array, Layer, Mode, Params, Stream, is_numpy


@attrs.frozen
class Dropout(Layer):
    """Dropout: in training each number is 0 with probability `rate`, and otherwise x / (1 - rate).

    So the mean of each number is x, and a prediction takes x itself. (The book, whose rate is `dropout_ratio`, keeps x
    as it is in training, and predicts with (1 - rate) x: the same network, with the next layer's weights scaled.)
    Srivastava et al. (2014), "Dropout: a simple way to prevent neural networks from overfitting", chapter 10 for the
    scaling; Saitoh, "Deep Learning from Scratch", chapter 6.4.3.

    >>> Dropout(rate=0.5).forward({}, np.ones((2, 5)), "train", modnet.Stream(0))[0]
    array([[0., 2., 2., 0., 0.],
           [2., 2., 2., 2., 0.]])
    """

    rate: float = attrs.field(default=0.5, validator=and_(ge(0), lt(1)))
    elementwise = True
    kinks = ()

    def forward(self, params: Params, x: Array, mode: Mode, stream: Stream) -> tuple[Array, Any]:
        """Return the outputs, and what each input was multiplied with; None in predict mode, where z is x."""
        if mode == "predict":
            return x, None
        kept = stream.generator().random(x.shape) >= self.rate
        if not is_numpy(x):
            mask = array_namespace(x).asarray(kept / (1 - self.rate), dtype=x.dtype, device=device(x))
            return x * mask, mask
        mask = np.multiply(kept, 1 / (1 - self.rate), out=np.empty_like(x))  # in the order in which x lies in memory
        return x * mask, mask

    def backward(self, params: Params, x: Array, z: Array, memo: Any, dz: Array) -> Array:
        """Return dx = mask dz."""
        return dz if memo is None else dz * memo

    def change(
        self, params: Params, x: Array, z: Array, memo: Any, dx: Array, channels: slice, mode: Mode, stream: Stream
    ) -> Array:
        """Return mask dx: the mask is the same for all moves of an iteration."""
        return dx if memo is None else dx * memo[:, channels, ...]
