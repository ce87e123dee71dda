"""Windows, as far as Linux can play it.

Open files are neither replaced nor removed. As a plugin it plays that for every test: `pytest -p windows tests/runs`.
"""

from __future__ import annotations

import builtins
import errno
import importlib
import os
import pkgutil
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import modnet

LACKING = {
    "os": ("fork", "getuid", "geteuid", "killpg", "mkfifo", "nice", "register_at_fork", "sched_getaffinity", "setsid",
           "uname", "waitid", "O_NONBLOCK", "O_NOFOLLOW", "P_ALL", "WNOHANG"),
    "signal": ("alarm", "pthread_sigmask", "setitimer", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGXCPU"),
}  # fmt: skip
"""Names of modules that Windows does not have."""
MISSING = ("fcntl", "grp", "pty", "pwd", "resource", "termios")
"""Modules that it does not have."""

PRIVILEGE = 1314  # the error of Windows where one may make no symbolic links
_import = builtins.__import__


class SharingError(PermissionError):
    """The error of Windows where a file is open."""

    winerror = 32


@contextmanager
def refusing() -> Iterator[None]:
    """Have no file renamed, replaced or removed in the block that this process has open or mapped."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("rename", "replace", "unlink", "remove", "rmdir"):
            patch.setattr(os, name, _refuse_open(getattr(os, name)))
        yield


class Fewer:
    """A module with fewer names, and others of its own."""

    def __init__(self, module: ModuleType, without: Iterable[str] = (), **own: Any) -> None:
        vars(self).update(_module=module, _without=without, **own)

    def __getattr__(self, name: str) -> Any:
        if name in self._without:
            raise AttributeError(f"{name} is not there on Windows")
        return getattr(self._module, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._module, name, value)


@contextmanager
def lacking() -> Iterator[None]:
    """Have modnet run in the block as on Windows, by `sys.platform` and by what it finds in `os` and `signal`.

    The standard library and others know which system they are on.
    """
    for info in pkgutil.walk_packages(modnet.__path__, "modnet."):
        if info.name != "modnet.__main__":
            importlib.import_module(info.name)
    there = {name: Fewer(sys.modules[name], names) for name, names in LACKING.items()}
    there["sys"] = Fewer(sys, platform="win32")
    with pytest.MonkeyPatch.context() as patch:
        for module in [each for name, each in sys.modules.items() if name.startswith("modnet")]:
            for name, fewer in there.items():
                if vars(module).get(name) is sys.modules[name]:
                    patch.setattr(module, name, fewer)
        patch.setattr(builtins, "__import__", _import_there)
        yield


def _import_there(name: str, *arguments: Any, **named: Any) -> Any:
    if name in MISSING and arguments and str((arguments[0] or {}).get("__name__")).startswith("modnet"):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return _import(name, *arguments, **named)


def find_lack(error: BaseException) -> str:
    """Return what a test itself wanted that its system does not have, such as named pipes; nothing of other errors."""
    place = Path(traceback.extract_tb(error.__traceback__)[-1].filename)
    lacks = isinstance(error, AttributeError) and getattr(error.obj, "__name__", "") in LACKING
    lacks |= isinstance(error, ModuleNotFoundError) and error.name in MISSING
    lacks = lacks and place.is_relative_to(Path(__file__).parent)  # and not modnet
    lacks |= getattr(error, "winerror", 0) == PRIVILEGE
    return f"this system lacks it: {error}" if lacks else ""


@pytest.fixture(autouse=True)
def _as_on_windows() -> Iterator[None]:
    with refusing():
        yield


def _refuse_open(operation: Callable[..., Any]) -> Callable[..., Any]:
    def refuse(*paths: Any, **named: Any) -> Any:
        for path in paths:
            _check(path, named.get("dir_fd"))
        return operation(*paths, **named)

    return refuse


def _check(path: Any, folder: int | None) -> None:
    """Raise what Windows does where a file is open, or a folder has an open file in it, or is the current one."""
    name = Path(os.fsdecode(path))
    above = Path(f"/proc/self/fd/{folder}").readlink() if folder is not None else Path.cwd()
    whole = str((above / name).parent.resolve() / name.name)
    if whole.endswith(("lock", ".coverage")):  # filelock removes it, once it is closed
        return
    if any(each == whole or each.startswith(f"{whole}/") for each in _list_open()):
        raise SharingError(errno.EACCES, "The process cannot access the file because it is being used", str(name))


def _list_open() -> Iterator[str]:
    for number in Path("/proc/self/fd").iterdir():
        try:
            file = number.readlink()
        except OSError:  # that of the listing itself
            continue
        if not file.is_dir():
            yield str(file)
    for line in Path("/proc/self/maps").read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        yield line.partition("/")[1] + line.partition("/")[2]
    yield str(Path.cwd())
