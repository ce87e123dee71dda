"""What the settings that several sources share may be."""

from __future__ import annotations

import math
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
