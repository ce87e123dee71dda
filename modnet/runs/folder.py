"""The folder of a run: its files and their integrity, its lock, its end."""

from __future__ import annotations

import warnings
from collections.abc import Container, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from modnet.compose.experiment import Experiment, create_experiment
from modnet.compose.plugins import get_host
from modnet.compose.tables import Table, read_toml
from modnet.errors import DataError, SettingError, UnknownNameError
from modnet.files import sweep
from modnet.files.cache import remove
from modnet.files.locks import hold_lock
from modnet.files.writing import delete, move, sync_folder
from modnet.host.kinds import KINDS
from modnet.interfaces import DataSource
from modnet.nn.checkpoint import CHECKPOINT, PREVIOUS, hash_checkpoints, hash_params, load_params
from modnet.runs.missing_plugins import check_modules, name_missing_plugins
from modnet.runs.receipt import CHANGEABLE, RECEIPT, Receipt, Results, compare_settings
from modnet.text import list_some, printable, quote_argument
from modnet.types import Status

EXPERIMENT, HISTORY, SUMMARY = "experiment.toml", "history.csv", "summary.json"
CURVES, PAGE = "curves.png", "page.html"
PARAMS, PREPARATION, HITS, ERRORS = "params.npz", "preparation.json", "hits.npy", "errors.npy"
# The files that the receipt vouches for; curves and the page may be drawn again at any time.
SEALED = (EXPERIMENT, HISTORY, SUMMARY, PARAMS, PREPARATION, HITS, ERRORS)
FILES = (*SEALED, CURVES, PAGE, CHECKPOINT, RECEIPT)
LOCK = ".lock"
# Hidden folders in that of a run: the run that another is about to replace, and one that it has replaced.
ASIDE, REPLACED = ".aside", ".replaced"
# The entries and the kinds of parts that a network takes.
NETWORK, NETWORK_KINDS = ("network", "training", "seed"), ("activation", "layer", "loss")


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


def check_is_free(
    path: Path, *, overwrite: bool, place: str = "--out", remedy: str = "choose another, or --overwrite a run"
) -> None:
    """Raise SettingError where a new run would be written among other files."""
    if (path / EXPERIMENT).is_file():
        what = "" if overwrite else "holds a run"
    else:
        what = "exists and is not the folder of a run" if path.exists() and not is_unused(path, EXPERIMENT) else ""
    if what:
        raise SettingError([f"{path} {what}: {remedy}"], place)


def is_unused(path: Path, first: str) -> bool:
    """Return whether a folder holds at most the files of a process that was killed before it wrote the first one."""
    return path.is_dir() and all(f.name == LOCK or f.name.startswith(f".{first}.") for f in path.iterdir())


def check_is_run(path: Path) -> None:
    """Raise DataError where a folder is not that of a run, after `recover`."""
    recover(path)
    if not (path / EXPERIMENT).is_file():
        raise DataError(f"{path}: not the folder of a run, there is no {EXPERIMENT} in it")


def read_ending(path: Path, remedy: str = "") -> Results | None:
    """Return the results of a run that has come to its end, or None where it can be resumed.

    Removes what was left by killed processes; the folder must be claimed. Raises DataError where a run that has ended
    has no receipt.
    """
    for name in (*FILES, PREVIOUS):
        sweep(path / name)
    remove(path / REPLACED)
    if not (path / RECEIPT).exists() and not (path / SUMMARY).exists():
        return None
    results = Receipt.read(path, remedy).results
    if not results or not results.status.is_final:
        return None
    for name in (PREVIOUS,) if results.status is Status.FINISHED else (PREVIOUS, CHECKPOINT):
        delete(path / name)
    return results


def format_resume(path: Path) -> str:
    """Return the command that continues a run."""
    return f"modnet resume {quote_argument(str(path))}"


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


def remove_run(path: Path) -> None:
    """Remove all files of a run; the folder must be claimed. Raises OSError."""
    for name in (PREVIOUS, *reversed(FILES)):  # the experiment last: until then this is the folder of a run
        delete(path / name)
        sweep(path / name)


def is_aside(path: Path) -> bool:
    """Return whether a run is set aside in its folder."""
    return (path / ASIDE).is_dir() and not (path / ASIDE).is_symlink()  # which could lead anywhere


def set_aside(path: Path) -> None:
    """Move the files of a run into a hidden folder inside its own, which must be claimed; raises OSError."""
    if not is_aside(path):
        remove(path / ASIDE)  # a file, a link or a pipe in its place
    (path / ASIDE).mkdir()
    for name in (PREVIOUS, *reversed(FILES)):  # the experiment last, see `restore`
        with suppress(FileNotFoundError):
            move(path / name, path / ASIDE / name)
    sync_folder(path / ASIDE)
    sync_folder(path)


