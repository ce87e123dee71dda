"""Types as annotations tell them to a running program, and how they are said."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Container, Iterable
from types import NoneType
from typing import Any, get_type_hints


def declared_types(owners: Iterable[Any], names: Container[str]) -> dict[str, Any]:
    """Return the types that classes or functions give to names, those of later ones first.

    It is Any for what was imported for type checkers only.
    """
    found: dict[str, Any] = {}
    for owner in owners:
        module = sys.modules.get(getattr(owner, "__module__", None) or "")
        for name, annotation in inspect.get_annotations(owner).items():
            if name in names:
                one: Any = type("", (), {})
                one.__annotations__ = {name: annotation}
                try:
                    found |= get_type_hints(one, vars(module) if module else {})
                except (NameError, AttributeError, TypeError):
                    found[name] = Any
    return found


def as_mypy_says(wanted: Any) -> str:
    """Return a type in mypy's words.

    >>> as_mypy_says(float), as_mypy_says(tuple[Any, ...] | None)
    ('float', 'tuple[Any, ...] | None')
    """
    if isinstance(wanted, type) and not hasattr(wanted, "__origin__"):
        return "None" if wanted is NoneType else wanted.__qualname__
    return re.sub(r"(\w+\.)+(?=\w)", "", repr(wanted)).replace("NoneType", "None")
