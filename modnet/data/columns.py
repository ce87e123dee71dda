"""Columns of raw tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
from attrs.validators import instance_of

from modnet.errors import DataError
from modnet.text import quote


def _to_words(words: Sequence[Any] | None) -> tuple[str, ...] | None:
    """Return the words of a column, or None for numbers; raises ValueError where they are no different texts."""
    if words is None:
        return None
    if isinstance(words, str) or not all(isinstance(word, str) for word in words) or len({*words}) < len(words):
        raise ValueError(f"the words of a column must be different texts: {words!r:.200}")
    return tuple(words)


@attrs.frozen
class Column:
    """A column of a raw table: its name, "" where the file has none, and its words where it holds codes of text.

    A code is the place of a cell's word among `words`; None says that the column holds numbers. In both kinds NaN
    stands for a missing value.
    """

    name: str = attrs.field(default="", validator=instance_of(str))
    words: tuple[str, ...] | None = attrs.field(default=None, converter=_to_words)


def describe_column(name: str, place: int) -> str:
    """Return a column as it stands in messages.

    >>> describe_column("age", 2)
    "feature 3 ('age')"
    """
    return f"feature {place + 1}" + (f" ({quote(name)})" if name else "")


def check_are_numbers(known: Sequence[Column], given: Sequence[Column]) -> None:
    """Raise DataError where a column is text that was numbers in training."""
    for j, (column, other) in enumerate(zip(known, given, strict=True)):
        if column.words is None and other.words is not None:
            raise DataError(f"{describe_column(column.name, j)} is text, and in training it was numbers")
