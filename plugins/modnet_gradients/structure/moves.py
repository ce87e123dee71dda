"""The distinct moves of each sample's pre-activations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

import attrs
import numpy as np

from modnet import Array
from modnet_gradients.structure.columns import TILE


@attrs.frozen(eq=False)
class Moves:
    """The moves of each sample's pre-activation: one for each distinct input value; the bias's input is 1.

    `sample` and `value` (P,) are filled up to whole tiles with moves by 0. The moves `entries[starts[m]:starts[m+1]]`
    are those of input `inputs[m]`.
    """

    sample: Array
    value: Array
    entries: Array
    starts: Array
    inputs: Array

    @classmethod
    def of(cls, z: Array, h_weight: float, h_bias: float, first: int) -> Self:
        """Return the moves of samples with inputs `z` (N, inputs), which are numbered from `first` on."""
        h = np.full((z.shape[1] + 1, len(z)), h_bias, z.dtype)
        np.multiply(z.T, z.dtype.type(h_weight), out=h[:-1])
        nonzero = np.flatnonzero(h != 0)
        moved, row = np.divmod(nonzero, len(z))
        values, value = np.unique(h.reshape(-1)[nonzero], return_inverse=True)
        pairs, entries = np.unique(row * len(values) + value, return_inverse=True)
        row, value = np.divmod(pairs, len(values))
        starts = np.flatnonzero(np.diff(moved, prepend=-1))
        missing = (0, -len(pairs) % TILE)
        return cls(np.pad(row + first, missing, "edge"), np.pad(values[value], missing), entries, starts, moved[starts])

    def sums_by_input(self, moved: Array) -> Array:
        """Return the sums (units, inputs) over the samples of the values after each move, `moved` (units, P)."""
        sums: Array = np.add.reduceat(moved.take(self.entries, axis=1), self.starts, axis=1)
        return sums

    def input_of(self, move: int) -> int:
        """Return an input which makes a move; the number of inputs for the bias."""
        entry = int(np.flatnonzero(self.entries == move)[0])
        return int(self.inputs[np.searchsorted(self.starts, entry, "right") - 1])


def slices(stop: int, size: int, start: int = 0) -> Iterator[slice]:
    """Return slices of at most `size` from `start` to `stop`.

    >>> list(slices(5, 2))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    for first in range(start, stop, max(1, size)):
        yield slice(first, min(stop, first + max(1, size)))
