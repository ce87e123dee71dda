"""A loss that takes the mean itself."""

from __future__ import annotations

import modnet


class Mean(modnet.Loss):
    def __call__(self, y: modnet.Array, t: modnet.Array, axis: int = -1) -> float:
        return float(abs(y - modnet.one_hot(t, y, axis)).mean())


@modnet.hookimpl
def register_losses(register: modnet.Register[modnet.Loss]) -> None:
    register(Mean)
