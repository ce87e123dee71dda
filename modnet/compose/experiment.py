"""Experiments: all that it takes to make a run, and to repeat it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import chdir
from functools import partial
from pathlib import Path
from types import GenericAlias
from typing import Any, NewType

import attrs
import tomli_w
from attrs.validators import and_, deep_iterable, ge, gt, lt, optional

from modnet.compose.defaults import MAIN_JOB, OF_DENSE, ExperimentTraining, get_default_job, merge_job
from modnet.compose.network import Network, count_outputs
from modnet.compose.parts import create_metrics, find_name, make_layer, make_settings_reader, read_part
from modnet.compose.plugins import containing_plugins, get_host
from modnet.compose.settings import LISTS, Settings, collect, find_change, get_settings, has_settings
from modnet.compose.sources import read_source, recognise_source
from modnet.compose.tables import LARGEST, Table, parse_toml
from modnet.data.dataset import Dataset
from modnet.errors import SettingError
from modnet.interfaces import (
    Activation,
    Callback,
    DataSource,
    GradientEstimator,
    Layer,
    Loss,
    Metric,
    Observer,
    Optimizer,
    Part,
)
from modnet.nn.arrays import NUMPY
from modnet.nn.checkpoint import Checkpoint
from modnet.nn.initializers import NamedInit, WeightInitStd
from modnet.nn.run import Run
from modnet.nn.schedules import set_horizon
from modnet.nn.training import check_task, train_network
from modnet.types import Shape

_NONE: Any = None  # the default of an entry that goes with others, and cannot be written as none
Bias = NewType("Bias", float)
VALIDATION = 0.1  # of the training rows, where a callback needs a validation part and nothing is said of it

# Short names of entries: the options of the command line.
PLACES = {
    **{name: ("network", name) for name in ("hidden", "activation", "output", "loss", "array", "device")},
    "gradient": ("gradient",),
    "optimizer": ("optimizer", "name"),
    "lr": ("optimizer", "lr"),
    **{name: ("training", name) for name in ("batch_size", "iterations", "sampling")},
    "seed": ("seed",),
    "validation": ("data", "validation_fraction"),
}


@attrs.frozen(kw_only=True)
class DataSettings:
    """The source of the data with its settings, and the file that it reads, if it reads one."""

    source: DataSource
    path: Path | None = None
    validation_fraction: float | None = attrs.field(default=None, validator=optional(and_(gt(0), lt(1))))
    """The share of training rows that become the validation part; None: that of the source, if it has one."""
    first_rows: int | None = attrs.field(default=None, validator=optional(ge(1)))
    """The number of training rows to learn from, the first ones of those that are not for validation; None: all."""


@attrs.frozen(kw_only=True)
class NetworkSettings:
    """The network between the data's features and its classes: dense layers, or a list of layers."""

    hidden: tuple[int, ...] = attrs.field(default=_NONE, validator=optional(deep_iterable(ge(1))))
    activation: tuple[Activation, ...] = attrs.field(default=_NONE)  # one for all hidden layers, or one for each
    output: Activation = _NONE
    loss: Loss
    weight_init_std: WeightInitStd = attrs.field()
    weight_init: tuple[NamedInit, ...] | None = attrs.field(default=None)  # one for all layers, or one for each
    bias_init: tuple[Bias, ...] | None = attrs.field(default=None)
    bias_init_std: float | None = attrs.field(default=None, validator=optional(ge(0)))
    array: str | None = None
    """The library of its arrays: "numpy", which is the default, or "torch"."""
    device: str | None = None
    """The device that they are on, as their library names it; None: its own default."""
    shape: tuple[int, ...] = attrs.field(default=_NONE, validator=optional(deep_iterable(ge(1))))
    layers: tuple[Layer | Activation, ...] = _NONE
    """Layers in place of `hidden`, `activation` and `output`, for samples of a `shape`, by default that of the data."""

    def __attrs_post_init__(self) -> None:
        if () in (self.layers, self.shape):
            raise ValueError("'layers' and 'shape' must not be empty")
        of_dense = [key for key in OF_DENSE if getattr(self, key) is not None]
        if self.layers and of_dense:
            raise ValueError(f"'layers' stand in place of {of_dense[0]!r}: leave one of the two out")
        if not self.layers and (self.shape or len(of_dense) < len(OF_DENSE)):
            raise ValueError("'shape' goes with 'layers'" if self.shape else "'hidden' or 'layers' are missing")

    @property
    def end(self) -> Activation | None:
        """The activation that it ends with; None where identity is added to its layers."""
        last = self.layers[-1] if self.layers else self.output
        return last.activation if isinstance(last, Layer) else last

    @activation.validator
    def _one_for_each(self, _: object, activation: tuple[Activation, ...]) -> None:
        if None not in (activation, self.hidden) and len(activation) not in {1, len(self.hidden)}:
            raise ValueError(f"'activation' must be one, or one for each of the {len(self.hidden)} hidden layers")

    @weight_init_std.validator
    def _not_negative(self, _: object, value: WeightInitStd) -> None:
        if not isinstance(value, str) and not value >= 0:
            raise ValueError(f"'weight_init_std' must be >= 0: {value}")

    @weight_init.validator
    @bias_init.validator
    def _one_for_each_layer(self, field: attrs.Attribute[Any], values: tuple[Any, ...] | None) -> None:
        if None not in (values, self.hidden) and len(values or ()) not in {1, len(self.hidden) + 1}:
            raise ValueError(f"{field.name!r} must be one, or one for each of the {len(self.hidden) + 1} layers")


