"""Runs in Python: trained, saved, opened, asked for predictions."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import chdir
from functools import cached_property
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any, cast

import attrs
import numpy as np
from attrs.validators import ge

import modnet.nn.run
from modnet.compose.defaults import MAIN_JOB, ExperimentTraining, check_is_dataset, get_default_job
from modnet.compose.experiment import (
    DataSettings,
    Experiment,
    NetworkSettings,
    PluginSettings,
    create_experiment,
    read_data,
)
from modnet.compose.parts import GivenInPython, create_metrics, find_name, make_part, make_parts, read_part
from modnet.compose.plugins import containing_plugins, get_host, list_asked
from modnet.compose.settings import Settings
from modnet.compose.tables import Table, read_toml
from modnet.data.dataset import Dataset
from modnet.data.fingerprint import data_fingerprint
from modnet.errors import DataError, SettingError
from modnet.files.opening import read_json
from modnet.host.entry_points import LOADED
from modnet.interfaces import Activation, Layer, Observer, PlacedLayer
from modnet.nn.arrays import NUMPY
from modnet.nn.batches import Sampling
from modnet.nn.checkpoint import Checkpoint, Checkpoints
from modnet.nn.network import LayeredNetwork
from modnet.nn.run import TrainingSettings
from modnet.nn.training import train_network
from modnet.runs.contents import read_course
from modnet.runs.folder import EXPERIMENT, HISTORY, PARAMS, SUMMARY, check_files, check_is_free, check_is_run
from modnet.runs.missing_plugins import make_finder
from modnet.runs.model import TrainedModel
from modnet.runs.receipt import Receipt
from modnet.runs.recorder import create_run
from modnet.runs.surroundings import compare_entries
from modnet.types import Array, Displayed, History, Params, Status

_DEFAULTS = TrainingSettings()
ROUNDING = 1e-4  # of the sum of a row's probabilities, in float32 as well


@attrs.frozen
class _Seed:
    seed: int = attrs.field(validator=ge(0))


class Trained(Displayed, ABC):
    """Something trained, which predicts from raw rows."""

    __slots__ = ()

    @property
    @abstractmethod
    def model(self) -> TrainedModel:
        """The trained network, with all that it takes to predict."""

    @property
    def classes(self) -> tuple[Any, ...]:
        """The labels of the classes, in the order of the network's outputs; none of a regression."""
        return self.model.classes

    def predict(self, rows: Any) -> Array:
        """Return the predictions of raw rows: their labels (N,), of a regression numbers in the data's unit.

        Numbers are (N,) where there is one target, and (N, targets) of several. `rows` are as they were before anything
        was prepared or divided: an array (N, ...), a list, a data frame whose columns are found by name, the path of a
        file, or a part such as `data.test`. Warns of words that training has not seen, and of what else is odd.
        Raises DataError.

        >>> data = modnet.load("mnist-small")
        >>> net = modnet.TwoLayerNet(784, 20, 10, seed=0)
        >>> run = modnet.train(net, data, optimizer=modnet.optimizer("adam", lr=0.003), iterations=200)
        >>> run.predict(data.test)[:3], data.test.t[:3]
        (array([7, 2, 1]), array([7, 2, 1]))
        """
        return self.model.to_answers(self._compute_outputs(rows))

    def predict_proba(self, rows: Any) -> Array:
        """Return the probability of each class (N, classes) for raw rows, as `predict` takes them.

        Raises SettingError for a regression, and where the network's outputs are no probabilities.
        """
        if not self.classes:
            raise SettingError(["it is a regression: its predictions are numbers, without probabilities"], "predict")
        y = self._compute_outputs(rows)
        if (is_odd := (y < 0).any(axis=1) | ~(abs(y.sum(axis=1) - 1) < ROUNDING)).any():
            row = int(np.argmax(is_odd))
            what = f"the network's outputs are no probabilities, in row {row + 1} they are {y[row].tolist()!r:.60}"
            raise SettingError([f"{what}: train it with the output softmax, or take predict"], "predict")
        return y

    def show(self, out: str | PathLike[str] | None = None, *, language: str | None = None) -> Any:
        """Write a page of the run, one HTML file, and return it; in a notebook it is shown.

        By default it is page.html in the folder of a saved run, or in the current folder; its `open()` opens it in a
        browser. `language` is "en" or "ko", by default the browser's. Raises SettingError where `out` is another file.

        >>> run.show("page.html")  # doctest: +SKIP
        <Page page.html: 412.3 kB>
        """
        return import_module("modnet_display.pages").show(self, out, language=language)

    def _compute_outputs(self, rows: Any) -> Array:
        model = self.model
        with chdir("."), containing_plugins():  # wherever a part changes it to
            found = model.read_rows(Path(rows)) if isinstance(rows, (str, PathLike)) else rows
            samples = model.to_samples(found)
            for note in (*getattr(found, "notes", ()), *model.describe(samples)):
                warnings.warn(note, stacklevel=3)
            return model.compute_outputs(samples)


