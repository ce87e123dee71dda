"""Two circles, one inside the other."""

from __future__ import annotations

import attrs
import numpy as np

from modnet import Array
from modnet_data.toy.generated import Generated

INNER = 0.5  # radius, beside 1 of the outer circle


@attrs.frozen(kw_only=True)
class Circles(Generated):
    """Two circles about the same centre, of radius 1 (class 0) and 0.5 (class 1): no line tells them apart.

    >>> modnet.load("circles", noise=0.05).classes
    (0, 1)
    """

    def place(self, t: Array, random: np.random.Generator) -> Array:
        """Return points on the circle of their class."""
        angle = 2 * np.pi * random.random(len(t))
        radius = np.where(t == 0, 1.0, INNER)
        return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
