"""Gradient estimators, broken and odd."""

from __future__ import annotations

import random

import attrs
import numpy as np

import modnet
from zoo import Cage

CAGE = Cage("gradient")


class Exact(modnet.GradientEstimator):
    """A right one, for others to spoil."""

    def __call__(self, objective, params, stream):
        return objective.backward(params)


@attrs.frozen
class Differences(modnet.GradientEstimator):
    """A right one that takes any function."""

    h: float = 1e-5

    def __call__(self, objective, params, stream):
        grads = {}
        for name, w in params.items():
            wide, h = w.astype(np.float64), max(self.h, float(np.finfo(w.dtype).eps) ** (1 / 3))
            grads[name] = np.empty_like(w)
            for index in np.ndindex(w.shape):
                ends = []
                for move in (-h, h):
                    moved = wide.copy()
                    moved[index] += move
                    ends.append(objective({**params, name: moved.astype(w.dtype)}))
                grads[name][index] = (ends[1] - ends[0]) / (2 * h)
        return grads

    def evaluations(self, params):
        return 2 * sum(w.size for w in params.values())


@attrs.frozen
class Random(modnet.GradientEstimator):
    """A right one that draws: one difference along a random direction of -1s and 1s."""

    h: float = 1e-3
    directions: int = 1

    def __call__(self, objective, params, stream):
        draw = self.generator(stream)
        grads = {name: np.zeros_like(w) for name, w in params.items()}
        for _ in range(self.directions):
            signs = {n: draw.choice([-1.0, 1.0], size=w.shape).astype(w.dtype) for n, w in params.items()}
            above = objective({n: w + w.dtype.type(self.h) * signs[n] for n, w in params.items()})
            below = objective({n: w - w.dtype.type(self.h) * signs[n] for n, w in params.items()})
            slope = (above - below) / (2 * self.h)
            grads = {n: g + (slope / self.directions * signs[n]).astype(g.dtype) for n, g in grads.items()}
        return grads

    def generator(self, stream):
        return stream.generator()

    def evaluations(self, params):
        return 2 * self.directions


@CAGE.add_broken("shape-and-dtype")
class ForgetsTheBiases(Exact):
    def __call__(self, objective, params, stream):
        return {name: g for name, g in objective.backward(params).items() if name.startswith("W")}


@CAGE.add_broken("shape-and-dtype")
class Widening(Exact):
    def __call__(self, objective, params, stream):
        return {name: g.astype(np.float64) for name, g in objective.backward(params).items()}


@CAGE.add_broken("shape-and-dtype")
class Transposing(Exact):
    def __call__(self, objective, params, stream):
        return {name: g.T for name, g in objective.backward(params).items()}


@CAGE.add_broken("any-function")
class OfMatrices(Differences):
    def __call__(self, objective, params, stream):
        if not all(name[0] in "Wb" for name in params):
            raise KeyError("W1")
        return Differences.__call__(self, objective, params, stream)


@CAGE.add_broken("any-function")
class OneDtype(Differences):
    def __call__(self, objective, params, stream):
        grads = Differences.__call__(self, objective, params, stream)
        return {name: g.astype(next(iter(params.values())).dtype) for name, g in grads.items()}


@CAGE.add_broken("unchanged")
class MovesTheParameters(modnet.GradientEstimator):
    """Puts them back after each difference, if not to the last bit."""

    def __call__(self, objective, params, stream):
        grads = {}
        for name, given in params.items():
            w = given if given.flags.writeable else given.copy()
            grads[name] = np.empty_like(w)
            for index in np.ndindex(w.shape):
                w[index] += 1e-4
                above = objective({**params, name: w.copy()})
                w[index] -= 2e-4
                below = objective({**params, name: w.copy()})
                w[index] += 1e-4
                grads[name][index] = (above - below) / 2e-4
        return grads


@CAGE.add_broken("read-only")
class NeedsToWrite(Exact):
    def __call__(self, objective, params, stream):
        for w in params.values():
            np.negative(w, out=w)
            np.negative(w, out=w)
        return objective.backward(params)


@CAGE.add_broken("stream")
class DrawsGlobally(Random):
    def generator(self, stream):
        return np.random.default_rng(random.getrandbits(32))


@CAGE.add_broken("stream")
class DrawsFromNumpysGlobal(Random):
    def generator(self, stream):
        return np.random.default_rng(np.random.randint(2**31))


@CAGE.add_broken("deterministic")
class DrawsAfresh(Random):
    def generator(self, stream):
        return np.random.default_rng()


@CAGE.add_broken("gradient")
class AlwaysTheSameDirection(Random):
    def generator(self, stream):
        return np.random.default_rng(0)


@CAGE.add_broken("gradient")
class SummedOverTheBatch(Exact):
    def __call__(self, objective, params, stream):
        return {name: len(objective.x) * g for name, g in objective.backward(params).items()}


