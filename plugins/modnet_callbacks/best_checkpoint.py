"""The best parameters of a run, saved while it is trained."""

from __future__ import annotations

import math
from pathlib import Path

import attrs

from modnet import DataError, ObservedRun, SettingError, State, save_params
from modnet.files import write_atomically
from modnet_callbacks.monitoring import Monitoring
from modnet_callbacks.places import check_is_alone


@attrs.frozen
class BestCheckpoint(Monitoring):
    """Writes the network into `best` in the run's folder after each epoch with the best `monitor` so far.

    That folder has what `modnet predict` needs; the run itself ends with its last parameters. Each file is there whole
    or not at all.

    >>> modnet.callback("best-checkpoint", monitor="validation_accuracy")
    BestCheckpoint(monitor='validation_accuracy', min_delta=0.0)
    """

    repeatable = False

    def init(self, run: ObservedRun) -> State:
        """Return that there is no best epoch yet; raises SettingError without such a column, or a folder."""
        self.check_column(run)
        check_is_alone(run, None, _find_folder(run).name, "best-checkpoint")
        return {"best": math.nan}

    def on_epoch(self, run: ObservedRun, state: State) -> tuple[State, None]:
        """Return the best value so far, whose parameters are saved."""
        value = self.read(run)
        if not self.is_better(run, value, state["best"]):
            return state, None
        _save(run, _find_folder(run))
        return {"best": value}, None


def _find_folder(run: ObservedRun) -> Path:
    if run.folder is None:
        what = "best-checkpoint writes into the run's folder, and this run has none"
        remedy = "train it by the command, modnet train, or choose early-stopping, by which a run ends with its best"
        raise SettingError([f"{what}: {remedy}"], "callbacks")
    return run.folder / "best"


def _save(run: ObservedRun, folder: Path) -> None:
    """Write the network of a run, and what it takes to predict; raises DataError where that cannot be."""
    try:
        folder.mkdir(exist_ok=True)
        for name in ("experiment.toml", "preparation.json"):
            if run.folder and (run.folder / name).is_file():
                write_atomically(folder / name, (run.folder / name).read_bytes())
        save_params(folder / "params.npz", run.params, run.data)
    except OSError as error:
        raise DataError(f"{folder}: cannot be written: {error.strerror or error}", path=folder) from None
