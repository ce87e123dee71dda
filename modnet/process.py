"""State that all code of a process shares."""

from __future__ import annotations

import gc
import locale
import os
import re
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from modnet.text import list_some

SHARED = re.compile(r"(builtins|math|os|pluggy|sys|warnings|numpy(\.linalg|\.random)?|modnet(\..+)?)$")
VARIABLE = re.compile(r"(BLIS|LC|MKL|MODNET|OMP|OPENBLAS|PYTHON)_?|(HOME|LANG|TMPDIR)$|.*(_NUM_THREADS|PATH)$")
"""Modules that everybody uses, and variables that others go by: a library may set some of its own."""
MODULES, NAMES = "imported modules", "names in other modules"  # of which some may be added
FILES = Path("/proc/self/fd")


@contextmanager
def noting_changes(changes: list[str]) -> Iterator[None]:
    """Note, in a few words each, what of this state the block changes, and restore it.

    What the code that changed it may need later on is left to it: the environment, say.
    """
    before = _read_state()
    try:
        yield
    finally:
        now = _read_state()
        entries = [entry for entry in {**before, **now} if entry in before or entry[0] not in {MODULES, NAMES}]
        changed = [entry for entry in entries if not _is_same(before.get(entry), now.get(entry))]
        for what, key in changed:
            if (restore := _STATE[what][1]) and (what, key) in before:
                with suppress(Exception):  # no thread but the main one has signals
                    restore(*[key] * bool(key), before[what, key])
        for what, some in groupby(changed, lambda entry: entry[0]):
            keys = sorted(getattr(key, "name", str(key)) for _, key in some if key)
            changes.append(what + f" ({list_some(keys, 3)})" * bool(keys))
        fill_descriptors()


def fill_descriptors() -> None:
    """Have none of the descriptors 0, 1 and 2 closed: the next file that is opened would take its number."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)


def _read_state() -> dict[tuple[str, Any], Any]:
    """Return this state by what it is, and by the entry of it, "" where it has only one."""
    state = dict[tuple[str, Any], Any]()
    for what, (read, _) in _STATE.items():
        with suppress(Exception):  # there is no NumPy, no child process, no such folder any more
            found = read()
            state |= {(what, key): each for key, each in (found if isinstance(found, dict) else {"": found}).items()}
    return state


def _is_same(before: object, now: object) -> bool:
    return before is now or (type(before) is type(now) and before == now)


def _list_names() -> dict[str, object]:
    shared = {module: vars(sys.modules[module]) for module in filter(SHARED.match, [*sys.modules])}
    names = {f"{module}.{name}": value for module, names in shared.items() for name, value in names.items()}
    return {name: value for name, value in names.items() if callable(value) or name in {"sys.stdout", "sys.stderr"}}


def _restore_name(path: str, value: object) -> None:
    module, _, name = path.rpartition(".")
    setattr(sys.modules[module], name, value)


def _list_files() -> dict[str, str]:
    return {path.name: str(path.readlink()) for path in FILES.iterdir() if path.is_symlink()}


def _read_umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _list_filters() -> list[Any]:
    """Return the filters for warnings of all code; libraries have others, for their own."""
    return [each for each in warnings.filters if not (each[1] or each[3]) and each[2].__module__ == "builtins"]


def _restore_filters(filters: list[Any]) -> None:
    warnings.filters = [*(each for each in warnings.filters if each not in _list_filters()), *filters]


def _restore_path(folders: list[str]) -> None:
    sys.path += [folder for folder in folders if folder not in sys.path]  # the code may need those that it has added


def _restore_errors(kind: str, reaction: str) -> None:
    sys.modules["numpy"].seterr(**{kind: reaction})


def _read_generator() -> tuple[Any, ...]:
    kind, keys, *others = sys.modules["numpy"].random.get_state()
    return kind, keys.tolist(), *others


_STATE: dict[str, tuple[Callable[[], Any], Callable[..., object] | None]] = {
    MODULES: (sys.modules.copy, sys.modules.__setitem__),
    NAMES: (_list_names, _restore_name),
    "the working directory": (os.getcwd, os.chdir),
    "the umask": (_read_umask, os.umask),
    "the locale": (partial(locale.setlocale, locale.LC_ALL), partial(locale.setlocale, locale.LC_ALL)),
    "signal handlers": (lambda: {each: signal.getsignal(each) for each in signal.valid_signals()}, signal.signal),
    "warning filters": (_list_filters, _restore_filters),
    "garbage collection": (gc.isenabled, lambda _: gc.enable()),
    "NumPy's error state": (lambda: sys.modules["numpy"].geterr(), _restore_errors),
    "NumPy's print options": (lambda: sys.modules["numpy"].get_printoptions(), None),
    "NumPy's global generator": (_read_generator, lambda state: sys.modules["numpy"].random.set_state(state)),
    "the recursion limit": (sys.getrecursionlimit, sys.setrecursionlimit),
    "the module search path": (lambda: [*sys.path], _restore_path),
    "the environment": (lambda: {key: os.environ[key] for key in os.environ if VARIABLE.match(key)}, None),
    "open files": (_list_files, None),
    "running threads": (lambda: {each.name: each for each in threading.enumerate()}, None),
    "child processes": (lambda: os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None or True, None),
}
