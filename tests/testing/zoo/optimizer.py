"""Optimizers, broken and odd."""

from __future__ import annotations

from typing import Any, NamedTuple

import attrs
import numpy as np
from array_api_compat import array_namespace
from attrs.validators import gt

import modnet
from zoo import Cage

CAGE = Cage("optimizer")


@attrs.frozen
class Momentum(modnet.Optimizer):
    """A right one, for others to spoil."""

    lr: float = attrs.field(default=0.01, validator=gt(0))
    decay: float = 0.9

    def init(self, params):
        return {"v": {name: np.zeros_like(w) for name, w in params.items()}}

    def step(self, params, grads, state):
        v = {name: self.decay * state["v"][name] - self.lr * grads[name] for name in params}
        return {name: w + v[name] for name, w in params.items()}, {"v": v}


@CAGE.add_broken("other-arrays")
class MovesNumPysAlone(Momentum):
    def init(self, params):
        return {"v": {name: array_namespace(w).zeros_like(w) for name, w in params.items()}}

    def step(self, params, grads, state):
        new, state = Momentum.step(self, params, grads, state)
        return {name: w if isinstance(w, np.ndarray) else params[name] for name, w in new.items()}, state


@CAGE.add_broken("shape-and-dtype")
class Widening(Momentum):
    def step(self, params, grads, state):
        new, state = Momentum.step(self, params, grads, state)
        return {name: w.astype(np.float64) for name, w in new.items()}, state


@CAGE.add_broken("shape-and-dtype")
class ForgetsTheBiases(Momentum):
    def step(self, params, grads, state):
        new, state = Momentum.step(self, params, grads, state)
        return {name: w for name, w in new.items() if not name.startswith("b")}, state


@CAGE.add_broken("shape-and-dtype")
class Flattens(Momentum):
    def step(self, params, grads, state):
        new, state = Momentum.step(self, {n: w.ravel() for n, w in params.items()},
                                   {n: g.ravel() for n, g in grads.items()},
                                   {"v": {n: v.ravel() for n, v in state["v"].items()}})  # fmt: skip
        return new, state


@CAGE.add_broken("unchanged")
class InPlace(Momentum):
    def step(self, params, grads, state):
        for name, w in params.items():
            if w.flags.writeable:
                w -= self.lr * grads[name]
        return {name: w.copy() for name, w in params.items()}, state


@CAGE.add_broken("unchanged")
class ChangesTheState(Momentum):
    def step(self, params, grads, state):
        for name in params:
            state["v"][name] = self.decay * state["v"][name] - self.lr * grads[name]
        return {name: w + state["v"][name] for name, w in params.items()}, state


@CAGE.add_broken("unchanged")
class ClipsTheGradient(Momentum):
    def step(self, params, grads, state):
        for g in grads.values():
            if g.flags.writeable:
                np.clip(g, -1, 1, out=g)
        return Momentum.step(self, params, grads, state)


@CAGE.add_broken("read-only")
class BorrowsTheGradient(Momentum):
    def step(self, params, grads, state):
        for g in grads.values():
            np.negative(g, out=g)
        new = {name: w + self.lr * grads[name] for name, w in params.items()}
        for g in grads.values():
            np.negative(g, out=g)
        return new, state


@CAGE.add_broken("state")
class KeepsAGenerator(Momentum):
    def init(self, params):
        return {"draw": np.random.default_rng(0)}

    def step(self, params, grads, state):
        return {name: w - self.lr * grads[name] for name, w in params.items()}, state


@CAGE.add_broken("state")
class KeepsASet(Momentum):
    def init(self, params):
        return {"seen": set()}

    def step(self, params, grads, state):
        new = {name: w - self.lr * grads[name] for name, w in params.items()}
        return new, {"seen": state["seen"] | set(params)}


class Velocity:
    def __init__(self, v):
        self.v = v


@CAGE.add_broken("state")
class KeepsAnOddObject(Momentum):
    def init(self, params):
        return {"v": Velocity({name: np.zeros_like(w) for name, w in params.items()})}

    def step(self, params, grads, state):
        new, after = Momentum.step(self, params, grads, {"v": state["v"].v})
        return new, {"v": Velocity(after["v"])}


@CAGE.add_broken("resume")
class CountsOnItself(modnet.Optimizer):
    """Its learning rate falls with a count that no checkpoint knows."""

    def __init__(self, lr: float = 0.1):
        self.lr, self.count = lr, 0

    def init(self, params):
        self.count = 0
        return {"steps": 0}

    def step(self, params, grads, state):
        self.count += 1
        rate = self.lr / self.count
        return {name: w - rate * grads[name] for name, w in params.items()}, {"steps": state["steps"] + 1}


@CAGE.add_broken("resume")
class KeepsTheVelocityOnItself(modnet.Optimizer):
    def __init__(self, lr: float = 0.01):
        self.lr, self.v = lr, {}

    def init(self, params):
        self.v = {name: np.zeros_like(w) for name, w in params.items()}
        return {}

    def step(self, params, grads, state):
        self.v = {name: 0.9 * self.v[name] - self.lr * grads[name] for name in params}
        return {name: w + self.v[name] for name, w in params.items()}, {}


@CAGE.add_broken("finite")
class Normalising(Momentum):
    def step(self, params, grads, state):
        new = {name: w - self.lr * grads[name] / np.sqrt((grads[name] ** 2).sum()) for name, w in params.items()}
        return new, state


@CAGE.add_broken("finite")
class Exponentiating(Momentum):
    def step(self, params, grads, state):
        return {name: w - self.lr * np.sinh(grads[name]) for name, w in params.items()}, state


