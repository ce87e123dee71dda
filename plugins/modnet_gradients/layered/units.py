"""Changes of each sample's loss by single units of a dense layer, anywhere in a network."""

from __future__ import annotations

from typing import Self

import attrs
import numpy as np

from modnet import Array, Layer
from modnet_gradients.forms import has_exact_changes
from modnet_gradients.layered.chain import EVERYTHING, Chain, Link
from modnet_gradients.structure.levels import Level

NUMBERS = 1 << 18  # in an array, where units are evaluated together: 2 megabytes


@attrs.frozen(eq=False)
class Units:
    """The units of link k of a chain, a dense layer, with the links up to `stop` in which each stays by itself."""

    chain: Chain
    k: int
    stop: int

    @classmethod
    def of(cls, chain: Chain, k: int) -> Self:
        """Return the units of link k."""
        stop = k + 1
        while stop < len(chain.links) and _keeps_apart(chain.links[stop]):
            stop += 1
        return cls(chain, k, stop)

    @property
    def alone(self) -> tuple[Link, ...]:
        """The links in which each unit stays by itself."""
        return self.chain.links[self.k + 1 : self.stop]

    @property
    def count(self) -> int:
        """The number of units."""
        return self.chain.links[self.k].place.outputs[0]

    def choose_level(self) -> Level:
        """Return how the units may be evaluated, by what all parts that follow promise."""
        rest = self.chain.links[self.stop :]
        if not self.chain.ends_smooth or not all(_is_smooth(link) for link in rest):
            return "every"
        return "nodes" if all(_is_smooth(link) for link in self.alone) else "outputs"

    def has_exact_changes(self, first: int) -> bool:
        """Return whether the links from one on, and the loss, have forms of changes of their own."""
        layers = [link.place.layer for link in self.chain.links[first:]]
        activations = [layer.activation for layer in layers if layer.activation is not None]
        own = all(type(layer).change is not Layer.change for layer in layers)
        return own and has_exact_changes([*activations, self.chain.activation], self.chain.loss)

    def at_once(self, moves: int) -> int:
        """Return how many units are evaluated together, by so many moves each."""
        return max(1, NUMBERS // (moves * self.chain.numbers(self.stop, EVERYTHING)))

    def pass_alone(self, da: Array, units: slice) -> tuple[Array, Array]:
        """Return what comes out of the last link in which units stay by themselves, where they are moved by `da`.

        `da` is (M, N, units), as are the changes. Beside them it returns which cells (N, units) have a kink in reach.
        """
        near = np.zeros(da.shape[1:], bool)
        for link in self.alone:
            if kinks := link.place.layer.kinks:
                x, reach = link.x[:, units], np.abs(da).max(axis=0)
                for kink in kinks:
                    near |= np.abs(x - x.dtype.type(kink)) <= reach
            da, _ = link.change(da, units)
        return da, near

    def changes_after(self, dz: Array, units: slice) -> Array:
        """Return the changes (units, M, N) of the losses where the last of these links' outputs change by `dz`.

        `dz` is (M, N, units), each unit moved by itself.
        """
        chain, moves = self.chain, dz.transpose(2, 0, 1)
        link = chain.links[self.stop] if self.stop < len(chain.links) else None
        if link is None or not link.place.layer.is_dense:
            each = range(units.start, units.start + len(moves))
            dz = dz[..., np.newaxis, :]
            return np.stack([chain.changes(self.stop - 1, dz[..., i], slice(j, j + 1)) for i, j in enumerate(each)])
        weights = link.own["W"][units]
        if self.stop == len(chain.links) - 1 and (found := chain.changes_along(weights.T, moves)) is not None:
            return found
        spread = (moves[..., np.newaxis] * weights[:, np.newaxis, np.newaxis]).reshape(
            -1, dz.shape[1], weights.shape[1]
        )
        return chain.changes(self.stop, spread, EVERYTHING).reshape(moves.shape)


def _keeps_apart(link: Link) -> bool:
    """Return whether each unit that goes into a layer moves that unit alone."""
    inputs, layer = link.place.inputs, link.place.layer
    if len(inputs) != 1 or link.place.outputs != inputs:
        return False
    return all(layer.reach(inputs, slice(unit, unit + 1)) == slice(unit, unit + 1) for unit in range(inputs[0]))


def _is_smooth(link: Link) -> bool:
    """Return whether each sample's outputs are a smooth function of its own inputs, but for known kinks."""
    return link.place.layer.kinks is not None and not link.couples
