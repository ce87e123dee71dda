"""Tables of settings: made from objects, merged and compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import attrs

from modnet.compose.settings import Table, get_settings


def to_plain(value: Any, part: Callable[[Any], Table | None]) -> Any:
    """Return an object as a table that TOML can hold, with every setting in it but those that are None.

    `part` returns the table of a plugin's part, or None for anything else.
    """
    if (table := part(value)) is not None:
        return table
    if attrs.has(type(value)) or is_dataclass(value):
        return {key: to_plain(item, part) for key, item in get_settings(value).items() if item is not None}
    if isinstance(value, Mapping):
        return {key: to_plain(item, part) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [to_plain(item, part) for item in value]
    if isinstance(value, (set, frozenset)):
        return [to_plain(item, part) for item in sorted(value, key=repr)]
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, Path) else value


def merge(base: Table, change: Table) -> Table:
    """Return `base` changed by `change`, table by table; a table whose name or path changes starts afresh.

    >>> merge({"optimizer": {"name": "sgd", "lr": 0.1}, "seed": 0}, {"optimizer": {"lr": 1.0}})
    {'optimizer': {'name': 'sgd', 'lr': 1.0}, 'seed': 0}
    >>> merge({"optimizer": {"name": "sgd", "lr": 0.1}}, {"optimizer": "adam"})
    {'optimizer': {'name': 'adam'}}
    """
    result = dict(base)
    for key, new in change.items():
        old = result.get(key)
        if isinstance(old, dict) and isinstance(new, str) and "name" in old:
            new = {"name": new}  # the short form of the same table
        if isinstance(old, str) and isinstance(new, dict):
            old = {"name": old}
        if isinstance(old, dict) and isinstance(new, dict):
            another = any(word in new and new[word] != old.get(word) for word in ("name", "path"))
            result[key] = dict(new) if another else merge(old, new)
        else:
            result[key] = new
    return result


def put(table: Table, place: Sequence[str], value: Any) -> None:
    """Put a value into a table, at a path of keys; a name on the way becomes the table that it is short for.

    >>> table = {"loss": "cross-entropy"}
    >>> put(table, ("loss", "eps"), 0.0)
    >>> table
    {'loss': {'name': 'cross-entropy', 'eps': 0.0}}
    """
    *path, last = place
    for key in path:
        inner = table.setdefault(key, {})
        table[key] = table = inner if isinstance(inner, dict) else {"name": inner}
    table[last] = value


def find_changes(old: Any, new: Any, place: str = "") -> list[str]:
    """Return the keys, joined by dots, whose values differ between two tables.

    >>> find_changes({"seed": 1, "optimizer": {"lr": 0.1}}, {"seed": 1, "optimizer": {"lr": 0.2}})
    ['optimizer.lr']
    """
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return [] if old == new else [place]
    keys = {key: f"{place}.{key}" if place else str(key) for key in {**old, **new}}
    return [found for key, inside in keys.items() for found in find_changes(old.get(key), new.get(key), inside)]
