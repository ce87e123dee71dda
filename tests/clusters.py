"""Clusters of Dask on this machine, and their runs' bits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Self

import attrs
from processes import wait_until

from modnet.nn.checkpoint import hash_params, load_params

# A pipe from this process is closed when it ends, however that is, and each process of the cluster with it.
DASK = """
import os, runpy, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(1)), daemon=True).start()
runpy.run_module("dask", run_name="__main__")
"""


@attrs.define
class Cluster:
    """A scheduler, and workers of one thread each; all end with the block."""

    folder: Path
    processes: list[subprocess.Popen[bytes]] = attrs.field(factory=list)
    """The scheduler, and the workers in the order in which they were started."""

    def __enter__(self) -> Self:
        wait_until(self.file.is_file, self._start("scheduler", "--port", "0"))
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.kill()
            process.communicate()

    @property
    def file(self) -> Path:
        """The file in which the scheduler says where it is."""
        return self.folder / "scheduler.json"

    def start_worker(self) -> subprocess.Popen[bytes]:
        return self._start("worker", "--no-nanny", "--nthreads", "1")

    def wait_for_workers(self) -> None:
        """Wait until the scheduler knows each worker that was started."""
        log, count = self.folder / "log", len(self.processes) - 1
        wait_until(lambda: log.read_text().count("Registered to:") >= count)

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", DASK, *arguments, "--host", "127.0.0.1", "--no-dashboard"]
        command += ["--scheduler-file", str(self.file)]
        with (self.folder / "log").open("a") as log:
            process = subprocess.Popen(command, cwd=self.folder, stdin=subprocess.PIPE, stdout=log, stderr=log)
        self.processes.append(process)
        return process


def hash_runs(folder: Path) -> dict[str, str]:
    """Return the digest of what each run of a comparison has learned, by the run's folder."""
    paths = sorted(folder.glob("*/*/params.npz"))
    return {path.parent.relative_to(folder).as_posix(): hash_params(load_params(path)[0]) for path in paths}
