"""Tiny networks with all numbers written out."""

from __future__ import annotations

from typing import Any

import numpy as np

from modnet import Network

BOOK: dict[str, Any] = {
    "W1": [[0.1, 0.3, 0.5], [0.2, 0.4, 0.6]],
    "b1": [0.1, 0.2, 0.3],
    "W2": [[0.1, 0.4], [0.2, 0.5], [0.3, 0.6]],
    "b2": [0.1, 0.2],
}


def make_book_example() -> tuple[Network, Any, Any]:
    """Return a network of 2 -> 3 -> 2 units with the book's numbers, a sample and its class.

    They are those of the first two layers of chapter 3.4 of Saitoh, "Deep Learning from Scratch".

    >>> net, x, t = make_book_example()
    >>> net.trace_update(x, t)["z1"].round(8)
    array([[0.57444252, 0.66818777, 0.75026011]])
    """
    network = Network([2, 3, 2])
    network.params |= {name: np.array(value) for name, value in BOOK.items()}
    return network, np.array([[1.0, 0.5]]), np.array([0])
