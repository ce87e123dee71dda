"""The loss on each part of the data at the end of an epoch."""

from __future__ import annotations

import math

import attrs
import numpy as np
from attrs.validators import ge, optional

from modnet import Callback, ObservedRun, Record, Samples, State, is_weight


@attrs.frozen
class LossReport(Callback):
    """Records `train_loss` and `test_loss` at the end of each epoch, by the parameters after its last step.

    That is the loss that training minimizes, on all rows of a part or the first `rows`, with its layers in predict
    mode; `validation_loss` a run has anyway. With the `weight_decay` of an optimizer, weight_decay / 2 times the sum of
    all squared weights is added, as the papers' regularised costs have it. A loss that is not finite is left out.

    >>> modnet.callback("loss-report", rows=1000)
    LossReport(rows=1000, weight_decay=0.0)
    """

    rows: int | None = attrs.field(default=None, validator=optional(ge(1)))
    weight_decay: float = attrs.field(default=0.0, validator=ge(0))

    def on_epoch(self, run: ObservedRun, state: State) -> tuple[State, Record | None]:
        """Return the losses of the parts that have rows."""
        network, parts = run.network, run.data.parts
        decayed = [np.asarray(value, np.float64) for name, value in network.params.items() if is_weight(name)]
        penalty = self.weight_decay / 2 * sum(float((w * w).sum()) for w in decayed) if self.weight_decay else 0.0
        found = {f"{name}_loss": self._compute(run, parts[name]) + penalty for name in ("train", "test")}
        values = {name: loss for name, loss in found.items() if math.isfinite(loss)}
        return state, Record(values) if values else None

    def _compute(self, run: ObservedRun, samples: Samples) -> float:
        """Return the mean loss, some rows at a time; NaN of no rows."""
        network, total, shares = run.network, 0.0, 0.0
        count = min(len(samples), self.rows or len(samples))
        for start in range(0, count, network.rows_at_once):
            some = slice(start, min(start + network.rows_at_once, count))
            weights = None if samples.weights is None else samples.weights[some]
            share = some.stop - start if weights is None else float(weights.sum())
            x, t = samples.rows(some, network.dtype), samples.targets(some, network.outputs)
            total, shares = total + share * network.loss(x, t, weights), shares + share
        return total / shares if shares else math.nan
