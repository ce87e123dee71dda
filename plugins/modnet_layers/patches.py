"""Convolutions of arrays of any library, with samples first and nothing written in place."""

from __future__ import annotations

import math
from itertools import product

from array_api_compat import array_namespace

from modnet import Array

Two = tuple[int, int]


def find_places(windows: Two, size: Two, stride: Two) -> list[tuple[slice, slice]]:
    """Return for each pixel of a window where it is in an image, for all windows: rows and columns.

    >>> find_places(windows=(2, 3), size=(1, 2), stride=(2, 1))
    [(slice(0, 3, 2), slice(0, 3, 1)), (slice(0, 3, 2), slice(1, 4, 1))]
    """
    (oh, ow), (kh, kw), (sh, sw) = windows, size, stride
    pixels = product(range(kh), range(kw))
    return [(slice(i, i + sh * (oh - 1) + 1, sh), slice(j, j + sw * (ow - 1) + 1, sw)) for i, j in pixels]


def pad(images: Array, before: Two, after: Two) -> Array:
    """Return images (..., height, width) with so many zeros before and after each axis."""
    for axis, first, last in zip((-2, -1), before, after, strict=True):
        if first or last:
            xp = array_namespace(images)
            zeros = xp.zeros_like(images[..., :1, :] if axis == -2 else images[..., :1])
            images = xp.concat([zeros] * first + [images] + [zeros] * last, axis=axis)
    return images


def spread(values: Array, stride: Two) -> Array:
    """Return values (..., height, width) with `stride` - 1 zeros between them, down and across."""
    xp = array_namespace(values)
    for axis, step in zip((-2, -1), stride, strict=True):
        if step > 1:
            length, at = values.shape[axis], values.ndim + axis
            zeros = [xp.zeros_like(values)] * (step - 1)
            shape = (-1, *values.shape[1:at], length * step, *values.shape[at + 1 :])
            values = xp.reshape(xp.stack([values, *zeros], axis=at + 1), shape)
            end = length * step - step + 1
            values = values[..., :end, :] if axis == -2 else values[..., :end]
    return values


def take_patches(images: Array, windows: Two, size: Two, stride: Two) -> Array:
    """Return what each window shows of images (N, channels, height, width): (N, channels pixels, windows)."""
    xp, channels = array_namespace(images), images.shape[1]
    pixels = [images[:, :, down, across] for down, across in find_places(windows, size, stride)]
    return xp.reshape(xp.stack(pixels, axis=2), (-1, channels * math.prod(size), math.prod(windows)))


def correlate(images: Array, weights: Array, windows: Two, stride: Two) -> Array:
    """Return the outputs (N, filters, *windows) of weights (filters, channels, height, width) for padded images."""
    xp, filters = array_namespace(images, weights), weights.shape[0]
    patches = take_patches(images, windows, weights.shape[2:], stride)
    return xp.reshape(xp.reshape(weights, (filters, -1)) @ patches, (-1, filters, *windows))


def correlate_back(dz: Array, weights: Array, inputs: Two, stride: Two) -> Array:
    """Return the derivative by padded images of height and width `inputs`, from that by the outputs.

    It is the correlation of dz, spread by the stride, with the weights mirrored.
    """
    xp, (kh, kw) = array_namespace(dz, weights), weights.shape[2:]
    dz = spread(dz, stride)
    rest = inputs[0] - kh + 1 - dz.shape[2], inputs[1] - kw + 1 - dz.shape[3]
    dz = pad(dz, (kh - 1, kw - 1), (kh - 1 + rest[0], kw - 1 + rest[1]))
    mirrored = xp.flip(xp.permute_dims(weights, (1, 0, 2, 3)), axis=(2, 3))
    return correlate(dz, mirrored, inputs, (1, 1))


def sum_products(dz: Array, images: Array, size: Two, stride: Two) -> Array:
    """Return the derivative (filters, channels pixels) by weights, from that by the outputs of padded images."""
    xp, filters = array_namespace(dz, images), dz.shape[1]
    patches = take_patches(images, dz.shape[2:], size, stride)
    columns = xp.reshape(xp.permute_dims(patches, (1, 0, 2)), (patches.shape[1], -1))
    rows = xp.reshape(xp.permute_dims(dz, (1, 0, 2, 3)), (filters, -1))
    return rows @ columns.T
