"""Windows that slide over images, down and across."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from modnet import Shape, ShapeError

Pair = int | tuple[int, int]  # for height and width: the same, or each its own


def to_pair(value: Pair) -> tuple[int, int]:
    """Return the numbers for height and width.

    >>> to_pair(2), to_pair((3, 2))
    ((2, 2), (3, 2))
    """
    return value if isinstance(value, tuple) else (value, value)


def freeze(value: Any) -> Any:
    """Return a pair that is a list, as in a file, as a tuple."""
    return tuple(value) if isinstance(value, list) else value


def check_pair(least: int) -> Any:
    """Return a validator of whole numbers that are at least `least`: one or two; None is left to the layer."""

    def check(_: object, field: attrs.Attribute[Any], value: Any) -> None:
        numbers = value if isinstance(value, tuple) and len(value) == 2 else (value,)
        if value is not None and not all(type(number) is int and number >= least for number in numbers):
            raise ValueError(f"'{field.name}' must be a whole number >= {least}, or two, (height, width): {value!r}")

    return check


def count_windows(inputs: Shape, size: Pair, stride: Pair, padding: Sequence[int] = (0, 0)) -> tuple[int, int]:
    """Return how many windows fit down and across, with `padding` added to height and width; raises ShapeError.

    A rest that is smaller than the stride is left out.

    >>> count_windows((1, 28, 28), size=5, stride=1), count_windows((1, 28, 28), size=3, stride=2)
    ((24, 24), (13, 13))
    """
    (kh, kw), (sh, sw) = to_pair(size), to_pair(stride)
    height, width = inputs[1] + padding[0], inputs[2] + padding[1]
    if kh > height or kw > width:
        padded = f", {height} x {width} with padding" if any(padding) else ""
        raise ShapeError(
            f"expects images of at least {kh} x {kw}, it was given samples of shape {inputs}{padded}: choose smaller "
            "windows, here or in the layers before"
        )
    return (height - kh) // sh + 1, (width - kw) // sw + 1
