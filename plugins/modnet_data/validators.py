"""Validators of settings that several sources share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import attrs


def scale(_: object, attribute: attrs.Attribute[Any], value: float | str) -> None:
    """Take a divisor of all features: "auto", or a finite number above 0."""
    if value != "auto" and (isinstance(value, str) or not 0 < value < math.inf):
        raise ValueError(f"'{attribute.name}' must be a number > 0 or 'auto': {value}")


def fraction(_: object, attribute: attrs.Attribute[Any], value: float) -> None:
    """Take a part of the rows, but not all of them."""
    if not 0 <= value < 1:
        raise ValueError(f"'{attribute.name}' must be >= 0 and < 1: {value}")


def missing(_: object, attribute: attrs.Attribute[Any], value: float | str) -> None:
    """Take what is to be done about missing values: "refuse", "drop", or a finite number to fill in."""
    if value not in {"refuse", "drop"} and (isinstance(value, str) or not math.isfinite(value)):
        raise ValueError(f"'{attribute.name}' must be 'refuse', 'drop', or a finite number to fill in: {value!r}")


def missing_values(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    """Take None, words for missing values, or such words by column."""
    lists = value.values() if isinstance(value, Mapping) else [value or ()]
    if any(isinstance(words, str) or not all(isinstance(word, str) for word in words) for words in lists):
        what = "a list of words, or a table of such lists by column"
        raise ValueError(f"'{attribute.name}' must be {what}: {value!r}")


def classes(_: object, attribute: attrs.Attribute[Any], value: Sequence[Any] | None) -> None:
    """Take None, or two or more different labels: all text, or all whole numbers."""
    if value is None:
        return
    alike = any(all(type(item) is kind for item in value) for kind in (str, int))
    if isinstance(value, str) or not alike or len({*value}) < max(2, len(value)):
        raise ValueError(f"'{attribute.name}' must be two or more different texts, or whole numbers: {value!r}")


def filling(missing: float | str, dtype: str | None) -> None:
    """Take a number that is filled in for missing values only if features, kept as `dtype`, can be that number."""
    if not isinstance(missing, str) and dtype == "uint8" and missing not in range(256):
        raise ValueError(f"'missing' must be a whole number from 0 to 255 where 'dtype' is 'uint8': {missing!r}")
