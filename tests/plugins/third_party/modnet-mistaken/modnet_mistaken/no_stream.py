"""An estimator that takes no random stream."""

from __future__ import annotations

from collections.abc import Callable

import modnet


class NoStream(modnet.GradientEstimator):
    def __call__(self, objective: Callable[[modnet.Params], float], params: modnet.Params) -> modnet.Grads:
        return params


@modnet.hookimpl
def register_gradients(register: modnet.Register[modnet.GradientEstimator]) -> None:
    register(NoStream)
