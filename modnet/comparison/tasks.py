"""Runs as tasks of workers, and what these prove before the first one."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import attrs
import tomli_w

from modnet.compose.experiment import Experiment, create_experiment, read_data
from modnet.compose.plugins import explain, get_host, list_asked, load_plugins
from modnet.compose.settings import get_settings
from modnet.compose.tables import Table, parse_toml
from modnet.data.dataset import Dataset
from modnet.data.fingerprint import data_fingerprint
from modnet.errors import DivergedError, ModnetError, SettingError, UnknownNameError
from modnet.files import write_atomically
from modnet.files.locks import BRIEFLY, is_locked
from modnet.host.approval import name_module
from modnet.host.entry_points import Plugin, split_names
from modnet.host.modules import Code
from modnet.host.registry import Override, active_overrides, find_override
from modnet.runs.folder import EXPERIMENT, LOCK, claim, read_ending
from modnet.runs.recorder import RunRecorder, create_run, train_run
from modnet.runs.surroundings import Segment, shorten_digests
from modnet.text import list_some

CALLER = ".caller"  # the file in the folder of a comparison with the token of the process that compares
POLL = 2.0  # seconds from one look at it to the next
_reading = threading.Lock()  # held by the thread that reads the data: others need not read it, too


@attrs.frozen
class Caller:
    """The process that compares, for the workers of an executor: what they must see and have as it does."""

    folder: Path
    token: str
    """The content of the file `CALLER` in the folder while it compares."""
    data: dict[str, Any] = attrs.field(eq=False)
    """The fingerprint of the data."""
    surroundings: Segment = attrs.field(eq=False)
    private: tuple[tuple[str, str, str], ...] = attrs.field(eq=False)
    """The kinds and names of parts that it has not by an installed plugin, and how it has them."""

    @property
    def is_there(self) -> bool:
        """True while it compares: its token is in the folder, whose lock it holds as long as it lives."""
        try:
            if (self.folder / CALLER).read_text(encoding="utf-8") != self.token:
                return False
            return is_locked(self.folder / LOCK)
        except FileNotFoundError:
            return False
        except OSError:  # for a moment, perhaps
            return True

    def check_folder(self) -> None:
        """Raise ModnetError where this process does not see the folder, or the lock of it that its caller holds."""
        if self.is_there:
            return
        here = f"{_name_worker()} does not see"
        if (self.folder / CALLER).is_file():
            advice = "mount it with locks that all machines share, or choose another with --out (out=)"
            raise ModnetError(f"{here} the lock of {self.folder}, so that two could write one run: {advice}")
        raise ModnetError(f"{here} the folder {self.folder}: choose one that all workers share with --out (out=)")

    def check_parts(self) -> None:
        """Raise SettingError where a part that no plugin provides is not known in this process."""
        for kind, name, how in self.private:
            is_known = bool(find_override(kind, name))
            if how == "registered":
                with suppress(UnknownNameError):
                    is_known = bool(get_host().registry.find(kind, name))
            if not is_known:
                remedy = "compare without an executor, or in threads" + " under swap(..., threads=True)" * (
                    how == "swapped"
                )
                remedy += ", or name its module in plugins.modules" * (how == "registered")
                raise SettingError([f"the {kind} {name!r} is {how} where its worker does not see it: {remedy}"])

    def check_data(self, data: Dataset) -> None:
        """Raise ModnetError where other data is read in this process."""
        found = data_fingerprint(data)
        if other := [key for key in {**self.data, **found} if self.data.get(key) != found.get(key)]:
            advice = "put the same file under its path on all machines"
            raise ModnetError(f"{_name_worker()} reads other data, by their {list_some(other, 3)}: {advice}")

    def check_surroundings(self, experiment: Experiment) -> None:
        """Raise ModnetError where this process has other code or libraries, which might give other bits."""
        found = self.surroundings.find_differences(Segment.create(experiment))
        other = [each for each in found if each.stops and each.then and each.now]
        if other:
            what = list_some((f"{each.part} {each.what} {each.now}, here {each.then}" for each in other), 2)
            advice = (
                "install the same there and start the workers anew, or take them as they are, --accept (accept=True)"
            )
            raise ModnetError(f"{_name_worker()} has other code or libraries: {shorten_digests(what)}: {advice}")


@contextmanager
def hold_token(folder: Path) -> Iterator[str]:
    """Yield a token that is in a folder while the block lasts; workers that no longer find it there stop."""
    token = secrets.token_hex(16)
    write_atomically(folder / CALLER, token.encode())
    try:
        yield token
    finally:
        with suppress(OSError):
            (folder / CALLER).write_bytes(b"")  # Windows does not remove a file that a worker reads
            (folder / CALLER).unlink()


def train_table(
    name: str,
    folder: str,
    table: Table,
    caller: Caller | None = None,
    granted: Sequence[Code] = (),
    accept: bool = False,
) -> None:
    """Bring a run to its end, begun or resumed, in whichever process this is; raises ModnetError, with its name.

    `table` is its experiment; of the modules that it names, those in `granted` and those that are approved here may be
    imported. `accept` is as of `run_jobs`. With a `caller`, all is checked that this process must have as it has, and
    the run is stopped, with a checkpoint, when it has ended. Estimators take one thread; that changes no bit.
    """
    with naming_failures(name):
        if caller:
            caller.check_folder()
            caller.check_parts()
        ensure_plugins(table, partial(name_module, where=Path(folder, EXPERIMENT), granted=granted))
        experiment = create_experiment(table)
        with _reading:
            data = _read_data(tomli_w.dumps({"data": table["data"]}).encode(), active_overrides(), caller)
        if caller and not accept:
            caller.check_surroundings(experiment)
        with _stopping_with(caller, Path(folder)) as poll:
            train(Path(folder), experiment, _take_one_thread(experiment), data, accept, poll)


def train(
    folder: Path,
    experiment: Experiment,
    variant: Experiment,
    data: Dataset,
    accept: bool,
    poll: Callable[[], object] | None = None,
) -> None:
    """Begin or resume the run of an experiment; a variant of it, which gives the same bits, is trained."""
    if not (folder / EXPERIMENT).is_file():
        with create_run(folder, experiment, data, compact=True) as recorder:
            train_run(variant, data, recorder, poll=poll)
        return
    with claim(folder):
        if not read_ending(folder):
            recorder = RunRecorder(folder, experiment, data, compact=True)
            train_run(variant, data, recorder, recorder.load_checkpoint(accept=accept), poll=poll)


@contextmanager
def naming_failures(run: str) -> Iterator[None]:
    """Turn the error that training ends with into one that names the run, as text: others may not be pickled."""
    try:
        yield
    except DivergedError:  # the run counts with what it had learned
        pass
    except KeyboardInterrupt:
        raise KeyboardInterrupt from None
    except BaseException as error:  # a part of a third-party plugin may fail in any way
        if isinstance(known := explain(error) or error, ModnetError):
            raise ModnetError(f"{run}: {known}") from None
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{frame.filename}:{frame.lineno}"
        raise ModnetError(f"{run}: {type(error).__name__}: {error} ({place})") from None


def ensure_plugins(table: Table, find_module: Callable[[str], str | Plugin]) -> None:
    """Load the plugins that an experiment asks for, with its modules as they are found; raises PluginError."""
    asked = list_asked(table)
    modules = [find_module(module) for module in asked["modules"]]
    if not get_host().without.issuperset(split_names(asked["without"])):
        load_plugins(asked["without"], modules)
    for module in modules:
        get_host().load_module(module)


@contextmanager
def _stopping_with(caller: Caller | None, folder: Path) -> Iterator[Callable[[], None] | None]:
    """Yield what interrupts the run in a folder once its caller has ended; a worker that still writes it is awaited.

    That is one of which the cluster has lost sight. Raises ModnetError where the run was interrupted so.
    """
    if not caller:
        yield None
        return
    due = time.monotonic() + POLL

    def poll() -> None:
        nonlocal due
        if (now := time.monotonic()) >= due:
            due = now + POLL
            if not caller.is_there:
                raise KeyboardInterrupt

    try:
        while is_locked(folder / LOCK):
            time.sleep(BRIEFLY)
            poll()
        yield poll
    except KeyboardInterrupt:
        if caller.is_there:
            raise
        raise ModnetError(f"stopped with a checkpoint, as the comparison in {caller.folder} has ended") from None


def _name_worker() -> str:
    return f"the worker process {os.getpid()} on {socket.gethostname()}"


@lru_cache(maxsize=1)
def _read_data(table: bytes, _: tuple[Override, ...], caller: Caller | None) -> Dataset:
    """Return the data of an experiment's table; the runs of a worker share them, under the same overrides."""
    if not caller:
        return read_data(create_experiment(parse_toml(table)))[0]
    try:
        data = read_data(create_experiment(parse_toml(table)))[0]
    except (ModnetError, OSError) as error:
        raise ModnetError(f"{_name_worker()} cannot read the data, as the caller can: {error}") from None
    caller.check_data(data)
    return data


def _take_one_thread(experiment: Experiment) -> Experiment:
    """Return an experiment as it is run beside others, on all cores."""
    estimator = experiment.gradient
    settings = get_settings(estimator)
    if settings.get("threads", 1) is not None:
        return experiment
    return attrs.evolve(experiment, gradient=type(estimator)(**{**settings, "threads": 1}))
