"""Tables of settings, merged and changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modnet.compose.settings import Table
from modnet.compose.values import NONE, is_no_value
from modnet.errors import SettingError


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
    *path, last = place
    inside: Any = table
    for key in path:
        at = _find_key(inside, key)
        inner = inside[at] if isinstance(inside, list) else inside.setdefault(at, {})
        inside[at] = inside = inner if isinstance(inner, (dict, list)) else {"name": inner}
    inside[_find_key(inside, last)] = value


def _find_key(inside: Any, key: str) -> Any:
    if not isinstance(inside, list):
        return key
    if key.isdecimal() and int(key) < len(inside):
        return int(key)
    raise SettingError([f"{key!r} finds none of {len(inside)} items, which are counted from 0"], "list")
