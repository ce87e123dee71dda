"""Differences from a network's structure."""

from modnet_gradients.structure.gradient import gradient_and_cells, structured_gradient
from modnet_gradients.structure.levels import EVALUATE, Evaluate, LayerCells

__all__ = ["EVALUATE", "Evaluate", "LayerCells", "gradient_and_cells", "structured_gradient"]
