"""Mini-batches as a pure function of the seed and the iteration."""

from __future__ import annotations

from typing import Literal

import attrs
import numpy as np

from modnet.errors import SettingError
from modnet.randomness import Stream
from modnet.types import Array

Sampling = Literal["replacement", "shuffle"]
DRAWN_AT_ONCE = 1000  # batches, which costs little more than drawing one


@attrs.define
class Batches:
    """The mini-batches of `size` out of `samples`, from 0 on.

    "replacement": each batch is drawn with replacement, as the book does. "shuffle": each epoch is a fresh permutation
    cut into batches, the last of them smaller where it does not divide.
    """

    samples: int
    size: int
    sampling: Sampling
    stream: Stream
    _drawn: tuple[int, Array] = attrs.field(default=(-1, np.empty(0, np.int64)), init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.sampling == "shuffle" and self.size > self.samples:
            what = f"'batch_size' must be <= the {self.samples} training samples when they are shuffled: {self.size}"
            raise SettingError([what], "training")

    @property
    def iterations_per_epoch(self) -> float:
        """The number of batches that hold as many samples as there are."""
        return self.samples / self.size if self.sampling == "replacement" else -(-self.samples // self.size)

    def draw(self, t: int) -> Array:
        """Return the sample indices of batch `t`, int64, of shape (size,)."""
        at_once = DRAWN_AT_ONCE if self.sampling == "replacement" else int(self.iterations_per_epoch)
        number, row = divmod(t, at_once)
        return self._block(number)[row * self.size : (row + 1) * self.size]

    def ends_epoch(self, t: int) -> bool:
        """Return whether batch `t` completes an epoch: as many samples drawn as there are, or a multiple of it."""
        if self.sampling == "replacement":
            return (t + 1) * self.size // self.samples > t * self.size // self.samples
        return (t + 1) % self.iterations_per_epoch == 0

    def _block(self, number: int) -> Array:
        """Return a thousand batches in a row, or an epoch's permutation; the last one stays drawn."""
        if self._drawn[0] != number:
            draws, count = self.stream.child(number).generator(), DRAWN_AT_ONCE * self.size
            is_shuffled = self.sampling == "shuffle"
            block = draws.permutation(self.samples) if is_shuffled else draws.integers(0, self.samples, count)
            self._drawn = number, block
        return self._drawn[1]
