"""An optimizer that cannot step."""

from __future__ import annotations

import modnet


class Unfinished(modnet.Optimizer):
    def init(self, params: modnet.Params) -> modnet.State:
        return {}


@modnet.hookimpl
def register_optimizers(register: modnet.Register[modnet.Optimizer]) -> None:
    register(Unfinished)