@attrs.frozen(kw_only=True)
class PluginSettings:
    """The installed plugins to leave out, and the modules to load as plugins that are not installed."""

    without: tuple[str, ...]
    modules: tuple[str, ...]


@attrs.frozen(kw_only=True)
class Experiment:
    """A run that is not started yet. The parts are ready objects; TOML holds their names and settings."""

    seed: int = attrs.field(validator=ge(0))
    data: DataSettings
    network: NetworkSettings
    gradient: GradientEstimator
    optimizer: Optimizer
    training: ExperimentTraining
    plugins: PluginSettings
    callbacks: tuple[Callback, ...] = ()
    metrics: tuple[Metric, ...] = ()
    """Those besides the task's own."""


def create_experiment(table: Table) -> Experiment:
    """Return the experiment that changes the main job by `table`; raises SettingError with all mistakes at once."""
    reader = make_settings_reader()
    of_layers: tuple[Any, ...] = (Activation, NamedInit, Bias)
    for item in of_layers:
        reader.on(GenericAlias(tuple, (item, ...)), partial(_read_each, reader, item))
    reader.on(tuple[Layer | Activation, ...], _read_layers)
    reader.on(DataSettings, _read_data_settings)
    found = reader.read(merge_job(MAIN_JOB, table), Experiment)
    return attrs.evolve(found, optimizer=set_horizon(found.optimizer, found.training.iterations))


def to_table(value: Any) -> Any:
    """Return an experiment, a part or a value of an entry as TOML holds it; raises SettingError where it cannot.

    `create_experiment` reads the table of an experiment, and running it gives the same run.
    """
    table = make_settings_reader().write(value)
    if isinstance(value, Experiment):
        data = table["data"]
        table["data"] = {**data.pop("source"), **data}
        return {key: entry for key, entry in table.items() if entry != []}  # as in the files of older versions
    return table


def to_file(experiment: Experiment) -> bytes:
    """Return the experiment file of an experiment; raises SettingError where another one would be read from it."""
    mistakes: tuple[str, ...]
    try:
        content = tomli_w.dumps(to_table(experiment)).encode()
        change = find_change(experiment, create_experiment(parse_toml(content)))
        if not change and len(content) <= LARGEST:
            return content
        remedy = "annotate its settings, and keep each as it is given"
        mistakes = (f"{change}: {remedy}" if change else f"its file has more than {LARGEST:,} bytes",)
    except SettingError as error:
        mistakes = error.mistakes
    except RecursionError:
        mistakes = ("it is nested too deeply",)
    raise SettingError(mistakes, "the experiment cannot be saved")


