"""Windows of images of any library; torch has its own."""

from __future__ import annotations

import functools
import math
from importlib import import_module
from itertools import product

from array_api_compat import array_namespace, is_torch_namespace

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


def put_back(values: Array, place: tuple[slice, slice], inputs: Two, stride: Two) -> Array:
    """Return values of windows (..., down, across) where a pixel of these is in an image, which is 0 elsewhere."""
    values, (down, across) = spread(values, stride), place
    rest = inputs[0] - down.start - values.shape[-2], inputs[1] - across.start - values.shape[-1]
    return pad(values, (down.start, across.start), rest)


def correlate(images: Array, weights: Array, windows: Two, stride: Two) -> Array:
    """Return the outputs (N, filters, *windows) of weights (filters, channels, height, width) for padded images."""
    xp, filters = array_namespace(images, weights), weights.shape[0]
    if is_torch_namespace(xp):
        return import_module("torch.nn.functional").conv2d(images, weights, stride=stride)
    patches = take_patches(images, windows, weights.shape[2:], stride)
    return xp.reshape(xp.reshape(weights, (filters, -1)) @ patches, (-1, filters, *windows))


def correlate_back(dz: Array, weights: Array, images: Array, stride: Two) -> Array:
    """Return the derivative by padded images, from that by the outputs."""
    xp, size, inputs = array_namespace(dz, weights), weights.shape[2:], images.shape[2:]
    if is_torch_namespace(xp):
        return import_module("torch.nn.grad").conv2d_input(images.shape, weights, dz, stride=stride)
    (filters, channels), windows = weights.shape[:2], dz.shape[2:]
    columns, dx = xp.reshape(dz, (-1, filters, math.prod(windows))), xp.zeros_like(images)
    for (i, j), place in zip(product(*map(range, size)), find_places(windows, size, stride), strict=True):
        shares = xp.reshape(weights[:, :, i, j].T @ columns, (-1, channels, *windows))
        dx = dx + put_back(shares, place, inputs, stride)
    return dx


def sum_products(dz: Array, images: Array, size: Two, stride: Two) -> Array:
    """Return the derivative (filters, channels pixels) by weights, from that by the outputs of padded images."""
    xp, filters, channels = array_namespace(dz, images), dz.shape[1], images.shape[1]
    if is_torch_namespace(xp):
        shape = filters, channels, *size
        by_weights = import_module("torch.nn.grad").conv2d_weight(images, shape, dz, stride=stride)
        return xp.reshape(by_weights, (filters, -1))
    patches = take_patches(images, dz.shape[2:], size, stride)
    columns = xp.reshape(xp.permute_dims(patches, (1, 0, 2)), (patches.shape[1], -1))
    rows = xp.reshape(xp.permute_dims(dz, (1, 0, 2, 3)), (filters, -1))
    return rows @ columns.T


def find_largest(x: Array, windows: Two, size: Two, stride: Two) -> Array:
    """Return the largest number of each window of images (N, channels, *windows)."""
    xp = array_namespace(x)
    if is_torch_namespace(xp):
        return import_module("torch.nn.functional").max_pool2d(x, size, stride)
    return functools.reduce(xp.maximum, [x[..., *place] for place in find_places(windows, size, stride)])


def give_to_largest(x: Array, z: Array, dz: Array, size: Two, stride: Two) -> Array:
    """Return the derivative by images from that by the largest numbers `z` of windows: that of the first of equals."""
    xp, windows = array_namespace(x, z, dz), z.shape[2:]
    if is_torch_namespace(xp):
        torch = import_module("torch")
        index = torch.nn.functional.max_pool2d(x, size, stride, return_indices=True)[1]
        given = size, stride, (0, 0), (1, 1), False
        return torch.ops.aten.max_pool2d_with_indices_backward(dz, x, *given, index)
    dx, taken = xp.zeros_like(x), xp.zeros_like(z, dtype=xp.bool)
    for place in find_places(windows, size, stride):
        is_first = (x[..., *place] == z) & ~taken
        taken = taken | is_first
        dx = dx + put_back(xp.where(is_first, dz, xp.zeros_like(dz)), place, x.shape[2:], stride)
    return dx
