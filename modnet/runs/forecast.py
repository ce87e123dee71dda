"""The time that a run would take with each gradient estimator."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from modnet.compose.experiment import Experiment, create_network
from modnet.compose.parts import find_name, list_usable_names, make_part
from modnet.data.dataset import Dataset
from modnet.errors import ModnetError
from modnet.interfaces import GradientEstimator
from modnet.nn.training import time_iteration


@attrs.frozen(kw_only=True)
class Forecast:
    """The seconds that one estimator takes."""

    gradient: str
    iteration: float = 0.0
    black_box: float | None = None
    """For as many evaluations of the loss, one after the other; None where there is no such number."""
    problem: str = ""
    """The reason why the estimator cannot be used here, or ""."""


def forecast_run(experiment: Experiment, data: Dataset, seconds: float = 0.3) -> Iterator[Forecast]:
    """Yield a forecast for each estimator after timing a few iterations for `seconds`, the experiment's own first.

    The others have their default settings.
    """
    own = find_name(experiment.gradient)
    yield _forecast(experiment, data, own, experiment.gradient, seconds)
    for name in list_usable_names("gradient"):
        if name != own:
            yield _forecast(experiment, data, name, make_part("gradient", name), seconds)


def _forecast(
    experiment: Experiment, data: Dataset, name: str, estimator: GradientEstimator, seconds: float
) -> Forecast:
    network, training = create_network(experiment, data), experiment.training
    try:
        iteration, evaluation = time_iteration(
            network, data, estimator, experiment.optimizer, training, seed=experiment.seed, seconds=seconds
        )
    except ModnetError as error:
        return Forecast(gradient=name, problem=str(error))
    count = estimator.evaluations(network.params)
    return Forecast(gradient=name, iteration=iteration, black_box=None if count is None else count * evaluation)
