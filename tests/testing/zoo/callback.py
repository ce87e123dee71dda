"""Callbacks, broken and odd."""

from __future__ import annotations

import json
import math
import os
import threading
import time
from pathlib import Path
from typing import NamedTuple
from weakref import WeakKeyDictionary

import attrs
import numpy as np
from attrs.validators import gt

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


class Following(Counting):
    """A right one that decides nothing."""

    def on_iteration(self, run, state):
        return state, None


@CAGE.add_broken("follows")
class ForgetsTheState(Counting):
    def on_iteration(self, run, state):
        return None


@CAGE.add_broken("events")
class HasTheEventsOfAnotherLibrary(modnet.Callback):
    def on_epoch_end(self, run, state):
        return state, modnet.Stop("that is enough")


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


@CAGE.add_broken("follows")
class GivesTheErrorForAReason(Following):
    def on_epoch(self, run, state):
        return state, modnet.Stop(ValueError("the loss rises")) if len(run.history.evaluated_at) > 4 else None


@CAGE.add_broken("follows")
class EndsWithTheWeightsAlone(Counting):
    def on_end(self, run, state):
        return {name: w for name, w in run.params.items() if name.startswith("W")}


@CAGE.add_broken("follows")
class DividesByTheIterationsLeft(Counting):
    def on_iteration(self, run, state):
        return state, modnet.ScaleRate(1 - 1 / (run.iterations - run.iteration + 1))


@CAGE.add_broken("follows")
class SmoothsTheWeightsInPlace(Counting):
    def on_epoch(self, run, state):
        run.params["W1"][...] *= 0.99
        return state, None


@CAGE.add_broken("tasks")
class KnowsAccuraciesOnly(Counting):
    def on_epoch(self, run, state):
        return state, modnet.Record({"mistakes": 1 - run.history.train_accuracy[-1]})


@CAGE.add_broken("validation")
class NeedsValidationAndDoesNotSay(Counting):
    def on_epoch(self, run, state):
        return state, modnet.Record({"best_so_far": min(run.history.columns["validation_loss"])})


@CAGE.add_broken("folder")
class ExpectsAFolder(Counting):
    def on_end(self, run, state):
        np.savez(run.folder / "last.npz", **run.params)


@CAGE.add_broken("diverges")
class TakesLogarithms(Counting):
    def on_iteration(self, run, state):
        norm = sum(float(np.vdot(g, g)) for g in run.grads.values())
        return {"seen": int(math.log10(norm))}, None


@CAGE.add_broken("state")
class CountsInPlace(Counting):
    def on_iteration(self, run, state):
        state["seen"] += 1
        return state, modnet.Stop("that is enough") if state["seen"] == self.most else None


@CAGE.add_broken("state")
class AveragesInPlace(Counting):
    def init(self, run):
        return {name: np.array(w) for name, w in run.params.items()}

    def on_iteration(self, run, state):
        for name, mean in state.items():
            mean += 0.1 * (run.params[name] - mean)
        return state, None

    def on_end(self, run, state):
        return state


@CAGE.add_broken("resume")
class KeepsASet(Counting):
    def init(self, run):
        return {"seen": set()}

    def on_iteration(self, run, state):
        return {"seen": state["seen"] | {run.iteration}}, None


LOWEST, FIRST = WeakKeyDictionary(), WeakKeyDictionary()  # of each run: its lowest loss, its first parameters


@CAGE.add_broken("resume")
class RemembersRunsBesides(Counting):
    def on_iteration(self, run, state):
        LOWEST[run] = min(run.loss, LOWEST.get(run, math.inf))
        return state, None

    def on_epoch(self, run, state):
        return state, modnet.Record({"lowest_loss": LOWEST[run]})


@CAGE.add_broken("resume")
class ComparesWithTheFirstParameters(Counting):
    """Those that a run is begun with are others where it is resumed."""

    def on_epoch(self, run, state):
        FIRST.setdefault(run, dict(run.params))
        gone = sum(float(np.abs(w - FIRST[run][name]).sum()) for name, w in run.params.items())
        return state, modnet.Record({"way": gone})


