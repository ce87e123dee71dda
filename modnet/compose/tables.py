"""Tables of settings, merged and changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modnet.compose.settings import Table
from modnet.compose.values import NONE, is_no_value


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
        if (isinstance(old, str) and old == NONE) or is_no_value(old) or is_no_value(new):
            old = None
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
