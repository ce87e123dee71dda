"""A class that is derived from no interface."""

from __future__ import annotations

import modnet


class NotDerived:
    def __call__(self, a: modnet.Array, axis: int = -1) -> modnet.Array:
        return a


@modnet.hookimpl
def register_activations(register: modnet.Register[modnet.Activation]) -> None:
    register(NotDerived)
