"""The setting of a learning rate."""

from __future__ import annotations

from typing import Any

import attrs
from attrs.validators import gt

from modnet import LearningRate


def check_rate(part: object, field: attrs.Attribute[Any], value: Any) -> None:
    """Raise ValueError where a learning rate is a number that is not above 0."""
    if not callable(value):
        gt(0)(part, field, value)


def to_number(rate: LearningRate) -> float:
    """Return a learning rate that is a number; raises TypeError where it depends on the iteration.

    >>> to_number(0.1)
    0.1
    """
    if callable(rate):
        raise TypeError(f"step with the learning rate of an iteration: attrs.evolve(optimizer, lr=rate(0)), not {rate}")
    return rate
