"""Gradient estimators, broken and odd."""

from __future__ import annotations

import random
from typing import Any, NamedTuple

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


@CAGE.add_broken("other-arrays")
class HalvesTheGradientOfOthers(Exact):
    def __call__(self, objective, params, stream):
        grads = objective.backward(params)
        return {name: g if isinstance(g, np.ndarray) else g / 2 for name, g in grads.items()}


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


# Estimators with a state


@attrs.frozen
class Averaged(modnet.GradientEstimator):
    """A right one: an average of the gradients so far."""

    share: float = 0.5
    promises = "direction"

    def init(self, params, stream):
        return {"mean": {name: np.zeros_like(w) for name, w in params.items()}, "steps": 0}

    def estimate(self, objective, params, stream, state):
        exact = objective.backward(params)
        mean = {name: g + self.share * (state["mean"][name] - g) for name, g in exact.items()}
        return mean, {"mean": mean, "steps": state["steps"] + 1}

    def __call__(self, objective, params, stream):
        return self.estimate(objective, params, stream, self.init(params, stream))[0]


@attrs.frozen
class Guided(Random):
    """A right one that draws: the difference along a direction that is half the one before, half a new one."""

    promises = "direction"

    def init(self, params, stream):
        draw = stream.child("init").generator()
        return {name: draw.choice([-1.0, 1.0], size=w.shape) for name, w in params.items()}

    def estimate(self, objective, params, stream, state):
        draw = self.generator(stream)
        turn = {name: draw.random(w.shape) < 0.5 for name, w in state.items()}
        signs = {name: np.where(turn[name], -w, w) for name, w in state.items()}
        above, below = (
            objective({n: w + w.dtype.type(h) * signs[n].astype(w.dtype) for n, w in params.items()})
            for h in (self.h, -self.h)
        )
        slope = (above - below) / (2 * self.h)
        return {n: (slope * signs[n]).astype(w.dtype) for n, w in params.items()}, signs

    def __call__(self, objective, params, stream):
        return self.estimate(objective, params, stream, self.init(params, stream))[0]


@CAGE.add_broken("unchanged")
class AddsToItsState(Averaged):
    def estimate(self, objective, params, stream, state):
        for name, g in objective.backward(params).items():
            state["mean"][name] += self.share * (g - state["mean"][name])
        return {name: m.copy() for name, m in state["mean"].items()}, state


@CAGE.add_broken("unchanged")
class CountsInPlace(Averaged):
    def estimate(self, objective, params, stream, state):
        state["steps"] += 1
        return objective.backward(params), state


@CAGE.add_broken("unchanged")
class GradientOfTheState(Averaged):
    """Clips in place what it returns, which is the state's own array."""

    def estimate(self, objective, params, stream, state):
        exact = objective.backward(params)
        for name, g in exact.items():
            np.add(state["mean"][name], g, out=state["mean"][name])
            np.clip(state["mean"][name], -1, 1, out=state["mean"][name])
        return state["mean"], {"mean": {n: m.copy() for n, m in state["mean"].items()}, "steps": 0}


@CAGE.add_broken("state")
class KeepsAGenerator(Averaged):
    def init(self, params, stream):
        return {**Averaged.init(self, params, stream), "draw": np.random.default_rng(0)}

    def estimate(self, objective, params, stream, state):
        mean, after = Averaged.estimate(self, objective, params, stream, state)
        return mean, {**after, "draw": state["draw"]}


@CAGE.add_broken("state")
class KeepsASet(Averaged):
    def init(self, params, stream):
        return {**Averaged.init(self, params, stream), "seen": set()}

    def estimate(self, objective, params, stream, state):
        mean, after = Averaged.estimate(self, objective, params, stream, state)
        return mean, {**after, "seen": state["seen"] | set(params)}


@attrs.frozen
class Steps:
    made: int = 0


@CAGE.add_broken("state")
class AnotherClassLater(Averaged):
    """Begins with a whole number, and continues with an object."""

    def init(self, params, stream):
        return {**Averaged.init(self, params, stream), "made": 0}

    def estimate(self, objective, params, stream, state):
        mean, after = Averaged.estimate(self, objective, params, stream, state)
        return mean, {**after, "made": Steps(after["steps"])}


@CAGE.add_broken("state")
class ForgetsTheState(Averaged):
    """Returns the gradient alone."""

    def estimate(self, objective, params, stream, state):
        return Averaged.estimate(self, objective, params, stream, state)[0]

    def __call__(self, objective, params, stream):
        return self.estimate(objective, params, stream, self.init(params, stream))


