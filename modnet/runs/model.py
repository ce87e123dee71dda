"""The trained network in the folder of a run."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from modnet.compose.experiment import Experiment, create_network_of_size, list_layers
from modnet.compose.network import Network, count_outputs, make_layers
from modnet.compose.parts import find_name, make_part
from modnet.compose.plugins import get_host
from modnet.compose.settings import get_settings
from modnet.compose.sources import read_rows, recognise_source
from modnet.compose.tables import Table
from modnet.data.columns import Column
from modnet.data.dataset import Dataset
from modnet.data.labels import TargetScale
from modnet.data.preparation import Preparation
from modnet.data.rows import read_new_rows
from modnet.data.samples import Samples
from modnet.errors import DataError, MissingExtraError, SettingError
from modnet.files.opening import read_json
from modnet.host.signatures import Setting, find_settings
from modnet.interfaces import DataSource, RowsToPredict
from modnet.nn.arrays import NUMPY, find_library, match_array
from modnet.nn.checkpoint import load_params
from modnet.nn.layers import place_layers
from modnet.nn.network import LayeredNetwork
from modnet.runs.folder import EXPERIMENT, PARAMS, PREPARATION, check_is_run, read_network
from modnet.text import printable
from modnet.types import Array


@attrs.frozen(eq=False)
class TrainedModel:
    """A network read from the folder of its run, with all that it takes to predict from raw rows."""

    network: LayeredNetwork
    classes: tuple[Any, ...]
    scale: float
    feature_names: tuple[str, ...] = attrs.field(repr=False)
    """The names of the features, or none where the training data has none."""
    source: DataSource | None
    """The source of the training data, with its settings, or None where its plugin is missing."""
    preparation: Preparation | None = attrs.field(default=None, repr=False)
    """The preparation of raw rows, or None where they are divided at most."""
    target_scale: TargetScale | None = None  # the scale of the targets of a regression
    parts: tuple[Samples, ...] = ()  # of the data, where that is at hand

    @classmethod
    def create(cls, network: LayeredNetwork, data: Dataset) -> TrainedModel:
        """Return the model of a network that was trained on some data."""
        learned = data.preparation, data.target_scale, tuple(data.parts.values())
        return cls(network, data.classes, data.scale, data.feature_names, None, *learned)

    @classmethod
    def read(cls, folder: Path) -> TrainedModel:
        """Return the model in a run's folder; raises DataError where it is no such folder, or damaged."""
        check_is_run(folder)
        experiment, source = read_network(folder)
        params, about = load_params(folder / PARAMS)
        preparation = _read_preparation(folder / PREPARATION, about) if "preparation" in about else None
        try:
            targets = TargetScale(**about["targets"]) if "targets" in about else None
            classes, scale = tuple(about["classes"]), float(about["scale"])
            names = tuple(map(str, about.get("features", ())))  # runs of older versions keep none
            outputs = count_outputs(experiment.network.loss, len(targets.mean) if targets else len(classes))
            network = _create_network(experiment, params, outputs)
            model = cls(network, classes, scale, names, source, preparation, targets)
            model._check_fit()
        except (KeyError, TypeError, ValueError) as error:  # ShapeError is a ValueError
            why = printable(str(error), 200)
            raise DataError(f"{folder}: {PARAMS} does not fit {EXPERIMENT} ({why})") from None
        model.network.predict(np.zeros((1, model.network.inputs)))
        return model

    def _check_fit(self) -> None:
        """Raise ValueError where the parts do not fit each other."""
        inputs, classes = self.network.inputs, self.classes
        if not math.isfinite(self.scale) or self.scale <= 0 or len(set(map(str, classes))) != len(classes):
            raise ValueError(f"a scale of {self.scale}, {len(classes)} classes")
        if self.preparation and self.preparation.features != inputs:
            raise ValueError(f"{self.preparation.features} prepared features, {inputs} inputs")
        if len(self.feature_names) not in {0, self.columns}:
            raise ValueError(f"{len(self.feature_names)} names of {inputs} features")
        if self.target_scale and not np.isfinite([self.target_scale.mean, self.target_scale.deviation]).all():
            raise ValueError("the scale of the targets is not finite")

    @property
    def columns(self) -> int:
        """The number of columns of raw rows."""
        return len(self.preparation.columns) if self.preparation else self.network.inputs

    def to_samples(self, rows: Any) -> Samples:
        """Return raw rows as samples without targets that are prepared as in training; raises DataError.

        Without columns, a cell of a column that was text in training is a word, or the number that is one.
        """
        known: dict[str, Any] = {"preparation": self.preparation, "scale": self.scale}
        if isinstance(rows, RowsToPredict):
            if rows.columns:
                return Samples(rows.x, np.zeros(len(rows.x)), columns=rows.columns, **known)
            rows = rows.x
        shape, own = (np.shape(rows)[1:] if isinstance(rows, np.ndarray) else ()), self.network.shape
        if min(len(shape), len(own)) > 1 and [n for n in shape if n != 1] != [n for n in own if n != 1]:
            raise DataError(f"the samples have the shape {shape}, the run was trained on {own}: give these, or rows")
        if any(part.has_made(rows) for part in self.parts):
            raise DataError("these rows are prepared already: give raw rows, or a part of the data, such as data.test")
        if not isinstance(rows, Samples):
            names = self.feature_names or [""] * self.columns
            columns = self.preparation.columns if self.preparation else [Column(name) for name in names]
            return read_new_rows(rows, columns, self.preparation, self.scale)
        if not len(rows) or (found := rows.table.shape[1]) != self.columns:
            what = f"{found} columns" if len(rows) else "no rows"
            raise DataError(f"the samples have {what}, the run was trained on {self.columns} columns")
        return attrs.evolve(rows, **known)

    def compute_outputs(self, samples: Samples) -> Array:
        """Return a score for each class (N, classes), or the targets of a regression in their unit (N, targets)."""
        outputs = self.network.predict_scores(samples.x)
        return self.target_scale.restore(outputs) if self.target_scale else outputs

    def to_answers(self, outputs: Array) -> Array:
        """Return the label with the largest output (N,), or of a regression the numbers, (N,) where there is one."""
        if not self.classes:
            return outputs[:, 0] if outputs.shape[1] == 1 else outputs
        labels: Array = np.array(self.classes)
        if repr(labels.tolist()) != repr([*self.classes]):  # NumPy makes text of a number beside text
            labels = np.array(self.classes, object)
        found: Array = labels[outputs.argmax(axis=1)]
        return found

    def describe(self, samples: Samples) -> list[str]:
        """Return notes on samples that are not like those of training."""
        notes: list[str] = []
        if self.preparation:
            notes = self.preparation.describe_unseen([samples.unscaled(slice(None))], samples.columns)
        if self.scale > 1 and samples.table.size and samples.table.max() <= 1:
            what = f"the run divides features by {self.scale:g}, and none of these is above 1"
            notes.append(f"{what}: give them as they were in training, not divided")
        return notes

    def find_shared_settings(self, kind: str) -> Table:
        """Return the settings of the training data's source that the source of that name has, too, of the same type.

        Where that source is unknown, they are what the preparation says of columns of text and of missing values.
        """
        others = find_settings(get_host().registry.find("data-source", kind).cls)
        found = self._find_known_settings(kind, others)
        shape = others.get("shape")
        if len(self.network.shape) > 1 and shape and shape.wanted == tuple[int, ...] | None:
            found["shape"] = self.network.shape  # of images that are laid out otherwise nothing would show
        return found

    def _find_known_settings(self, kind: str, others: Mapping[str, Setting]) -> Table:
        if self.source is None:
            columns = [column for column in self.preparation.columns if column.name] if self.preparation else []
            ways = {c.name: c.words if c.encode == "ordinal" else "one-hot" for c in columns if c.words is not None}
            found = {"encode": ways, "impute": {c.name: c.fill for c in columns if c.fill is not None}}
            return {key: value for key, value in found.items() if value and key in others}
        known, own = get_settings(self.source), find_settings(type(self.source))
        if find_name(self.source) == kind:
            return known
        return {key: value for key, value in known.items() if key in others and own[key].wanted == others[key].wanted}

    def read_rows(self, file: Path) -> RowsToPredict:
        """Return the raw rows in a file, whose source is recognised; raises DataError."""
        kind = recognise_source(file)
        reader = make_part("data-source", kind, **self.find_shared_settings(kind))
        return read_rows(reader, file, self.columns, self.feature_names, may_lack=self.preparation is not None)


