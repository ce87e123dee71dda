"""What a run leaves behind: a folder from which it can be gone on with, repeated, looked at, and used to predict."""

from __future__ import annotations

import io
import json
import math
import platform
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from modnet.compose.experiment import Experiment, as_table, experiment_from, read_toml, toml_of
from modnet.compose.parts import registered_name
from modnet.compose.plugins import get_host
from modnet.compose.settings import Table
from modnet.compose.tables import changed
from modnet.data.dataset import Dataset
from modnet.display.figures import curves, rendered
from modnet.errors import DataError, MissingExtraError, SettingError
from modnet.files import sweep, write_atomically
from modnet.files.locks import hold_lock
from modnet.host.hookspecs import hookimpl
from modnet.interfaces import ObservedRun
from modnet.nn.checkpoint import (
    CHECKPOINT,
    PREVIOUS,
    Checkpoint,
    Checkpoints,
    data_sha256,
    params_sha256,
    save_params,
)
from modnet.runs.history import history_csv
from modnet.runs.receipt import RECEIPT, Difference, Receipt, naming_plugins
from modnet.types import History, Params

EXPERIMENT, HISTORY, SUMMARY, PARAMS, HITS, CURVES, _ = FILES = (
    "experiment.toml",
    "history.csv",
    "summary.json",
    "params.npz",
    "hits.npy",
    "curves.png",
    RECEIPT,
)
LOCK = ".lock"
# Which of them the receipt vouches for; curves are drawn anew as one likes.
SEALED = (EXPERIMENT, HISTORY, SUMMARY, PARAMS, HITS)


