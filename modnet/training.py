"""The training loop: draw a batch, bind the objective, estimate, step, record."""

from __future__ import annotations

import math
import time

import attrs
import numpy as np
from threadpoolctl import threadpool_limits

from modnet.batches import Batches, Sampling
from modnet.dataset import Dataset, Samples
from modnet.errors import DivergedError, SettingError, ShapeError, TrainingInterrupted
from modnet.interfaces import GradientEstimator, ObservedRun, Observer, Optimizer, name_of
from modnet.network import DenseNetwork, NetworkObjective
from modnet.randomness import Stream
from modnet.types import History, Params


@attrs.define(eq=False)
class Run:
    """A training run: the network with what it has learned, and what was recorded on the way."""

    network: DenseNetwork
    iterations: int
    iterations_per_epoch: float
    history: History = attrs.field(factory=History)
    iteration: int = 0
    status: str = "running"
    _started: float = attrs.field(factory=time.perf_counter, init=False)
    _ended: float | None = attrs.field(default=None, init=False)

    @property
    def epoch(self) -> float:
        """How many times as many samples were drawn as there are."""
        return self.iteration / self.iterations_per_epoch

    @property
    def params(self) -> Params:
        """The parameters as they stand."""
        return self.network.params

    @property
    def seconds(self) -> float:
        """Time since the start, until the end."""
        return (self._ended or time.perf_counter()) - self._started

    def end(self) -> None:
        """Stop the clock."""
        self._ended = time.perf_counter()


class Silent:
    """The observer that does nothing."""

    def run_started(self, *, run: ObservedRun) -> None:
        """Do nothing."""

    def epoch_ended(self, *, run: ObservedRun) -> None:
        """Do nothing."""

    def run_ended(self, *, run: ObservedRun) -> None:
        """Do nothing."""


def train(
    network: DenseNetwork,
    data: Dataset,
    estimator: GradientEstimator,
    optimizer: Optimizer,
    *,
    batch_size: int = 100,
    iterations: int = 1000,
    sampling: Sampling = "replacement",
    seed: int = 0,
    blas_threads: int = 1,
    observer: Observer | None = None,
) -> Run:
    """Train a copy of `network` on mini-batches and return the run; the network that was given stays as it is.

    With more `blas_threads` matrix products are split differently, and the last bits of a run depend on how many there
    are; one also keeps runs side by side from waiting for each other.

    Raises ShapeError where network and data do not fit, DivergedError when the loss stops being finite, and
    TrainingInterrupted on Ctrl-C; these two carry the run, with the last parameters whose loss was finite.
    """
    if iterations < 0:
        raise SettingError([f"'iterations' must be >= 0: {iterations}"], "training")
    if blas_threads < 1:
        raise SettingError([f"'blas_threads' must be >= 1: {blas_threads}"], "training")
    _check_fit(network, data)
    batches = Batches(len(data.train), batch_size, sampling, Stream(seed, ("batches",)))
    observer = observer or Silent()
    run = Run(network.with_params(network.params), iterations, batches.iterations_per_epoch)
    # The loss is looked at in every iteration: NumPy's warnings would only say the same less clearly.
    with np.errstate(all="ignore"), threadpool_limits(blas_threads, user_api="blas"):
        try:
            observer.run_started(run=run)
            _iterate(run, data, estimator, optimizer, batches, Stream(seed, ("gradient",)), observer)
            run.status = "finished"
        except KeyboardInterrupt:
            run.status = "interrupted"
            raise TrainingInterrupted(run) from None
        except DivergedError:
            run.status = "diverged"
            raise
        finally:
            _end(run, data, observer)
    return run


def _iterate(
    run: Run,
    data: Dataset,
    estimator: GradientEstimator,
    optimizer: Optimizer,
    batches: Batches,
    stream: Stream,
    observer: Observer,
) -> None:
    network, history = run.network, run.history
    params: Params = network.params
    # One assignment a step, so that Ctrl-C between any two instructions finds numbers that belong together.
    at = before = (0, params, optimizer.init(params))
    try:
        for k in range(run.iterations):
            _, params, state = at
            objective = _objective(network, data, batches, k)
            loss = objective.trace(params).loss
            if not math.isfinite(loss):
                at = before
                raise DivergedError(k + 1, loss, _likely_cause(objective, params), run)
            history.loss.append(loss)
            before, at = at, (k + 1, *optimizer.step(params, estimator(objective, params, stream.child(k)), state))
            run.iteration = k + 1
            if batches.ends_epoch(k):
                network.params = dict(at[1])
                _take_accuracies(run, data, observer)
    finally:
        run.iteration, network.params = at[0], dict(at[1])
        del history.loss[run.iteration :]


