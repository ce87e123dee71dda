"""The process that asks plugins for their parts.

Each is imported in a process of its own. One that ends it, crashes or hangs is broken, and affects no other.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from importlib.metadata import EntryPoint
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from modnet.errors import Problem
from modnet.host.catalogue import AT_ONCE, Answer, Catalogue, Provided
from modnet.host.discovery import PluginHost, loading
from modnet.host.entry_points import ENTRY_POINTS, Plugin

INTERVAL = 0.01  # between two rounds of looking for processes that have ended, in seconds
# A fork has modnet imported already. Where it is not safe, every plugin waits for that.
START = "fork" if sys.platform == "linux" else "spawn"


def ask_each(request: dict[str, Any]) -> None:
    """Have the plugins of a request answer, several at once, and write down the failure of each that does not."""
    catalogue, limit = Catalogue(Path(request["folder"])), float(request["limit"])
    context: Any = multiprocessing.get_context(START)
    waiting, running = list(request["plugins"]), dict[BaseProcess, tuple[Plugin, float]]()
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            fields = waiting.pop(0)
            plugin = _make_plugin(fields)
            catalogue.path_of(plugin).unlink(missing_ok=True)
            process = context.Process(target=_answer, args=(catalogue.folder, fields))
            process.start()
            running[process] = plugin, time.monotonic() + limit
        for process, (plugin, end) in list(running.items()):
            if late := process.is_alive() and time.monotonic() > end:
                process.kill()
                process.join()
            if not process.is_alive():
                del running[process]
                if not catalogue.path_of(plugin).exists():
                    problem = _describe_failure(plugin, process.exitcode, limit, late=late)
                    catalogue.write(plugin, Answer(problem=problem))
        time.sleep(INTERVAL)


def _answer(folder: Path, fields: dict[str, Any]) -> None:
    """Load one plugin, alone, by the rules of `discovery`, and write its answer down."""
    plugin = _make_plugin(fields)
    host = PluginHost()
    with loading():
        host.load([plugin])
    classes = [(c, c.cls) for c in plugin.components]
    provides = [Provided(c.kind, c.name, cls.__module__, cls.__qualname__) for c, cls in classes]
    Catalogue(folder).write(plugin, Answer(tuple(provides), plugin.follows, plugin.problem))
    os._exit(0)  # whatever the plugin has started does not hold anybody up


def _make_plugin(fields: dict[str, Any]) -> Plugin:
    return Plugin(load=EntryPoint(fields["name"], fields["value"], ENTRY_POINTS).load, **fields)


def _describe_failure(plugin: Plugin, status: int | None, limit: float, *, late: bool) -> Problem:
    """Return what is wrong with a plugin that has not answered."""
    where = f"{plugin.file}:1" if plugin.file else ""
    if late:
        why = f"it did not answer within {limit:g} s of being imported"
        return Problem(why, "have it wait for nothing then, or give it longer, modnet plugins doctor --timeout", where)
    if status is not None and status < 0:
        how = signal.strsignal(-status) or f"signal {-status}"
        return Problem(f"it crashes while it is imported ({how})", "install it and what it needs again", where)
    return Problem(f"it ends the program (exit status {status})", "put that under if __name__ == '__main__'", where)
