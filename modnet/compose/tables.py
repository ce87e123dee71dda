"""Tables of settings, as TOML holds them, merged and changed."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from contextlib import suppress
from enum import Enum
from numbers import Number
from pathlib import PurePath
from typing import Any, Final

import numpy as np
import tomli_w

from modnet.errors import SettingError

Table = dict[str, Any]

NONE: Final = "none"  # None, which TOML does not have, in a setting that cannot be this text
NO_VALUE: Final = {"none": True}  # None in any setting that may be None


def is_no_value(value: object) -> bool:
    """Say whether a value of a table stands for None."""
    return isinstance(value, dict) and value == NO_VALUE


class Unquoted(str):
    """The word `none` without quotes on the command line: None, or a text."""


def is_text(kind: type) -> bool:
    """Say whether objects of a class are written as their text, of which the class makes them again."""
    return issubclass(kind, (PurePath, np.dtype, Number)) and not issubclass(kind, (int, float, np.generic))


def to_plain(value: Any) -> Any:
    """Return a value that is neither list nor table as TOML holds it; raises SettingError where it cannot.

    >>> to_plain(np.float32(0.5)), to_plain(np.dtype("int8")), to_plain(1j), to_plain(None)
    (0.5, 'int8', '1j', {'none': True})
    """
    if type(value) in {bool, float}:
        return value
    if value is None:
        return dict(NO_VALUE)
    if isinstance(value, Enum):
        value = value.value if isinstance(value.value, (str, int, float)) else value.name
    value = value.item() if isinstance(value, np.generic) else value
    value = str(value) if is_text(type(value)) else value
    with suppress(ValueError, TypeError):
        tomllib.loads(tomli_w.dumps({"value": value}).encode().decode())
        return value
    remedy = "declare a tuple" if isinstance(value, np.ndarray) else "declare numbers or text"
    raise SettingError([f"cannot be written down, TOML has no such {type(value).__name__}: {remedy}"])


def find_member(value: Any, kind: type[Enum]) -> Enum:
    """Return the member that is written so, or has that name; raises ValueError or TypeError where there is none."""
    known = {repr(name): member for name, member in kind.__members__.items()}
    known |= {repr(to_plain(member)): member for member in kind}
    if repr(value) in known:
        return known[repr(value)]
    return kind(str(value) if isinstance(value, bool) else value)  # several flags, or what the class makes of others


def merge(base: Table, change: Table) -> Table:
    """Return `base` changed by `change`, table by table; a table whose name or path changes starts afresh.

    Items of a list are changed by their numbers, from 0 on.

    >>> merge({"optimizer": {"name": "sgd", "lr": 0.1}, "seed": 0}, {"optimizer": {"lr": 1.0}})
    {'optimizer': {'name': 'sgd', 'lr': 1.0}, 'seed': 0}
    >>> merge({"optimizer": {"name": "sgd", "lr": 0.1}}, {"optimizer": "adam"})
    {'optimizer': {'name': 'adam'}}
    >>> merge({"callbacks": ["time-limit"]}, {"callbacks": {"0": {"seconds": 60}}})
    {'callbacks': [{'name': 'time-limit', 'seconds': 60}]}
    """
    result = dict(base)
    for key, new in change.items():
        old = result.get(key)
        if (isinstance(old, str) and old == NONE) or is_no_value(old) or is_no_value(new):
            old = None
        if isinstance(old, dict) and isinstance(new, str) and "name" in old:
            new = {"name": new}  # the short form of the same table
        if isinstance(old, str) and isinstance(new, dict):
            old = {"name": old}
        if isinstance(old, list) and isinstance(new, dict) and new.keys() <= set(map(str, range(len(old)))):
            result[key] = [*merge({str(i): item for i, item in enumerate(old)}, new).values()]
        elif isinstance(old, dict) and isinstance(new, dict):
            another = any(word in new and new[word] != old.get(word) for word in ("name", "path"))
            result[key] = dict(new) if another else merge(old, new)
        else:
            result[key] = new
    return result


def put(table: Table, place: Sequence[str], value: Any) -> None:
    """Put a value into a table, at a path of keys; a name on the way becomes the table that it is short for.

    A number finds an item of a list; raises SettingError where there is none.

    >>> table = {"loss": "cross-entropy"}
    >>> put(table, ("loss", "eps"), 0.0)
    >>> table
    {'loss': {'name': 'cross-entropy', 'eps': 0.0}}
    """
    inside: Any = table
    for key in place[:-1]:
        at = _find_key(inside, key, place)
        inner = inside[at] if isinstance(inside, list) else inside.setdefault(at, {})
        inside[at] = inside = inner if isinstance(inner, (dict, list)) else {"name": inner}
    inside[_find_key(inside, place[-1], place)] = value


def _find_key(inside: Any, key: str, place: Sequence[str]) -> Any:
    if not isinstance(inside, list):
        return key
    if key.isdecimal() and int(key) < len(inside):
        return int(key)
    raise SettingError([f"{key!r} is no item of {len(inside)}, which are counted from 0"], ".".join(place))
