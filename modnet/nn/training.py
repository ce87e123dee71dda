"""Training loop: draw a batch, bind the objective, estimate, step, record."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from modnet.data.dataset import Dataset
from modnet.data.samples import Samples
from modnet.errors import DivergedError, SettingError, ShapeError, TrainingInterrupted
from modnet.interfaces import Callback, GradientEstimator, Loss, Metric, ObservedRun, Observer, Optimizer, name_of
from modnet.nn.arrays import NUMPY, check_parts, to_numpy, total, unlock
from modnet.nn.blas import count_renewals, limit_blas_threads, renew_limit
from modnet.nn.callbacks import Callbacks
from modnet.nn.checkpoint import Checkpoint
from modnet.nn.metrics import find_errors, find_hits
from modnet.nn.network import LayeredNetwork
from modnet.nn.objective import NetworkObjective, protect
from modnet.nn.run import Run, RunView, TrainingSettings
from modnet.nn.schedules import fix_rate, set_horizon
from modnet.nn.validation import naming_parts, validate_estimate, validate_number, validate_step
from modnet.randomness import Stream
from modnet.text import format_count
from modnet.types import Array, Status

CHECKPOINT_EVERY = 5.0  # seconds from one checkpoint to the next
CHECKPOINT_SHARE = 0.02  # of the time is spent on checkpoints at most, however large they are
FREED = 2**21  # numbers, 16 MiB: more than most iterations allocate and free


@attrs.define
class CheckpointSchedule:
    """Calls `save` with a run's checkpoint: at once, then every few seconds, within its share of the time."""

    save: Callable[[Checkpoint], object] | None
    due: float = -math.inf

    def save_if_due(self, run: Run) -> None:
        """Save the run's checkpoint if it is time to."""
        if self.save and (now := time.perf_counter()) >= self.due:
            self.save_now(run)
            done = time.perf_counter()
            self.due = done + max(CHECKPOINT_EVERY, (done - now) / CHECKPOINT_SHARE)

    def save_now(self, run: Run) -> None:
        """Save the run's checkpoint, unless saving has failed before."""
        if self.save:
            try:
                self.save(run.checkpoint)
            except Exception:
                self.save = None
                raise


@naming_parts
def train_network(
    network: LayeredNetwork,
    data: Dataset,
    estimator: GradientEstimator,
    optimizer: Optimizer,
    settings: TrainingSettings,
    *,
    seed: int = 0,
    callbacks: Sequence[Callback] = (),
    metrics: Sequence[Metric] = (),
    observer: Observer | None = None,
    start: Checkpoint | None = None,
    keep: Callable[[Checkpoint], object] | None = None,
    until: int | None = None,
    experiment: Mapping[str, Any] | None = None,
    folder: Path | None = None,
    create: type[Run] = Run,
    poll: Callable[[], object] | None = None,
) -> Run:
    """Train a copy of `network` on mini-batches and return the run; the network that was given stays as it is.

    At the end of each epoch, and of the run, each of `metrics` is evaluated on every part of the data. From `start` on,
    a run comes to the same bits as if it had never stopped. `keep` is called with a checkpoint in the first iteration,
    every few seconds, and at the end: a run that has finished can be lengthened. After `until` iterations it ends as
    interrupted. `experiment` and `folder` are what its followers see of where it comes from; `create` is its class.
    `poll` is called before each iteration, and raises KeyboardInterrupt to interrupt the run.

    Raises ShapeError where network and data do not fit, DivergedError when the loss stops being finite, and
    TrainingInterrupted on Ctrl-C; these two carry the run, with the last parameters whose loss was finite.
    """
    _check_fit(network, data, metrics)
    observer, schedule = observer or Observer(), CheckpointSchedule(keep)
    np.empty(FREED)  # untouched: glibc, that has freed so much once, no longer returns memory in each iteration
    # The loss is checked in every iteration: NumPy's warnings would only say the same less clearly.
    with np.errstate(all="ignore"), limit_blas_threads(settings.blas_threads):
        optimizer = set_horizon(optimizer, settings.iterations, is_resumed=start is not None)
        run = create(network, data, estimator, optimizer, settings, seed, tuple(metrics), experiment, folder)
        observed: Any = RunView(run)
        _begin(run, callbacks, observed, start)
        tell_epoch = partial(observer.epoch_ended, run=observed)
        try:
            observer.run_started(run=observed)
            _iterate(run, until, tell_epoch, schedule, poll or (lambda: None))
            run.status = Status.INTERRUPTED if run.iteration == until else Status.FINISHED
        except KeyboardInterrupt:
            run.status = Status.INTERRUPTED
            raise TrainingInterrupted(run) from None
        except DivergedError:
            run.status = Status.DIVERGED
            raise
        finally:
            try:
                _finish(run, tell_epoch, schedule)
            finally:
                run.end()
                observer.run_ended(run=observed)
    return run


