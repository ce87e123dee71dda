"""An activation that knows no axis."""

from __future__ import annotations

import modnet


class NoAxis(modnet.Activation):
    def __call__(self, a: modnet.Array) -> modnet.Array:
        return a


@modnet.hookimpl
def register_activations(register: modnet.Register[modnet.Activation]) -> None:
    register(NoAxis)
