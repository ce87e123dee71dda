"""A catalogue of the parts that plugins provide.

No plugin is imported for it: each is asked once, in a process of its own. An answer is kept in the cache folder for as
long as the plugin's code, and modnet's, stay as they are.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Sequence
from contextlib import suppress
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import attrs

from modnet.errors import Problem
from modnet.files.cache import PLUGINS, cache_folder, read_note, write_note
from modnet.host.entry_points import Plugin, list_code
from modnet.host.modules import find_file

AT_ONCE = 16  # the number of plugins that are asked side by side
LIMIT = 10.0  # the time that one may take to answer, in seconds
ANSWER = 2**14  # the bytes that must be free for answers to be kept
# The folders that Python looks into are known before anything of modnet's is looked for.
_ASKER = """
import json, os, signal, sys
request = json.load(sys.stdin)
sys.path[:] = request["path"]
from modnet.host.asking import ask_each
signal.signal(signal.SIGTERM, lambda *_: None)  # a plugin may send it to all processes beside its own
try:
    ask_each(request)
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
        problem = answer["problem"] and Problem(**answer["problem"])
        is_valid = not problem or table["beside"] == self._beside
        return Answer(**{**answer, "problem": problem}) if is_valid else None

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
        asked = [plugin.identity for plugin in plugins]
        request = {"path": sys.path, "folder": str(self.folder), "limit": limit, "plugins": asked}
        command = [sys.executable, "-P", "-W", "default", "-c", _ASKER]
        null = subprocess.DEVNULL
        try:
            asker = subprocess.Popen(  # noqa: S603
                command, stdin=subprocess.PIPE, stdout=null, stderr=null, start_new_session=True
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
            _end(asker)
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


def _end(asker: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        asker.kill()
    else:
        with suppress(ProcessLookupError):
            os.killpg(asker.pid, signal.SIGKILL)
    asker.wait()