def _begin(run: Run, callbacks: Sequence[Callback], observed: ObservedRun, start: Checkpoint | None) -> None:
    """Give a run its callbacks and all that it has at its start; raises SettingError and ShapeError."""
    needing = [name_of(part) for part in callbacks if part.needs_validation]
    if needing and "validation" not in run.data.parts:
        what = f"{needing[0]} decides by a validation part, and the data has none: give data.with_validation(0.1)"
        raise SettingError([what], "callbacks")
    library = run.network.library
    check_parts([run.gradient, run.optimizer], library)
    arrays = protect(
        {name: library.convert(to_numpy(v)) for name, v in (start.params if start else run.params).items()}
    )
    params, factor = run.network.take_params(arrays), 1.0
    state, run.gradient_state = run.optimizer.init(params), run.init_gradient(params)
    if start:
        if start.iteration > run.iterations:
            what = f"'iterations' must be >= the {start.iteration} that were made: {run.iterations}"
            raise SettingError([what], "training")
        start.check(run.params, run.optimizer, callbacks)
        state, factor = start.restore(0, state, library), start.factor
        run.gradient_state = start.restore_gradient(run.gradient, run.gradient_state, library)
        run.iteration, run.seconds_before = start.iteration, start.seconds
        run.history = start.history.until(start.iteration)
    run.network = run.network.with_arrays(arrays)
    run.sound = (run.iteration, arrays, state, (), factor, run.gradient_state)
    run.callbacks = Callbacks(tuple(callbacks), observed, run.optimizer)
    states = run.callbacks.first
    if start:
        states = tuple(start.restore(number, first, library) for number, first in enumerate(states, start=1))
    run.sound = (run.iteration, arrays, state, states, factor, run.gradient_state)
    run.after = run.sound[2:]


def _iterate(
    run: Run,
    until: int | None,
    tell_epoch: Callable[[], object],
    schedule: CheckpointSchedule,
    poll: Callable[[], object],
) -> None:
    network, history, callbacks, stream = run.network, run.history, run.callbacks, Stream(run.seed, ("gradient",))
    of_layers = Stream(run.seed, ("layers",))
    is_followed = callbacks.listen("on_iteration")
    last = run.iterations if until is None else min(until, run.iterations)
    # One assignment a step, so that Ctrl-C between any two instructions finds numbers that belong together.
    at, repeated = run.sound, -1
    try:
        while run.iteration < last and not callbacks.reason:
            poll()
            k, arrays, state, states, factor, of_gradient = at
            renewals, params = count_renewals(), network.take_params(arrays)
            settings: Any = {"mode": "train", "stream": of_layers.child(k), "buffers": arrays}
            objective = _bind_objective(network, run.data.train, run.batches.draw(k), **settings)
            loss = objective.trace(params).loss
            if not math.isfinite(loss):
                at = run.sound
                explain = import_module("modnet_trace.divergence").explain_divergence  # not of the core
                raise DivergedError(k + 1, loss, explain(objective, params), run)
            run.sound = at
            history.loss.append(loss)
            schedule.save_if_due(run)
            estimated = run.gradient.estimate(objective, params, stream.child(k), of_gradient)
            run.grads, run.gradient_state = validate_estimate(estimated, params, run.gradient)
            buffers = objective.update_buffers(params) if network.buffers else {}
            made = fix_rate(run.optimizer, k, factor).step(params, run.grads, state)
            arrays, state = validate_step(made, params, run.optimizer)
            arrays = {**arrays, **buffers} if buffers else arrays
            del objective
            renew_limit()
            if count_renewals() != renewals and k != repeated:  # a BLAS was loaded or set, and has other bits
                repeated = k
                history.loss.pop()
                continue
            run.iteration, ends_epoch = k + 1, run.batches.ends_epoch(k)
            if is_followed or ends_epoch:
                network.set_arrays(arrays)
                states, factor = callbacks.call("on_iteration", states, factor, history)
            if ends_epoch:
                _evaluate(run)
                states, factor = callbacks.call("on_epoch", states, factor, history)
            at = (k + 1, arrays, state, states, factor, run.gradient_state)
            if ends_epoch:
                tell_epoch()
            run.grads = None  # so that the next batch takes its place, in the cache too
        run.stop_reason = callbacks.reason
    finally:
        network.set_arrays({name: unlock(v) for name, v in at[1].items()})
        run.iteration, callbacks.last, run.grads, run.gradient_state = at[0], at[3], None, at[5]
        run.after = at[2:]
        run.history = history.until(run.iteration)


def _bind_objective(
    network: LayeredNetwork, samples: Samples, chosen: slice | Array, **settings: Any
) -> NetworkObjective:
    """Return the loss of some samples as a function of the parameters."""
    dtype, library = network.dtype, network.library
    x, t, weights = samples.rows(chosen, dtype), samples.targets(chosen, network.outputs), samples.weights
    x = x.reshape(len(x), *network.shape)
    t = t.astype(dtype, copy=False) if t.dtype.kind == "f" else t
    weights = None if weights is None else weights[chosen].astype(dtype, copy=False)
    if library is not NUMPY:
        is_fresh = not isinstance(chosen, slice)
        x, t = (library.convert(each, is_fresh=is_fresh) for each in (x, t))
        weights = None if weights is None else library.convert(weights, is_fresh=is_fresh)
    return NetworkObjective(network.placed, network.loss_function, network.fused, x, t, weights, **settings)


