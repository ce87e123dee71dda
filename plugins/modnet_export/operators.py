"""Layers that neural networks' formats know by name, as functions of NumPy's arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def convolve(
    x: np.ndarray, weights: np.ndarray, stride: tuple[int, int], padding: tuple[tuple[int, int], tuple[int, int]]
) -> np.ndarray:
    """Return images (N, filters, down, across): the sums of `weights` (filters, channels, height, width) times windows.

    `padding` are the rows of zeros above and below, and the columns left and right.
    """
    padded = np.pad(x, ((0, 0), (0, 0), *padding))
    windows = np.lib.stride_tricks.sliding_window_view(padded, weights.shape[2:], axis=(2, 3))
    sums = np.tensordot(windows[:, :, :: stride[0], :: stride[1]], weights, axes=((1, 4, 5), (1, 2, 3)))
    return np.moveaxis(sums, -1, 1)


def pool_largest(x: np.ndarray, size: tuple[int, int], stride: tuple[int, int]) -> np.ndarray:
    """Return images (N, channels, down, across): the largest number of each window."""
    windows = np.lib.stride_tricks.sliding_window_view(x, size, axis=(2, 3))
    largest: np.ndarray = windows[:, :, :: stride[0], :: stride[1]].max(axis=(-2, -1))
    return largest


OPERATORS: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = {
    "convolve": (convolve, ("x", "weights", "stride", "padding")),
    "pool_largest": (pool_largest, ("x", "size", "stride")),
}
"""The functions by their names, with their parameters."""
