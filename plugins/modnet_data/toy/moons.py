"""Two half circles that reach into each other."""

from __future__ import annotations

import attrs
import numpy as np

from modnet import Array
from modnet_data.toy.generated import Generated, check_noise


@attrs.frozen(kw_only=True)
class Moons(Generated):
    """Two half circles of radius 1 that reach into each other, as scikit-learn's `make_moons` has them.

    >>> data = modnet.load("moons", samples=200)
    >>> data.train.x.shape, data.classes
    ((160, 2), (0, 1))
    """

    noise: float = attrs.field(default=0.2, validator=check_noise)

    def place(self, t: Array, random: np.random.Generator) -> Array:
        """Return points: class 0 above, class 1 below and to the right."""
        angle = np.pi * random.random(len(t))
        upper = np.column_stack([np.cos(angle), np.sin(angle)])
        return np.where(t[:, None] == 0, upper, [1.0, 0.5] - upper)
