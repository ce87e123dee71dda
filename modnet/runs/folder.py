"""The folder of a run: its files, its lock, its end."""

from __future__ import annotations

from collections.abc import Container, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path

from modnet.compose.experiment import Experiment, create_experiment
from modnet.compose.plugins import get_host
from modnet.compose.settings import Table
from modnet.compose.toml import read_toml
from modnet.errors import DataError, SettingError, UnknownNameError
from modnet.files import sweep
from modnet.files.locks import hold_lock
from modnet.files.opening import read_json
from modnet.host.kinds import KINDS
from modnet.interfaces import DataSource
from modnet.nn.checkpoint import CHECKPOINT, PREVIOUS
from modnet.runs.missing_plugins import check_modules, name_missing_plugins
from modnet.runs.receipt import RECEIPT, Receipt
from modnet.types import Status

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
# The entries and the kinds of parts that a network takes.
NETWORK, NETWORK_KINDS = ("network", "training", "seed"), ("activation", "loss")
# The files that the receipt vouches for; curves may be drawn again at any time.
SEALED = (EXPERIMENT, HISTORY, SUMMARY, PARAMS, HITS)


def choose_new_folder() -> Path:
    """Return the folder for results where none is named: runs/DATE-TIME."""
    return Path("runs") / datetime.now().astimezone().strftime("%Y-%m-%d-%H%M%S")


@contextmanager
def claim(path: Path) -> Iterator[None]:
    """Lock the folder of a run or a comparison, made if need be; raises DataError where another process has it."""
    with ExitStack() as stack:
        try:
            path.mkdir(parents=True, exist_ok=True)
            mine = stack.enter_context(hold_lock(path / LOCK))
        except OSError as error:
            raise DataError(f"{path}: cannot be written: {error.strerror}") from None
        if not mine:
            raise DataError(f"{path}: another process writes this run: wait for its end, or stop it")
        yield


def check_is_free(path: Path, *, overwrite: bool) -> None:
    """Raise SettingError where a new run would be written among other files."""
    if (path / EXPERIMENT).is_file():
        what = "" if overwrite else "holds a run"
    else:
        what = "exists and is not the folder of a run" if path.exists() and not is_unused(path, EXPERIMENT) else ""
    if what:
        raise SettingError([f"{path} {what}: choose another, or --overwrite a run"], "--out")


def is_unused(path: Path, first: str) -> bool:
    """Return whether a folder holds at most the files of a process that was killed before it wrote the first one."""
    return path.is_dir() and all(f.name == LOCK or f.name.startswith(f".{first}.") for f in path.iterdir())


def check_is_run(path: Path) -> None:
    """Raise DataError where a folder is not that of a run."""
    if not (path / EXPERIMENT).is_file():
        raise DataError(f"{path}: not the folder of a run, there is no {EXPERIMENT} in it")


def read_ending(path: Path) -> Table | None:
    """Return the summary of a run that has come to its end, or None where it can be resumed.

    Removes what was left by killed processes; the folder must be claimed.
    """
    for name in (*FILES, CHECKPOINT):
        sweep(path / name)
    try:
        summary = read_json(path / SUMMARY)
        if not Status(summary["status"]).is_final or not isinstance(summary["iterations"], int):
            return None
    except (DataError, ValueError, KeyError, TypeError):  # it is running, or was killed, or the file is damaged
        return None
    if (path / RECEIPT).is_file():  # a run of an older version may have none
        results = Receipt.read(path, of_older=True).results
        if not results or not results.status.is_final:
            return None
    for name in (PREVIOUS, CHECKPOINT):
        (path / name).unlink(missing_ok=True)
    return summary


def read_experiment(folder: Path) -> Experiment:
    """Return a run's experiment; raises PluginError where a plugin is missing, with the one to install."""
    return _create_experiment(folder / EXPERIMENT, read_toml(folder / EXPERIMENT), KINDS)


def read_network(folder: Path) -> tuple[Experiment, DataSource | None]:
    """Return a run's experiment with its network, all else being the main job's, and the source of its data.

    No plugin that only training needs is missed; the source is None where it is unknown. Raises PluginError.
    """
    path = folder / EXPERIMENT
    table = read_toml(path)
    experiment = _create_experiment(path, {key: table[key] for key in NETWORK if key in table}, NETWORK_KINDS)
    check_modules(path, NETWORK_KINDS)
    data = table.get("data", {})
    with suppress(UnknownNameError):
        if isinstance(data, dict) and isinstance(name := data.get("name"), str):
            get_host().registry.find("data-source", name)
        return experiment, _create_experiment(path, {"data": data}, {"data-source"}).data.source
    return experiment, None


def _create_experiment(path: Path, table: Table, kinds: Container[str]) -> Experiment:
    with name_missing_plugins(path, kinds):
        try:
            return create_experiment(table)
        except SettingError as error:
            raise SettingError(error.mistakes, str(path)) from None
