"""The trained network in the folder of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np

from modnet.compose.experiment import create_network_of_size
from modnet.compose.network import Network
from modnet.data.samples import scale_features
from modnet.errors import DataError, ShapeError
from modnet.interfaces import DataSource
from modnet.nn.checkpoint import load_params
from modnet.runs.folder import EXPERIMENT, PARAMS, check_is_run, read_experiment
from modnet.types import Array


@attrs.frozen(eq=False)
class TrainedModel:
    """A network read from the folder of its run, with all that it takes to predict from raw rows."""

    network: Network
    classes: tuple[Any, ...]
    scale: float
    feature_names: tuple[str, ...]
    """The names of the features, or none where the training data has none."""
    source: DataSource
    """The source of the training data, with its settings."""

    @classmethod
    def read(cls, folder: Path) -> TrainedModel:
        """Return the model in a run's folder; raises DataError where it is no such folder, or damaged."""
        check_is_run(folder)
        experiment = read_experiment(folder)
        params, about = load_params(folder / PARAMS)
        try:
            inputs, classes = len(params["W1"]), tuple(about["classes"])
            network = create_network_of_size(experiment, inputs, len(classes)).with_params(params)
            network.predict(np.zeros((1, inputs)))
            names = tuple(map(str, about.get("features", ())))  # runs of older versions keep none
            model = cls(network, classes, float(about["scale"]), names, experiment.data.source)
        except (KeyError, TypeError, ShapeError) as error:
            raise DataError(f"{folder}: {PARAMS} does not fit {EXPERIMENT} ({error})") from None
        if len(names) not in {0, inputs}:
            raise DataError(f"{folder}: {PARAMS} is damaged: {len(names)} names of {inputs} features")
        return model

    def predict(self, rows: Array) -> tuple[list[Any], Array]:
        """Return the label of each raw row (N, features), and the network's outputs (N, classes)."""
        outputs = self.network.predict(scale_features(rows, self.scale))
        return [self.classes[i] for i in outputs.argmax(axis=1)], outputs
