"""What the settings that several sources share may be."""

from __future__ import annotations

import math
from typing import Any

import attrs
from attrs.validators import and_, ge, lt

fraction = and_(ge(0), lt(1))


def scale(_: object, attribute: attrs.Attribute[Any], value: float | str) -> None:
    """Take a divisor of all features: "auto", or a finite number above 0."""
    if value != "auto" and (isinstance(value, str) or not 0 < value < math.inf):
        raise ValueError(f"'{attribute.name}' must be a number > 0 or 'auto': {value}")
