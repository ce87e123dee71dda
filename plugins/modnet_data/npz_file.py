"""NumPy's archives of named arrays."""

from __future__ import annotations

import math
import tokenize
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal

import attrs
import numpy as np

from modnet import Array, DataError, Dataset, DataSource
from modnet.files import LIMIT, printable, reading
from modnet_data import validators
from modnet_data.formats import format_of
from modnet_data.named_arrays import named_parts, named_rows
from modnet_data.rows import data_set, file_path, flat_rows


@attrs.frozen
class Npz(DataSource):
    """Named arrays in an .npz archive, compressed or not.

    Their names are Keras' `x_train`, `y_train`, `x_test`, `y_test`, the book's `train_img`, `train_label`,
    `test_img`, `test_label`, or `x`, `t` and the like, in any case. Without a test part, a `test_fraction` of the
    rows, drawn by `split_seed`, is the test part. Pickled objects in an archive are refused.
    """

    scale: float | Literal["auto"] = attrs.field(default="auto", validator=validators.scale)
    test_fraction: float = attrs.field(default=0.2, validator=validators.fraction)
    split_seed: int = 0

    @classmethod
    def recognises(cls, path: Path, head: bytes) -> bool:
        """Say whether the content, or else the name, is an archive's of arrays."""
        return format_of(path, head) == "npz"

    def read(self, path: Path | None) -> Dataset:
        """Return the data set."""
        path = file_path(path, "npz")
        with _archive(path) as archive:
            train, test = named_parts(_names(archive), lambda name: _array(archive, name, path), path)
        return data_set(path, train, test, self.scale, self.test_fraction, self.split_seed)

    def read_rows(self, path: Path, features: int) -> tuple[Array, Array | None]:
        """Return the rows of the test part, or else all, and their labels if there are any."""
        with _archive(path) as archive:
            rows, labels = named_rows(_names(archive), lambda name: _array(archive, name, path), path)
        return flat_rows(path, rows, labels, features)


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    with reading(path):
        try:
            with path.open("rb") as file, zipfile.ZipFile(file) as archive:
                yield archive
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, KeyError) as error:
            raise DataError(f"{path}: a damaged archive, or none: {error}") from None


def _names(archive: zipfile.ZipFile) -> list[str]:
    return [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]


def _array(archive: zipfile.ZipFile, name: str, path: Path) -> Array:
    """Return one array, once its dtype and shape are known to fit the bytes that there are."""
    info = archive.getinfo(f"{name}.npy")
    if info.file_size > LIMIT and info.compress_type != zipfile.ZIP_STORED:
        raise DataError(
            f"{path}: {name!r} unpacks to more than {LIMIT // 2**20} MiB; save it uncompressed if it is meant"
        )
    try:
        with archive.open(info) as member:
            _check_header(member, info.file_size)
        with archive.open(info) as member:
            array: Array = np.lib.format.read_array(member, allow_pickle=False)
    # NumPy reads a header as Python source, and on Python 3.12 and later also fails in the tokenizer's way.
    except (ValueError, SyntaxError, tokenize.TokenError) as error:
        raise DataError(f"{path}: {printable(name, 40)!r} cannot be read: {printable(str(error), 200)}") from None
    return array


def _check_header(member: IO[bytes], size: int) -> None:
    """Raise ValueError where an array's dtype and shape do not fit the bytes that there are, before it is made."""
    version = np.lib.format.read_magic(member)
    if version not in {(1, 0), (2, 0)}:
        raise ValueError(f"format version {version[0]}.{version[1]}, expected 1.0 or 2.0")
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(member)
    if dtype.hasobject:
        raise ValueError("it holds pickled objects, expected numbers or text")
    there, needed = size - member.tell(), math.prod(shape) * dtype.itemsize
    if there != needed:
        raise ValueError(f"{there} bytes of data, expected {needed} by its shape and dtype")
