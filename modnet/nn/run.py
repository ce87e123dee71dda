"""A training run: a network, its history and its status."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from functools import cached_property, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import attrs
import numpy as np
from attrs.validators import and_, ge, in_, le

from modnet.data.dataset import Dataset
from modnet.interfaces import GradientEstimator, Metric, ObservedRun, Optimizer
from modnet.nn.arrays import NUMPY, to_numpy, to_numpy_all
from modnet.nn.batches import Batches, Sampling
from modnet.nn.callbacks import Callbacks
from modnet.nn.checkpoint import Checkpoint, flatten_state
from modnet.nn.network import LayeredNetwork
from modnet.nn.schedules import find_rate
from modnet.randomness import Stream
from modnet.text import format_column
from modnet.types import Array, Grads, History, Params, State, Status, lock


@attrs.frozen(kw_only=True)
class TrainingSettings:
    """The settings of the training loop.

    With more `blas_threads` matrix products are split differently, and the last bits of a run depend on their number;
    one also keeps runs side by side from waiting for each other.
    """

    batch_size: int = attrs.field(default=100, validator=and_(ge(1), le(10**9)))
    iterations: int = attrs.field(default=1000, validator=ge(0))
    sampling: Sampling = attrs.field(default="replacement", validator=in_(get_args(Sampling)))
    blas_threads: int = attrs.field(default=1, validator=ge(1))


@attrs.define(eq=False, repr=False)
class Run:
    """A training run: the network with its learned parameters, and the recorded history."""

    network: LayeredNetwork
    data: Dataset
    gradient: GradientEstimator
    """The gradient estimator."""
    optimizer: Optimizer
    settings: TrainingSettings
    """The settings of the training loop."""
    seed: int
    metrics: tuple[Metric, ...] = ()
    experiment: Mapping[str, Any] | None = None
    """The experiment as its file holds it, where there is one."""
    folder: Path | None = None
    """The folder that the run is saved in, where it is."""
    batches: Batches = attrs.field(init=False)
    history: History = attrs.field(init=False)
    iteration: int = 0
    status: Status = Status.RUNNING
    of_samples: Array | None = None
    """The hits of the test samples at the last evaluation (N,), bool, or of a regression their errors, float64."""
    stop_reason: str = ""
    """The reason that a callback gave to stop it; "" where none did."""
    grads: Grads | None = None
    """The gradient of the last mini-batch, while its iteration lasts."""
    gradient_state: State = None
    """The state of the gradient estimator; None where it has none."""
    callbacks: Callbacks = attrs.field(init=False)
    sound: tuple[int, Params, State, tuple[State, ...], float, State] = attrs.field(init=False)
    """The last iteration whose loss is known to be finite, with all that stood before its step: the parameters, the
    states of the optimizer and of the callbacks, their factor of the learning rate, and the state of the estimator."""
    after: tuple[State, tuple[State, ...], float, State] = attrs.field(init=False)
    """The states after its last step, in the order of `sound`."""
    seconds_before: float = 0.0
    """The seconds before the checkpoint that the run was resumed from."""
    _started: float = attrs.field(factory=time.perf_counter, init=False)
    _ended: float | None = attrs.field(default=None, init=False)

    def __repr__(self) -> str:
        last = ""
        if tested := [name for name, values in self.history.columns.items() if name.startswith("test_") and values]:
            last = f", {format_column(tested[0], self.metrics)} {self.history.columns[tested[0]][-1]:.4f}"
        made = f"{self.iteration} of {self.iterations} iterations"
        return f"<Run of {self.network!r}: {self.status}, {made}{last}>"

    @batches.default
    def _create_batches(self) -> Batches:
        wanted = self.settings
        return Batches(len(self.data.train), wanted.batch_size, wanted.sampling, Stream(self.seed, ("batches",)))

    @history.default
    def _create_history(self) -> History:
        names = [f"{part}_{metric.column}" for metric in self.metrics for part in self.data.parts]
        return History(columns={name: [] for name in names})

    @property
    def iterations(self) -> int:
        """The number of iterations to make."""
        return self.settings.iterations

    @property
    def hits(self) -> Array | None:
        """For each test sample, whether it was recognised at the last evaluation; None before, and in a regression."""
        return self.of_samples if self.data.classes else None

    @property
    def errors(self) -> Array | None:
        """For each test sample of a regression its squared error over the variance of the targets: the mean is 1 - R².

        None before the first evaluation, and in a classification.
        """
        return None if self.data.classes else self.of_samples

    @property
    def loss(self) -> float | None:
        """The loss of the last mini-batch, before its step; None before the first."""
        return self.history.loss[-1] if self.history.loss else None

    @property
    def rate(self) -> float | None:
        """The learning rate of the last step; None before it, and where the optimizer has none as a number."""
        rate = find_rate(self.optimizer, self.iteration - 1) if self.iteration else None
        return None if rate is None else rate * self.sound[4]

    @property
    def epoch(self) -> float:
        """The samples drawn so far, as a multiple of the training samples."""
        return self.iteration / self.batches.iterations_per_epoch

    @property
    def params(self) -> Params:
        """The current parameters, and the layers' buffers."""
        return self.network.arrays

    @property
    def seconds(self) -> float:
        """Time since the start, until the end; with that before the checkpoint, where the run was resumed."""
        return self.seconds_before + (self._ended or time.perf_counter()) - self._started

    @property
    def checkpoint(self) -> Checkpoint:
        """The state of the run, for `modnet.train(..., start=run.checkpoint)` to resume to the same bits.

        It is of the last iteration whose loss is known to be finite; resuming repeats that iteration.
        """
        return self._to_checkpoint(*self.sound)

    @property
    def final(self) -> Checkpoint:
        """The state after the last step, to continue on other data; whether its loss is finite nobody knows yet."""
        return self._to_checkpoint(self.iteration, self.network.arrays, *self.after)

    def _to_checkpoint(
        self, iteration: int, arrays: Params, state: State, states: tuple[State, ...], factor: float, of_gradient: State
    ) -> Checkpoint:
        history = self.history_of_epochs(iteration)
        parts = self.optimizer, *self.callbacks.parts
        params = self.network.take_params(arrays)
        first = self.optimizer.init(params), *self.callbacks.first
        native = type(next(iter(params.values())))
        flattened = tuple(map(partial(flatten_state, native=native), parts, (state, *states), first))
        found = None
        if of_gradient is not None:
            found = flatten_state(self.gradient, of_gradient, self.init_gradient(params), native)
        return Checkpoint(iteration, to_numpy_all(arrays), flattened, history, self.seconds, factor, found)

    def init_gradient(self, params: Params) -> State:
        """Return the state of the gradient estimator before the first step; None where it has none."""
        return self.gradient.init(params, Stream(self.seed, ("gradient", "init")))

    def history_of_epochs(self, iteration: int) -> History:
        """Return the history until an iteration as a resumed run has it: without an evaluation at a run's end alone."""
        return self.history.until(iteration, lambda k: k > 0 and self.batches.ends_epoch(k - 1))

    def end(self) -> None:
        """Stop the clock."""
        self._ended = time.perf_counter()


