"""Many runs on all cores or in any executor."""

from __future__ import annotations

import os
import signal
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, as_completed
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache, partial
from pathlib import Path

import attrs
import tomli_w

from modnet.compose.experiment import Experiment, create_experiment, find_parts, read_data, to_table
from modnet.compose.plugins import explain, get_host, list_asked, load_plugins
from modnet.compose.settings import Table, get_settings
from modnet.compose.toml import parse_toml, read_toml
from modnet.data.dataset import Dataset
from modnet.errors import DataError, DivergedError, ModnetError, SettingError
from modnet.files.opening import read_plain
from modnet.host.approval import list_granted, name_module
from modnet.host.entry_points import Plugin, split_names
from modnet.host.modules import Code
from modnet.host.registry import SESSION, Override, active_overrides, find_override, find_override_by
from modnet.interfaces import GradientEstimator
from modnet.randomness import Stream
from modnet.runs.folder import EXPERIMENT, HISTORY, claim, is_unused, read_ending, recover
from modnet.runs.integrity import check_files
from modnet.runs.receipt import PLACE, compare_settings
from modnet.runs.recorder import RunRecorder, create_run, train_run
from modnet.types import Grads, Params

SAFE_PATH = "PYTHONSAFEPATH"
_safe_path = threading.Lock()  # held by the thread that changes that variable
REMEDY = "remove it to repeat the run"
GRACE = 20.0  # seconds in which a worker that is to end may save its run
_is_ending = False  # whether this process, a worker, is to end as soon as its run can be saved


@attrs.frozen
class Job:
    """A run to be made: its name, its folder and its experiment."""

    name: str
    folder: Path
    experiment: Experiment


def is_finished(job: Job) -> bool:
    """Return whether a run has come to its end; raises SettingError where its folder holds another one."""
    if links := [folder for folder in (job.folder, job.folder.parent) if folder.is_symlink()]:
        raise DataError(f"{links[0]}: a link, expected a folder: runs are written within that of their comparison")
    recover(job.folder)
    path = job.folder / EXPERIMENT
    if not path.is_file():
        if job.folder.exists() and not is_unused(job.folder, EXPERIMENT):
            raise DataError(f"{job.folder}: not the folder of a run, there is no {EXPERIMENT} in it: {REMEDY}")
        return False
    with claim(job.folder):
        check_files(job.folder, remedy=REMEDY)  # first: of a damaged run nobody knows what it was
        there, wanted = read_toml(path), to_table(job.experiment)
        # The digest in the receipt holds the content of the data.
        if changed := compare_settings(there, wanted, PLACE):
            names = ", ".join(each.what for each in changed)
            raise SettingError([f"{job.folder} holds a run with another {names}: choose another folder"], "--out")
        return read_ending(job.folder, remedy=REMEDY) is not None


def measure_progress(job: Job) -> float:
    """Return the share of a run's iterations that were made until it was saved last: from 0 to 1."""
    try:
        lines = read_plain(job.folder / HISTORY).count(b"\n")
    except DataError:
        return 0.0
    return min(1.0, (lines - 1) / max(1, job.experiment.training.iterations))


def run_jobs(
    jobs: Sequence[Job],
    data: Dataset,
    executor: Executor | None = None,
    workers: int | None = None,
    *,
    accept: bool = False,
) -> Iterator[Job]:
    """Bring all runs on some data to their ends and yield each as it ends.

    Without an executor `workers` processes do it, by default as many as there are cores; 1 is this process. With
    `accept` a run is continued by other code. Raises ModnetError where a run fails, and KeyboardInterrupt; all
    runs are saved then, and the next call resumes them.
    """
    if executor:
        yield from _run_in(executor, jobs, accept, nullcontext())
    elif (count := min(_count_workers(jobs, workers), len(jobs))) > 1:
        with _start_workers(count, jobs[0].experiment) as pool:
            yield from _run_in(pool, jobs, accept, _ignoring_current_folder())
    else:
        for job in jobs:
            _check(job, _find_failure(partial(_train, job.folder, job.experiment, job.experiment, data, accept)))
            yield job


def train_table(
    folder: str, table: Table, granted: Sequence[Code] = (), accept: bool = False, swapped: Iterable[Sequence[str]] = ()
) -> BaseException | None:
    """Bring a run to its end, begun or resumed, in whichever process this is; return the error that kept it from it.

    `table` is its experiment; of the modules that it names, those in `granted` and those that are approved here may be
    imported. `accept` is as of `run_jobs`; what is `swapped`, kinds and names, must be so here. Estimators take one
    thread; that changes no bit.
    """
    if _is_ending:  # the run was waiting for this worker, and could not be called off
        return KeyboardInterrupt()

    def train() -> None:
        if unseen := [f"the {kind} {name!r} is swapped" for kind, name in swapped if not find_override(kind, name)]:
            advice = "compare without an executor, or in threads under swap(..., threads=True)"
            raise SettingError([f"{unseen[0]} where its worker does not see it: {advice}"])
        ensure_plugins(table, partial(name_module, where=Path(folder, EXPERIMENT), granted=granted))
        experiment = create_experiment(table)
        data = _read_data(tomli_w.dumps({"data": table["data"]}).encode(), active_overrides())
        _train(Path(folder), experiment, _share(experiment), data, accept)

    return _find_failure(train)


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