@CAGE.add_broken("parabola")
class Uphill(Momentum):
    def step(self, params, grads, state):
        return {name: w + self.lr * grads[name] for name, w in params.items()}, state


@CAGE.add_broken("parabola")
class FirstEntryOnly(Momentum):
    def step(self, params, grads, state):
        return {name: w - self.lr * grads[name].ravel()[0] for name, w in params.items()}, state


@CAGE.add_broken("parabola")
class StopsTooSoon(Momentum):
    def init(self, params):
        return {"rate": 1.0}

    def step(self, params, grads, state):
        rate = min(self.lr, 0.02) * state["rate"]
        return {name: w - rate * grads[name] for name, w in params.items()}, {"rate": 0.9 * state["rate"]}


@CAGE.add_broken("rosenbrock")
class Timid(Momentum):
    """Steps of a fixed length that is enough for a parabola, and jumps to and fro in a narrow valley."""

    def step(self, params, grads, state):
        return {name: w - 0.005 * np.sign(grads[name]) for name, w in params.items()}, state


@CAGE.add_broken("deterministic")
class Langevin(Momentum):
    def step(self, params, grads, state):
        noise = np.random.default_rng()
        new, state = Momentum.step(self, params, grads, state)
        return {n: w + (1e-6 * noise.standard_normal(w.shape)).astype(w.dtype) for n, w in new.items()}, state


@CAGE.add_broken("memory")
class LogsItsSteps(modnet.Optimizer):
    def __init__(self, lr: float = 0.01):
        self.lr, self.norms = lr, []

    def init(self, params):
        return {}

    def step(self, params, grads, state):
        self.norms.append(float(sum((g**2).sum() for g in grads.values())))
        return {name: w - self.lr * grads[name] for name, w in params.items()}, {}


@CAGE.add_broken("global-state")
class SetsTheSeed(Momentum):
    def init(self, params):
        np.random.seed(0)
        return Momentum.init(self, params)


@CAGE.add_broken("threads")
class SharesTheRate(modnet.Optimizer):
    def __init__(self, lr: float = 0.01):
        self.lr, self.rate = lr, 0.0

    def init(self, params):
        return {"steps": 0}

    def step(self, params, grads, state):
        self.rate = self.lr / (1 + len(params["w"]) if "w" in params else 1)
        new = {name: w - self.rate * grads[name] for name, w in params.items()}
        self.rate = 0.0
        return new, {"steps": state["steps"] + 1}


@CAGE.add_broken("settings-kept")
class LosesItsRate(modnet.Optimizer):
    def __init__(self, lr: float = 0.01, decay: float = 0.0):
        self.lr, self.decay = lr, 1 - decay

    def init(self, params):
        return {}

    def step(self, params, grads, state):
        return {name: w - self.lr * grads[name] for name, w in params.items()}, {}


@CAGE.add_legal()
@attrs.frozen
class CountsInItsState(Momentum):
    """Its state is a whole number, and the rate falls with it."""

    def init(self, params):
        return {"steps": 0}

    def step(self, params, grads, state):
        rate = self.lr / (1 + 0.001 * state["steps"])
        return {name: w - rate * grads[name] for name, w in params.items()}, {"steps": state["steps"] + 1}


class Moments(NamedTuple):
    steps: int
    mean: Any
    square: Any


@CAGE.add_legal()
@attrs.frozen
class NamedState(modnet.Optimizer):
    """Adam, whose state is a named tuple."""

    lr: float = 0.01

    def init(self, params):
        zeros = {name: np.zeros_like(w) for name, w in params.items()}
        return Moments(0, zeros, dict(zeros))

    def step(self, params, grads, state):
        k = state.steps + 1
        mean = {n: 0.9 * state.mean[n] + 0.1 * g for n, g in grads.items()}
        square = {n: 0.999 * state.square[n] + 0.001 * g * g for n, g in grads.items()}
        new = {
            n: w - self.lr * (mean[n] / (1 - 0.9**k)) / (np.sqrt(square[n] / (1 - 0.999**k)) + 1e-8)
            for n, w in params.items()
        }
        return new, Moments(k, mean, square)


@CAGE.add_legal()
@attrs.frozen
class Stateless(modnet.Optimizer):
    lr: float = 0.1

    def init(self, params):
        return {}

    def step(self, params, grads, state):
        return {name: w - self.lr * grads[name] for name, w in params.items()}, {}


@CAGE.add_legal()
@attrs.frozen
class WeightDecay(Momentum):
    """Draws the weights towards 0, so that it ends beside the minimum, if only a little."""

    def step(self, params, grads, state):
        new, state = Momentum.step(self, params, grads, state)
        return {name: w - 1e-4 * self.lr * params[name] for name, w in new.items()}, state


@CAGE.add_legal()
@attrs.frozen
class ResilientBackpropagation(modnet.Optimizer):
    """Has no learning rate: each entry has a step of its own."""

    first: float = 0.05

    def init(self, params):
        steps = {name: np.full_like(w, self.first) for name, w in params.items()}
        return {"step": steps, "sign": {name: np.zeros_like(w) for name, w in params.items()}}

    def step(self, params, grads, state):
        sign = {name: np.sign(g) for name, g in grads.items()}
        turned = {name: sign[name] * state["sign"][name] for name in params}
        steps = {}
        for name, t in turned.items():
            factor = np.where(t > 0, 1.2, np.where(t < 0, 0.5, 1.0)).astype(t.dtype)
            steps[name] = np.clip(state["step"][name] * factor, 1e-6, 1)
        return {name: w - steps[name] * sign[name] for name, w in params.items()}, {"step": steps, "sign": sign}
