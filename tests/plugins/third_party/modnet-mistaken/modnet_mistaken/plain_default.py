"""The same in a class that is no attrs class."""

from __future__ import annotations

import modnet


class PlainDefault(modnet.Activation):
    def __init__(self, cap: float = "1.0") -> None:
        self.cap = cap

    def __call__(self, a: modnet.Array, axis: int = -1) -> modnet.Array:
        return a


@modnet.hookimpl
def register_activations(register: modnet.Register[modnet.Activation]) -> None:
    register(PlainDefault)
