"""Differences and slopes from the structure of any network of layers."""

from modnet_gradients.layered.chain import Link, make_links
from modnet_gradients.layered.gradient import gradient_and_cells
from modnet_gradients.layered.network import find_gradients, links_of_network
from modnet_gradients.layered.tangents import carry_forwards, find_tangents

__all__ = [
    "Link",
    "carry_forwards",
    "find_gradients",
    "find_tangents",
    "gradient_and_cells",
    "links_of_network",
    "make_links",
]
