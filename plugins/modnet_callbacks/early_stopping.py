"""Early stopping."""

from __future__ import annotations

import math

import attrs
from attrs.validators import ge

from modnet import ObservedRun, Params, State, Stop
from modnet_callbacks.monitoring import Monitoring


@attrs.frozen
class EarlyStopping(Monitoring):
    """Stops a run whose `monitor` is no better, by more than `min_delta`, in `patience` epochs one after the other.

    With `restore_best` a run ends with the parameters of the best epoch, whether it was stopped or not. Prechelt
    (1998), "Early stopping - but when?".

    >>> modnet.callback("early-stopping", patience=3)
    EarlyStopping(monitor='validation_loss', min_delta=0.0, patience=3, restore_best=True)
    """

    patience: int = attrs.field(default=5, validator=ge(1))
    restore_best: bool = True

    def init(self, run: ObservedRun) -> State:
        """Return that there is no best epoch yet; raises SettingError where there is no such column."""
        self.check_column(run)
        return {"best": math.nan, "iteration": 0, "waited": 0, "params": None}

    def on_epoch(self, run: ObservedRun, state: State) -> tuple[State, Stop | None]:
        """Return the best epoch so far, and a decision to stop where it was too long ago."""
        value = self.read(run)
        if self.is_better(run, value, state["best"]):
            params = dict(run.params) if self.restore_best else None
            return {"best": value, "iteration": run.iteration, "waited": 0, "params": params}, None
        state = {**state, "waited": state["waited"] + 1}
        return state, Stop(self._explain(state)) if state["waited"] >= self.patience else None

    def _explain(self, state: State) -> str:
        epochs = f"{self.patience} epochs" if self.patience > 1 else "an epoch"
        if math.isnan(state["best"]):
            return f"{self.monitor} was no number in {epochs}"
        return f"{self.monitor} was best at iteration {state['iteration']:,}, {state['best']:.4g}, {epochs} ago"

    def on_end(self, run: ObservedRun, state: State) -> Params | None:
        """Return the parameters of the best epoch, unless the run ends with better ones."""
        params: Params | None = state["params"]
        is_last = state["iteration"] == run.iteration or self.is_better(run, self.read(run), state["best"])
        return None if is_last else params
