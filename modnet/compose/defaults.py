"""Default experiments: the book's for pictures, one that learns for tables."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

import attrs

from modnet.compose.tables import Table, merge
from modnet.data.dataset import Dataset
from modnet.data.rows import infer_scale
from modnet.errors import DataError
from modnet.nn.run import TrainingSettings

SMALLEST = 64  # pixels of a picture, 8 × 8


@attrs.frozen(kw_only=True)
class ExperimentTraining(TrainingSettings):
    """The settings of the training loop, and the dtype that the network computes in."""

    dtype: Literal["float64", "float32"] = "float64"


_TABLES: Table = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
MAIN_JOB: Table = _TABLES["main"]
MAIN_JOB["training"] = attrs.asdict(ExperimentTraining(**MAIN_JOB["training"]))
FOR_TABLES: Table = _TABLES["tables"]
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
    return merge(job, _TABLES["regression"]) if data.task == "regression" else job
