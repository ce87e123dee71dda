"""Types as annotations tell them to a running program, and how they are said."""

from __future__ import annotations

import functools
import inspect
import operator
import re
import sys
from collections.abc import Container, Iterable
from types import GenericAlias, NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints


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


def written_out(wanted: Any) -> Any:
    """Return a type with the aliases in it written out: from Python 3.12 on, some are objects of their own.

    >>> written_out(modnet.Array | None)
    numpy.ndarray[tuple[typing.Any, ...], numpy.dtype[typing.Any]] | None
    """
    origin, arguments = get_origin(wanted), get_args(wanted)
    if hasattr(origin, "__value__"):
        return written_out(origin.__value__[arguments])
    if origin in {Union, UnionType}:
        return functools.reduce(operator.or_, map(written_out, arguments))
    if isinstance(origin, type) and arguments:
        return GenericAlias(origin, tuple(map(written_out, arguments)))
    return written_out(wanted.__value__) if hasattr(wanted, "__value__") else wanted


def as_mypy_says(wanted: Any) -> str:
    """Return a type in mypy's words.

    >>> as_mypy_says(float), as_mypy_says(tuple[Any, ...] | None)
    ('float', 'tuple[Any, ...] | None')
    """
    wanted = written_out(wanted)
    if isinstance(wanted, type) and not hasattr(wanted, "__origin__"):
        return "None" if wanted is NoneType else wanted.__qualname__
    return re.sub(r"(\w+\.)+(?=\w)", "", repr(wanted)).replace("NoneType", "None")
