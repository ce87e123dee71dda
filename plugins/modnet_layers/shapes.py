"""Shapes of samples that layers take."""

from __future__ import annotations

from modnet import Shape, ShapeError


def check_rows(inputs: Shape) -> None:
    """Raise ShapeError where samples of this shape are no rows of numbers."""
    if len(inputs) != 1:
        raise ShapeError(f"expects samples of shape (inputs,), it was given {inputs}: put a flatten layer before it")


def check_images(inputs: Shape) -> None:
    """Raise ShapeError where samples of this shape are no images."""
    if len(inputs) != 3:
        raise ShapeError(
            f"expects images of shape (channels, height, width), it was given samples of shape {inputs}: put it before "
            "all flatten and dense layers, and give the data's shape, such as (1, 28, 28)"
        )
