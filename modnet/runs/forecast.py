"""The time that a run would take with each gradient estimator."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from modnet.compose.experiment import Experiment, create_network
from modnet.compose.parts import find_name, list_usable_names, make_part
from modnet.data.dataset import Dataset
from modnet.errors import ModnetError
from modnet.nn.training import time_iteration

SECONDS = 0.3  # of timing, for each estimator


@attrs.frozen(kw_only=True)
class Forecast:
    """The seconds that one estimator takes."""

    gradient: str
    iteration: float = 0.0
    black_box: float | None = None
    """For as many evaluations of the loss, one after the other; None where there is no such number."""
    problem: str = ""
    """The reason why the estimator cannot be used here, or ""."""


def forecast_run(experiment: Experiment, data: Dataset) -> Iterator[Forecast]:
    """Yield a forecast for each estimator after timing a few iterations, the experiment's own first.

    The others have their default settings.
    """
    own = find_name(experiment.gradient)
    yield _forecast(experiment, data)
    for name in list_usable_names("gradient"):
        if name != own:
            yield _forecast(attrs.evolve(experiment, gradient=make_part("gradient", name)), data)


def _forecast(experiment: Experiment, data: Dataset) -> Forecast:
    estimator, name = experiment.gradient, find_name(experiment.gradient)
    network = create_network(experiment, data)
    try:
        iteration, evaluation = time_iteration(
            network, data, estimator, experiment.optimizer, experiment.training, seed=experiment.seed, seconds=SECONDS
        )
    except ModnetError as error:
        return Forecast(gradient=name, problem=str(error))
    count = estimator.evaluations(network.params)
    return Forecast(gradient=name, iteration=iteration, black_box=None if count is None else count * evaluation)
