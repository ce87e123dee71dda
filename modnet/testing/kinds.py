"""The checks of each kind of part, and what they are run with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modnet.testing import activations, estimators, losses, optimizers, sources
from modnet.testing.checks import Suite

SUITES: dict[str, Suite] = {
    "activation": activations.ACTIVATION,
    "loss": losses.LOSS,
    "gradient": estimators.ESTIMATOR,
    "optimizer": optimizers.OPTIMIZER,
    "data-source": sources.SOURCE,
}
SUBJECTS: dict[str, Callable[..., Any]] = {
    "activation": activations.Subject,
    "loss": losses.Subject,
    "gradient": estimators.Subject,
    "optimizer": optimizers.Subject,
    "data-source": sources.Subject,
}
