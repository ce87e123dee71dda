"""Callbacks that stop, steer, average and write, with states of many sorts."""

import enum
import json
import math
from typing import NamedTuple

import attrs
import numpy as np
from attrs.validators import gt, lt

import modnet


class Seen(NamedTuple):
    lowest: float
    epochs: int


class Measure(enum.Enum):
    LOSS = "validation_loss"
    ACCURACY = "validation_accuracy"


@attrs.frozen
class Slowing(modnet.Callback):
    """A rate that falls where the validation part says that it is too large, and a stop where it is too small."""

    needs_validation = True

    factor: float = attrs.field(default=0.5, validator=[gt(0), lt(1)])
    least: float = attrs.field(default=1e-4, validator=gt(0))
    measure: Measure = Measure.LOSS

    def init(self, run):
        return Seen(math.inf, 0)

    def on_epoch(self, run, state):
        value = run.history.columns[self.measure.value][-1]
        value = -value if self.measure is Measure.ACCURACY else value
        if value < state.lowest:
            return Seen(value, 0), None
        if run.rate is not None and run.rate * self.factor < self.least:
            return state, modnet.Stop(f"the learning rate is below {self.least:g}")
        return state._replace(epochs=state.epochs + 1), modnet.ScaleRate(self.factor)


@attrs.frozen
class Averaging(modnet.Callback):
    """Stochastic weight averaging: a run ends with the mean of its last parameters (Izmailov et al. 2018)."""

    share: float = attrs.field(default=0.5, validator=[gt(0), lt(1)])

    def init(self, run):
        return {"count": 0, "mean": {name: np.zeros_like(w) for name, w in run.params.items()}}

    def on_iteration(self, run, state):
        if run.iteration < self.share * run.iterations:
            return state, None
        count, mean = state["count"] + 1, state["mean"]
        return {"count": count, "mean": {n: mean[n] + (w - mean[n]) / count for n, w in run.params.items()}}, None

    def on_end(self, run, state):
        return state["mean"] if state["count"] else None


@attrs.frozen
class Lines(modnet.Callback):
    """A line for each epoch in the run's folder, of which a resumed run has each once."""

    repeatable = False

    file: str = "lines.jsonl"

    def init(self, run):
        if run.folder is None:
            raise modnet.SettingError(["lines are written into the run's folder, and it has none"], "callbacks")
        path = run.folder / self.file
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if run.iteration and path.exists() else []
        kept = [line for line in lines if json.loads(line)["iteration"] <= run.iteration]
        path.write_text("".join(kept), encoding="utf-8")

    def on_epoch(self, run, state):
        with (run.folder / self.file).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"iteration": run.iteration, "rate": run.rate}) + "\n")
        return state, None


@modnet.hookimpl
def register_callbacks(register):
    register(Slowing)
    register(Averaging, "weight-averaging")
    register(Lines)
