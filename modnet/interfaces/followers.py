"""Runs as they are followed, callbacks and observers."""

from __future__ import annotations

import math
import re
from abc import ABC
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol

import attrs
from attrs.validators import and_, gt, lt

from modnet.data.dataset import Dataset
from modnet.interfaces.functions import Metric
from modnet.interfaces.learning import GradientEstimator, Optimizer
from modnet.interfaces.part import Part
from modnet.types import Array, Grads, History, Params, State, Status


class ObservedRun(Protocol):
    """A training run as observers see it, always up to date: what could be changed is read only, or a copy."""

    iteration: int
    """The number of iterations made."""
    iterations: int
    """The number of iterations to make."""
    epoch: float
    """The samples drawn so far, as a multiple of the training samples."""
    history: History
    """The history recorded so far."""
    status: Status
    """The state of the run: a `modnet.Status`, equal to the text in its files."""
    seconds: float
    """The time since the start."""
    params: Params
    """The parameters as they stand."""
    network: Any
    """The network with these parameters, a `modnet.Network`."""
    gradient: GradientEstimator
    """The gradient estimator, with its settings."""
    gradient_state: State
    """The state of the gradient estimator; None where it has none."""
    optimizer: Optimizer
    """The optimizer, with its settings."""
    metrics: tuple[Metric, ...]
    """The metrics, the task's own first."""
    hits: Array | None
    """For each test sample, whether it was recognised at the last evaluation; None before, and in a regression."""
    errors: Array | None
    """For each test sample of a regression its squared error over the variance of the targets; None otherwise."""
    loss: float | None
    """The loss of the last mini-batch, before its step; None before the first."""
    grads: Grads | None
    """The gradient of the last mini-batch, while its iteration lasts; None outside one."""
    rate: float | None
    """The learning rate of the last step; None before it, and where the optimizer has none as a number."""
    stop_reason: str
    """The reason that a callback gave to stop it; "" where none did."""
    seed: int
    """The seed of all random numbers."""
    data: Dataset
    """The data."""
    experiment: Mapping[str, Any] | None
    """The experiment as its file holds it; None where the run has none, as by `modnet.train`."""
    folder: Path | None
    """The run's folder; None where nothing of it is saved."""


@attrs.frozen
class Stop:
    """A callback's decision to end the run as finished, for a `reason` in words."""

    reason: str = attrs.field()

    @reason.validator
    def _in_words(self, _: object, reason: Any) -> None:
        if not isinstance(reason, str) or not reason.strip():
            raise ValueError(f"'reason' must be words, not {reason!r}")


@attrs.frozen
class ScaleRate:
    """A callback's decision to multiply the learning rate by `factor`, finite and above 0, from the next step on."""

    factor: float = attrs.field(validator=and_(gt(0.0), lt(math.inf)))


def _to_floats(values: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items()}


@attrs.frozen
class Record:
    """A callback's finite `values`, by name, for the row of the evaluation just made: columns of the history."""

    values: Mapping[str, float] = attrs.field(converter=_to_floats)

    @values.validator
    def _named_and_finite(self, _: object, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            if not re.fullmatch("[a-z][a-z0-9_]*", name):
                raise ValueError(f"a name must be lower-case letters, digits and _, as gradient_norm is: {name!r}")
            if not math.isfinite(value):
                raise ValueError(f"{name!r} must be finite, not {value}: record nothing where it is not")


class Callback(Part, ABC):
    """A part that follows a run, and may steer it. Its fields are settings only: its state is a value.

    All methods are optional; an event whose method is not overridden costs nothing. The state is anything that a
    checkpoint can hold, so that a run that was killed resumes to the same bits.

    >>> class StopAtLoss(modnet.Callback):
    ...     def on_iteration(self, run, state):
    ...         return state, modnet.Stop("the loss is below 0.1") if run.loss < 0.1 else None
    """

    needs_validation: ClassVar[bool] = False
    """True where it decides by the validation part, without which it cannot work."""

    repeatable: ClassVar[bool] = True
    """False where it goes by the clock, or writes files: it may only return `Stop`, and `verify` leaves it out."""

    def init(self, run: ObservedRun) -> State:
        """Return the state before the first iteration; where a run is resumed, a state of the same structure."""
        return None

    def on_iteration(self, run: ObservedRun, state: State) -> tuple[State, Stop | ScaleRate | None]:
        """Return the new state, and a decision or None: after each step."""
        return state, None

    def on_epoch(self, run: ObservedRun, state: State) -> tuple[State, Stop | ScaleRate | Record | None]:
        """Return the new state, and a decision or None: after each evaluation at the end of an epoch."""
        return state, None

    def on_end(self, run: ObservedRun, state: State) -> Params | None:
        """Return the parameters that a run ends with that has finished; None leaves those that it has."""
        return None


class Observer:
    """A follower of runs: its methods are the lifecycle hooks, and do nothing unless they are overridden.

    A run is the same object in all three hooks, and read only. An error in a hook ends the run as `failed`, unless all
    its iterations are made.
    """

    def run_started(self, run: ObservedRun) -> None:
        """Follow a run: the first of `run.iterations` is about to begin."""

    def epoch_ended(self, run: ObservedRun) -> None:
        """Follow a run: it was evaluated, at the end of an epoch or of the run.

        Both accuracies stand last in `run.history.train_accuracy` and `run.history.test_accuracy`; a regression has
        `train_r2`, `test_r2`, `train_rmse` and `test_rmse` in their place.

        >>> @modnet.hookimpl
        ... def epoch_ended(run):
        ...     print(f"{run.iteration}: {run.history.test_accuracy[-1]}")
        """

    def run_ended(self, run: ObservedRun) -> None:
        """Follow a run: it ended. Called in every case; `run.status` tells them apart."""
