"""State that all code of a process shares."""

from __future__ import annotations

import gc
import locale
import os
import re
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from modnet.text import list_some

SHARED = re.compile(r"(builtins|math|os|pluggy|sys|warnings|numpy(\.linalg|\.random)?|modnet(\..+)?)$")
VARIABLE = re.compile(r"(BLIS|LC|MKL|MODNET|OMP|OPENBLAS|PYTHON)_?|(HOME|LANG|TMPDIR)$|.*(_NUM_THREADS|PATH)$")
"""Modules that everybody uses, and variables that others go by: a library may set some of its own."""
MODULES, NAMES = "imported modules", "names in other modules"  # of which some may be added
FILES = Path("/proc/self/fd")
MOMENT = 0.2  # seconds that a thread may run on after the block without being a change


@contextmanager
def noting_changes(changes: list[str]) -> Iterator[None]:
    """Note, in a few words each, what of this state the block changes, and restore it.

    What the code that changed it may need later on is left to it: the environment, say.
    """
    before = {what: _read(what) for what in _STATE}
    try:
        yield
    finally:
        _wait_for_threads(before["running threads"].values())
        for what, old in before.items():
            now = _read(what)
            known = old if what in {MODULES, NAMES} else {**old, **now}
            keys = [key for key in known if old.get(key) != now.get(key)]
            for key in old.keys() & keys:
                with suppress(Exception):  # no thread but the main one has signals
                    _STATE[what][1](*[key] * bool(key), old[key])
            if keys:
                names = sorted(getattr(key, "name", str(key)) for key in keys if key)
                changes.append(what + f" ({list_some(names, 3)})" * bool(names))
        fill_descriptors()


def _wait_for_threads(old: Iterable[threading.Thread]) -> None:
    """Give other threads than the old ones a moment to end."""
    end = time.monotonic() + MOMENT
    for thread in threading.enumerate():
        if thread not in old:
            thread.join(max(0.0, end - time.monotonic()))


def fill_descriptors() -> None:
    """Have none of the descriptors 0, 1 and 2 closed: the next file that is opened would take its number."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)


def _read(what: str) -> dict[Any, Any]:
    """Return the entries of a piece of this state, under "" where it has only one."""
    with suppress(Exception):  # there is no child process, or no such folder any more
        found = _STATE[what][0]()
        return found if isinstance(found, dict) else {"": found}
    return {}


def _list_names() -> dict[str, object]:
    shared = {module: vars(sys.modules[module]) for module in filter(SHARED.match, [*sys.modules])}
    names = {f"{module}.{name}": value for module, names in shared.items() for name, value in names.items()}
    return {name: value for name, value in names.items() if callable(value) or name in {"sys.stdout", "sys.stderr"}}


def _restore_name(path: str, value: object) -> None:
    module, _, name = path.rpartition(".")
    setattr(sys.modules[module], name, value)


def _read_umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _list_filters() -> list[Any]:
    """Return the filters for warnings of all code; libraries have others, for their own."""
    return [each for each in warnings.filters if not (each[1] or each[3]) and each[2].__module__ == "builtins"]


def _restore_filters(filters: list[Any]) -> None:
    warnings.filters = [*(each for each in warnings.filters if each not in _list_filters()), *filters]


def read_generator() -> tuple[Any, ...]:
    """Return the state of NumPy's global generator, comparable."""
    state: Any = np.random.get_state()  # noqa: NPY002 - the global one is meant
    return state[0], state[1].tolist(), *state[2:]


def _leave(*_: object) -> None: ...


_STATE: dict[str, tuple[Callable[[], Any], Callable[..., object]]] = {
    MODULES: (sys.modules.copy, sys.modules.__setitem__),
    NAMES: (_list_names, _restore_name),
    "the working directory": (os.getcwd, os.chdir),
    "the umask": (_read_umask, os.umask),
    "the locale": (partial(locale.setlocale, locale.LC_ALL), partial(locale.setlocale, locale.LC_ALL)),
    "signal handlers": (lambda: {each: signal.getsignal(each) for each in signal.valid_signals()}, signal.signal),
    "warning filters": (_list_filters, _restore_filters),
    "garbage collection": (gc.isenabled, lambda was: gc.enable() if was else gc.disable()),
    "NumPy's error state": (np.geterr, lambda kind, value: np.seterr(**{kind: value})),
    "NumPy's global generator": (read_generator, lambda state: np.random.set_state(state)),  # noqa: NPY002
    "NumPy's print options": (np.get_printoptions, _leave),
    "the recursion limit": (sys.getrecursionlimit, sys.setrecursionlimit),
    "the module search path": (
        lambda: [*sys.path],
        lambda old: sys.path.extend([each for each in old if each not in sys.path]),
    ),
    "the environment": (lambda: {key: os.environ[key] for key in os.environ if VARIABLE.match(key)}, _leave),
    "open files": (lambda: {each.name: str(each.readlink()) for each in FILES.iterdir() if each.is_symlink()}, _leave),
    "running threads": (lambda: {each.name: each for each in threading.enumerate()}, _leave),
    "child processes": (lambda: os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None or True, _leave),
}