def restore(path: Path) -> bool:
    """Move the run that was set aside back, and return whether there was one; the folder must be claimed.

    Where this was stopped at any step, or `set_aside` was, the next call completes it. Raises OSError.
    """
    if not is_aside(path):
        return False
    if (path / ASIDE / EXPERIMENT).exists():  # then all of it was moved, and what is beside it is of the new run
        remove_run(path)
    for name in (*FILES, PREVIOUS):
        with suppress(FileNotFoundError):
            move(path / ASIDE / name, path / name)
    sync_folder(path)
    remove(path / ASIDE)
    return True


def discard_replaced(path: Path) -> None:
    """Remove the run that was set aside: another has taken its place. The folder must be claimed; raises OSError."""
    remove(path / REPLACED)
    if is_aside(path):
        move(path / ASIDE, path / REPLACED)  # at one stroke
        sync_folder(path)
        remove(path / REPLACED)


def recover(path: Path) -> None:
    """Restore the run that was set aside by a process that was killed, unless another is at work; warns of it.

    Raises DataError where the folder cannot be written.
    """
    if not is_aside(path):
        return
    try:
        with hold_lock(path / LOCK) as mine:
            restored = mine and restore(path)
    except OSError as error:
        why = error.strerror or str(error)
        raise DataError(f"{path}: its run was set aside, and cannot be restored: {why}: make it writable") from None
    if restored:
        what = "the run that was to replace this one was killed before its first checkpoint: this one is restored"
        warnings.warn(f"{path}: {what}", stacklevel=3)


def check_files(folder: Path, names: Iterable[str] | None = None, remedy: str = "") -> bool:
    """Check files of a run against its receipt, and return False where it does not know them yet.

    Without names they are all files of a run that has come to its end, and the experiment of one that can be resumed.
    Until the end, settings are compared and no bytes: the number of iterations, the place of the data and the plugins'
    modules may change. A run of an older version may have no receipt: its files are taken as they are. Raises
    DataError where a file is not as it was, and SettingError where the experiment of a run under way is not.
    """
    recover(folder)
    if not (folder / RECEIPT).exists():
        return True
    receipt = Receipt.read(folder, remedy)
    results = receipt.results
    has_ended = results is not None and results.status.is_final
    wanted = set(names) if names is not None else set(SEALED) if has_ended else {EXPERIMENT}
    changed = receipt.find_changed_files(folder, wanted if has_ended else wanted - {EXPERIMENT})
    if changed:
        _refuse(folder, receipt, [difference.what for difference in changed], remedy)
    there = {name for name in wanted if (folder / name).exists()}
    if EXPERIMENT in there and not has_ended and (found := _find_changed_settings(folder, receipt)):
        mistake = f"changed since the run began: {found}: change it back, or begin another run"
        raise SettingError([mistake], str(folder / EXPERIMENT))
    is_known = results is not None and there <= results.files.keys()
    if PARAMS in there and not is_known:
        _check_params(folder)
    return is_known


def _check_params(folder: Path) -> None:
    """Raise DataError where the parameters of a run under way are those of none of its checkpoints."""
    known = hash_checkpoints(folder)
    if known and hash_params(load_params(folder / PARAMS)[0]) not in known:
        advice = f"modnet resume {quote_argument(str(folder))} makes them anew"
        raise DataError(f"{folder / PARAMS}: not the parameters of its checkpoints, of another run perhaps: {advice}")


def _refuse(folder: Path, receipt: Receipt, names: list[str], remedy: str) -> None:
    which = [name if (folder / name).exists() else f"{name} (missing)" for name in names]
    with suppress(SettingError, ValueError):
        at = names.index(EXPERIMENT)
        if found := _find_changed_settings(folder, receipt, changeable=()):
            which[at] += f" ({found})"
    again = f"modnet train {quote_argument(str(folder / EXPERIMENT))} --out NEW"
    usual = "restore it from a copy" + (f", or train the run again: {again}" if EXPERIMENT not in names else "")
    raise DataError(f"{folder} is not as the run left it: {', '.join(which)}; {remedy or usual}")


def _find_changed_settings(folder: Path, receipt: Receipt, changeable: tuple[str, ...] = CHANGEABLE) -> str:
    """Return in words the settings that are not those of the receipt, or ""; raises SettingError."""
    found = compare_settings(receipt.settings, read_toml(folder / EXPERIMENT), changeable)
    return list_some((printable(each.what, 60) for each in found), 3)
