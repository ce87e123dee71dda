"""The forecast of `modnet train --dry-run`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import modnet
from modnet.cli.show.forecast import time_iteration
from modnet.compose.experiment import Experiment, create_experiment

T = np.arange(60) % 3
DATA = modnet.Dataset.from_arrays((np.eye(3)[T], T), (np.eye(3)[T], T))


def describe(**given: Any) -> Experiment:
    return create_experiment({"gradient": "backpropagation", "network": {"hidden": [4]}, **given})


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"training": {"batch_size": 60}},  # each iteration ends an epoch
        {"training": {"batch_size": 60, "sampling": "shuffle", "iterations": 1}},
        {"training": {"iterations": 0}},
        {"optimizer": {"name": "sgd", "lr": {"name": "linear", "initial": 0.1}}, "training": {"iterations": 3}},
        {"optimizer": {"name": "sgd", "lr": 1e200}},
    ],
    ids=str,
)
def test_two_iterations_are_timed_at_least(given: Any) -> None:
    iteration, evaluation = time_iteration(describe(**given), DATA, seconds=0)
    assert 0 < evaluation < 1
    assert 0 < iteration < 1


def test_an_error_of_the_estimator_is_raised() -> None:
    with pytest.raises(modnet.ModnetError, match="the activation Gelu"):
        time_iteration(describe(gradient="complex-step", network={"hidden": [4], "activation": "gelu"}), DATA)


def test_a_network_that_diverges_at_once_says_so() -> None:
    x = np.arange(60.0).reshape(60, 1)
    data = modnet.Dataset.from_arrays((x, x), (x, x), task="regression")
    network = {"hidden": [4], "output": "identity", "loss": "mean-squared-error", "weight_init_std": 1e200}
    with pytest.raises(modnet.DivergedError):
        time_iteration(describe(network=network), data)
