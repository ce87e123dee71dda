"""Other parts under registered names, for the duration of a test."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Generic, TypeVar

from modnet.compose.adapters import adapt
from modnet.compose.plugins import get_host
from modnet.errors import SettingError
from modnet.host.kinds import KINDS, find_kind
from modnet.host.registry import Component, Override, active_overrides
from modnet.host.signatures import find_type_mistakes

T = TypeVar("T")


def swap(kind: str, name: str, instead: T) -> Swap[T]:
    """Let `name` stand for `instead` inside a `with` block, wherever a part of that kind is asked for by its name.

    `instead` is a ready part, a class of parts, or what else is accepted as a part, a function for instance. A ready
    one is had whatever settings are asked for, which are still checked; a class gets them. The block's thread or task
    alone sees it, and what is begun with a copy of its context; other processes do not. Blocks nest, the same swap may
    be entered again, and each ends by itself, in whatever order. On entering raises UnknownNameError where there is no
    such name, and SettingError where `instead` cannot be a part of that kind.

    >>> import modnet.testing
    >>> with modnet.testing.swap("activation", "relu", np.tanh):
    ...     modnet.activation("relu")
    tanh
    >>> modnet.activation("relu")
    Relu()
    """
    return Swap(kind, name, instead)


class Swap(Generic[T]):
    """A block in which a name stands for another part; `as` gives that."""

    def __init__(self, kind: str, name: str, instead: T) -> None:
        self._kind, self._name, self._instead = kind, name, instead
        self._entered: list[Override] = []

    def __enter__(self) -> T:
        """Begin, and return what the name stands for now."""
        component = get_host().registry.find(find_kind(self._kind).name, self._name)
        what = _accept(component, self._instead)
        cls = what if isinstance(what, type) else type(what)
        nameless = all(known.cls is not cls for known in get_host().registry.components(self._kind))
        override = Override(self._kind, component.qualified_name, what, nameless)
        override.start()
        self._entered.append(override)
        return self._instead

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the block that was entered last in this thread or task."""
        here = active_overrides()
        override = next((s for s in reversed(here) if s in self._entered), None)
        if override is None:
            raise RuntimeError(f"the swap of {self._name!r} was not entered in this thread, or was left already")
        self._entered.remove(override)
        override.end()

    def __repr__(self) -> str:
        return f"swap({self._kind!r}, {self._name!r}, {self._instead!r})"


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
