"""Entries of an experiment's table in words, whoever wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

GIVEN = "given-in-python"  # the source of data that no file has


def find_table(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return a table in a table; an empty one where there is none."""
    found = table.get(key)
    return found if isinstance(found, Mapping) else {}


def is_given(experiment: Mapping[str, Any]) -> bool:
    """Return whether the data of an experiment was given in Python, and is in no file."""
    return find_table(experiment, "data").get("name") == GIVEN


def name_data(experiment: Mapping[str, Any]) -> str:
    """Return the name of the data set or of the file that an experiment names.

    >>> name_data({"data": {"name": "csv", "path": "tables/fruit.csv"}}), name_data({"data": {"name": "iris"}})
    ('fruit.csv', 'iris')
    """
    entry = find_table(experiment, "data") or {"name": experiment.get("data")}
    return Path(str(entry.get("path") or entry.get("name") or "?")).name


def format_entry(entry: Any) -> str:
    """Return an entry of an experiment's table in words.

    >>> format_entry({"name": "sgd", "lr": 0.1}), format_entry([{"name": "relu"}, "tanh"]), format_entry(50)
    ('sgd(lr=0.1)', 'relu, tanh', '50')
    """
    if isinstance(entry, Mapping):
        rest = ", ".join(f"{key}={format_entry(value)}" for key, value in entry.items() if key != "name")
        return f"{entry.get('name', '')}" + (f"({rest})" if rest else "")
    if isinstance(entry, (list, tuple)):
        return ", ".join(map(format_entry, entry))
    return f"{entry:g}" if isinstance(entry, float) else str(entry)