def _find_failure(train: Callable[[], None]) -> BaseException | None:
    """Return the error that training ended with, as text: not all of them come through to another process."""
    try:
        train()
    except DivergedError:
        return None
    except KeyboardInterrupt:
        return KeyboardInterrupt()
    except BaseException as error:  # a part of a third-party plugin may fail in any way
        if isinstance(known := explain(error) or error, ModnetError):
            return ModnetError(str(known))
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return ModnetError(f"{type(error).__name__}: {error} ({frame.filename}:{frame.lineno})")
    return None


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
    executor: Executor, jobs: Sequence[Job], accept: bool, submitting: AbstractContextManager[None]
) -> Iterator[Job]:
    parts = [part for job in jobs for part in find_parts(job.experiment)]
    swapped = {(override.kind, override.name) for part in parts if (override := find_override_by(part))}
    train = partial(train_table, granted=list_granted(get_host().plugins), accept=accept, swapped=swapped)
    with submitting:
        futures = {executor.submit(train, str(job.folder), to_table(job.experiment)): job for job in jobs}
    try:
        for future in as_completed(futures):
            _check(futures[future], future.result())
            yield futures[future]
    except BrokenExecutor:
        raise ModnetError(
            "a worker process died: it was killed, memory ran out, or a script calls modnet.compare "
            "and not under: if __name__ == '__main__':"
        ) from None
    finally:
        for future in futures:
            future.cancel()


def _check(job: Job, failure: BaseException | None) -> None:
    if failure:
        raise ModnetError(f"{job.name}: {failure}") if isinstance(failure, ModnetError) else failure


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
    """Yield an executor of worker processes; where the block fails, they save their runs and end."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    others = multiprocessing.active_children()
    context = multiprocessing.get_context("spawn")
    get_host().relay()  # warnings about plugins that follow runs are given here, once
    with _ignoring_current_folder():
        pool = ProcessPoolExecutor(workers, context, _prepare, (experiment.plugins.without,))
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        ours = set(multiprocessing.active_children()) - set(others)
        for process in ours:
            process.terminate()
        late = time.monotonic() + GRACE
        for process in ours:
            process.join(max(0.0, late - time.monotonic()))
            process.kill()  # a part that waits for something; the run's last checkpoint is saved
        raise
    finally:
        pool.shutdown()


@contextmanager
def _ignoring_current_folder() -> Iterator[None]:
    """Have processes that are started in the block import nothing from the current folder, where Python looks first.

    A pool starts one when it is made, and its workers while jobs are submitted. What they inherit is the environment,
    which is one for all threads.
    """
    with _safe_path:
        before = os.environ.get(SAFE_PATH)
        os.environ[SAFE_PATH] = "1"
        try:
            yield
        finally:
            del os.environ[SAFE_PATH]
            if before is not None:
                os.environ[SAFE_PATH] = before


def _prepare(without: tuple[str, ...]) -> None:
    import multiprocessing

    def end(*_: object) -> None:
        # No more: a worker that dies while it waits for work keeps the lock of the queue.
        global _is_ending
        _is_ending = True

    def watch() -> None:
        if parent := multiprocessing.parent_process():
            parent.join()
            os._exit(1)  # nobody takes the results any more; a checkpoint is saved

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the parent ends its workers
    signal.signal(signal.SIGTERM, end)
    threading.Thread(target=watch, daemon=True).start()
    known = r"\d+ plugins? not asked|no plugin .* to disable|.* is taken, and not "
    warnings.filterwarnings("ignore", known)  # the parent has warned
    load_plugins(without)  # modules are loaded for a run, which says what is wrong with them


@lru_cache(maxsize=1)
def _read_data(table: bytes, _: tuple[Override, ...]) -> Dataset:
    """Return the data of an experiment's table; the runs of a worker share them, under the same overrides."""
    return read_data(create_experiment(parse_toml(table)))[0]


def _share(experiment: Experiment) -> Experiment:
    """Return an experiment as it is run beside others: its estimator takes one thread, and can be ended."""
    estimator = experiment.gradient
    settings = get_settings(estimator)
    if settings.get("threads", 1) is None:
        estimator = type(estimator)(**{**settings, "threads": 1})
    return attrs.evolve(experiment, gradient=_Ending(estimator))


@attrs.frozen
class _Ending(GradientEstimator):
    """An estimator that interrupts the run once this process is to end.

    Raised by the handler of the signal, the interruption could come in code where Python ignores it.
    """

    estimator: GradientEstimator

    def __call__(self, objective: Callable[[Params], float], params: Params, stream: Stream) -> Grads:
        if _is_ending:
            raise KeyboardInterrupt
        return self.estimator(objective, params, stream)
