"""The process that asks plugins for their parts.

Each is imported in a process of its own. One that ends it, crashes or hangs is broken, and affects no other.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from contextlib import suppress
from importlib.metadata import EntryPoint
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, cast

from modnet.errors import Problem
from modnet.host.catalogue import AT_ONCE, Answer, Catalogue, Provided
from modnet.host.discovery import PluginHost, loading
from modnet.host.entry_points import ENTRY_POINTS, Plugin

INTERVAL = 0.01  # between two rounds of looking for processes that have ended, in seconds
# A fork has modnet imported already. Where it is not safe, every plugin waits for that.
START = "fork" if sys.platform == "linux" else "spawn"


def ask_each(request: dict[str, Any]) -> None:
    """Have the plugins of a request answer, several at once, and write down each answer, or the failure."""
    catalogue, limit = Catalogue(Path(request["folder"])), float(request["limit"])
    context: Any = multiprocessing.get_context(START)
    waiting, running = list(request["plugins"]), dict[BaseProcess, tuple[Plugin, Connection, float]]()
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            fields, (receiver, sender) = waiting.pop(0), context.Pipe(duplex=False)
            process = context.Process(target=_answer, args=(fields, sender))
            process.start()
            sender.close()
            running[process] = _make_plugin(fields), receiver, time.monotonic() + limit
        for process, (plugin, receiver, end) in list(running.items()):
            if late := process.is_alive() and time.monotonic() > end:
                process.kill()
                process.join()
            has_ended = not process.is_alive()
            answer = _receive(receiver)
            if answer or has_ended:
                del running[process]
                failure = _describe_failure(plugin, process.exitcode, limit, late=late)
                catalogue.write(plugin, answer or Answer(problem=failure))
        time.sleep(INTERVAL)


def _answer(fields: dict[str, Any], sender: Connection) -> None:
    """Load one plugin, alone, by the rules of `discovery`, and send its answer."""
    plugin = _make_plugin(fields)
    host = PluginHost()
    with loading():
        host.load([plugin])
    provides = (Provided(c.kind, c.name, c.cls.__module__, c.cls.__qualname__) for c in plugin.components)
    sender.send(Answer(tuple(provides), plugin.follows, plugin.problem))
    os._exit(0)  # whatever the plugin has started does not hold anybody up


def _receive(receiver: Connection) -> Answer | None:
    with suppress(EOFError, OSError):
        if receiver.poll():
            return cast("Answer", receiver.recv())
    return None


def _make_plugin(fields: dict[str, Any]) -> Plugin:
    return Plugin(load=EntryPoint(fields["name"], fields["value"], ENTRY_POINTS).load, **fields)


def _describe_failure(plugin: Plugin, status: int | None, limit: float, *, late: bool) -> Problem:
    where = f"{plugin.file}:1" if plugin.file else ""
    if late:
        why = f"it did not answer within {limit:g} s of being imported"
        return Problem(why, "have it wait for nothing then, or give it longer, modnet plugins doctor --timeout", where)
    if status is not None and status < 0:
        how = signal.strsignal(-status) or f"signal {-status}"
        return Problem(f"it crashes while it is imported ({how})", "install it and what it needs again", where)
    return Problem(f"it ends the program (exit status {status})", "put that under if __name__ == '__main__'", where)