def _finish(run: Run, tell_epoch: Callable[[], object], schedule: CheckpointSchedule) -> None:
    if run.status is Status.RUNNING:
        run.status = Status.FAILED
    schedule.save_now(run)
    if run.status is Status.FAILED:
        return
    if run.history.evaluated_at[-1:] != [run.iteration]:
        _evaluate(run)
        tell_epoch()
    elif run.of_samples is None:  # resumed from its very end
        run.of_samples = _evaluate_part(run.network, run.data, run.data.test, ())[1]
    if run.status is Status.FINISHED and _choose_params(run):
        tell_epoch()


def _choose_params(run: Run) -> bool:
    """Give the network the parameters that a callback chooses at the end, evaluate it, and say whether one did.

    Where that fails, the run has not finished: it can be resumed to do so.
    """
    arrays, of_samples = run.network.arrays, run.of_samples
    try:
        chosen = run.callbacks.end(arrays)
        if chosen is not None:
            run.network.set_arrays(chosen)
            _evaluate(run)
    except BaseException as error:
        run.network.set_arrays(arrays)
        run.of_samples, run.history = of_samples, run.history.until(run.iteration)
        if isinstance(error, KeyboardInterrupt):
            run.status = Status.INTERRUPTED
            raise TrainingInterrupted(run) from None
        # As any run that failed, it has the evaluations at the ends of epochs alone.
        run.status, run.of_samples, run.history = Status.FAILED, None, run.history_of_epochs(run.iteration)
        raise
    return chosen is not None


def _evaluate(run: Run) -> None:
    """Record the metrics on each part of the data."""
    values: dict[str, float] = {}
    for name, samples in run.data.parts.items():
        measured, of_samples = _evaluate_part(run.network, run.data, samples, run.metrics)
        values |= {f"{name}_{column}": value for column, value in measured.items()}
        if name == "test":
            run.of_samples = of_samples
    if validation := run.data.parts.get("validation"):
        values["validation_loss"] = _compute_loss(run.network, validation)
    run.history.record(run.iteration, values)


def _evaluate_part(
    network: LayeredNetwork, data: Dataset, samples: Samples, metrics: Sequence[Metric], rows: int | None = None
) -> tuple[dict[str, float], Array]:
    """Return the metrics of a part, or of its first rows, each alike, and the hits or errors of single samples."""
    blocks = samples.blocks() if rows is None else [slice(rows)]
    scores = [network.predict_scores(samples.rows(block, network.dtype)) for block in blocks]
    y = np.concatenate(scores) if scores else np.empty((0, network.outputs))
    y, t = protect({"y": data.to_unit(y), "t": data.to_unit(samples.t[:rows])}).values()
    measured = {each.column: validate_number(each(y, t), each) if len(t) else math.nan for each in metrics}
    return measured, find_hits(y, t) if data.classes else find_errors(y, t)


def _compute_loss(network: LayeredNetwork, samples: Samples) -> float:
    """Return the loss that training minimizes, of samples that it does not see; some are evaluated at a time."""
    summed = count = 0.0
    rows = network.rows_at_once
    for start in range(0, len(samples), rows):
        settings: Any = {"mode": "predict", "buffers": network.buffers}
        objective = _bind_objective(network, samples, slice(start, start + rows), **settings)
        share = objective.x.shape[0] if objective.weights is None else total(objective.weights)
        summed, count = summed + share * objective(network.params), count + share
    return summed / count if count else math.nan


def check_task(loss: Loss, data: Dataset) -> None:
    """Raise SettingError where a loss is for another task than the data."""
    if loss.task not in {None, data.task}:
        others = {"classification": "cross-entropy", "regression": "mean-squared-error or huber"}
        what = f"the loss {name_of(loss)} is for {loss.task}, and the data for {data.task}"
        raise SettingError([f"{what}: choose {others[data.task]}, or set data.task to {loss.task!r}"], "network.loss")


def _check_fit(network: LayeredNetwork, data: Dataset, metrics: Sequence[Metric]) -> None:
    check_task(network.loss_function, data)
    outputs = network.outputs
    needed = 1 if network.is_binary and data.outputs == 2 else data.outputs
    if outputs < needed or (data.task == "regression" and outputs > needed):
        what = f"{len(data.classes)} classes" if data.classes else format_count(needed, "target")
        raise ShapeError(f"{network.placed[-1].label} has {format_count(outputs, 'output')}, the data has {what}")
    if not len(data.train):
        raise ShapeError("there are no training samples")
    network.objective(data.train.rows(slice(1), network.dtype), data.train.targets(slice(1), outputs))
    with np.errstate(all="ignore"):  # outputs that the metrics cannot judge are found now
        _evaluate_part(network, data, data.train, metrics, rows=1)
