"""Many runs on all cores or in any executor."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, as_completed
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import tomli_w

from modnet.compose.experiment import Experiment, create_experiment, find_parts, read_data, to_table
from modnet.compose.plugins import explain, get_host, list_asked, load_plugins
from modnet.compose.settings import get_settings
from modnet.compose.tables import Table, parse_toml
from modnet.data.dataset import Dataset
from modnet.errors import DivergedError, ModnetError, SettingError
from modnet.host.approval import list_granted, name_module
from modnet.host.entry_points import Plugin, split_names
from modnet.host.modules import Code
from modnet.host.registry import SESSION, Override, active_overrides, find_override, find_override_by
from modnet.runs.folder import EXPERIMENT, claim, read_ending
from modnet.runs.recorder import RunRecorder, create_run, train_run

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

SAFE_PATH = "PYTHONSAFEPATH"
_safe_path = threading.Lock()  # held by the thread that changes that variable


@attrs.frozen
class Job:
    """A run to be made: its name, its folder and its experiment."""

    name: str
    folder: Path
    experiment: Experiment


def run_jobs(
    jobs: Sequence[Job],
    data: Dataset,
    executor: Executor | None = None,
    workers: int | None = None,
    *,
    accept: bool = False,
) -> Generator[Job, None, None]:
    """Bring all runs on some data to their ends and yield each as it ends.

    Without an executor `workers` processes do it, by default as many as there are cores; 1 is this process. With
    `accept` a run is continued by other code. Raises ModnetError where a run fails, and KeyboardInterrupt; the next
    call resumes all runs then, those of processes from their last checkpoints.
    """
    if executor and workers:
        raise SettingError(["an executor has its own: leave them out"], "workers")
    if executor:
        yield from _run_in(executor, jobs, accept, nullcontext(), is_given=True)
    elif (count := min(_count_workers(jobs, workers), len(jobs))) > 1:
        with _start_workers(count, jobs[0].experiment) as pool:
            yield from _run_in(pool, jobs, accept, _ignoring_current_folder())
    else:
        for job in jobs:
            with _naming_failures(job.name):
                _train(job.folder, job.experiment, job.experiment, data, accept)
            yield job


def train_table(
    name: str,
    folder: str,
    table: Table,
    granted: Sequence[Code] = (),
    accept: bool = False,
    swapped: Iterable[Sequence[str]] = (),
) -> None:
    """Bring a run to its end, begun or resumed, in whichever process this is; raises ModnetError, with its name.

    `table` is its experiment; of the modules that it names, those in `granted` and those that are approved here may be
    imported. `accept` is as of `run_jobs`; what is `swapped`, kinds and names, must be so here. Estimators take one
    thread; that changes no bit.
    """
    with _naming_failures(name):
        if unseen := [f"the {kind} {part!r} is swapped" for kind, part in swapped if not find_override(kind, part)]:
            advice = "compare without an executor, or in threads under swap(..., threads=True)"
            raise SettingError([f"{unseen[0]} where its worker does not see it: {advice}"])
        ensure_plugins(table, partial(name_module, where=Path(folder, EXPERIMENT), granted=granted))
        experiment = create_experiment(table)
        data = _read_data(tomli_w.dumps({"data": table["data"]}).encode(), active_overrides())
        _train(Path(folder), experiment, _take_one_thread(experiment), data, accept)


def _train(folder: Path, experiment: Experiment, variant: Experiment, data: Dataset, accept: bool) -> None:
    """Begin or resume the run of an experiment; a variant of it, which gives the same bits, is trained."""
    if not (folder / EXPERIMENT).is_file():
        with create_run(folder, experiment, data, compact=True) as recorder:
            train_run(variant, data, recorder)
        return
    with claim(folder):
        if not read_ending(folder):
            recorder = RunRecorder(folder, experiment, data, compact=True)
            train_run(variant, data, recorder, recorder.load_checkpoint(accept=accept))


@contextmanager
def _naming_failures(run: str) -> Iterator[None]:
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


def check_is_no_import() -> None:
    """Raise SettingError in a worker that imports the script it was started by, which would start workers again."""
    import multiprocessing  # here and below: it imports pickle, which nothing else does on the way of the data

    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise SettingError(["in a script, call it under: if __name__ == '__main__':"], "modnet.compare")


def ensure_plugins(table: Table, find_module: Callable[[str], str | Plugin]) -> None:
    """Load the plugins that an experiment asks for, with its modules as they are found; raises PluginError."""
    asked = list_asked(table)
    modules = [find_module(module) for module in asked["modules"]]
    if not get_host().without.issuperset(split_names(asked["without"])):
        load_plugins(asked["without"], modules)
    for module in modules:
        get_host().load_module(module)


def _run_in(
    executor: Executor,
    jobs: Sequence[Job],
    accept: bool,
    submitting: AbstractContextManager[None],
    is_given: bool = False,
) -> Generator[Job, None, None]:
    parts = [part for job in jobs for part in find_parts(job.experiment)]
    swapped = {(override.kind, override.name) for part in parts if (override := find_override_by(part))}
    train = partial(train_table, granted=list_granted(get_host().plugins), accept=accept, swapped=swapped)
    with submitting:
        futures = {executor.submit(train, job.name, str(job.folder), to_table(job.experiment)): job for job in jobs}
    try:
        for future in as_completed(futures):
            future.result()
            yield futures[future]
    except BrokenExecutor:
        raise ModnetError(
            "a worker process died: it was killed, memory ran out, or a script calls modnet.compare "
            "and not under: if __name__ == '__main__':"
        ) from None
    finally:
        if is_given:  # of our own the workers end, and a pool whose workers end does not expect to find any cancelled
            for future in futures:
                future.cancel()


def _count_workers(jobs: Sequence[Job], asked: int | None) -> int:
    """Return the number of processes to use: one, where a part is known to this process alone."""
    if asked is not None and asked < 1:
        raise SettingError([f"must be >= 1: {asked}"], "workers")
    registry = get_host().registry
    for part in (part for job in jobs for part in find_parts(job.experiment)):
        component, is_swapped = registry.component_of(part), find_override_by(part)
        if component and (is_swapped or component.owner == SESSION):
            if (asked or 1) == 1:
                return 1
            how = f"{component.name!r} is {'swapped' if is_swapped else 'registered'} in this process alone"
            remedy = "take 1, or name its module in plugins.modules"
            raise SettingError([f"the {component.kind} {how}: {remedy}"], "workers")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return asked or cores


@contextmanager
def _start_workers(workers: int, experiment: Experiment) -> Iterator[Executor]:
    """Yield an executor of worker processes; where the block fails, they end at once: their runs have checkpoints."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    context = multiprocessing.get_context("spawn")
    get_host().relay()  # warnings about plugins that follow runs are given here, once
    end, handle = context.Pipe(duplex=False)
    with _ignoring_current_folder():
        pool = ProcessPoolExecutor(workers, context, _prepare, (experiment.plugins.without, end))
    with end, handle, pool:
        try:
            yield pool
        except BaseException:
            handle.close()
            raise


