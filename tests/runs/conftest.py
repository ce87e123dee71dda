"""A small run that tests interrupt at single operations on its files."""

from __future__ import annotations

import numpy as np
import pytest

import modnet
from modnet.compose.experiment import Experiment, create_experiment, read_data

ITERATIONS = 4


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> tuple[Experiment, modnet.Dataset]:
    path = tmp_path_factory.mktemp("data") / "points.csv"
    rows = np.random.default_rng(0).normal(size=(30, 3)).round(3).tolist()
    path.write_text("".join(f"{a},{b},{c},{'xyz'[i % 3]}\n" for i, (a, b, c) in enumerate(rows)))
    table = {
        "data": {"path": str(path)},
        "network": {"hidden": [3], "weight_init_std": "xavier"},
        "gradient": "backpropagation",
        "optimizer": {"name": "adam"},
        "training": {"batch_size": 8, "iterations": ITERATIONS},
    }
    data, resolved = read_data(create_experiment(table))
    return resolved, data
