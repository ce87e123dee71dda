"""Images in a row or a grid, as axes show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from modnet import Array
from modnet.text import measure_width
from modnet_figures.canvas import measure_inches

GAP = 0.08  # between images, of their size
LINE = 1.3  # of the size of letters
SMALLEST = 4.5  # points


def to_picture(image: Array) -> Array:
    """Return an image (channels, H, W) as (H, W), or (H, W, 3) of three channels."""
    found: Array = image[0] if len(image) == 1 else np.moveaxis(image[:3], 0, -1)
    return found


def scale_colors(images: Array) -> Array:
    """Return numbers as they stand between the lowest, 0, and the highest of all, 1; 0.5 where there is but one."""
    low, high = float(images.min(initial=np.inf)), float(images.max(initial=-np.inf))
    found: Array = (images - low) / (high - low) if high > low else np.full(images.shape, 0.5)
    return found


def draw_images(axes: Any, images: Array, captions: Sequence[str] = (), *, most: float = 9, **style: Any) -> None:
    """Draw images (N, H, W) or (N, H, W, 3) in a grid, each with its caption above it, in letters of `most` points."""
    count, height, width = images.shape[:3]
    wide, high = measure_inches(axes)
    lines = max((1 + caption.count("\n") for caption in captions), default=0)
    longest = max((measure_width(line) for caption in captions for line in caption.split("\n")), default=1)
    columns, size, unit = 1, SMALLEST, 0.0  # unit: inches of a pixel
    for each in range(1, count + 1):
        letters = max(SMALLEST, min(most, 72 * wide / each / (0.62 * (longest + 1))))
        rows, room = -(-count // each), lines * LINE * letters / 72
        found = min(wide / (each * (1 + GAP) * width), (high / rows - room) / ((1 + GAP) * height))
        if found > 1.02 * unit:  # fewer columns, where that makes no difference
            columns, size, unit = each, letters, found
    room = GAP * height + (lines * LINE * size / 72 / unit if unit else 0.5 * height * bool(lines))
    gap = GAP * width
    for place, image in enumerate(images):
        left, top = place % columns * (width + gap), place // columns * (height + room)
        axes.imshow(image, extent=(left, left + width, top + height, top), interpolation="nearest", **style)
        if captions:
            axes.text(
                left + width / 2, top - GAP / 2 * height, captions[place], ha="center", va="bottom", fontsize=size
            )
    rows = -(-count // columns)
    axes.set(xlim=(0, columns * (width + gap) - gap), ylim=(rows * (height + room) - room, -room * bool(captions)))
    axes.set(aspect="equal", anchor="N")
    axes.set_axis_off()


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
