"""A smaller learning rate where a run makes no progress."""

from __future__ import annotations

import math

import attrs
from attrs.validators import ge, gt, lt

from modnet import ObservedRun, ScaleRate, SettingError, State
from modnet_callbacks.monitoring import Monitoring


@attrs.frozen
class ReduceOnPlateau(Monitoring):
    """Multiplies the learning rate by `factor` where `monitor` is no better in `patience` epochs one after the other.

    Epochs are counted anew then, after a `cooldown` of so many, and the rate is never reduced below `minimum`.

    >>> modnet.callback("reduce-on-plateau", factor=0.5).patience
    3
    """

    factor: float = attrs.field(default=0.1, validator=[gt(0), lt(1)])
    patience: int = attrs.field(default=3, validator=ge(1))
    cooldown: int = attrs.field(default=0, validator=ge(0))
    minimum: float = attrs.field(default=1e-8, validator=[gt(0), lt(math.inf)])

    def init(self, run: ObservedRun) -> State:
        """Return that there is no best epoch yet; raises SettingError without such a column, or a learning rate."""
        self.check_column(run)
        if getattr(run.optimizer, "lr", None) is None:
            what = "reduce-on-plateau reduces the optimizer's setting 'lr', and this optimizer has none"
            raise SettingError([f"{what}: choose another optimizer, or leave the callback out"], "callbacks")
        return {"best": math.nan, "waited": 0, "resting": 0}

    def on_epoch(self, run: ObservedRun, state: State) -> tuple[State, ScaleRate | None]:
        """Return the best value and the epochs since, and a decision to reduce the rate where these are too many."""
        value, resting = self.read(run), max(0, state["resting"] - 1)
        if self.is_better(run, value, state["best"]):
            return {"best": value, "waited": 0, "resting": resting}, None
        waited = 0 if state["resting"] else state["waited"] + 1
        if waited < self.patience:
            return {**state, "waited": waited, "resting": resting}, None
        return {**state, "waited": 0, "resting": self.cooldown}, self._reduce(run.rate)

    def _reduce(self, rate: float | None) -> ScaleRate | None:
        factor = max(self.factor, self.minimum / rate) if rate else self.factor
        return ScaleRate(factor) if factor < 1 else None
