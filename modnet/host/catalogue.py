"""A catalogue of the parts that plugins provide.

No plugin is imported for it: each is asked once, in a process of its own. One that ends it, crashes or hangs is broken,
and affects no other. An answer is kept in the cache folder for as long as the plugin's code, and modnet's, stay as they
are.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import attrs

from modnet.errors import Problem
from modnet.files.cache import PLUGINS, cache_folder, read_note, write_note
from modnet.host.entry_points import ENTRY_POINTS, Plugin, create_plugin, list_code
from modnet.host.modules import find_file

AT_ONCE = 16  # the number of plugins that are asked side by side
LIMIT = 10.0  # the time that one may take to answer, in seconds
INTERVAL = 0.01  # between two rounds of looking for processes that have ended, in seconds
CRASHED = 0xC0000000  # the first exit status by which Windows says that a process crashed
ANSWER = 2**14  # the bytes that must be free for answers to be kept
# A fork has modnet imported already. Where it is not safe, every plugin waits for that.
START = "fork" if sys.platform == "linux" else "spawn"
# The folders that Python looks into are known before anything of modnet's is looked for.
_ASKER = """
import json, os, signal, sys
request = json.load(sys.stdin)
sys.path[:] = request.pop("path")
from modnet.host.catalogue import ask_each
from modnet.host.discovery import answer
signal.signal(signal.SIGTERM, lambda *_: None)  # a plugin may send it to all processes beside its own
try:
    ask_each(answer, **request)
finally:
    os.killpg(0, signal.SIGKILL) if hasattr(os, "killpg") else None  # with all that plugins have left running
"""
_background: list[subprocess.Popen[bytes]] = []  # still asking, when nobody waits for the answers any more


@attrs.frozen
class Answer:
    """The answer of a plugin: its parts, and the hooks by which it follows runs; or what is wrong with it."""

    provides: Sequence[Sequence[str]] = ()
    """Kind and name of each part, module and name of its class."""
    follows: Sequence[str] = ()
    problem: Problem | None = None
    changes: Sequence[str] = ()
    """The changes that its import makes to the process."""


@attrs.define(slots=False)
class Catalogue:
    """The answers in a folder: that of plugins in the cache folder, or in one that goes away where none can be kept."""

    folder: Path = attrs.field(factory=lambda: cache_folder() / PLUGINS)

    def find_answer(self, plugin: Plugin) -> Answer | None:
        """Return a plugin's answer; None where it was not asked, or may answer otherwise by now.

        A problem may lie in another distribution: it holds for as long as the same distributions are installed.
        """
        table = read_note(self.path_of(plugin))
        if not table or table["identity"] != _digest(plugin):
            return None
        answer = table["answer"]
        if not answer["problem"]:
            return Answer(**answer)
        return Answer(problem=Problem(**answer["problem"])) if table["beside"] == self._beside else None

    def write(self, plugin: Plugin, answer: dict[str, Any]) -> None:
        """Save the answer of a plugin, as a table."""
        write_note(self.path_of(plugin), {"identity": _digest(plugin), "beside": self._beside, "answer": answer})

    def path_of(self, plugin: Plugin) -> Path:
        """Return the file of a plugin's answer."""
        where = [sys.version_info[:2], plugin.key, plugin.value, find_file(plugin.module)]
        return self.folder / f"{sha256(json.dumps(where).encode()).hexdigest()[:32]}.json"

    def ask(self, plugins: Sequence[Plugin], wait: float | None = None, limit: float = LIMIT) -> None:
        """Ask plugins what they provide, and return when all have answered, or after `wait` seconds.

        One that takes longer than `limit` is broken. Asking continues in the background after `wait`; those answers are
        known the next time.
        """
        self._make_folder()
        asked = [(plugin.name, plugin.value, plugin.distribution, plugin.version) for plugin in plugins]
        request = {"path": sys.path, "folder": str(self.folder), "limit": limit, "plugins": asked}
        command = [sys.executable, "-P", "-W", "default", "-c", _ASKER]
        null = subprocess.DEVNULL
        try:
            asker = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.PIPE,
                stdout=null,
                stderr=null,
                start_new_session=True,  # as Ctrl-C is for this process
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # the same on Windows
            )
        except OSError:  # a Python inside another program: they stay unasked
            return
        try:
            if asker.stdin:
                with suppress(BrokenPipeError), asker.stdin as pipe:
                    pipe.write(json.dumps(request).encode())
            asker.wait(wait)
        except subprocess.TimeoutExpired:
            _background.append(asker)
        except BaseException:
            with suppress(ProcessLookupError):
                asker.kill() if sys.platform == "win32" else os.killpg(asker.pid, signal.SIGKILL)
            asker.wait()
            raise

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder) as file:
                file.write(bytes(ANSWER))
        except OSError:
            self.folder = Path(tempfile.mkdtemp(prefix="modnet-plugins-"))
            weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)

    @cached_property
    def _beside(self) -> str:
        """A digest of the distributions that are installed, by the names of the folders with their metadata."""
        names: list[str] = []
        for folder in dict.fromkeys(sys.path):
            with suppress(OSError):
                names += [path.name for path in Path(folder).iterdir() if path.suffix in {".dist-info", ".egg-info"}]
        return sha256("\n".join(sorted(names)).encode()).hexdigest()


