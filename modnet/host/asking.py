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
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import attrs

from modnet.errors import Problem
from modnet.files.cache import read_note, write_note
from modnet.host.catalogue import AT_ONCE, Answer, Catalogue
from modnet.host.discovery import PluginHost
from modnet.host.entry_points import ENTRY_POINTS, Plugin

INTERVAL = 0.01  # between two rounds of looking for processes that have ended, in seconds
# A fork has modnet imported already. Where it is not safe, every plugin waits for that.
START = "fork" if sys.platform == "linux" else "spawn"


def ask_each(request: dict[str, Any]) -> None:
    """Have the plugins of a request answer, several at once, and write down each answer, or the failure."""
    catalogue, limit = Catalogue(Path(request["folder"])), float(request["limit"])
    context: Any = multiprocessing.get_context(START)
    waiting, running = list(request["plugins"]), dict[BaseProcess, tuple[Plugin, Path, float]]()
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            fields = waiting.pop(0)
            plugin = _make_plugin(fields)
            place = catalogue.path_of(plugin).with_suffix(f".{os.getpid()}")
            process = context.Process(target=_answer, args=(fields, place))
            process.start()
            running[process] = plugin, place, time.monotonic() + limit
        for process, (plugin, place, end) in list(running.items()):
            if late := process.is_alive() and time.monotonic() > end:
                process.kill()
                process.join()
            if not process.is_alive():
                del running[process]
                failure = _describe_failure(plugin, process.exitcode, limit, late=late)
                catalogue.write(plugin, read_note(place) or attrs.asdict(Answer(problem=failure)))
                place.unlink(missing_ok=True)
        time.sleep(INTERVAL)


def _answer(fields: dict[str, Any], place: Path) -> None:
    """Load one plugin, alone, by the rules of `discovery`, and leave its answer in a file; a pipe may be held open."""
    plugin, own = _make_plugin(fields), os.getpid()
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")  # where it eats all memory, nothing else is ended for it
    PluginHost().load([plugin])
    if os.getpid() == own:  # not one that it has forked
        provides = [(c.kind, c.name, c.cls.__module__, c.cls.__qualname__) for c in plugin.components]
        write_note(place, attrs.asdict(Answer(provides, plugin.follows, plugin.problem, plugin.changes)))
    os._exit(0)  # whatever the plugin has started does not hold anybody up


def _make_plugin(fields: dict[str, Any]) -> Plugin:
    return Plugin(load=EntryPoint(fields["name"], fields["value"], ENTRY_POINTS).load, **fields)


def _describe_failure(plugin: Plugin, status: int | None, limit: float, *, late: bool) -> Problem:
    where = plugin.first_line
    if late:
        why = f"it did not answer within {limit:g} s of being imported"
        return Problem(why, "have it wait for nothing then, or give it longer, modnet plugins doctor --timeout", where)
    if status is not None and status < 0:
        how = signal.strsignal(-status) or f"signal {-status}"
        return Problem(f"it crashes while it is imported ({how})", "install it and what it needs again", where)
    return Problem(f"it ends the program (exit status {status})", "put that under if __name__ == '__main__'", where)