def _objective(network: DenseNetwork, data: Dataset, batches: Batches, k: int) -> NetworkObjective:
    """Return the loss of mini-batch `k` as a function of the parameters."""
    chosen = batches.indices(k)
    x = data.train.rows(chosen).astype(next(iter(network.params.values())).dtype, copy=False)
    return NetworkObjective(network.layers, network.loss_function, network.fused, x, data.train.t[chosen])


def forecast(
    network: DenseNetwork,
    data: Dataset,
    estimator: GradientEstimator,
    optimizer: Optimizer,
    *,
    batch_size: int = 100,
    sampling: Sampling = "replacement",
    seed: int = 0,
    blas_threads: int = 1,
    seconds: float = 0.5,
) -> tuple[float, float]:
    """Return how long an iteration takes and how long one evaluation of the loss, in seconds, by making a few.

    Iterations are made for about `seconds`, but two at least; the fastest counts. The accuracies at epochs' ends are
    left out. Raises what the estimator raises.
    """
    batches = Batches(len(data.train), batch_size, sampling, Stream(seed, ("batches",)))
    params: Params = network.params
    stream, state = Stream(seed, ("gradient",)), optimizer.init(params)
    clock, iterations, evaluations = time.perf_counter, list[float](), list[float]()
    with np.errstate(all="ignore"), threadpool_limits(blas_threads, user_api="blas"):
        end = clock() + seconds
        while len(iterations) < 2 or clock() < end:
            started = clock()
            objective = _objective(network, data, batches, len(iterations))
            objective.trace(params)
            params, state = optimizer.step(params, estimator(objective, params, stream.child(len(iterations))), state)
            iterations.append(clock() - started)
            started = clock()
            objective(params)
            evaluations.append(clock() - started)
    return min(iterations), min(evaluations)


def _end(run: Run, data: Dataset, observer: Observer) -> None:
    try:
        if run.status == "running":
            run.status = "failed"
        elif run.history.iterations[-1:] != [run.iteration]:
            _take_accuracies(run, data, observer)
    finally:
        run.end()
        observer.run_ended(run=run)


def _take_accuracies(run: Run, data: Dataset, observer: Observer) -> None:
    train = _accuracy(run.network, data.train)
    test = _accuracy(run.network, data.test) if len(data.test) else math.nan
    run.history.iterations.append(run.iteration)
    run.history.train_accuracy.append(train)
    run.history.test_accuracy.append(test)
    observer.epoch_ended(run=run)


def _accuracy(network: DenseNetwork, samples: Samples) -> float:
    hits = sum(int(network.hits(samples.rows(block), samples.t[block]).sum()) for block in samples.blocks())
    return hits / len(samples)


def _check_fit(network: DenseNetwork, data: Dataset) -> None:
    outputs = network.layers[-1].outputs
    if outputs < len(data.classes):
        raise ShapeError(f"layer {len(network.layers)} has {outputs} outputs, the data has {len(data.classes)} classes")
    if not len(data.train):
        raise ShapeError("there are no training samples")
    network.objective(data.train.rows(slice(1)), data.train.t[:1])


def _likely_cause(objective: NetworkObjective, params: Params) -> str:
    if not np.isfinite(objective.x).all():
        return "the batch holds values that are not finite; look at the data"
    for name, value in params.items():
        if not np.isfinite(value).all():
            return f"the last step made {name} infinite; try a smaller learning rate"
    trace = objective.trace(params)
    outputs = (*trace.inputs[1:], trace.output)
    for layer, a, z in zip(objective.layers, trace.pre_activations, outputs, strict=True):
        if not np.isfinite(a).all():
            return f"layer {layer.number} overflows; try a smaller learning rate or smaller initial weights"
        if not np.isfinite(z).all():
            largest = float(np.abs(a).max())
            return (
                f"the activation {name_of(layer.activation)} of layer {layer.number} gives {z[~np.isfinite(z)][0]} for "
                f"pre-activations up to {largest:.3g}; try a smaller learning rate"
            )
    return (
        f"the loss {name_of(objective.loss_function)} is not finite for finite outputs, an output of 0 where the "
        "target is 1 for instance; try a smaller learning rate or a larger eps"
    )