@CAGE.add_broken("files")
class AppendsAfterAKill(Counting):
    def on_epoch(self, run, state):
        if run.folder:
            with (run.folder / "losses.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps({"iteration": run.iteration, "loss": run.loss}) + "\n")
        return state, None


@CAGE.add_broken("files")
class BeginsItsFileAnew(Following):
    def init(self, run):
        if run.folder:
            (run.folder / "seconds.csv").write_text("iteration,seconds\n", encoding="utf-8")

    def on_epoch(self, run, state):
        if run.folder:
            with (run.folder / "seconds.csv").open("a", encoding="utf-8") as file:
                file.write(f"{run.iteration},{run.seconds}\n")
        return state, None


@CAGE.add_broken("test-part")
class StopsByTheTestPart(Following):
    def on_epoch(self, run, state):
        values = next(values for name, values in run.history.columns.items() if name.startswith("test_"))
        return state, modnet.Stop("it was better before") if len(values) > 3 and values[-1] < max(values) else None


@CAGE.add_broken("test-part")
class KeepsWhatTestsBest(Following):
    def init(self, run):
        return {"best": -math.inf, "params": dict(run.params)}

    def on_epoch(self, run, state):
        test = run.data.test
        y = run.network.predict_scores(np.asarray(test.x))
        score = -float(np.square(y - y.mean()).mean()) if run.hits is None else float(run.hits.mean())
        better = {"best": score, "params": dict(run.params)}
        return better if score > state["best"] else state, None

    def on_end(self, run, state):
        return state["params"]


@CAGE.add_broken("clock")
class StopsByTheClock(Counting):
    def on_iteration(self, run, state):
        return state, modnet.Stop("an hour is over") if run.seconds > 3600 else None


@CAGE.add_broken("unchanged")
class ReachesBehindTheView(Counting):
    def on_iteration(self, run, state):
        params = vars(run)["_run"].network.params
        for name in params:
            params[name] = params[name].clip(-1, 1)
            np.copyto(params[name], 0.0)
        vars(run)["_run"].history.loss[-1] = 0.0
        return state, None


@CAGE.add_broken("columns")
class AColumnForEachEpoch(Following):
    def on_epoch(self, run, state):
        return state, modnet.Record({f"loss_{run.iteration}": run.loss})


@CAGE.add_broken("quiet")
class PrintsTheLoss(Counting):
    def on_epoch(self, run, state):
        print(f"{run.iteration}: {run.loss:.3f}")
        return state, None


@CAGE.add_broken("cost")
class WaitsForTheDisk(Counting):
    """A disk that takes its time, as one of a network does."""

    def on_iteration(self, run, state):
        with open(os.devnull, "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write(str(run.loss))
            time.sleep(0.003)
        return state, None


@CAGE.add_broken("closed")
class LeavesItsWriterAlive(Counting):
    def init(self, run):
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        return {"seen": 0}


@CAGE.add_broken("memory")
class KeepsTheLastLossOnItself(modnet.Callback):
    def __init__(self):
        self.last = None

    def on_iteration(self, run, state):
        self.last = run.loss
        return state, None


@CAGE.add_broken("resume")
class KeepsTheBestOnItself(modnet.Callback):
    """As many are written: the next run begins with the best of the last one."""

    needs_validation = True

    def __init__(self):
        self.best = math.inf

    def on_epoch(self, run, state):
        loss = run.history.columns["validation_loss"][-1]
        self.best, is_worse = min(self.best, loss), loss > self.best
        return state, modnet.ScaleRate(0.5) if is_worse else None


@CAGE.add_broken("deterministic")
class DrawsWithoutASeed(Counting):
    def on_epoch(self, run, state):
        return state, modnet.ScaleRate(np.random.default_rng().uniform(0.9, 1.1))


@CAGE.add_broken("global-state")
class SeedsEverything(Counting):
    def init(self, run):
        np.random.seed(run.seed)
        return {"seen": 0}


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


@CAGE.add_legal()
@attrs.frozen
class Lines(modnet.Callback):
    """A log in the run's folder, or in the current one, from which a resumed run cuts what it will write again."""

    repeatable = False

    file: str = "lines.jsonl"

    def init(self, run):
        path = (run.folder or Path()) / self.file
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if run.iteration and path.exists() else []
        kept = [line for line in lines if json.loads(line)["iteration"] <= run.iteration]
        path.write_text("".join(kept), encoding="utf-8")

    def on_epoch(self, run, state):
        line = {"iteration": run.iteration, "loss": run.loss, "seconds": run.seconds}
        with ((run.folder or Path()) / self.file).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        return state, None


@CAGE.add_legal()
class LinesInParts(modnet.Callback):
    """A log of which a resumed run begins another file, and cuts off the ones before where it begins."""

    repeatable = False

    def init(self, run):
        folder = (run.folder or Path()) / "log"
        folder.mkdir(exist_ok=True)
        for path in folder.glob("*.jsonl"):
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            path.write_text("".join(each for each in lines if json.loads(each)["iteration"] <= run.iteration), "utf-8")
        (folder / f"{run.iteration}.jsonl").touch()

    def on_epoch(self, run, state):
        newest = max((run.folder or Path()).glob("log/*.jsonl"), key=lambda path: int(path.stem))
        with newest.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"iteration": run.iteration, "loss": run.loss}) + "\n")
        return state, None


