"""Callbacks, broken and odd."""

from __future__ import annotations

import attrs
import numpy as np

import modnet
from zoo import Cage

CAGE = Cage("callback")


@attrs.frozen
class Counting(modnet.Callback):
    """A right one, for others to spoil."""

    most: int = 8

    def init(self, run):
        return {"seen": 0}

    def on_iteration(self, run, state):
        seen = state["seen"] + 1
        return {"seen": seen}, modnet.Stop("that is enough") if seen == self.most else None


@CAGE.add_broken("follows")
class ForgetsTheState(Counting):
    def on_iteration(self, run, state):
        return None


@CAGE.add_broken("follows")
class StopsByTheClass(Counting):
    def on_iteration(self, run, state):
        return state, modnet.Stop


@CAGE.add_broken("follows")
class GrowsTheRateForever(Counting):
    def on_epoch(self, run, state):
        return state, modnet.ScaleRate(float("inf"))


@CAGE.add_broken("follows")
class RecordsAMetricAgain(Counting):
    def on_epoch(self, run, state):
        return state, modnet.Record({"test_accuracy": 1.0})


@CAGE.add_broken("resume")
class CountsInPlace(Counting):
    def on_iteration(self, run, state):
        state["seen"] += 1
        return state, modnet.Stop("that is enough") if state["seen"] == self.most else None


@CAGE.add_broken("resume")
class KeepsASet(Counting):
    def init(self, run):
        return {"seen": set()}

    def on_iteration(self, run, state):
        return {"seen": state["seen"] | {run.iteration}}, None


@CAGE.add_legal()
class Counts(Counting):
    """With a state in a mapping."""


@CAGE.add_legal()
class Nothing(modnet.Callback):
    """Without a method."""


@CAGE.add_legal()
@attrs.frozen
class Mean(modnet.Callback):
    """That ends with the mean of all parameters."""

    def init(self, run):
        return (0, {name: np.zeros_like(w) for name, w in run.params.items()})

    def on_iteration(self, run, state):
        count, total = state
        return (count + 1, {name: total[name] + w for name, w in run.params.items()}), None

    def on_end(self, run, state):
        count, total = state
        return {name: w / count for name, w in total.items()} if count else None


@CAGE.add_legal()
@attrs.frozen
class Decay(modnet.Callback):
    """That halves the learning rate, and records it."""

    def on_epoch(self, run, state):
        return state, modnet.ScaleRate(0.5) if len(run.history.evaluated_at) % 2 else modnet.Record({"rate": run.rate})
