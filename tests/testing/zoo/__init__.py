"""A zoo of parts: broken ones that a check catches, and odd ones.

Each broken one has one mistake that somebody makes; all else is right. `python -m zoo` prints how many are caught.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import attrs

from modnet.host.kinds import KINDS, OBSERVER


@attrs.frozen(eq=False)
class Animal:
    """A part, what the kit is given besides, and the check that must catch it; none where it breaks no rule."""

    kind: str
    name: str
    part: Any
    check: str | None
    options: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@attrs.frozen
class Cage:
    """The animals of one kind."""

    kind: str
    animals: list[Animal] = attrs.field(factory=list)

    def add_broken(self, check: str, **options: Any) -> Callable[[Any], Any]:
        """Return a decorator for a class that must be caught by `check`."""
        return self._put(check, options)

    def add_legal(self, **options: Any) -> Callable[[Any], Any]:
        """Return a decorator for a class, or a function, that must pass."""
        return self._put(None, options)

    def _put(self, check: str | None, options: dict[str, Any]) -> Callable[[Any], Any]:
        def put(what: Any) -> Any:
            part = what() if isinstance(what, type) else what
            self.animals.append(Animal(self.kind, what.__name__, part, check, options))
            return what

        return put


def animals() -> list[Animal]:
    """Return all of them: broken and odd ones of each kind, and those that third parties might write."""
    cages = [import_module(f"zoo.{kind.replace('-', '_')}").CAGE for kind in [*KINDS, OBSERVER.name]]
    return [animal for cage in [*cages, *import_module("zoo.honest").CAGES] for animal in cage.animals]
