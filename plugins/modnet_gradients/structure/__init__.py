"""Differences from a network's structure."""

from modnet_gradients.structure.gradient import structured_gradient

__all__ = ["structured_gradient"]
