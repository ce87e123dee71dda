"""Images in a row or a grid, as axes show them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from modnet import Array


def to_picture(image: Array) -> Array:
    """Return an image (channels, H, W) as (H, W), or (H, W, 3) of three channels."""
    found: Array = image[0] if len(image) == 1 else np.moveaxis(image[:3], 0, -1)
    return found


def scale_colors(images: Array) -> Array:
    """Return numbers as they stand between the lowest, 0, and the highest of all, 1; 0.5 where there is but one."""
    low, high = float(images.min(initial=np.inf)), float(images.max(initial=-np.inf))
    found: Array = (images - low) / (high - low) if high > low else np.full(images.shape, 0.5)
    return found


def draw_images(
    axes: Any, images: Array, captions: Sequence[str] = (), *, columns: int, size: float = 8, **style: Any
) -> None:
    """Draw images (N, H, W) or (N, H, W, 3) in a grid, each with its caption above it."""
    count, height, width = images.shape[:3]
    gap = 0.08 * width
    room = 0.08 * height + (0.34 * height if captions else 0)
    for place, image in enumerate(images):
        left, top = place % columns * (width + gap), place // columns * (height + room)
        axes.imshow(image, extent=(left, left + width, top + height, top), interpolation="nearest", **style)
        if captions:
            axes.text(left + width / 2, top - 0.05 * height, captions[place], ha="center", va="bottom", fontsize=size)
    rows = -(-count // columns)
    axes.set(xlim=(0, columns * (width + gap) - gap), ylim=(rows * (height + room), -room), aspect="equal")
    axes.set_axis_off()


def choose_columns(count: int, ratio: float) -> int:
    """Return the number of columns of so many images in a space that is `ratio` times as wide as high.

    It may be one more or less, where fewer places stay empty.

    >>> choose_columns(16, 1.3), choose_columns(25, 1.3)
    (4, 5)
    """
    wanted = min(count, max(1, round(math.sqrt(count * ratio))))
    around = [each for each in (wanted, wanted - 1, wanted + 1) if 1 <= each <= count]
    return min(around, key=lambda each: -count % each, default=1)


def resample(image: Array, height: int, width: int) -> Array:
    """Return an image (H, W) in another size: each new pixel is the mean over its area.

    >>> resample(np.array([[0.0, 4.0], [2.0, 6.0]]), 1, 2)
    array([[1., 5.]])
    """
    return _compute_overlaps(image.shape[0], height) @ image @ _compute_overlaps(image.shape[1], width).T


def _compute_overlaps(size: int, wanted: int) -> Array:
    """Return the share of each of `size` old pixels in a line in each of the `wanted` new ones."""
    edges, places = np.linspace(0, size, wanted + 1), np.arange(size)
    overlap = np.minimum(edges[1:, None], places + 1) - np.maximum(edges[:-1, None], places)
    shares: Array = overlap.clip(0) * (wanted / size)
    return shares
