"""The trained network in the folder of a run."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from modnet.compose.experiment import Experiment, count_outputs, create_network_of_size
from modnet.compose.network import Network
from modnet.data.samples import scale_features
from modnet.data.targets import TargetScale
from modnet.errors import DataError
from modnet.interfaces import DataSource
from modnet.nn.checkpoint import load_params
from modnet.runs.folder import EXPERIMENT, PARAMS, check_is_run, read_network
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
    target_scale: TargetScale | None = None
    """The scale of the targets of a regression."""

    @classmethod
    def read(cls, folder: Path) -> TrainedModel:
        """Return the model in a run's folder; raises DataError where it is no such folder, or damaged."""
        check_is_run(folder)
        experiment, source = read_network(folder)
        params, about = load_params(folder / PARAMS)
        try:
            targets = TargetScale(**about["targets"]) if "targets" in about else None
            model = cls(*_check_fit(experiment, params, about, targets), source, targets)
        except (KeyError, TypeError, ValueError) as error:  # ShapeError is a ValueError
            why = printable(str(error), 200)
            raise DataError(f"{folder}: {PARAMS} does not fit {EXPERIMENT} ({why})") from None
        model.network.predict(np.zeros((1, model.network.layers[0].inputs)))
        return model

    def predict(self, rows: Array) -> tuple[list[Any], Array]:
        """Return the label of each raw row (N, features), and the network's outputs (N, classes).

        Of a regression the label is a number in the target's unit, or a list of numbers where there are several
        targets, and the outputs (N, targets) are these numbers.
        """
        outputs = self.network.predict_scores(scale_features(rows, self.scale))
        if self.target_scale:
            outputs = self.target_scale.restore(outputs)
            return (outputs[:, 0] if outputs.shape[1] == 1 else outputs).tolist(), outputs
        return [self.classes[i] for i in outputs.argmax(axis=1)], outputs


def _check_fit(
    experiment: Experiment, params: dict[str, Array], about: dict[str, Any], targets: TargetScale | None
) -> tuple[Network, tuple[Any, ...], float, tuple[str, ...]]:
    """Return the network of a run, its classes, scale and feature names; raises ValueError where they do not fit."""
    classes, scale = tuple(about["classes"]), float(about["scale"])
    names = tuple(map(str, about.get("features", ())))  # runs of older versions keep none
    inputs = len(params["W1"])
    outputs = count_outputs(experiment, len(targets.mean) if targets else len(classes))
    sizes = [inputs, *experiment.network.hidden, outputs]
    for number, shape in enumerate(pairwise(sizes), start=1):  # first, as a network may be larger than memory
        for name, expected in ((f"W{number}", shape), (f"b{number}", shape[1:])):
            if (found := params[name].shape) != expected:
                raise ValueError(f"{name} must have shape {expected}, not {found}")
            if not np.isfinite(params[name]).all():
                raise ValueError(f"a number in {name} is not finite")
    if not math.isfinite(scale) or scale <= 0 or len(set(map(str, classes))) != len(classes):
        raise ValueError(f"a scale of {scale}, {len(classes)} classes")
    if len(names) not in {0, inputs}:
        raise ValueError(f"{len(names)} names of {inputs} features")
    if targets and not np.isfinite([targets.mean, targets.deviation]).all():
        raise ValueError("the scale of the targets is not finite")
    return create_network_of_size(experiment, inputs, outputs).with_params(params), classes, scale, names
