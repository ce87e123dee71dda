"""MNIST as the book's `load_mnist` returns it."""

from __future__ import annotations

from os import PathLike, fspath

import numpy as np

import modnet
from modnet import Array, DataError, Samples

Pair = tuple[Array, Array]
OTHERS = 'or take digits without a download: load_mnist(..., data="mnist-small"), or a file of yours, data="mnist.pkl"'


def load_mnist(
    normalize: bool = True,
    flatten: bool = True,
    one_hot_label: bool = False,
    *,
    data: str | PathLike[str] = "mnist",
) -> tuple[Pair, Pair]:
    """Return `(x_train, t_train), (x_test, t_test)`: MNIST, 60,000 and 10,000 digits. Chapter 3.6.1.

    Pixels are float32 from 0 to 1, or uint8 from 0 to 255 without `normalize`; of shape (N, 784), or (N, 1, 28, 28)
    without `flatten`. Labels are uint8 (N,), or one-hot rows of float64 (N, 10).

    Nothing is downloaded here: `modnet data fetch mnist` does that, once. `data` names other digits than MNIST's: the
    5,000 and 1,000 of `mnist-small`, which ship with modnet, or a file such as the book's `mnist.pkl`. Raises DataError
    where they are not there, with the lines that get them, or where they are no images in ten classes.

    >>> (x_train, t_train), (x_test, t_test) = load_mnist(one_hot_label=True, data="mnist-small")
    >>> x_train.shape, x_train.dtype, t_train.shape, x_test.shape
    ((5000, 784), dtype('float32'), (5000, 10), (1000, 784))
    """
    try:
        found = modnet.load(fspath(data))
    except DataError as error:
        if data != "mnist":
            raise
        raise DataError(f"{str(error).splitlines()[0]}\n{OTHERS}") from None
    if len(found.shape) != 3 or found.classes != tuple(range(10)):
        raise DataError(f"{fspath(data)} is no set of digits: give images in the classes 0 to 9, or use modnet.load")

    def convert(part: Samples) -> Pair:
        raw = part.unscaled(slice(None))
        pixels = raw.astype(np.uint8)
        if not np.array_equal(pixels, raw):
            raise DataError(f"{fspath(data)} has no pixels from 0 to 255: use modnet.load")
        x = pixels if flatten else pixels.reshape(-1, *found.shape)
        t = part.t.astype(np.uint8)
        return x / np.float32(255) if normalize else x, np.eye(10)[t] if one_hot_label else t

    return convert(found.train), convert(found.test)