@CAGE.add_broken("weighted")
class DeafToWeights(Exact):
    def __call__(self, objective, params, stream):
        return attrs.evolve(objective, weights=None).backward(params)


@CAGE.add_broken("gradient")
@attrs.frozen
class StepTooLarge(Differences):
    h: float = 0.5


@CAGE.add_broken("gradient")
class SignsOnly(Exact):
    def __call__(self, objective, params, stream):
        return {name: np.sign(g) for name, g in objective.backward(params).items()}


@CAGE.add_broken("mean")
class HalfTooLarge(Random):
    def __call__(self, objective, params, stream):
        return {name: 1.5 * g for name, g in Random.__call__(self, objective, params, stream).items()}


@CAGE.add_broken("mean")
class WeightsOnly(Random):
    """Of the biases it returns noise."""

    def __call__(self, objective, params, stream):
        grads, draw = Random.__call__(self, objective, params, stream), stream.child("b").generator()
        return {n: draw.normal(0, 0.1, g.shape).astype(g.dtype) if n[0] == "b" else g for n, g in grads.items()}


@CAGE.add_broken("mean")
class DrowningInNoise(Exact):
    def __call__(self, objective, params, stream):
        draw = stream.generator()
        exact = objective.backward(params)
        return {n: g + (1e3 * draw.standard_normal(g.shape)).astype(g.dtype) for n, g in exact.items()}


@CAGE.add_broken("direction")
class Uphill(Random):
    def __call__(self, objective, params, stream):
        return {name: -g for name, g in Random.__call__(self, objective, params, stream).items()}


@CAGE.add_broken("direction", promises="direction")
class Nowhere(modnet.GradientEstimator):
    def __call__(self, objective, params, stream):
        draw = stream.generator()
        return {name: draw.standard_normal(w.shape).astype(w.dtype) for name, w in params.items()}


@CAGE.add_broken("direction")
class NowhereNeither(Nowhere):
    """Says itself that it promises a direction only, and has none."""

    promises = "direction"


@CAGE.add_broken("evaluations")
class Miscounting(Differences):
    def evaluations(self, params):
        return sum(w.size for w in params.values())


@CAGE.add_broken("learns", promises="direction")
class Uphilling(Exact):
    def __call__(self, objective, params, stream):
        return {name: -g for name, g in objective.backward(params).items()}


@CAGE.add_broken("memory")
class KeepsTheLastGradient(Exact):
    def __call__(self, objective, params, stream):
        self.last = objective.backward(params)
        return self.last


@CAGE.add_broken("global-state")
class Warnings(Exact):
    def __call__(self, objective, params, stream):
        np.seterr(all="ignore")
        np.seterr(under="raise")
        return objective.backward(params)


@CAGE.add_broken("threads")
class SharesTheObjective(Exact):
    def __call__(self, objective, params, stream):
        self.objective, self.params = objective, params
        grads = self.objective.backward(self.params)
        self.objective = self.params = None
        return grads


@CAGE.add_broken("settings-odd")
@attrs.frozen
class LooksItsSettingUp(Exact):
    order: int = attrs.field(default=2)

    def __attrs_post_init__(self):
        {2: "central", 1: "forward"}[self.order]


@CAGE.add_legal()
@attrs.frozen
class Drawing(Random):
    directions: int = 2


@CAGE.add_legal()
class NeedsAName(modnet.GradientEstimator):
    """Says itself that it needs a network."""

    def __call__(self, objective, params, stream):
        if not isinstance(objective, modnet.Objective):
            raise modnet.NoDerivativeError("needs a network: take central-difference")
        return objective.backward(params)


@CAGE.add_legal()
class NeedsStructure(Exact):
    """Finds no network and does not say so in words of its own."""


@CAGE.add_legal(promises="direction")
class HalfTheGradient(Exact):
    def __call__(self, objective, params, stream):
        return {name: g / 2 for name, g in objective.backward(params).items()}


@CAGE.add_legal()
class SignOfTheGradient(Exact):
    """Promises a direction only, and says so itself."""

    promises = "direction"

    def __call__(self, objective, params, stream):
        return {name: np.sign(g) for name, g in objective.backward(params).items()}


@CAGE.add_legal()
@attrs.frozen
class SometimesExact(modnet.GradientEstimator):
    """Some entries at random, as many times too large as there are others."""

    share: float = 0.5

    def __call__(self, objective, params, stream):
        draw, exact = stream.generator(), objective.backward(params)
        return {
            n: np.where(draw.random(g.shape) < self.share, g / self.share, 0).astype(g.dtype) for n, g in exact.items()
        }


@CAGE.add_legal()
def function(objective, params, stream):
    return Differences()(objective, params, stream)
