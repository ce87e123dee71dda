"""Three arms of a spiral."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np

from modnet import Array
from modnet_data.toy.generated import Generated, check_noise

TURN = 4.0  # radians, from the centre to the end of an arm


@attrs.frozen(kw_only=True)
class Spiral(Generated):
    """Three arms of a spiral, a class each, that wind about the centre: a network without hidden layers fails on it.

    >>> modnet.load("spiral").classes
    (0, 1, 2)
    """

    classes: ClassVar[int] = 3

    noise: float = attrs.field(default=0.05, validator=check_noise)

    def place(self, t: Array, random: np.random.Generator) -> Array:
        """Return points on the arm of their class."""
        radius = np.sqrt(random.random(len(t)))  # as many points at the end of an arm as near the centre
        angle = TURN * radius + 2 * np.pi * t / self.classes
        return np.column_stack([radius * np.sin(angle), radius * np.cos(angle)])
