"""A backward pass that does not take the outputs."""

from __future__ import annotations

import modnet


class NoOutputs(modnet.Activation):
    def __call__(self, a: modnet.Array, axis: int = -1) -> modnet.Array:
        return a

    def backward(self, a: modnet.Array, dz: modnet.Array, axis: int = -1) -> modnet.Array:
        return dz


@modnet.hookimpl
def register_activations(register: modnet.Register[modnet.Activation]) -> None:
    register(NoOutputs)
