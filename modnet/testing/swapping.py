"""Other parts under registered names, for the duration of a test."""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Generic, TypeVar

import attrs

from modnet.compose.adapters import adapt
from modnet.compose.plugins import get_host
from modnet.errors import SettingError
from modnet.host.kinds import KINDS, find_kind
from modnet.host.registry import Component, Override, active_overrides, overrides
from modnet.host.signatures import find_type_mistakes

T = TypeVar("T")
_entering = threading.Lock()  # held while it is decided whether all threads may see an override
_entered: ContextVar[tuple[Override, ...]] = ContextVar("_entered", default=())  # by a thread or task; copies see them


@attrs.frozen(eq=False)
class _Override(Override):
    place: Any  # where all threads see it, the thread and task that began it

    @property
    def rank(self) -> int:
        """2 where this thread or task has entered it, or has a copy of the context; 1 where all threads see it."""
        return 2 if self in _entered.get() else int(self.place is not None)


def swap(kind: str, name: str, instead: T, *, threads: bool = False) -> Swap[T]:
    """Let `name` stand for `instead` inside a `with` block, wherever a part of that kind is asked for by its name.

    `instead` is a ready part, a class of parts, or what else is accepted as a part, a function for instance. A ready
    one is had whatever settings are asked for, which are still checked; a class gets them. The block's thread or task
    alone sees it, and what is begun with a copy of its context; with `threads` all threads of the process do, but those
    that have a swap of that name of their own. Other processes do not. Blocks nest, the same swap may be entered again,
    and each ends by itself, in whatever order, from whichever thread or task leaves it. On entering raises
    UnknownNameError where there is no such name, and SettingError where `instead` cannot be a part of that kind, or
    where another test has swapped the name for all threads.

    >>> import modnet.testing
    >>> with modnet.testing.swap("activation", "relu", np.tanh):
    ...     modnet.activation("relu")
    tanh
    >>> modnet.activation("relu")
    Relu()
    """
    return Swap(kind, name, instead, threads=threads)


class Swap(Generic[T]):
    """A block in which a name stands for another part; `as` gives that."""

    def __init__(self, kind: str, name: str, instead: T, *, threads: bool = False) -> None:
        self._kind, self._name, self._instead, self._threads = kind, name, instead, threads
        self._entered: list[_Override] = []

    def __enter__(self) -> T:
        """Begin, and return what the name stands for now."""
        component = get_host().registry.find(find_kind(self._kind).name, self._name)
        what = _accept(component, self._instead)
        cls = what if isinstance(what, type) else type(what)
        nameless = all(known.cls is not cls for known in get_host().registry.components(self._kind))
        place = _get_place() if self._threads else None
        override = _Override(self._kind, component.qualified_name, what, nameless, place)
        with _entering:
            _check_is_alone(override)
            overrides.append(override)
        _entered.set((*_list_own(), override))
        self._entered.append(override)
        return self._instead

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the block that was entered last in this thread or task, else the last that was entered anywhere."""
        if not self._entered:
            raise RuntimeError(f"the swap of {self._name!r} was not entered, or was left already")
        here = (override for override in reversed(active_overrides()) if override in self._entered)
        override = next(here, self._entered[-1])
        self._entered.remove(override)
        overrides.remove(override)
        _entered.set(_list_own())

    def __repr__(self) -> str:
        return f"swap({self._kind!r}, {self._name!r}, {self._instead!r})"


def _get_place() -> tuple[threading.Thread, Any]:
    """Return the current thread, and its task if it has one."""
    task = None
    if asyncio := sys.modules.get("asyncio"):  # which takes long to import, and has no task before
        with suppress(RuntimeError):  # no loop runs in this thread
            task = asyncio.current_task()
    return threading.current_thread(), task


def _list_own() -> tuple[Override, ...]:
    """Return what this thread or task has entered, and has not ended."""
    return tuple(override for override in _entered.get() if override in overrides)


def _check_is_alone(wanted: _Override) -> None:
    """Raise SettingError where all threads are to see it, and are to see another, too, that is not begun around it."""
    others = [each for each in active_overrides() if isinstance(each, _Override) and each.rank == 1]
    for other in others if wanted.place else ():
        if (other.kind, other.name) == (wanted.kind, wanted.name) and _runs_beside(wanted.place, other.place):
            what = f"the {wanted.kind} {wanted.name!r} is swapped for all threads by another test that runs now"
            raise SettingError([f"{what}: run one after the other, or each in a process"], "threads")


def _runs_beside(place: Any, other: Any) -> bool:
    """Say whether another place runs beside this one; in the same thread or task, a block is inside the other."""
    (here, current), (thread, task) = place, other
    return thread.is_alive() if thread is not here else task not in {None, current} and not task.done()


def _accept(component: Component, instead: object) -> Any:
    """Return the replacement of a component as a part or a class of parts; raises SettingError where it is neither."""
    kind, interface = component.kind, KINDS[component.kind].interface
    where = f"instead of the {kind} {component.name!r}"
    is_class = isinstance(instead, type) and issubclass(instead, interface)
    if isinstance(instead, type) and (missing := getattr(instead, "__abstractmethods__", ())):
        raise SettingError([f"{instead.__qualname__} is abstract: define {', '.join(sorted(missing))}"], where)
    try:
        what: Any = instead if is_class or isinstance(instead, interface) else adapt(kind, instead)
    except SettingError as error:
        raise SettingError(error.mistakes, where) from None
    cls = what if isinstance(what, type) else type(what)
    if mistakes := [str(mistake) for mistake in find_type_mistakes(cls, interface)]:
        raise SettingError(mistakes, where)
    if kind == "data-source" and what.reads_files is not component.cls.reads_files:
        reads = "reads files" if component.cls.reads_files else "reads no file"
        raise SettingError([f"{component.name!r} {reads}: set reads_files = {component.cls.reads_files}"], where)
    return what
