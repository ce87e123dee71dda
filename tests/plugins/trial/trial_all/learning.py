"""An estimator and an optimizer."""

import attrs
import numpy as np
from attrs.validators import ge, gt, lt

import modnet


@attrs.frozen
class Sparse(modnet.GradientEstimator):
    """The gradient, of which random entries are kept and enlarged."""

    keep: float = attrs.field(default=0.5, validator=[gt(0), lt(1.1)])

    def __call__(self, objective, params, stream):
        draw, exact = stream.generator(), objective.backward(params)
        return {n: (g * (draw.random(g.shape) < self.keep) / self.keep).astype(g.dtype) for n, g in exact.items()}


@attrs.frozen
class Rates:
    first: float = 0.9
    second: float = 0.99


@attrs.frozen
class Lion(modnet.Optimizer):
    """The sign of an interpolated momentum (Chen et al. 2023)."""

    lr: float = attrs.field(default=1e-2, validator=gt(0))
    rates: Rates = attrs.field(factory=Rates)
    decay: float = attrs.field(default=0.0, validator=ge(0))

    def init(self, params):
        return {"m": {name: np.zeros_like(w) for name, w in params.items()}}

    def step(self, params, grads, state):
        m, (b1, b2) = state["m"], (self.rates.first, self.rates.second)
        new = {n: w - self.lr * (np.sign(b1 * m[n] + (1 - b1) * grads[n]) + self.decay * w) for n, w in params.items()}
        return new, {"m": {n: b2 * m[n] + (1 - b2) * grads[n] for n in params}}
