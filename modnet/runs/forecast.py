"""How long a run would take, with each gradient estimator there is."""

from __future__ import annotations

from modnet.compose.experiment import Experiment, create_network
from modnet.compose.parts import part, registered_name, usable_names
from modnet.data.dataset import Dataset
from modnet.errors import ModnetError
from modnet.interfaces import GradientEstimator
from modnet.nn.training import forecast
from modnet.text import format_duration


def forecast_table(experiment: Experiment, data: Dataset, seconds: float = 0.3) -> str:
    """Return a table of what the run would take, after timing a few iterations for `seconds` with each estimator.

    The experiment's own estimator is marked by an asterisk, the others have their default settings. The last column
    is for the same number of evaluations of the whole loss, one after the other.
    """
    own = registered_name(experiment.gradient)
    names = usable_names("gradient")
    rows = [_row(experiment, data, f"{own} *", experiment.gradient, seconds)]
    rows += [_row(experiment, data, name, part("gradient", name), seconds) for name in names if name != own]
    heads = ("gradient", "one iteration", f"{experiment.training.iterations:,} iterations", "as a black box")
    widths = [max(len(row[i]) for row in (heads, *rows) if len(row) == len(heads)) for i in range(len(heads))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)) for row in (heads, *rows))
    return "\n".join(line.rstrip() for line in lines)


def _row(
    experiment: Experiment, data: Dataset, name: str, estimator: GradientEstimator, seconds: float
) -> tuple[str, ...]:
    network, training = create_network(experiment, data), experiment.training
    try:
        iteration, evaluation = forecast(
            network,
            data,
            estimator,
            experiment.optimizer,
            batch_size=training.batch_size,
            sampling=training.sampling,
            seed=experiment.seed,
            blas_threads=training.blas_threads,
            seconds=seconds,
        )
    except ModnetError as error:
        return name, f"not here: {error}"
    count = estimator.evaluations(network.params)
    black_box = "-" if count is None else format_duration(count * evaluation * training.iterations)
    return name, format_duration(iteration), format_duration(iteration * training.iterations), black_box
