"""A setting whose default is of another type."""

from __future__ import annotations

import attrs

import modnet


@attrs.frozen
class Default(modnet.Activation):
    cap: float = attrs.field(default="1.0")

    def __call__(self, a: modnet.Array, axis: int = -1) -> modnet.Array:
        return a


@modnet.hookimpl
def register_activations(register: modnet.Register[modnet.Activation]) -> None:
    register(Default)
