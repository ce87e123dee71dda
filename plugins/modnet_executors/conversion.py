"""Executors from what other libraries have."""

from __future__ import annotations

import sys
from concurrent.futures import Executor
from typing import Any

from modnet import SettingError

OTHERS = {
    "Parallel": "joblib's pool of processes is joblib.externals.loky.get_reusable_executor(2)",
    "Pool": "take concurrent.futures.ProcessPoolExecutor",
    "LocalCluster": "give its client, distributed.Client(cluster)",
}


def to_executor(given: Any) -> Executor:
    """Return an executor for `modnet.train_grid`: a `concurrent.futures.Executor` as it is, or that of a Dask `Client`.

    An executor of Dask fails in modnet's words where a cluster loses a run, and its workers use memory as other
    processes do. Raises SettingError for anything else.

    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with ThreadPoolExecutor(2) as pool:
    ...     modnet.to_executor(pool) is pool
    True
    """
    if "distributed" in sys.modules:  # otherwise it is nothing of Dask's
        from modnet_executors import dask

        if executor := dask.to_executor(given):
            return executor
    if isinstance(given, Executor):
        return given
    remedy = OTHERS.get(type(given).__name__, "see docs/cluster.md")
    what = f"must be a concurrent.futures.Executor or a dask.distributed.Client, not {type(given).__name__}: {remedy}"
    raise SettingError([what], "executor")
