"""The training loop: draw a batch, bind the objective, estimate, step, record."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import get_args

import attrs
import numpy as np
from attrs.validators import ge, in_
from threadpoolctl import threadpool_limits

from modnet.data.dataset import Dataset
from modnet.data.samples import Samples
from modnet.errors import DivergedError, SettingError, ShapeError, TrainingInterrupted
from modnet.interfaces import GradientEstimator, Observer, Optimizer, name_of
from modnet.nn.batches import Batches, Sampling
from modnet.nn.checkpoint import Checkpoint
from modnet.nn.network import DenseNetwork, NetworkObjective
from modnet.nn.validation import checked_gradient, checked_step
from modnet.randomness import Stream
from modnet.types import Array, History, Params, State, Status

KEEP_EVERY = 5.0  # seconds from one checkpoint to the next
KEEP_SHARE = 0.02  # of the time is spent on them at most, however large they are


@attrs.frozen(kw_only=True)
class TrainingSettings:
    """The settings of the training loop.

    With more `blas_threads` matrix products are split differently, and the last bits of a run depend on their number;
    one also keeps runs side by side from waiting for each other.
    """

    batch_size: int = attrs.field(default=100, validator=ge(1))
    iterations: int = attrs.field(default=1000, validator=ge(0))
    sampling: Sampling = attrs.field(default="replacement", validator=in_(get_args(Sampling)))
    blas_threads: int = attrs.field(default=1, validator=ge(1))


@attrs.define(eq=False, repr=False)
class Run:
    """A training run: the network with what it has learned, and what was recorded on the way."""

    network: DenseNetwork
    iterations: int
    batches: Batches
    optimizer: Optimizer
    history: History = attrs.field(factory=History)
    iteration: int = 0
    status: Status = Status.RUNNING
    hits: Array | None = None
    """For each test sample, whether it was recognised when the accuracies were taken last."""
    sound: tuple[int, Params, State] = attrs.field(init=False)
    """The last iteration whose loss is known to be finite, with the parameters and the state before its step."""
    seconds_before: float = 0.0
    """What it had taken when it went on from a checkpoint."""
    _started: float = attrs.field(factory=time.perf_counter, init=False)
    _ended: float | None = attrs.field(default=None, init=False)

    def __repr__(self) -> str:
        accuracy = f", test accuracy {self.history.test_accuracy[-1]:.4f}" if self.history.test_accuracy else ""
        made = f"{self.iteration} of {self.iterations} iterations"
        return f"<Run of {self.network!r}: {self.status}, {made}{accuracy}>"

    @property
    def epoch(self) -> float:
        """How many times as many samples were drawn as there are."""
        return self.iteration / self.batches.iterations_per_epoch

    @property
    def params(self) -> Params:
        """The parameters as they stand."""
        return self.network.params

    @property
    def seconds(self) -> float:
        """Time since the start, until the end; with what it had taken before, where it went on from a checkpoint."""
        return self.seconds_before + (self._ended or time.perf_counter()) - self._started

    @property
    def checkpoint(self) -> Checkpoint:
        """How the run stands, for `modnet.train(..., start=run.checkpoint)` to go on with, to the same bits.

        It is of the last iteration whose loss is known to be finite, which is made again then.
        """
        iteration, params, state = self.sound
        # Accuracies that were taken where a run ended, and no epoch did, are none of the run that goes on.
        history = self.history.until(iteration, lambda k: k > 0 and self.batches.ends_epoch(k - 1))
        return Checkpoint(iteration, params, name_of(self.optimizer), state, history, self.seconds)

    def end(self) -> None:
        """Stop the clock."""
        self._ended = time.perf_counter()


@attrs.define
class Keeper:
    """Hands a run's checkpoint to `keep`: at once, then every few seconds, but no more of the time than its share."""

    keep: Callable[[Checkpoint], object] | None
    due: float = -math.inf

    def look(self, run: Run) -> None:
        """Hand it over if it is time to."""
        if self.keep and (now := time.perf_counter()) >= self.due:
            self.hand_over(run)
            done = time.perf_counter()
            self.due = done + max(KEEP_EVERY, (done - now) / KEEP_SHARE)

    def hand_over(self, run: Run) -> None:
        """Hand it over, unless that has failed before."""
        if self.keep:
            try:
                self.keep(run.checkpoint)
            except Exception:
                self.keep = None
                raise


def train(
    network: DenseNetwork,
    data: Dataset,
    estimator: GradientEstimator,
    optimizer: Optimizer,
    settings: TrainingSettings,
    *,
    seed: int = 0,
    observer: Observer | None = None,
    start: Checkpoint | None = None,
    keep: Callable[[Checkpoint], object] | None = None,
) -> Run:
    """Train a copy of `network` on mini-batches and return the run; the network that was given stays as it is.

    From `start` on, a run comes to the same bits as if it had never stopped. `keep` is called with a checkpoint in the
    first iteration, every few seconds, and where the run ends before its last iteration.

    Raises ShapeError where network and data do not fit, DivergedError when the loss stops being finite, and
    TrainingInterrupted on Ctrl-C; these two carry the run, with the last parameters whose loss was finite.
    """
    _check_fit(network, data)
    batches = Batches(len(data.train), settings.batch_size, settings.sampling, Stream(seed, ("batches",)))
    observer, keeper = observer or Observer(), Keeper(keep)
    run = _begun(network, settings.iterations, batches, optimizer, start)
    # The loss is looked at in every iteration: NumPy's warnings would only say the same less clearly.
    with np.errstate(all="ignore"), threadpool_limits(settings.blas_threads, user_api="blas"):
        try:
            observer.run_started(run=run)
            _iterate(run, data, estimator, Stream(seed, ("gradient",)), observer, keeper)
            run.status = Status.FINISHED
        except KeyboardInterrupt:
            run.status = Status.INTERRUPTED
            raise TrainingInterrupted(run) from None
        except DivergedError:
            run.status = Status.DIVERGED
            raise
        finally:
            _end(run, data, observer, keeper)
    return run