class RunFolder:
    """Writes a run's files as the run goes on; each of them whole or not at all."""

    def __init__(self, path: Path, experiment: Experiment, data: Dataset, *, draws: bool = True) -> None:
        self.path = path
        self.draws = draws
        """Whether the learning curves are drawn at the end."""
        self.notes: list[str] = []
        self.has_begun = False
        """Whether there is more of the run than its experiment."""
        self._experiment = experiment
        self._about = {"classes": list(data.classes), "scale": data.scale}
        self._checkpoints = Checkpoints(path, experiment.optimizer, _origin(experiment, data))
        self._cannot_be_written = False
        self._toml = toml_of(experiment)
        # Made now: what is installed, and the code that is loaded, may change on the disk while the run goes on.
        self._receipt = Receipt.of(experiment, self._toml, data)

    def last_checkpoint(self) -> Checkpoint | None:
        """Return what the run can go on from, or None where it had not come that far.

        Warns where the newest checkpoint is damaged and the one before is used. Raises DataError where both are, or the
        data is another, and SettingError where the experiment is.
        """
        found = self._checkpoints.load()
        if found is None:
            return None
        checkpoint, then = found
        now = self._checkpoints.about
        if keys := changed(then["experiment"], now["experiment"]):
            mistake = f"changed since the run began: {', '.join(keys)}; change it back, or begin another run"
            raise SettingError([mistake], str(self.path / EXPERIMENT))
        if keys := changed(then["data"], now["data"]):
            old, new = then["data"], now["data"]
            counts = [f"{old[key]:,} {key} then, {new[key]:,} now" for key in keys if key != "sha256"]
            what = ", ".join(counts) or "as many samples, with other values"
            raise DataError(f"{self.path}: the data is not what the run began with: {what}")
        return checkpoint

    def surroundings_changed(self) -> list[Difference]:
        """Return which plugins, libraries and machine are others than when the run began, as its receipt tells."""
        try:
            differences = Receipt.read(self.path).differences(self._receipt)
        except DataError:  # of an older modnet
            return []
        return [difference for difference in differences if difference.part in {"plugin", "library", "platform"}]

    def keep(self, checkpoint: Checkpoint) -> None:
        """Save what the run can go on from, and what it has learned so far; raises DataError where that cannot be."""
        try:
            self._checkpoints.save(checkpoint)
            self._save(checkpoint.params, checkpoint.history)
        except OSError as error:
            self._cannot_be_written = True
            raise self._unwritten(error, checkpoint.iteration) from None

    @hookimpl(tryfirst=True)
    def run_started(self) -> None:
        """Remove what says how the run ended before."""
        self.has_begun = True
        for name in (SUMMARY, HITS, CURVES):
            (self.path / name).unlink(missing_ok=True)

    # Before a stranger's hooks, so that what those do wrong loses nothing.
    @hookimpl(tryfirst=True)
    def run_ended(self, run: ObservedRun) -> None:
        """Save everything, unless the run failed before it made an iteration."""
        if run.status == "failed" and not run.iteration:
            self.has_begun = False
            return
        try:
            self._conclude(run)
        except OSError as error:
            if not self._cannot_be_written:  # which has been told, then
                raise self._unwritten(error, run.iteration) from None

    def begin(self) -> None:
        """Write the experiment in place of whatever run there was; raises DataError where that cannot be."""
        try:
            self.clear()
            write_atomically(self.path / EXPERIMENT, self._toml.encode())
            self._receipt.write(self.path)
        except OSError as error:
            raise self._unwritten(error, 0) from None

    def clear(self) -> None:
        """Remove all files of a run."""
        self._checkpoints.discard()
        for name in reversed(FILES):  # the experiment last: until then it is the folder of a run
            (self.path / name).unlink(missing_ok=True)
            sweep(self.path / name)

    def _conclude(self, run: ObservedRun) -> None:
        """Write the files of a run that has ended; last the summary, which says so, and the receipt of all of them."""
        self._save(run.params, run.history)
        if run.hits is not None and len(run.hits):
            hits = io.BytesIO()
            np.save(hits, run.hits, allow_pickle=False)
            write_atomically(self.path / HITS, hits.getvalue())
        if self.draws:
            self._draw(run.history)
        summary = json.dumps(self._summary(run), indent=2) + "\n"
        write_atomically(self.path / SUMMARY, summary.encode())
        names = [name for name in SEALED if (self.path / name).is_file()]
        self._receipt.ended(run, self.path, names).write(self.path)
        if run.status in {"finished", "diverged"}:  # there is nothing to go on with
            self._checkpoints.discard()

    def _draw(self, history: History) -> None:
        try:
            picture = rendered(curves(history, title_of(self._experiment)), "png")
        except MissingExtraError as error:
            self.notes.append(f"{CURVES} was not drawn: {error}")
        else:
            write_atomically(self.path / CURVES, picture)

    def _save(self, params: Params, history: History) -> None:
        save_params(self.path / PARAMS, params, self._about)
        write_atomically(self.path / HISTORY, history_csv(history).encode())

    def _unwritten(self, error: OSError, iteration: int) -> DataError:
        advice = f"; the run can go on from what was kept last: modnet resume {self.path}" if iteration else ""
        return DataError(f"{self.path}: cannot be written: {error.strerror or error}{advice}")

    def _summary(self, run: ObservedRun) -> dict[str, Any]:
        history = run.history
        return {
            "status": run.status,
            "iterations": run.iteration,
            "final_loss": history.loss[-1] if history.loss else None,
            "train_accuracy": _last(history.train_accuracy),
            "test_accuracy": _last(history.test_accuracy),
            "gradient": registered_name(self._experiment.gradient),
            "seed": self._experiment.seed,
            "seconds": round(run.seconds, 3),
            "params_sha256": params_sha256(run.params),
            "versions": {
                "python": platform.python_version(),
                "numpy": np.__version__,
                **_versions(),
            },
        }


@contextmanager
def begun(
    path: Path, experiment: Experiment, data: Dataset, *, overwrite: bool = False, draws: bool = True
) -> Iterator[RunFolder]:
    """Have a folder for a new run to oneself; nothing is left of it where the run fails before its first iteration.

    Raises SettingError where there is something in it already, and DataError where another process has it.
    """
    _check_free(path, overwrite=overwrite)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{path}: cannot be made: {error.strerror}") from None
    try:
        with claimed(path):
            _check_free(path, overwrite=overwrite)  # somebody may have been faster
            folder = RunFolder(path, experiment, data, draws=draws)
            try:
                folder.begin()
                yield folder
            finally:
                if not folder.has_begun:
                    folder.clear()
    finally:
        with suppress(OSError):  # something is in it
            path.rmdir()


