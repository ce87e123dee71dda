"""Exclusive or of two inputs."""

from __future__ import annotations

import attrs
import numpy as np

from modnet import Array
from modnet_data.toy.generated import Generated, check_noise


@attrs.frozen(kw_only=True)
class Xor(Generated):
    """Exclusive or: points about (0, 0) and (1, 1) are class 0, about (0, 1) and (1, 0) class 1.

    Without noise, it is the truth table again and again.

    >>> data = modnet.load("xor", noise=0)
    >>> x = data.train.unscaled(slice(None))
    >>> bool(((x[:, 0] != x[:, 1]) == data.train.t).all())
    True
    """

    noise: float = attrs.field(default=0.15, validator=check_noise)

    def place(self, t: Array, random: np.random.Generator) -> Array:
        """Return points (0 or 1, 0 or 1)."""
        first = random.integers(0, 2, len(t))
        return np.column_stack([first, first ^ t]).astype(np.float64)
