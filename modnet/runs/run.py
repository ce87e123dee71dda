"""One run in its folder: begun, or gone on with, to its end."""

from __future__ import annotations

from modnet.compose.experiment import Experiment, run_experiment
from modnet.compose.plugins import get_host
from modnet.data.dataset import Dataset
from modnet.nn.checkpoint import Checkpoint
from modnet.nn.training import Run
from modnet.runs.folder import RunFolder


def to_its_end(
    wanted: Experiment, data: Dataset, folder: RunFolder, start: Checkpoint | None = None, *observers: object
) -> Run:
    """Train, from a checkpoint if there is one, with everything saved as it goes, and return the run.

    Lifecycle hooks of plugins and `observers` follow it. Raises as `modnet.train` does; all is saved then, too.
    """
    # A relay of its own: several runs may go on in one process, and each folder is to hear of its own run alone.
    return run_experiment(wanted, data, start, folder.keep, get_host().relay(*observers, folder))
