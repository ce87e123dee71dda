"""Early stopping."""

from __future__ import annotations

import attrs
from attrs.validators import ge

from modnet import Callback, ObservedRun, Params, State, Stop


@attrs.frozen
class EarlyStopping(Callback):
    """Stops a run whose loss is no smaller after `patience` epochs, and restores the parameters that had the smallest.

    >>> modnet.callback("early-stopping", patience=3)
    EarlyStopping(patience=3)
    """

    patience: int = attrs.field(default=5, validator=ge(1))

    def init(self, run: ObservedRun) -> State:  # noqa: ARG002
        """Return that there is no best epoch yet."""
        return {"best": None, "epochs": 0, "params": None}

    def on_epoch(self, run: ObservedRun, state: State) -> tuple[State, Stop | None]:
        """Return the best epoch so far, and a decision to stop where it was too long ago."""
        if state["best"] is None or run.loss < state["best"]:
            return {"best": run.loss, "epochs": 0, "params": dict(run.params)}, None
        state = {**state, "epochs": state["epochs"] + 1}
        is_over = state["epochs"] >= self.patience
        return state, Stop(f"the loss is no smaller after {self.patience} epochs") if is_over else None

    def on_end(self, run: ObservedRun, state: State) -> Params | None:  # noqa: ARG002
        """Return the parameters of the best epoch."""
        params: Params | None = state["params"]
        return params
