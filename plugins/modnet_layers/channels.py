"""Numbers of the channels, or units, that axis 1 counts."""

from __future__ import annotations

from modnet import Array


def along_channels(values: Array, x: Array) -> Array:
    """Return one number for each channel, (channels,), in a shape that broadcasts along axis 1 of `x`.

    >>> along_channels(np.array([1.0, 2.0]), np.zeros((10, 2, 28, 28))).shape
    (2, 1, 1)
    """
    return values[(..., *[None] * (x.ndim - 2))]


def other_axes(x: Array) -> tuple[int, ...]:
    """Return all axes of `x` but that of the channels.

    >>> other_axes(np.zeros((10, 2, 28, 28)))
    (0, 2, 3)
    """
    return 0, *range(2, x.ndim)