def _digest(plugin: Plugin) -> str:
    """Return a digest of all that an answer depends on: the plugin's version and code, and modnet's own code."""
    return sha256(json.dumps([plugin.version, list_code(plugin.module), _list_own_code()]).encode()).hexdigest()


@cache
def _list_own_code() -> list[tuple[str, int, int]]:
    return list_code(__name__)


def ask_each(answer: Callable[[Plugin], Answer], folder: str, plugins: Sequence[Sequence[str]], limit: float) -> None:
    """Have plugins answer, several at once, and write down each answer, or the failure."""
    from importlib.metadata import EntryPoint  # here, as no other process needs them
    from multiprocessing import get_context

    context: Any = get_context(START)
    catalogue, running = Catalogue(Path(folder)), dict[Any, tuple[Plugin, Path, float]]()
    waiting = [
        create_plugin(EntryPoint(name, value, ENTRY_POINTS), whose, version) for name, value, whose, version in plugins
    ]
    most = AT_ONCE if START == "fork" else os.cpu_count() or 1  # others import modnet first, within the limit
    while waiting or running:
        while waiting and len(running) < most:
            plugin = waiting.pop(0)
            place = catalogue.path_of(plugin).with_suffix(f".{os.getpid()}")
            process = context.Process(target=_answer, args=(answer, plugin, place))
            process.start()
            running[process] = plugin, place, time.monotonic() + limit
        for process, (plugin, place, end) in list(running.items()):
            if late := process.is_alive() and time.monotonic() > end:
                process.kill()
                process.join()
            if not process.is_alive():
                del running[process]
                failure = Answer(problem=_describe_failure(plugin, process.exitcode, limit, late=late))
                catalogue.write(plugin, read_note(place) or attrs.asdict(failure))
                place.unlink(missing_ok=True)
        time.sleep(INTERVAL)


def _answer(answer: Callable[[Plugin], Answer], plugin: Plugin, place: Path) -> None:
    """Have one plugin answer, and leave that in a file; a pipe may be held open."""
    own = os.getpid()
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_bytes(b"1000")  # where it eats all memory, nothing else is ended for it
    found = answer(plugin)
    if os.getpid() == own:  # not one that it has forked
        write_note(place, attrs.asdict(found))
    os._exit(0)  # whatever the plugin has started does not hold anybody up


def _describe_failure(plugin: Plugin, status: int | None, limit: float, *, late: bool) -> Problem:
    if late:
        why = f"it did not answer within {limit:g} s of being imported"
        remedy = "have it wait for nothing then, or give it longer, modnet plugins doctor --timeout"
    elif status is not None and not 0 <= status < CRASHED:
        how = signal.strsignal(-status) or f"signal {-status}" if status < 0 else f"status {status:#x}"
        why = f"it crashes while it is imported ({how})"
        remedy = "install it and what it needs again"
    else:
        why, remedy = f"it ends the program (exit status {status})", "put that under if __name__ == '__main__'"
    return Problem(why, remedy, plugin.first_line)