@contextmanager
def _ignoring_current_folder() -> Iterator[None]:
    """Have processes that are started in the block import nothing from the current folder, where Python looks first.

    A pool starts one when it is made, and its workers while jobs are submitted. What they inherit is the environment,
    which is one for all threads. Ctrl-C waits in them until they ignore it, and here until the block ends.
    """
    with _safe_path:
        before = os.environ.get(SAFE_PATH)
        os.environ[SAFE_PATH] = "1"
        if sys.platform != "win32":
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            if sys.platform != "win32":
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            del os.environ[SAFE_PATH]
            if before is not None:
                os.environ[SAFE_PATH] = before


def _prepare(without: tuple[str, ...], end: Connection) -> None:
    """Prepare a worker process, which ends when the other end of a pipe is closed, or its process is killed."""

    def watch() -> None:
        try:
            end.poll(None)
        finally:
            os._exit(1)

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the parent ends its workers
    threading.Thread(target=watch, daemon=True).start()
    known = r"\d+ plugins? not asked|no plugin .* to disable|.* is taken, and not "
    warnings.filterwarnings("ignore", known)  # the parent has warned
    load_plugins(without)  # modules are loaded for a run, which says what is wrong with them


@lru_cache(maxsize=1)
def _read_data(table: bytes, _: tuple[Override, ...]) -> Dataset:
    """Return the data of an experiment's table; the runs of a worker share them, under the same overrides."""
    return read_data(create_experiment(parse_toml(table)))[0]


def _take_one_thread(experiment: Experiment) -> Experiment:
    """Return an experiment as it is run beside others, on all cores."""
    estimator = experiment.gradient
    settings = get_settings(estimator)
    if settings.get("threads", 1) is not None:
        return experiment
    return attrs.evolve(experiment, gradient=type(estimator)(**{**settings, "threads": 1}))
