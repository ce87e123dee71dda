"""A stop where the training loss no longer falls."""

from __future__ import annotations

import math

import attrs
import numpy as np
from attrs.validators import ge, lt

from modnet import Callback, ObservedRun, State, Stop


@attrs.frozen
class StopOnPlateau(Callback):
    """Stops a run whose training loss falls by less than `tol` an epoch in `patience` epochs one after the other.

    It is the mean loss of the epoch's mini-batches, so that no rows are needed for validation, and nothing is computed
    once more. The parameters stay those of the last epoch. scikit-learn's `MLPClassifier` stops so by default.

    >>> modnet.callback("stop-on-plateau", tol=0.001)
    StopOnPlateau(tol=0.001, patience=10)
    """

    tol: float = attrs.field(default=1e-4, validator=[ge(0), lt(math.inf)])
    patience: int = attrs.field(default=10, validator=ge(1))

    def init(self, run: ObservedRun) -> State:
        """Return that no epoch was made yet."""
        return {"best": math.inf, "iteration": run.iteration, "waited": 0}

    def on_epoch(self, run: ObservedRun, state: State) -> tuple[State, Stop | None]:
        """Return the lowest loss and the epochs without progress, and a decision to stop where these are many."""
        loss = float(np.mean(run.history.loss[state["iteration"] :]))
        waited = state["waited"] + 1 if loss > state["best"] - self.tol else 0
        state = {"best": min(loss, state["best"]), "iteration": run.iteration, "waited": waited}
        what = f"the training loss fell by less than {self.tol:g} in each of {self.patience} epochs"
        return state, Stop(what) if waited >= self.patience else None
