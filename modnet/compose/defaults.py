"""Default experiments: the book's for pictures, one that learns for tables."""

from __future__ import annotations

from typing import Literal

import attrs

from modnet.compose.tables import Table, merge
from modnet.data.arrays import infer_scale
from modnet.data.dataset import Dataset
from modnet.errors import DataError
from modnet.nn.run import TrainingSettings

SMALLEST = 64  # pixels of a picture, 8 × 8


@attrs.frozen(kw_only=True)
class ExperimentTraining(TrainingSettings):
    """The settings of the training loop, and the dtype that the network computes in."""

    dtype: Literal["float64", "float32"] = "float64"


# The main job: the book's network on the digits that ship with modnet. A file or a flag changes single entries.
MAIN_JOB: Table = {
    "seed": 0,
    "data": {"name": "mnist-small"},
    "network": {
        "hidden": [50],
        "activation": "sigmoid",
        "output": "softmax",
        "loss": "cross-entropy",
        "weight_init_std": 0.01,
    },
    "gradient": {"name": "central-difference"},
    "optimizer": {"name": "sgd", "lr": 0.1},
    "training": attrs.asdict(ExperimentTraining(iterations=2000)),
    "plugins": {"without": [], "modules": []},
}

# What is different for tables of other than pictures, chosen on real ones.
FOR_TABLES: Table = {
    "network": {"hidden": [100], "activation": "relu", "weight_init_std": "he"},
    "gradient": {"name": "backpropagation"},
    "optimizer": {"name": "adam", "lr": 0.003},
}
FOR_REGRESSION: Table = {
    "network": {"output": "identity", "loss": "mean-squared-error"},
    "optimizer": {"lr": 0.001},  # noise of targets is learned by heart sooner than that of classes
}
OF_DENSE = ("hidden", "activation", "output")
"""The entries of a network of dense layers, for which a list of layers stands."""
EPOCHS, FEWEST, MOST = 200, 500, 10_000  # epochs on a table, and iterations at least and at most


def check_is_dataset(data: object) -> None:
    """Raise DataError where data are something else."""
    if not isinstance(data, Dataset):
        remedy = "make one by modnet.Dataset.from_arrays(rows, labels), or modnet.load(FILE)"
        raise DataError(f"the data must be a modnet.Dataset, not a {type(data).__name__}: {remedy}")


def merge_job(job: Table, given: Table) -> Table:
    """Return a default experiment changed by the entries that a user has given: layers, or those of dense layers."""
    network = given.get("network")
    if isinstance(network, dict) and "layers" in network:
        job = {**job, "network": {key: value for key, value in job["network"].items() if key not in OF_DENSE}}
    return merge(job, given)


def get_default_job(data: Dataset) -> Table:
    """Return the whole default experiment for a data set, of which a user changes single entries."""
    check_is_dataset(data)
    may_be_pictures = data.task == "classification" and data.preparation is None and data.features >= SMALLEST
    if may_be_pictures and infer_scale(data.train):
        return MAIN_JOB
    iterations = EPOCHS * len(data.train) // MAIN_JOB["training"]["batch_size"]
    job = merge(merge(MAIN_JOB, FOR_TABLES), {"training": {"iterations": min(max(iterations, FEWEST), MOST)}})
    return merge(job, FOR_REGRESSION) if data.task == "regression" else job
