"""Optimizers whose states are arrays, nested values and nothing at all."""

import enum
from typing import NamedTuple

import attrs
import numpy as np
from attrs.validators import ge, gt, lt

import modnet


class Schedule(enum.Enum):
    CONSTANT = "constant"
    FALLING = "falling"


class Totals(NamedTuple):
    steps: int
    squares: float


@attrs.frozen
class Plain(modnet.Optimizer):
    """Descent without a state, along gradients that may be clipped."""

    lr: float = attrs.field(default=0.1, validator=gt(0))
    clip: float | None = None

    def init(self, params):
        return {}

    def step(self, params, grads, state):
        limit = np.inf if self.clip is None else self.clip
        return {n: w - w.dtype.type(self.lr) * np.clip(grads[n], -limit, limit) for n, w in params.items()}, state


@attrs.frozen
class SignMomentum(modnet.Optimizer):
    """Steps of equal size along the sign of the gradient's running mean (Bernstein et al. 2018)."""

    lr: float = attrs.field(default=0.001, validator=gt(0))
    decay: float = attrs.field(default=0.9, validator=[ge(0), lt(1)])

    def init(self, params):
        return {"mean": {name: np.zeros_like(value) for name, value in params.items()}}

    def step(self, params, grads, state):
        mean = {name: self.decay * state["mean"][name] + (1 - self.decay) * grads[name] for name in params}
        return {name: value - self.lr * np.sign(mean[name]) for name, value in params.items()}, {"mean": mean}


@attrs.frozen
class AdagradNorm(modnet.Optimizer):
    """Adagrad with one number for all parameters (Ward et al. 2019)."""

    lr: float = attrs.field(default=0.5, validator=gt(0))

    def init(self, params):
        return Totals(0, 1e-8)

    def step(self, params, grads, state):
        squares = state.squares + float(sum((g.astype(np.float64) ** 2).sum() for g in grads.values()))
        new = {name: (w - self.lr / squares**0.5 * grads[name]).astype(w.dtype) for name, w in params.items()}
        return new, Totals(state.steps + 1, squares)


@attrs.frozen
class Scheduled(modnet.Optimizer):
    """Momentum whose rate may fall with the steps."""

    lr: float = attrs.field(default=0.05, validator=gt(0))
    schedule: Schedule = Schedule.CONSTANT
    horizons: dict[str, int] = attrs.field(factory=lambda: {"short": 100, "long": 10_000})

    def init(self, params):
        return {"step": 0, "v": {name: np.zeros_like(w) for name, w in params.items()}, "note": None}

    def step(self, params, grads, state):
        k = state["step"]
        rate = self.lr / (1 + k / self.horizons["short"]) if self.schedule is Schedule.FALLING else self.lr
        v = {name: (0.5 * state["v"][name] - rate * grads[name]).astype(w.dtype) for name, w in params.items()}
        return {name: w + v[name] for name, w in params.items()}, {"step": k + 1, "v": v, "note": None}


@modnet.hookimpl
def register_optimizers(register):
    register(Plain)
    register(SignMomentum)
    register(AdagradNorm)
    register(Scheduled)