def _read_preparation(path: Path, about: dict[str, Any]) -> Preparation:
    """Return the preparation of a run; raises DataError where it is not the one that its parameters belong to."""
    try:
        found = Preparation.from_dict(read_json(path))
        problem = "" if found.digest == about["preparation"] else "not as the run left it"
    except DataError as error:
        problem = printable(str(error).removeprefix(f"{path}: "), 200)
    if problem:
        raise DataError(f"{path}: {problem}: restore it from a copy, or train the run again", path=path)
    return found


def _create_network(experiment: Experiment, arrays: dict[str, Array], outputs: int) -> Network:
    """Return the network of a run with its parameters and buffers; raises ValueError where they do not fit."""
    settings = experiment.network
    shape = settings.shape if settings.layers else arrays["W1"].shape[:1]
    if shape is None:
        raise ValueError("network.shape is missing")
    placed = place_layers(make_layers(list_layers(settings, outputs)), shape)
    shapes = {place.name(each.name): each.shape for place in placed for each in (*place.params, *place.buffers)}
    if others := [name for name in arrays if name not in shapes]:
        raise ValueError(f"no layer has arrays of the names {', '.join(others)}")
    for name, expected in shapes.items():  # first, as a network may be larger than memory
        if name not in arrays:
            raise ValueError(f"{name} is missing")
        if (found := arrays[name].shape) != expected:
            raise ValueError(f"{name} must have shape {expected}, not {found}")
        if arrays[name].dtype.kind != "f":
            raise ValueError(f"{name} must be an array of floats, not {arrays[name].dtype}")
        if not np.isfinite(arrays[name]).all():
            raise ValueError(f"a number in {name} is not finite")
    if placed[-1].outputs[0] != outputs:
        raise ValueError(f"{placed[-1].outputs[0]} outputs, {outputs} are needed")
    network = create_network_of_size(_use_arrays_at_hand(experiment), shape, outputs)
    return network.with_arrays({name: match_array(array, network.arrays[name]) for name, array in arrays.items()})


def _use_arrays_at_hand(experiment: Experiment) -> Experiment:
    """Return the experiment, on NumPy's arrays where its own library or device is not here; warns then."""
    wanted = experiment.network
    try:
        find_library(wanted.array or NUMPY.name, wanted.device, experiment.training.dtype)
    except (MissingExtraError, SettingError) as error:
        warnings.warn(f"the run's arrays cannot be had here, NumPy's take their place: {error}", stacklevel=2)
        return attrs.evolve(experiment, network=attrs.evolve(wanted, array=None, device=None))
    return experiment