def find_parts(value: Any) -> Iterator[Part]:
    """Yield the parts among the fields of an experiment or a part, and their parts."""
    if isinstance(value, Part):
        yield value
    if has_settings(value):
        value = get_settings(value)
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, LISTS) else ()
    for item in inner:
        yield from find_parts(item)


def create_network(experiment: Experiment, data: Dataset) -> Network:
    """Return the untrained network of an experiment, as wide at both ends as the data.

    Raises SettingError where its loss, or the output's activation, is not for the task of the data.
    """
    check_task(experiment.network.loss, data)
    outputs = count_outputs(experiment.network.loss, data.outputs)
    end = experiment.network.end
    if outputs == 1 != len(data.classes) and end and end.computes == "softmax":
        others = "sigmoid" if data.classes else "identity"
        place = "network.layers" if experiment.network.layers else "network.output"
        raise SettingError([f"of a single output the softmax is always 1: choose {others}"], place)
    shape = (experiment.network.shape or data.shape) if experiment.network.layers else (data.features,)
    network = create_network_of_size(experiment, shape, outputs)
    if network.inputs != data.features:
        what = f"takes samples of {network.inputs} numbers, those of the data have {data.features}"
        raise SettingError([f"{network.shape} {what}: take it out"], "network.shape")
    return network


def list_layers(settings: NetworkSettings, outputs: int) -> list[Any]:
    """Return the layers of a network with so many outputs as `Network` takes them."""
    if settings.layers:
        return [*settings.layers]
    hidden = settings.activation * (len(settings.hidden) if len(settings.activation) == 1 else 1)
    each = zip((*settings.hidden, outputs), (*hidden, settings.output), strict=True)
    return [item for units, activation in each for item in (("dense", {"units": units}), activation)]


def create_network_of_size(experiment: Experiment, shape: Shape, outputs: int) -> Network:
    """Return the untrained network of an experiment between samples of a shape and so many outputs."""
    network, training = experiment.network, experiment.training
    names = ("weight_init_std", "weight_init", "bias_init", "bias_init_std")
    rules: dict[str, Any] = {name: getattr(network, name) for name in names}
    # A list of one stands for all layers.
    rules = {name: rule[0] if isinstance(rule, tuple) and len(rule) == 1 else rule for name, rule in rules.items()}
    settings: Any = {"loss": network.loss, "seed": experiment.seed, "dtype": training.dtype, **rules}
    settings |= {"array": network.array or NUMPY.name, "device": network.device}
    return Network(list_layers(network, outputs), shape=shape, **settings)


def read_data(experiment: Experiment, given: Table | None = None) -> tuple[Dataset, Experiment]:
    """Return the data of an experiment, and the experiment with the settings that the source inferred.

    With the entries that a user has `given`, all others are the defaults for such data.
    """
    settings = attrs.evolve(experiment.data, source=_choose_task(experiment))
    with chdir("."):  # wherever a source changes it to
        source = read_source(settings.source, settings.path)
    data, settings = _choose_rows(source, settings, experiment.callbacks)
    known = get_settings(settings.source)
    inferred = {key: value for key, value in data.settings.items() if key in known}
    resolved = type(settings.source)(**{**known, **inferred}) if inferred else settings.source
    if given is not None and (job := get_default_job(data)) is not MAIN_JOB:
        experiment = create_experiment(merge_job(job, {**given, "data": {}}))
    network = experiment.network
    if network.layers:
        network = attrs.evolve(network, shape=network.shape or data.shape)
    return data, attrs.evolve(experiment, data=attrs.evolve(settings, source=resolved), network=network)


