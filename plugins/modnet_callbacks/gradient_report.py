"""The size of the gradient, and how often clipping would act."""

from __future__ import annotations

import math

import attrs
import numpy as np
from attrs.validators import gt, optional

from modnet import Callback, Grads, ObservedRun, Record, State


@attrs.frozen
class GradientReport(Callback):
    """Records the norm of the gradient: `gradient_norm` and `gradient_norm_max`, its mean and maximum over an epoch.

    With a `threshold` it records `clipping_share`, the share of iterations whose norm is above it: how often clipping
    at it would act. The norm is that of all parameters together. Pascanu, Mikolov and Bengio (2013), "On the
    difficulty of training recurrent neural networks".

    >>> modnet.callback("gradient-report", threshold=1.0)
    GradientReport(threshold=1.0)
    """

    threshold: float | None = attrs.field(default=None, validator=optional(gt(0)))

    def init(self, run: ObservedRun) -> State:  # noqa: ARG002
        """Return that no iteration was made yet."""
        return {"iterations": 0, "total": 0.0, "largest": 0.0, "above": 0}

    def on_iteration(self, run: ObservedRun, state: State) -> tuple[State, None]:
        """Return the sums with this iteration's norm."""
        norm = compute_norm(run.grads or {})
        return {
            "iterations": state["iterations"] + 1,
            "total": state["total"] + norm,
            "largest": max(state["largest"], norm),
            "above": state["above"] + (self.threshold is not None and norm > self.threshold),
        }, None

    def on_epoch(self, run: ObservedRun, state: State) -> tuple[State, Record | None]:
        """Return the sums of the next epoch, and the columns of this one, if all of its gradients were finite."""
        count = state["iterations"]
        values = {"gradient_norm": state["total"] / count, "gradient_norm_max": state["largest"]}
        if self.threshold is not None:
            values["clipping_share"] = state["above"] / count
        return self.init(run), Record(values) if math.isfinite(state["total"]) else None


def compute_norm(grads: Grads) -> float:
    """Return the Euclidean norm of all gradients together.

    >>> compute_norm({"W1": np.array([[3.0]]), "b1": np.array([4.0])})
    5.0
    """
    return math.hypot(*(float(np.linalg.norm(np.asarray(g, dtype=np.float64))) for g in grads.values()))