OBSERVED = tuple(ObservedRun.__annotations__)


class RunView:
    """An `ObservedRun` for all observers of a run, which have copies, and the data to read alone."""

    def __init__(self, run: Run) -> None:
        vars(self)["_run"] = run

    def __getattr__(self, name: str) -> Any:
        if name not in OBSERVED:
            raise AttributeError(f"a run has no {name!r} for its observers: available: {', '.join(OBSERVED)}")
        value = getattr(self._run, name)
        if name in {"params", "grads"} and self._run.network.library is not NUMPY:
            return value and {key: lock(to_numpy(array)) for key, array in value.items()}
        found = value.copy() if isinstance(value, History) else copy.deepcopy(value)
        for array in found.values() if isinstance(found, dict) else [found]:
            if isinstance(array, np.ndarray):
                array.flags.writeable = False  # to change it would do nothing, and is refused
        return found

    @cached_property
    def data(self) -> Dataset:
        """The data, in the same memory."""
        return _protect_data(self._run.data)

    def _refuse(self, *_: object) -> None:
        raise AttributeError("a run is read only for its observers: change a copy of your own")

    __setattr__ = __delattr__ = _refuse

    def __dir__(self) -> tuple[str, ...]:
        return OBSERVED

    def __repr__(self) -> str:
        return repr(self._run)


def _protect_data(data: Dataset) -> Dataset:
    """Return a copy of a data set that shares the memory of its arrays, to read alone."""
    parts = {name: attrs.evolve(samples) for name, samples in data.parts.items()}
    data = attrs.evolve(data, unprepared=None).with_parts(parts)
    arrays = [a for part in data.parts.values() for a in (part.table, part.t, part.chosen, part.weights, part.soft)]
    return copy.deepcopy(data, {id(array): _lock(array) for array in arrays if array is not None})


def _lock(array: Array) -> Array:
    """Return an array of the same memory that can neither be written to nor made so, as a view can through its base."""
    layout = array.__array_interface__
    read_only = {**layout, "data": (layout["data"][0], True)}
    return np.asarray(SimpleNamespace(__array_interface__=read_only, _array=array))  # which lives as long
