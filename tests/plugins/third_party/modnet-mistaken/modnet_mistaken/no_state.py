"""An optimizer whose step returns no state."""

from __future__ import annotations

import modnet


class NoState(modnet.Optimizer):
    def init(self, params: modnet.Params) -> modnet.State:
        return {}

    def step(self, params: modnet.Params, grads: modnet.Grads, state: modnet.State) -> modnet.Params:
        return {name: value - grads[name] for name, value in params.items()}


@modnet.hookimpl
def register_optimizers(register: modnet.Register[modnet.Optimizer]) -> None:
    register(NoState)