@CAGE.add_legal()
@attrs.frozen
class SavesTheBest(modnet.Callback):
    """The best parameters as a file of their own; nothing is saved where nothing of the run is."""

    needs_validation = True
    repeatable = False

    def init(self, run):
        if run.folder is None:
            raise modnet.SettingError(["it saves into the run's folder: train with modnet.run_experiment"], "callbacks")
        return {"best": math.inf}

    def on_epoch(self, run, state):
        loss = run.history.columns["validation_loss"][-1]
        if not loss < state["best"]:
            return state, None
        np.savez(run.folder / "best.npz", **run.params)
        return {"best": loss}, None


class Seen(NamedTuple):
    lowest: float = math.inf
    epochs: int = 0
    params: object = None


@CAGE.add_legal()
@attrs.frozen
class Patient(modnet.Callback):
    """Early stopping whose state is a named tuple, in a regression too."""

    needs_validation = True

    patience: int = attrs.field(default=3, validator=gt(0))

    def init(self, run):
        return Seen()

    def on_epoch(self, run, state):
        loss = run.history.columns["validation_loss"][-1]
        if loss < state.lowest:
            return Seen(loss, 0, dict(run.params)), None
        over = state.epochs + 1 >= self.patience
        return state._replace(epochs=state.epochs + 1), modnet.Stop("the validation loss rises") if over else None

    def on_end(self, run, state):
        return state.params


@CAGE.add_legal()
@attrs.frozen
class WarmRestarts(modnet.Callback):
    """A rate that falls by a cosine, and jumps up again: factors above and below 1, from the number of iterations."""

    period: int = attrs.field(default=5, validator=gt(0))

    def share(self, iteration):
        return 0.55 + 0.45 * math.cos(math.pi * (iteration % self.period) / self.period)

    def on_iteration(self, run, state):
        return state, modnet.ScaleRate(self.share(run.iteration) / self.share(run.iteration - 1))


@CAGE.add_legal()
class Jitter(modnet.Callback):
    """Draws, from the seed of the run and the number of the iteration."""

    def on_iteration(self, run, state):
        draw = modnet.Stream(run.seed, ("jitter",)).child(run.iteration).generator()
        return state, modnet.ScaleRate(float(draw.uniform(0.9, 1.1)))


@CAGE.add_legal()
@attrs.frozen
class Later(modnet.Callback):
    """A callback made of another one, which begins after some epochs."""

    needs_validation = True

    inner: modnet.Callback = attrs.field(factory=lambda: modnet.callback("early-stopping"))
    epochs: int = attrs.field(default=2, validator=gt(0))

    def init(self, run):
        return [0, self.inner.init(run)]

    def on_epoch(self, run, state):
        count, inner = state
        inner, decision = self.inner.on_epoch(run, inner) if count >= self.epochs else (inner, None)
        return [count + 1, inner], decision

    def on_end(self, run, state):
        return self.inner.on_end(run, state[1])


@CAGE.add_legal()
class NoiseScale(modnet.Callback):
    """Records the scatter of an epoch's gradients relative to their size, where it is finite."""

    def init(self, run):
        return {"count": 0, "sum": {n: np.zeros_like(w) for n, w in run.params.items()}, "squares": 0.0}

    def on_iteration(self, run, state):
        total = {name: state["sum"][name] + g for name, g in run.grads.items()}
        squares = state["squares"] + sum(float(np.vdot(g, g)) for g in run.grads.values())
        return {"count": state["count"] + 1, "sum": total, "squares": squares}, None

    def on_epoch(self, run, state):
        mean = sum(float(np.vdot(s, s)) for s in state["sum"].values()) / state["count"] ** 2
        scale = (state["squares"] / state["count"] - mean) / mean if mean else math.inf
        return self.init(run), modnet.Record({"noise_scale": scale}) if math.isfinite(scale) else None


@CAGE.add_legal()
class TellsTheTestError(modnet.Callback):
    """Records what the test part says, and decides nothing by it."""

    def on_epoch(self, run, state):
        values = next(values for name, values in run.history.columns.items() if name.startswith("test_"))
        return state, modnet.Record({"best_tested": max(values)})


@CAGE.add_legal()
@attrs.frozen
class ClassesOnly(modnet.Callback):
    """For classification, as it says."""

    accuracy: float = attrs.field(default=0.9, validator=gt(0))

    def init(self, run):
        if run.data.task != "classification":
            raise modnet.SettingError(["it stops at an accuracy, which a regression does not have"], "callbacks")

    def on_epoch(self, run, state):
        reached = run.history.train_accuracy[-1] >= self.accuracy
        return state, modnet.Stop(f"an accuracy of {self.accuracy:.0%} is reached") if reached else None


@CAGE.add_legal()
@attrs.frozen
class Deadline(modnet.Callback):
    """That goes by the clock, and says so: it may end a run in any iteration."""

    repeatable = False

    seconds: float = attrs.field(default=0.004, validator=gt(0))

    def on_iteration(self, run, state):
        return state, modnet.Stop("it is late") if run.seconds > self.seconds else None
