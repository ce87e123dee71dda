"""Many runs on all cores or in any executor."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

import modnet
from modnet.comparison.tasks import Caller, hold_token, naming_failures, train, train_table
from modnet.compose.experiment import Experiment, find_parts, to_table
from modnet.compose.plugins import get_host, load_plugins
from modnet.data.dataset import Dataset
from modnet.errors import ModnetError, SettingError
from modnet.files.locks import BRIEFLY, is_locked
from modnet.host.approval import list_granted
from modnet.host.modules import Code, find_folder, read_code
from modnet.host.registry import SESSION, Component, find_override_by
from modnet.runs.folder import LOCK
from modnet.runs.surroundings import Segment

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

SAFE_PATH = "PYTHONSAFEPATH"
PATIENCE = 15.0  # seconds, at most, to wait for workers to stop
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
    folder: Path,
    fingerprint: Mapping[str, Any],
    executor: Executor | None = None,
    workers: int | None = None,
    *,
    accept: bool = False,
) -> Generator[Job, None, None]:
    """Bring all runs on some data to their ends and yield each as it ends; their folders are in that of a comparison.

    Without an executor `workers` processes do it, by default as many as there are cores; 1 is this process. With
    `accept` a run is continued by other code. Raises ModnetError where a run fails, and KeyboardInterrupt; the next
    call resumes all runs then, those of processes from their last checkpoints.
    """
    if executor and workers:
        raise SettingError(["an executor has its own: leave them out"], "workers")
    if executor and jobs:
        yield from _run_in_given(executor, jobs, folder, fingerprint, accept)
    elif (count := min(_count_workers(jobs, workers), len(jobs))) > 1:
        with _start_workers(count, jobs[0].experiment) as pool:
            task = partial(train_table, granted=list_granted(get_host().plugins), accept=accept)
            with _ignoring_current_folder():
                futures = _submit(pool, task, jobs)
            yield from _follow(futures)
    else:
        for job in jobs:
            with naming_failures(job.name):
                train(job.folder, job.experiment, job.experiment, data, accept)
            yield job


def check_is_no_import() -> None:
    """Raise SettingError in a worker that imports the script it was started by, which would start workers again."""
    import multiprocessing  # here and below: it imports pickle, which nothing else does on the way of the data

    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise SettingError(["in a script, call it under: if __name__ == '__main__':"], "modnet.compare")


def _run_in_given(
    executor: Executor, jobs: Sequence[Job], folder: Path, fingerprint: Mapping[str, Any], accept: bool
) -> Generator[Job, None, None]:
    """Bring runs to their ends in an executor that is handed in; they stop with checkpoints where this is left."""
    private = {(c.kind, c.qualified_name, how) for c, how in _find_private(jobs)}
    code = [each if each.files else _read_code(each) for each in list_granted(get_host().plugins)]
    futures: Mapping[Future[None], Job] = {}
    try:
        with hold_token(folder) as token:
            surroundings = Segment.create(jobs[0].experiment)
            caller = Caller(folder, token, dict(fingerprint), surroundings, tuple(sorted(private)))
            futures = _submit(executor, partial(train_table, caller=caller, granted=code, accept=accept), jobs)
            try:
                yield from _follow(futures)
            finally:
                for future in futures:
                    future.cancel()
    except BaseException:
        _await_workers(futures.values())
        raise


def _submit(executor: Executor, task: Callable[..., None], jobs: Sequence[Job]) -> dict[Future[None], Job]:
    """Submit runs; raises SettingError where the executor takes none."""
    try:
        return {executor.submit(task, job.name, str(job.folder), to_table(job.experiment)): job for job in jobs}
    except RuntimeError as error:
        raise SettingError([f"takes no runs: {error}"], "executor") from None


def _follow(futures: Mapping[Future[None], Job]) -> Iterator[Job]:
    """Yield runs as they end; raises ModnetError where one fails, or its worker."""
    waiting = {*futures}
    while waiting:
        ended, waiting = wait(waiting, 1.0, FIRST_COMPLETED)  # without end it would be deaf to Ctrl-C on Windows
        for future in ended:
            with _naming_lost_workers(futures[future].name):
                future.result()
            yield futures[future]


@contextmanager
def _naming_lost_workers(run: str) -> Iterator[None]:
    """Turn the error that a run ends with where its worker does into a ModnetError."""
    from concurrent.futures.process import BrokenProcessPool

    try:
        yield
    except (ModnetError, KeyboardInterrupt):
        raise
    except BrokenProcessPool:
        raise ModnetError(
            "a worker process died: it was killed, memory ran out, or a script calls modnet.compare "
            "and not under: if __name__ == '__main__':"
        ) from None
    except BrokenExecutor as error:
        raise ModnetError(f"{run}: {error}") from None
    except CancelledError:
        what = "the executor was shut down before it was trained: with another one, the same call continues"
        raise ModnetError(f"{run}: {what}") from None
    except Exception as error:  # whatever a worker lacks to begin
        advice = f"workers need modnet {modnet.__version__} and what it imports, as they are here"
        raise ModnetError(f"{run}: no worker could begin it: {type(error).__name__}: {error}: {advice}") from None


def _await_workers(jobs: Iterable[Job]) -> None:
    """Wait until no worker writes a run any more, and not for long: an iteration may take minutes."""
    late = time.monotonic() + PATIENCE
    while time.monotonic() < late and any(is_locked(job.folder / LOCK) for job in jobs):
        time.sleep(BRIEFLY)


def _read_code(code: Code) -> Code:
    """Return the code of a module that is not installed, to be sent to workers; that of others they must have."""
    plugin = next(each for each in get_host().plugins if each.module == code.module)
    folder = None if plugin.value else find_folder(code.module)
    return read_code(code.module, folder, is_to_be_imported=False) if folder else code


def _find_private(jobs: Iterable[Job]) -> Iterator[tuple[Component, str]]:
    """Yield the parts that this process alone may know, and how it does."""
    registry = get_host().registry
    for part in (part for job in jobs for part in find_parts(job.experiment)):
        component, is_swapped = registry.component_of(part), find_override_by(part)
        if component and (is_swapped or component.owner == SESSION):
            yield component, "swapped" if is_swapped else "registered"


def _count_workers(jobs: Sequence[Job], asked: int | None) -> int:
    """Return the number of processes to use: one, where a part is known to this process alone."""
    if asked is not None and asked < 1:
        raise SettingError([f"must be >= 1: {asked}"], "workers")
    for component, how in _find_private(jobs):
        if (asked or 1) == 1:
            return 1
        what = f"the {component.kind} {component.name!r} is {how} in this process alone"
        raise SettingError([f"{what}: take 1, or name its module in plugins.modules"], "workers")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(asked or cores, 61 if sys.platform == "win32" else sys.maxsize)  # a pool on Windows takes no more


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
