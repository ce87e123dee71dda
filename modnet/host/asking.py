"""Plugins asked what they provide: in the process that `catalogue` starts, each in another one of its own.

A plugin that ends its process, crashes or hangs takes nothing along; it is broken, and the reason is what happened.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from importlib.metadata import EntryPoint
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from modnet.errors import Problem
from modnet.host.catalogue import AT_ONCE, Answer, Catalogue, Provided
from modnet.host.discovery import PluginHost, loading
from modnet.host.entry_points import ENTRY_POINTS, Candidate, find_file

LOOK = 0.01  # between looks at who has answered, in seconds
# A fork has modnet imported already. Where it is not safe, every plugin waits for that.
START = "fork" if sys.platform == "linux" else "spawn"


def ask_each(request: dict[str, Any]) -> None:
    """Have the plugins of a request answer, several at once, and write down what became of each."""
    catalogue, limit = Catalogue(Path(request["folder"])), float(request["limit"])
    context: Any = multiprocessing.get_context(START)
    waiting, running = list(request["candidates"]), dict[BaseProcess, tuple[Candidate, Connection, float]]()
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            fields, (word, sender) = waiting.pop(0), context.Pipe(duplex=False)
            process = context.Process(target=_answer, args=(str(catalogue.folder), fields, sender))
            process.start()
            sender.close()
            running[process] = _candidate(fields), word, time.monotonic() + limit
        for process, (candidate, word, end) in list(running.items()):
            if late := process.is_alive() and time.monotonic() > end:
                process.kill()
                process.join()
            if not process.is_alive():
                del running[process]
                if not _came(word):
                    catalogue.write(candidate, Answer(problem=_problem(candidate, process.exitcode, limit, late=late)))
        time.sleep(LOOK)


def _answer(folder: str, fields: dict[str, str], word: Connection) -> None:
    """Load one plugin, alone, by the rules of `discovery`, and write down what it is."""
    candidate = _candidate(fields)
    host = PluginHost()
    with loading():
        host.load([candidate])
    (report,) = host.reports
    classes = [(c, c.cls) for c in report.components]
    provides = [Provided(c.kind, c.name, cls.__module__, cls.__qualname__) for c, cls in classes]
    Catalogue(Path(folder)).write(candidate, Answer(tuple(provides), report.follows, report.problem))
    word.send_bytes(b"answered")
    os._exit(0)  # whatever the plugin has started does not hold anybody up


def _came(word: Connection) -> bool:
    """Say whether a process that has ended sent word that it wrote its answer down."""
    with word:
        try:
            return word.poll() and bool(word.recv_bytes())
        except (EOFError, OSError):
            return False


def _candidate(fields: dict[str, str]) -> Candidate:
    return Candidate(load=EntryPoint(fields["name"], fields["value"], ENTRY_POINTS).load, **fields)


def _problem(candidate: Candidate, status: int | None, limit: float, *, late: bool) -> Problem:
    """Say what a plugin did that has not answered."""
    file = find_file(candidate.module)
    where = f"{file}:1" if file else ""
    if late:
        why = f"it did not answer within {limit:g} s of being imported"
        return Problem(why, "have it wait for nothing then, or give it longer, modnet plugins doctor --timeout", where)
    if status is not None and status < 0:
        how = signal.strsignal(-status) or f"signal {-status}"
        return Problem(f"it crashes while it is imported ({how})", "install it and what it needs again", where)
    return Problem(f"it ends the program (exit status {status})", "put that under if __name__ == '__main__'", where)
