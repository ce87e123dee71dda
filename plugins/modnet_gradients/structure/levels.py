"""Levels of evaluation of a layer's differences, by what parts promise."""

from __future__ import annotations

from typing import Literal, get_args

import attrs

from modnet_gradients.structure.columns import Columns

Evaluate = Literal["nodes", "every"]
EVALUATE: tuple[Evaluate, ...] = get_args(Evaluate)
Level = Literal["nodes", "outputs", "every", "slopes"]
_WORDS: dict[Level, str] = {
    "nodes": "interpolated",
    "outputs": "interpolated after {after}",
    "every": "every move",
    "slopes": "one complex step for each cell",
}


@attrs.frozen
class LayerCells:
    """The way a layer's differences were evaluated, and the number of its cells that fell back to every move.

    A cell is a sample and a unit, or a channel of an image. The level is "nodes": the loss is evaluated at a few moves
    of each cell, and interpolated. "outputs": the activation is evaluated at every move, and what follows is
    interpolated. "every": all is evaluated at every move. "slopes": one complex step serves all moves.

    >>> print(LayerCells(1, "nodes", 5000, 3))
    layer 1: interpolated, 5,000 cells, of which 3 are evaluated at every move
    """

    layer: int
    level: Level
    cells: int
    fell_back: int = 0
    label: str = ""
    after: str = "the activation"

    def __str__(self) -> str:
        back = f", of which {self.fell_back:,} are evaluated at every move" if self.fell_back else ""
        layer, how = self.label or f"layer {self.layer}", _WORDS[self.level].format(after=self.after)
        return f"{layer}: {how}, {self.cells:,} cells{back}"


def choose_level(columns: Columns, k: int) -> Level:
    """Return the level for layer k: what it and all that follows promise, or else what only follows.

    A fused loss promises for the activation that it contains.
    """
    *hidden, last = (layer.activation for layer in columns.layers)
    activations = hidden if columns.fused is not None else [*hidden, last]
    if not columns.loss.smooth or any(activation.kinks is None for activation in activations[k + 1 :]):
        return "every"
    if all(activation.kinks is not None for activation in activations[k : k + 1]):
        return "nodes"
    return "outputs" if columns.is_alone(k) else "every"