@CAGE.add_broken("shape-and-dtype")
class WidensLater(Averaged):
    """Its state is float64 whatever the parameters are, and so are all gradients but the first."""

    def init(self, params, stream):
        return {"mean": {}, "steps": 0}

    def estimate(self, objective, params, stream, state):
        exact, before = objective.backward(params), state["mean"]
        mean = {name: (g + before[name]) / 2 if before else g for name, g in exact.items()}
        return mean, {"mean": {name: m.astype(np.float64) for name, m in mean.items()}, "steps": state["steps"] + 1}


@CAGE.add_broken("any-function")
class KnowsNoOtherNames(Differences):
    """Its state is of the parameters of two layers, whatever there is."""

    def init(self, params, stream):
        return {"steps": 0, "moved": {}}

    def estimate(self, objective, params, stream, state):
        grads = Differences.__call__(self, objective, params, stream)
        moved = {name: grads[name] for name in ("W1", "b1", "W2", "b2")} if state["steps"] else {}
        return grads, {"steps": state["steps"] + 1, "moved": moved}


@CAGE.add_broken("plain-call")
class StateAndPlainDiffer(Averaged):
    """The plain call is left from before it had a state."""

    def __call__(self, objective, params, stream):
        return objective.backward(params)


@CAGE.add_broken("plain-call")
class DrawsFromAnotherStream(Guided):
    """The plain call begins with a state from a stream of its own."""

    def __call__(self, objective, params, stream):
        return self.estimate(objective, params, stream, self.init(params, stream.child("plain")))[0]


@CAGE.add_broken("resume")
class KeepsTheMeanOnItself(modnet.GradientEstimator):
    def __init__(self, share: float = 0.5):
        self.share, self.mean = share, {}

    def init(self, params, stream):
        self.mean = {name: np.zeros_like(w) for name, w in params.items()}
        return {}

    def estimate(self, objective, params, stream, state):
        exact = objective.backward(params)
        self.mean = {name: g + self.share * (self.mean[name] - g) for name, g in exact.items()}
        return self.mean, {}

    def __call__(self, objective, params, stream):
        return self.estimate(objective, params, stream, self.init(params, stream))[0]


@CAGE.add_broken("stream")
class BeginsGlobally(Guided):
    def init(self, params, stream):
        return {name: np.sign(np.random.uniform(-1, 1, w.shape)) for name, w in params.items()}


@CAGE.add_broken("read-only")
class BorrowsTheParameters(Averaged):
    """Negates the parameters for a moment, from its second estimate on."""

    def estimate(self, objective, params, stream, state):
        for w in params.values() if state["steps"] else ():
            np.negative(w, out=w)
            np.negative(w, out=w)
        return Averaged.estimate(self, objective, params, stream, state)


@CAGE.add_broken("gradient")
class ExactAtFirst(Exact):
    """A momentum that promises the gradient, as its first estimate is."""

    def init(self, params, stream):
        return {"before": None}

    def estimate(self, objective, params, stream, state):
        exact, before = objective.backward(params), state["before"]
        return {n: g + 0.9 * before[n] if before else g for n, g in exact.items()}, {"before": exact}


@CAGE.add_broken("mean")
class UnbiasedAtFirst(Random):
    """Adds the gradient before to each new one, and promises the gradient on average."""

    def init(self, params, stream):
        return {"before": None}

    def estimate(self, objective, params, stream, state):
        found, before = Random.__call__(self, objective, params, stream), state["before"]
        return {n: g + before[n] if before else g for n, g in found.items()}, {"before": found}


@CAGE.add_broken("direction")
class UphillLater(Averaged):
    def estimate(self, objective, params, stream, state):
        mean, after = Averaged.estimate(self, objective, params, stream, state)
        return {name: -m if state["steps"] else m for name, m in mean.items()}, after


@CAGE.add_broken("deterministic")
class BeginsAfresh(Guided):
    def init(self, params, stream):
        draw = np.random.default_rng()
        return {name: np.sign(draw.uniform(-1, 1, w.shape)) for name, w in params.items()}


@CAGE.add_broken("inner-state")
@attrs.frozen
class HalvedAsEver(modnet.GradientEstimator):
    """Calls another estimator as those did that were written before there were states."""

    promises = "direction"

    inner: modnet.GradientEstimator = attrs.field(factory=lambda: modnet.gradient("feedback-alignment"))

    def __call__(self, objective, params, stream):
        return {name: g / 2 for name, g in self.inner(objective, params, stream).items()}


