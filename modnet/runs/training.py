"""Training with parts by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from modnet.compose.defaults import MAIN_JOB, check_is_dataset, get_default_job
from modnet.compose.parts import create_metrics, make_part, make_parts, read_part
from modnet.compose.plugins import containing_plugins, get_host
from modnet.compose.settings import Settings
from modnet.data.dataset import Dataset
from modnet.interfaces import Observer
from modnet.nn.batches import Sampling
from modnet.nn.checkpoint import Checkpoint
from modnet.nn.network import LayeredNetwork
from modnet.nn.run import TrainingSettings
from modnet.nn.training import train_network
from modnet.runs.run import Run

_DEFAULTS = TrainingSettings()


def train(
    network: LayeredNetwork,
    data: Dataset,
    *,
    gradient: object = "backpropagation",
    optimizer: object = None,
    batch_size: int = _DEFAULTS.batch_size,
    iterations: int | None = None,
    sampling: Sampling = _DEFAULTS.sampling,
    seed: int = 0,
    blas_threads: int = _DEFAULTS.blas_threads,
    callbacks: Sequence[object] = (),
    metrics: Sequence[object] = (),
    observer: Observer | None = None,
    start: Checkpoint | None = None,
    keep: Callable[[Checkpoint], object] | None = None,
) -> Run:
    """Train a copy of `network` and return the run; the network that was given stays as it is.

    Without an `optimizer` or number of `iterations`, those of the default experiment for such data are taken, as by
    `modnet train`. `sampling` is "replacement" (each batch drawn with replacement, as the book does) or "shuffle"
    (shuffled epochs). More `blas_threads` may be faster for wide networks; how many there are shows in the last bits of
    the result. `callbacks`, names or objects, follow the run, and may stop it. `metrics`, names or objects, are
    measured beside the task's own: accuracy, or R² and RMSE. The lifecycle hooks of the plugins follow the run, unless
    another `observer` is given. Raises DivergedError when the loss stops being finite and TrainingInterrupted on
    Ctrl-C, both with the run so far.

    With `start`, another run's `checkpoint`, it resumes there, up to `iterations` in all, and ends with the same bits
    as if it had never stopped. `keep` is called with a checkpoint in the first iteration, every few seconds, and at the
    end.

    >>> data = modnet.load("mnist-small")
    >>> net, sgd = modnet.TwoLayerNet(784, 50, 10, seed=0), modnet.optimizer("sgd", lr=0.1)
    >>> run = modnet.train(net, data, iterations=100, seed=0, optimizer=sgd)
    >>> len(run.history.loss), run.history.iterations
    (100, [50, 100])
    """
    check_is_dataset(data)
    job = get_default_job(data) if optimizer is None or iterations is None else MAIN_JOB  # where neither is read
    count = job["training"]["iterations"] if iterations is None else iterations
    table = {"batch_size": batch_size, "iterations": count, "sampling": sampling, "blas_threads": blas_threads}
    settings = Settings().read(table, TrainingSettings, "training")
    wanted = read_part("optimizer", job["optimizer"]) if optimizer is None else make_part("optimizer", optimizer)
    parts = make_part("gradient", gradient), wanted, settings
    asked, measured = make_parts("callback", callbacks), create_metrics(data.task, make_parts("metric", metrics))
    data.check()
    with containing_plugins():
        run = train_network(
            network,
            data,
            *parts,
            seed=seed,
            callbacks=asked,
            metrics=measured,
            observer=observer or get_host().relay(),
            start=start,
            keep=keep,
            create=Run,
        )
    return cast("Run", run)
