"""Clusters of Dask."""

from __future__ import annotations

import ctypes
import logging
import os
import platform
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from contextlib import contextmanager
from functools import cache, partial
from importlib import metadata
from pathlib import Path
from typing import Any

from modnet import MissingExtraError, ModnetError, SettingError
from modnet.text import format_count, list_some

DISTRIBUTION = "modnet-workbench"
TRIM = "MALLOC_TRIM_THRESHOLD_"  # which Dask's nannies set for their workers
PATIENCE = 10  # seconds for a scheduler to answer


class DaskExecutor(Executor):
    """The workers of a cluster, by an executor of Dask's; errors say in modnet's words what a cluster has lost."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have a worker call a function; of runs, Dask's futures say how they ended, or why they did not."""
        task = self._executor.submit(run_in_worker, partial(fn, *args, **kwargs))
        future: Future[Any] = Future()
        future.add_done_callback(lambda _: future.cancelled() and task.cancel())
        task.add_done_callback(partial(_pass_on, future))
        return future


def to_executor(given: Any) -> Executor | None:
    """Return the executor of a Dask client, or of one of its own executors; None for anything else.

    Warns of workers with many threads. Raises SettingError for a client that is awaited, or closed, and ModnetError
    where the cluster does not answer, or has another modnet.
    """
    from distributed import Client
    from distributed.cfexecutor import ClientExecutor

    if not isinstance(given, (Client, ClientExecutor)):
        return None
    client: Any = given if isinstance(given, Client) else given._client  # noqa: SLF001 - it has no other name
    if client.asynchronous:
        raise SettingError(["an asynchronous client: give one without asynchronous=True"], "executor")
    if client.status in {"closing", "closed"}:
        raise SettingError(["the client is closed: call it inside its with block"], "executor")
    check_versions(_read_versions(client))
    if (threads := max(client.nthreads().values(), default=1)) > 1:
        what = f"a worker has {threads} threads, which share one Python and slow small networks down"
        warnings.warn(f"{what}: start workers with --nthreads 1, as many as there are cores", stacklevel=3)
    return DaskExecutor(given if isinstance(given, ClientExecutor) else client.get_executor(pure=False))


def _read_versions(client: Any) -> dict[str, object]:
    """Return the version of modnet in the scheduler, which reads tasks, too, and in each worker; an error for none.

    Raises ModnetError where the cluster does not answer.
    """
    try:
        try:
            of_scheduler: object = client.run_on_scheduler(metadata.version, DISTRIBUTION)
        except metadata.PackageNotFoundError as error:
            of_scheduler = error
        return {"the scheduler": of_scheduler, **client.run(metadata.version, DISTRIBUTION, on_error="return")}
    except (OSError, RuntimeError) as error:
        raise ModnetError(f"the cluster does not answer: {error}: give an open client of a running scheduler") from None


def check_versions(found: Mapping[str, object]) -> None:
    """Raise ModnetError where the version of modnet in the processes of a cluster is not ours.

    A worker that has none ends when it is sent a run of modnet's, and everybody would wait.
    """
    here = metadata.version(DISTRIBUTION)
    if other := {address: there for address, there in found.items() if there != here}:
        has = list_some((f"{at} has {it if isinstance(it, str) else 'none'}" for at, it in other.items()), 3)
        what = f"the cluster needs modnet {here} in all of its processes: {has}"
        raise ModnetError(f"{what}: pip install '{DISTRIBUTION}=={here}' there, and start them anew")


@contextmanager
def connect(address: str) -> Iterator[Any]:
    """Yield a client of the scheduler at an address, or of the one that wrote a file; raises ModnetError.

    It is `tcp://HOST:PORT`, or a file of `dask scheduler --scheduler-file`, which ends with `.json`. What Dask logs of
    lost connections is not shown inside the block, which has errors of its own for them.
    """
    try:
        from distributed import Client
    except ImportError:
        raise MissingExtraError("a cluster", "dask") from None
    is_file = address.endswith(".json")
    if is_file and not Path(address).is_file():
        remedy = f"start it with: dask scheduler --scheduler-file {address}"
        raise SettingError([f"no scheduler has written {address}: {remedy}"], "--dask")
    if not is_file and not re.fullmatch(r"(\w+://)?[\w.:\[\]-]+:\d+", address):
        raise SettingError([f"must be tcp://HOST:PORT or a .json file of a scheduler: {address}"], "--dask")
    settings: Any = {"scheduler_file": address} if is_file else {"address": address}
    create: Any = Client
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
        try:
            client = create(**settings, timeout=PATIENCE, set_as_default=False)
        except (OSError, ValueError) as error:
            advice = "start one with: dask scheduler, or give its address, tcp://HOST:8786"
            raise ModnetError(f"no scheduler answers at {address}: {error}: {advice}") from None
        with client:
            yield client
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def run_in_worker(task: Callable[[], Any]) -> Any:
    """Call a task in a worker's process, which then uses memory as others do."""
    _keep_memory()
    return task()


@cache
def _keep_memory() -> None:
    """Have glibc keep what a process frees, as it does by itself unless a nanny has set it to return memory at once.

    Training frees and takes megabytes in each iteration, and was 1.3 to 1.7 times slower.
    """
    if os.environ.get(TRIM) and platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        for parameter, size in ((-1, 2**26), (-3, 2**25)):  # trimmed, and mapped by itself, from so many bytes on
            libc.mallopt(parameter, size)


def _pass_on(future: Future[Any], task: Future[Any]) -> None:
    """Give a future what has become of a task."""
    from distributed import KilledWorker

    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(task.result())
    except KilledWorker as error:
        count, last = error.allowed_failures + 1, error.last_worker.address
        what = f"{format_count(count, 'worker')} died while training it, the last one at {last}"
        advice = "memory ran out, or something killed them: see their logs, and start workers with more memory"
        future.set_exception(BrokenExecutor(f"{what}: {advice}"))
    except CancelledError:
        what = "the cluster has lost it: its scheduler was stopped, or cannot be reached"
        future.set_exception(BrokenExecutor(f"{what}: start it again, and the same call continues"))
    except BaseException as error:
        future.set_exception(error)
