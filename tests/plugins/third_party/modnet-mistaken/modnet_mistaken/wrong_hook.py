"""A loss registered as an activation."""

from __future__ import annotations

import modnet


class WrongHook(modnet.Loss):
    def __call__(self, y: modnet.Array, t: modnet.Array, axis: int = -1) -> modnet.Array:
        return y


@modnet.hookimpl
def register_activations(register: modnet.Register[modnet.Activation]) -> None:
    register(WrongHook)
