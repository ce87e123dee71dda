"""A training run: a network, its history and its status."""

from __future__ import annotations

import time

import attrs
import numpy as np

from modnet.interfaces import Optimizer, name_of
from modnet.nn.batches import Batches
from modnet.nn.checkpoint import Checkpoint
from modnet.nn.metrics import format_column
from modnet.nn.network import DenseNetwork
from modnet.types import Array, History, Params, State, Status


@attrs.define(eq=False, repr=False)
class Run:
    """A training run: the network with its learned parameters, and the recorded history."""

    network: DenseNetwork
    iterations: int
    batches: Batches
    optimizer: Optimizer
    history: History = attrs.field(factory=History)
    iteration: int = 0
    status: Status = Status.RUNNING
    of_samples: Array | None = None
    """The hits of the test samples at the last evaluation (N,), bool, or of a regression their errors, float64."""
    sound: tuple[int, Params, State] = attrs.field(init=False)
    """The last iteration whose loss is known to be finite, with the parameters and the state before its step."""
    seconds_before: float = 0.0
    """The seconds before the checkpoint that the run was resumed from."""
    _started: float = attrs.field(factory=time.perf_counter, init=False)
    _ended: float | None = attrs.field(default=None, init=False)

    def __repr__(self) -> str:
        tested = [name for name, values in self.history.columns.items() if name.startswith("test_") and values]
        last = "".join(f", {format_column(name)} {self.history.columns[name][-1]:.4f}" for name in tested[:1])
        made = f"{self.iteration} of {self.iterations} iterations"
        return f"<Run of {self.network!r}: {self.status}, {made}{last}>"

    @property
    def hits(self) -> Array | None:
        """For each test sample, whether it was recognised at the last evaluation; None before, and in a regression."""
        return self.of_samples if self.of_samples is not None and self.of_samples.dtype == np.bool_ else None

    @property
    def errors(self) -> Array | None:
        """For each test sample of a regression its squared error over the variance of the targets: the mean is 1 - R².

        None before the first evaluation, and in a classification.
        """
        return self.of_samples if self.of_samples is not None and self.of_samples.dtype != np.bool_ else None

    @property
    def epoch(self) -> float:
        """The samples drawn so far, as a multiple of the training samples."""
        return self.iteration / self.batches.iterations_per_epoch

    @property
    def params(self) -> Params:
        """The current parameters."""
        return self.network.params

    @property
    def seconds(self) -> float:
        """Time since the start, until the end; with that before the checkpoint, where the run was resumed."""
        return self.seconds_before + (self._ended or time.perf_counter()) - self._started

    @property
    def checkpoint(self) -> Checkpoint:
        """The state of the run, for `modnet.train(..., start=run.checkpoint)` to resume to the same bits.

        It is of the last iteration whose loss is known to be finite; resuming repeats that iteration.
        """
        iteration, params, state = self.sound
        # An evaluation at a run's end that is no epoch's end is not part of the resumed run.
        history = self.history.until(iteration, lambda k: k > 0 and self.batches.ends_epoch(k - 1))
        return Checkpoint(iteration, params, name_of(self.optimizer), state, history, self.seconds)

    def end(self) -> None:
        """Stop the clock."""
        self._ended = time.perf_counter()