@contextmanager
def claimed(path: Path) -> Iterator[None]:
    """Have a run's folder to oneself; raises DataError where another process is at it."""
    with ExitStack() as stack:
        try:
            mine = stack.enter_context(hold_lock(path / LOCK))
        except OSError as error:
            raise DataError(f"{path}: cannot be written: {error.strerror}") from None
        if not mine:
            raise DataError(f"{path}: another process is at this run; wait until it has ended, or stop it")
        yield


def _check_free(path: Path, *, overwrite: bool) -> None:
    if (path / EXPERIMENT).is_file():
        what = "" if overwrite else "holds a run"
    else:
        what = "is there and not a run's folder" if path.exists() and not _is_empty(path) else ""
    if what:
        raise SettingError([f"{path} {what}; choose another, or --overwrite a run"], "--out")


def _is_empty(path: Path) -> bool:
    """Say whether nothing is in a folder but what a process leaves that is killed before it has begun."""
    return path.is_dir() and all(
        file.name == LOCK or file.name.startswith(f".{EXPERIMENT}.") for file in path.iterdir()
    )


def check_is_run(path: Path) -> None:
    """Raise DataError where a folder is not that of a run."""
    if not (path / EXPERIMENT).is_file():
        raise DataError(f"{path}: not the folder of a run, there is no {EXPERIMENT} in it")


def how_it_ended(path: Path) -> Table | None:
    """Return the summary of a run that has come to its end, or None where there is something to go on with.

    Removes what was left by processes that were killed on the way; the folder must be claimed.
    """
    for name in (*FILES, CHECKPOINT):
        sweep(path / name)
    summary: Table = {}
    with suppress(OSError, ValueError):  # it goes on, or was killed before it could say how it ended
        summary = dict(json.loads((path / SUMMARY).read_bytes()))
    if summary.get("status") not in {"finished", "diverged"} or not _is_sealed(path):
        return None
    for name in (PREVIOUS, CHECKPOINT):
        (path / name).unlink(missing_ok=True)
    return summary


def _is_sealed(path: Path) -> bool:
    """Say whether the receipt tells the run's results; one that an older modnet left has none."""
    if not (path / RECEIPT).is_file():
        return True
    return Receipt.read(path).results is not None


def read_experiment(folder: Path) -> Experiment:
    """Return a run's experiment; raises PluginError where a plugin is missing, saying which one to install."""
    with naming_plugins(folder / EXPERIMENT):
        return experiment_from(read_toml(folder / EXPERIMENT))


def title_of(experiment: Experiment) -> str:
    """Return an experiment in one line, for a plot."""
    network, training = experiment.network, experiment.training
    data = experiment.data.path.name if experiment.data.path else registered_name(experiment.data.source)
    hidden = ", ".join(str(n) for n in network.hidden) or "no"
    parts = ", ".join(registered_name(part) for part in (*network.activation, network.output, network.loss))
    return (
        f"{data} · {hidden} hidden units · {parts} · {registered_name(experiment.gradient)}, "
        f"{registered_name(experiment.optimizer)} · {training.iterations:,} × {training.batch_size} · "
        f"seed {experiment.seed}"
    )


def _last(values: list[float]) -> float | None:
    return values[-1] if values and not math.isnan(values[-1]) else None


def _versions() -> dict[str, str]:
    """Return the versions of the installed distributions whose plugins are loaded, modnet among them."""
    loaded = [report for report in get_host().reports if report.state == "loaded" and report.version]
    return {report.distribution: report.version for report in sorted(loaded, key=lambda report: report.distribution)}


def _origin(experiment: Experiment, data: Dataset) -> dict[str, Table]:
    """Return what a run is of, as JSON has it: going on with another experiment or other data makes no sense.

    How many iterations there are to be, where the data lies and where parts come from may change.
    """
    table = as_table(experiment)
    del table["data"], table["plugins"], table["training"]["iterations"]
    return {
        "experiment": json.loads(json.dumps(table, default=str)),
        "data": {
            "training samples": len(data.train),
            "test samples": len(data.test),
            "features": data.features,
            "classes": len(data.classes),
            "sha256": data_sha256(data),
        },
    }