@attrs.define(eq=False, repr=False)
class Run(modnet.nn.run.Run, Trained):
    """A training run: the network with its learned parameters, and the recorded history."""

    @property
    def model(self) -> TrainedModel:
        """The trained network, with all that it takes to predict."""
        return TrainedModel.create(self.network, self.data)

    def save(self, folder: str | PathLike[str], *, overwrite: bool = False) -> None:
        """Save the run in a new folder, or in place of the run that is in it; all of it is written, or nothing.

        `modnet.open_run`, `modnet predict` and `modnet plot` read it. No file has its data, so that `modnet resume`,
        `modnet verify` and `modnet train` say so. Raises SettingError where the folder is not free, or a part has no
        name that would find it again, and DataError where the folder cannot be written.
        """
        path = Path(folder)
        check_is_free(
            path, overwrite=overwrite, place="save", remedy="choose another, or pass overwrite=True to replace a run"
        )
        with create_run(path, self._describe(), self.data, overwrite=overwrite) as recorder:
            recorder.record(self)
        self.experiment, self.folder = recorder.table, path.absolute()

    def _describe(self) -> Experiment:
        """Return an experiment with the parts and settings of the run, and data that nothing can read again."""
        dtype: Any = str(self.network.dtype)
        initial = {key: value for key, value in MAIN_JOB["network"].items() if key == "weight_init_std"}
        for key, value in getattr(self.network, "initial", {}).items():
            each = value if isinstance(value, (list, tuple)) else [value]
            if not any(map(callable, each)):  # which no file can hold, and nothing needs any more
                initial[key] = value if key.endswith("_std") or value is None else (*each,)
        layers: dict[str, Any] = {"shape": self.network.shape, "layers": tuple(map(_unwrap, self.network.placed))}
        if dense := self.network.dense_layers:
            activations = tuple(layer.activation for layer in dense)
            layers = {"hidden": tuple(layer.outputs for layer in dense[:-1])}
            layers |= {"activation": activations[:-1], "output": activations[-1]}
        library = self.network.array, self.network.device
        arrays: Any = {} if library[0] == NUMPY.name else dict(zip(("array", "device"), library, strict=True))
        network = NetworkSettings(loss=self.network.loss_function, **layers, **initial, **arrays)
        modules = tuple(plugin.module for plugin in get_host().plugins if plugin.state == LOADED and not plugin.value)
        return Experiment(
            seed=self.seed,
            data=DataSettings(source=GivenInPython()),
            network=network,
            gradient=self.gradient,
            optimizer=self.optimizer,
            training=ExperimentTraining(**attrs.asdict(self.settings), dtype=dtype),
            plugins=PluginSettings(without=(), modules=modules),
            callbacks=self.callbacks.parts,
            metrics=self.metrics[len(create_metrics(self.data.task, ())) :],
        )