@CAGE.add_broken("inner-state")
class BeginsTheInnerAnew(HalvedAsEver):
    """Has a state of its own, and none of the other estimator's."""

    def init(self, params, stream):
        return {"steps": 0}

    def estimate(self, objective, params, stream, state):
        return HalvedAsEver.__call__(self, objective, params, stream), {"steps": state["steps"] + 1}


@CAGE.add_legal()
@attrs.frozen
class Halved(modnet.GradientEstimator):
    """Passes the state of another estimator on."""

    promises = "direction"

    inner: modnet.GradientEstimator = attrs.field(factory=lambda: modnet.gradient("feedback-alignment"))

    def __call__(self, objective, params, stream):
        return self.estimate(objective, params, stream, self.init(params, stream))[0]

    def init(self, params, stream):
        return self.inner.init(params, stream)

    def estimate(self, objective, params, stream, state):
        grads, state = self.inner.estimate(objective, params, stream, state)
        return {name: g / 2 for name, g in grads.items()}, state


@CAGE.add_legal()
class AveragedOfTheLast(Averaged):
    """Honest: a direction only, and says so."""


@CAGE.add_legal()
class GuidedByTheLast(Guided):
    """Honest: draws its first direction, and changes half of it at each step."""


@CAGE.add_legal()
@attrs.frozen
class InTurn(Exact):
    """One parameter array after the other: a direction, and of most arrays 0."""

    promises = "direction"

    def init(self, params, stream):
        return {"turn": 0}

    def estimate(self, objective, params, stream, state):
        exact = objective.backward(params)
        chosen = sorted(exact)[state["turn"] % len(exact)]
        return {n: g if n == chosen else np.zeros_like(g) for n, g in exact.items()}, {"turn": state["turn"] + 1}

    def __call__(self, objective, params, stream):
        return self.estimate(objective, params, stream, self.init(params, stream))[0]


@CAGE.add_legal()
@attrs.frozen
class Antithetic(Random):
    """Each second direction is the one before the other way round: unbiased over all, if not by the state alone."""

    def init(self, params, stream):
        return {"signs": {}, "is_second": False}

    def estimate(self, objective, params, stream, state):
        draw = stream.generator()
        signs = {n: draw.choice([-1.0, 1.0], size=w.shape).astype(w.dtype) for n, w in params.items()}
        if state["is_second"]:
            signs = {n: -s for n, s in state["signs"].items()}
        rise = objective({n: w + w.dtype.type(self.h) * signs[n] for n, w in params.items()}) - objective(
            {n: w - w.dtype.type(self.h) * signs[n] for n, w in params.items()}
        )
        slope = rise / (2 * self.h)
        grads = {n: (slope * signs[n]).astype(w.dtype) for n, w in params.items()}
        return grads, {"signs": signs, "is_second": not state["is_second"]}


class Baseline(NamedTuple):
    steps: int
    mean: float
    grads: Any


@CAGE.add_legal()
@attrs.frozen
class ControlVariate(modnet.GradientEstimator):
    """The loss at one random point less that at the first: the mean of the estimates is as before."""

    h: float = 1e-2

    def init(self, params, stream):
        return Baseline(0, 0.0, None)

    def estimate(self, objective, params, stream, state):
        draw = stream.generator()
        signs = {n: draw.choice([-1.0, 1.0], size=w.shape).astype(w.dtype) for n, w in params.items()}
        loss = float(objective({n: w + w.dtype.type(self.h) * signs[n] for n, w in params.items()}))
        base = state.mean if state.steps else float(objective(dict(params)))
        grads = {n: ((loss - base) / self.h * signs[n]).astype(w.dtype) for n, w in params.items()}
        return grads, Baseline(state.steps + 1, base, None)

    def __call__(self, objective, params, stream):
        return self.estimate(objective, params, stream, self.init(params, stream))[0]


@CAGE.add_legal()
@attrs.frozen
class BatchesCounted(Differences):
    """Exact, and counts the samples that it has seen."""

    def init(self, params, stream):
        return np.int64(0)

    def estimate(self, objective, params, stream, state):
        seen = len(objective.x) if isinstance(objective, modnet.Objective) else 1
        return Differences.__call__(self, objective, params, stream), state + np.int64(seen)


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