def _choose_rows(data: Dataset, settings: DataSettings, callbacks: Sequence[Callback]) -> tuple[Dataset, DataSettings]:
    """Return the data with the rows that are asked for: a validation part, also where a callback needs one, and fewer.

    The settings have the share that was taken.
    """
    fraction, notes = settings.validation_fraction, data.notes
    needing = [find_name(callback) for callback in callbacks if callback.needs_validation]
    if fraction is None and needing and "validation" not in data.parts:
        fraction, notes = VALIDATION, (*notes, f"a share of {VALIDATION:g} is for validation, as {needing[0]} needs it")
    if fraction is not None:
        # By the seed of the test rows, whatever the run's: all runs of a comparison have the same parts.
        seed = get_settings(settings.source).get("split_seed")
        data = attrs.evolve(data, notes=notes).with_validation(fraction, seed=seed if isinstance(seed, int) else 0)
    if settings.first_rows is not None:
        data = data.with_first_rows(settings.first_rows)
    return data, attrs.evolve(settings, validation_fraction=fraction)


def _choose_task(experiment: Experiment) -> DataSource:
    """Return the source of an experiment's data; where it has no task, that of the loss."""
    source, network = experiment.data.source, experiment.network
    known = get_settings(source)
    names = find_name(network.loss), find_name(network.end) if network.end else "identity"
    is_regression = network.loss.task == "regression" or names == ("mean-squared-error", "identity")
    has_none = "task" in known and known["task"] is None
    return type(source)(**{**known, "task": "regression"}) if is_regression and has_none else source


def run_experiment(
    experiment: Experiment,
    data: Dataset,
    start: Checkpoint | None = None,
    keep: Callable[[Checkpoint], object] | None = None,
    observer: Observer | None = None,
    until: int | None = None,
    table: Table | None = None,
    folder: Path | None = None,
    poll: Callable[[], object] | None = None,
) -> Run:
    """Train an experiment's network on its data, followed by the lifecycle hooks, or by another observer.

    Callbacks and observers see the `table` that it is written down as, and the `folder` that it is saved in. `poll` is
    as of `train_network`.
    """
    with containing_plugins(), chdir("."):
        return train_network(
            create_network(experiment, data),
            data,
            experiment.gradient,
            experiment.optimizer,
            experiment.training,
            metrics=create_metrics(data.task, experiment.metrics),
            seed=experiment.seed,
            callbacks=experiment.callbacks,
            until=until,
            experiment=table,
            folder=folder,
            start=start,
            keep=keep,
            poll=poll,
            observer=observer or get_host().relay(),
        )


def _read_each(reader: Settings, wanted: Any, value: Any) -> tuple[Any, ...]:
    """Return one value for all layers, or a list of one for each, as a tuple."""
    if isinstance(value, (list, tuple)):
        return tuple(reader.read_value(value, list[wanted]))
    return (reader.read_value(value, wanted),)


def _read_layers(value: Any) -> tuple[Layer | Activation, ...]:
    if not isinstance(value, (list, tuple)):
        raise SettingError([f"must be a list of tables, not {value!r}"])
    return tuple(collect((f"item {number}", partial(make_layer, item)) for number, item in enumerate(value, start=1)))


def _read_data_settings(value: Any) -> DataSettings:
    if not isinstance(value, Mapping):
        raise SettingError([f"must be a table, not {value!r}"])
    table = dict(value)
    path = table.pop("path", None)
    if path is not None and not isinstance(path, str):
        raise SettingError([f"'path' must be text, not {path!r}"])
    if path is not None and "name" not in table:
        table["name"] = recognise_source(Path(path))
    rows = {key: table.pop(key) for key in ("validation_fraction", "first_rows") if key in table}
    reader = read_part("data-source", table)
    if own := {key: rows.pop(key) for key in [*rows] if key in get_settings(reader)}:  # of a source that does it itself
        reader = read_part("data-source", {**table, **own})
    if reader.reads_files and path is None:
        raise SettingError([f"the source {table['name']!r} reads files: 'path' is missing"])
    if not reader.reads_files and path is not None:
        raise SettingError([f"the source {table['name']!r} reads no file: take 'path' out"])
    found = {"source": reader, "path": path and Path(path).resolve(), **rows}
    return make_settings_reader().read(found, DataSettings)