def _unwrap(place: PlacedLayer) -> Layer | Activation:
    """Return a layer, or the activation that it stands for by its name alone."""
    layer = place.layer
    return layer.activation if layer.activation and find_name(layer) == "activation" else layer


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
    progress: bool | Observer | None = None,
    start: Checkpoint | None = None,
    keep: Callable[[Checkpoint], object] | None = None,
) -> Run:
    """Train a copy of `network` and return the run; the network that was given stays as it is.

    Without an `optimizer` or number of `iterations`, those of the default experiment for such data are taken, as by
    `modnet train`. `sampling` is "replacement" (each batch drawn with replacement, as the book does) or "shuffle"
    (shuffled epochs). More `blas_threads` may be faster for wide networks; how many there are shows in the last bits of
    the result. `callbacks`, names or objects, follow the run, and may stop it. `metrics`, names or objects, are
    measured beside the task's own: accuracy, or R² and RMSE. The lifecycle hooks of the plugins follow the run, unless
    another `observer` is given. `progress` is shown in a notebook or a terminal; True and False say whether, and an
    observer takes its place. Raises DivergedError when the loss stops being finite and TrainingInterrupted on Ctrl-C,
    both with the run so far.

    With `start`, another run's `checkpoint`, it resumes there, up to `iterations` in all, and ends with the same bits
    as if it had never stopped. An optimizer, estimator or callback with other settings than there begins with the same
    state: another `std` of feedback-alignment leaves the matrices as they are. `keep` is called with a checkpoint in
    the first iteration, every few seconds, and at the end.

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
    follow: Callable[..., Observer] = import_module("modnet_progress.showing").follow  # not of the core
    with containing_plugins():
        run = train_network(
            network,
            data,
            *parts,
            seed=Settings().read({"seed": seed}, _Seed, "training").seed,
            callbacks=asked,
            metrics=measured,
            observer=follow(observer or get_host().relay(), progress),
            start=start,
            keep=keep,
            create=Run,
        )
    return cast("Run", run)


@attrs.frozen(eq=False, repr=False, kw_only=True)
class SavedRun(Trained):
    """A run in its `folder`: its course as it was when it was opened, and its network when that is first asked for.

    `experiment` is the table in its file, `history` goes until the last checkpoint of a run that has not ended, and
    `status` is `running` also of one that was killed; `stop_reason` is a callback's, "" where none stopped it.
    """

    folder: Path
    experiment: Table
    history: History
    status: Status
    stop_reason: str
    iteration: int

    def __repr__(self) -> str:
        return f"<SavedRun {self.folder}: {self.status}, {self.iteration} iterations>"

    @cached_property
    def model(self) -> TrainedModel:
        """The trained network, with all that it takes to predict; raises PluginError where a part of it is missing."""
        self._load_modules()
        check_files(self.folder, (EXPERIMENT, PARAMS))
        with chdir("."), containing_plugins():
            return TrainedModel.read(self.folder)

    @cached_property
    def data(self) -> Dataset:
        """The data that it was trained on, read again; raises DataError where it is not there, or has changed."""
        self._load_modules()
        receipt = Receipt.read(self.folder)
        with chdir("."), containing_plugins():
            found = read_data(create_experiment(self.experiment))[0]
        if changed := compare_entries("data", receipt.content, data_fingerprint(found)):
            raise DataError(f"{self.folder}: the data has changed since it was trained: {changed[0].format()}")
        return found

    def _load_modules(self) -> None:
        for name in list_asked(self.experiment)["modules"]:
            get_host().load_module(make_finder(self.folder / EXPERIMENT)(name), optional=True)

    @property
    def network(self) -> LayeredNetwork:
        """The network with its learned parameters."""
        return self.model.network

    @property
    def params(self) -> Params:
        """The learned parameters."""
        return self.network.arrays

    @property
    def checkpoint(self) -> Checkpoint:
        """The last checkpoint, for `modnet.train(..., start=run.checkpoint)`; raises DataError where there is none."""
        found = Checkpoints(self.folder).load()
        if found is None:
            raise DataError(f"{self.folder}: it has no checkpoint: it diverged, or it is one of many in a comparison")
        return found[0]


def open_run(folder: str | PathLike[str]) -> SavedRun:
    """Return the run in a folder, whatever its status; none of the parts that it names is needed to see its course.

    A module that its files name is imported only if you approved it. Raises DataError where it is no run, and for files
    that are not as the run left them.

    >>> run = modnet.open_run("runs/demo")  # doctest: +SKIP
    >>> run.status, run.history.test_accuracy[-1]  # doctest: +SKIP
    (<Status.FINISHED: 'finished'>, 0.883)
    """
    path = Path(folder).absolute()
    check_is_run(path)
    is_known = check_files(path, (EXPERIMENT, HISTORY, SUMMARY))
    history = read_course(path, is_known=is_known) if (path / HISTORY).is_file() else History()
    summary = read_json(path / SUMMARY) if (path / SUMMARY).is_file() else {}
    try:
        status = Status(summary.get("status", Status.RUNNING))
        made = int(summary.get("iterations", len(history.loss)))
    except (TypeError, ValueError):
        raise DataError(f"{path / SUMMARY}: not the summary of a run", path=path / SUMMARY) from None
    reason = str(summary.get("stop_reason") or "")
    table = read_toml(path / EXPERIMENT)
    return SavedRun(folder=path, experiment=table, history=history, status=status, stop_reason=reason, iteration=made)