def _begun(
    network: DenseNetwork, iterations: int, batches: Batches, optimizer: Optimizer, start: Checkpoint | None
) -> Run:
    if start is None:
        run = Run(network.with_params(network.params), iterations, batches, optimizer)
        run.sound = (0, run.params, optimizer.init(run.params))
        return run
    if start.iteration > iterations:
        raise SettingError([f"'iterations' must be >= the {start.iteration} that were made: {iterations}"], "training")
    start.check(network.params, optimizer)
    run = Run(network.with_params(start.params), iterations, batches, optimizer, start.history.until(start.iteration))
    run.iteration, run.seconds_before = start.iteration, start.seconds
    run.sound = (start.iteration, start.params, start.state)
    return run


def _iterate(
    run: Run, data: Dataset, estimator: GradientEstimator, stream: Stream, observer: Observer, keeper: Keeper
) -> None:
    network, history = run.network, run.history
    # One assignment a step, so that Ctrl-C between any two instructions finds numbers that belong together.
    at = run.sound
    try:
        for k in range(run.iteration, run.iterations):
            _, params, state = at
            objective = _objective(network, data, run.batches, k)
            loss = objective.trace(params).loss
            if not math.isfinite(loss):
                at = run.sound
                raise DivergedError(k + 1, loss, _likely_cause(objective, params), run)
            run.sound = at
            history.loss.append(loss)
            keeper.look(run)
            at = (k + 1, *_stepped(objective, params, state, estimator, run.optimizer, stream.child(k)))
            run.iteration = k + 1
            if run.batches.ends_epoch(k):
                network.params = dict(at[1])
                _evaluate(run, data, observer)
    finally:
        run.iteration, network.params = at[0], dict(at[1])
        run.history = history.until(run.iteration)


def _stepped(
    objective: NetworkObjective,
    params: Params,
    state: State,
    estimator: GradientEstimator,
    optimizer: Optimizer,
    stream: Stream,
) -> tuple[Params, State]:
    """Return the parameters and the state after a step; raises PluginError where a part returns what is neither."""
    grads = checked_gradient(estimator(objective, params, stream), params, estimator)
    return checked_step(optimizer.step(params, grads, state), params, optimizer)


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
    settings: TrainingSettings,
    *,
    seed: int = 0,
    seconds: float = 0.5,
) -> tuple[float, float]:
    """Return how long an iteration takes and how long one evaluation of the loss, in seconds, by making a few.

    Iterations are made for about `seconds`, but two at least; the fastest counts. The accuracies at epochs' ends are
    left out. Raises what the estimator raises.
    """
    batches = Batches(len(data.train), settings.batch_size, settings.sampling, Stream(seed, ("batches",)))
    params: Params = network.params
    stream, state = Stream(seed, ("gradient",)), optimizer.init(params)
    clock, iterations, evaluations = time.perf_counter, list[float](), list[float]()
    with np.errstate(all="ignore"), threadpool_limits(settings.blas_threads, user_api="blas"):
        end = clock() + seconds
        while len(iterations) < 2 or clock() < end:
            started = clock()
            objective = _objective(network, data, batches, len(iterations))
            objective.trace(params)
            params, state = _stepped(objective, params, state, estimator, optimizer, stream.child(len(iterations)))
            iterations.append(clock() - started)
            started = clock()
            objective(params)
            evaluations.append(clock() - started)
    return min(iterations), min(evaluations)


def _end(run: Run, data: Dataset, observer: Observer, keeper: Keeper) -> None:
    try:
        if run.status is Status.RUNNING:
            run.status = Status.FAILED
        if run.status is not Status.FINISHED:
            keeper.hand_over(run)
        if run.status is Status.FAILED:
            return
        if run.history.iterations[-1:] != [run.iteration]:
            _evaluate(run, data, observer)
        elif run.hits is None:  # resumed from its very end
            run.hits = _hits(run.network, data.test)
    finally:
        run.end()
        observer.run_ended(run=run)


def _evaluate(run: Run, data: Dataset, observer: Observer) -> None:
    """Record the accuracy on each part of the data."""
    hits = {name: _hits(run.network, samples) for name, samples in data.parts.items()}
    run.hits = hits["test"]
    run.history.record(
        run.iteration,
        {f"{name}_accuracy": float(values.mean()) if len(values) else math.nan for name, values in hits.items()},
    )
    observer.epoch_ended(run=run)


def _hits(network: DenseNetwork, samples: Samples) -> Array:
    hits = [network.hits(samples.rows(block), samples.t[block]) for block in samples.blocks()]
    return np.concatenate([np.empty(0, np.bool_), *hits])


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
