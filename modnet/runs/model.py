"""The trained network in the folder of a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from modnet.compose.experiment import Experiment, create_network_of_size
from modnet.compose.network import Network, count_outputs
from modnet.data.arrays import encode_tables
from modnet.data.columns import Column
from modnet.data.preparation import Preparation
from modnet.data.samples import scale_features
from modnet.data.targets import TargetScale
from modnet.errors import DataError
from modnet.files.opening import read_json
from modnet.interfaces import DataSource
from modnet.nn.checkpoint import load_params
from modnet.runs.folder import EXPERIMENT, PARAMS, PREPARATION, check_is_run, read_network
from modnet.text import printable
from modnet.types import Array


@attrs.frozen(eq=False)
class TrainedModel:
    """A network read from the folder of its run, with all that it takes to predict from raw rows."""

    network: Network
    classes: tuple[Any, ...]
    scale: float
    feature_names: tuple[str, ...]
    """The names of the features, or none where the training data has none."""
    source: DataSource | None
    """The source of the training data, with its settings, or None where its plugin is missing."""
    preparation: Preparation | None = None
    """The preparation of raw rows, or None where they are divided at most."""
    target_scale: TargetScale | None = None  # the scale of the targets of a regression

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
        model.network.predict(np.zeros((1, model.network.layers[0].inputs)))
        return model

    def _check_fit(self) -> None:
        """Raise ValueError where the parts do not fit each other."""
        inputs, classes = self.network.layers[0].inputs, self.classes
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
        return len(self.preparation.columns) if self.preparation else self.network.layers[0].inputs

    def predict(self, rows: Array, columns: Sequence[Column] = ()) -> tuple[list[Any], Array]:
        """Return the label of each raw row (N, columns), and the network's outputs (N, classes).

        Without `columns`, a cell of a column that was text in training is a word, or the number that is one.
        Of a regression the label is a number in the target's unit, or a list of numbers where there are several
        targets, and the outputs (N, targets) are these numbers.
        """
        if self.preparation:
            x = self.preparation.transform(*self._encode(rows, columns))
        else:
            x = scale_features(rows, self.scale)
        outputs = self.network.predict_scores(x)
        if self.target_scale:
            outputs = self.target_scale.restore(outputs)
            return (outputs[:, 0] if outputs.shape[1] == 1 else outputs).tolist(), outputs
        return [self.classes[i] for i in outputs.argmax(axis=1)], outputs

    def describe_unseen(self, rows: Array, columns: Sequence[Column] = ()) -> list[str]:
        """Return a note on each column of raw rows with words that training has not seen."""
        if not self.preparation:
            return []
        table, columns = self._encode(rows, columns)
        return self.preparation.describe_unseen([table], columns)

    def _encode(self, rows: Array, columns: Sequence[Column]) -> tuple[Array, Sequence[Column]]:
        """Return raw rows with codes in columns of text, and their columns."""
        known = self.preparation.columns if self.preparation else ()
        text = {j for j, column in enumerate(known) if column.words is not None}
        (table,), columns = encode_tables([rows], columns or [Column(column.name) for column in known], text)
        return table, columns


def _read_preparation(path: Path, about: dict[str, Any]) -> Preparation:
    """Return the preparation of a run; raises DataError where it is not the one that its parameters belong to."""
    again = "restore it from a copy, or train the run again"
    if not path.is_file():
        raise DataError(f"{path}: missing: {again}", path=path)
    try:
        found = Preparation.from_dict(read_json(path))
        problem = "" if found.digest == about["preparation"] else "not as the run left it"
    except DataError as error:
        problem = printable(str(error).removeprefix(f"{path}: "), 200)
    if problem:
        raise DataError(f"{path}: {problem}: {again}", path=path)
    return found


def _create_network(experiment: Experiment, params: dict[str, Array], outputs: int) -> Network:
    """Return the network of a run with its parameters; raises ValueError where they do not fit."""
    inputs = len(params["W1"])
    sizes = [inputs, *experiment.network.hidden, outputs]
    for number, shape in enumerate(pairwise(sizes), start=1):  # first, as a network may be larger than memory
        for name, expected in ((f"W{number}", shape), (f"b{number}", shape[1:])):
            if (found := params[name].shape) != expected:
                raise ValueError(f"{name} must have shape {expected}, not {found}")
            if not np.isfinite(params[name]).all():
                raise ValueError(f"a number in {name} is not finite")
    return create_network_of_size(experiment, inputs, outputs).with_params(params)
