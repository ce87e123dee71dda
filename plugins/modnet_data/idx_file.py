"""IDX files, the format that MNIST was published in."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Literal, cast

import attrs
import numpy as np

from modnet import Array, DataError, Dataset, DataSource
from modnet.files import compression, read_bytes, reading
from modnet_data import validators
from modnet_data.formats import format_of
from modnet_data.rows import Pair, data_set, file_path, flat_rows

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_NAME = re.compile(r"(?P<part>train|t10k|test)?(?P<hyphen>[-_.]?)(?P<content>images|labels)")
STANDARD = "train-images-idx3-ubyte.gz"


@attrs.frozen
class Idx(DataSource):
    """IDX files as MNIST, Fashion-MNIST and EMNIST come in them, gzipped or not.

    The path is the folder with the files, or any one of them: the others are found beside it by name. Images are
    paired with labels, "train" with "t10k" or "test". Without test files a `test_fraction` of the rows, drawn by
    `split_seed`, is the test part.
    """

    scale: float | Literal["auto"] = attrs.field(default="auto", validator=validators.scale)
    test_fraction: float = attrs.field(default=0.2, validator=validators.fraction)
    split_seed: int = 0

    @classmethod
    def recognises(cls, path: Path, head: bytes) -> bool:
        """Say whether the content, or else the name, is an IDX file's, or a folder has such files."""
        return format_of(path, head) == "idx"

    def read(self, path: Path | None) -> Dataset:
        """Return the data set."""
        path = file_path(path, "idx")
        images = _in_folder(path) if path.is_dir() else path
        if not images.exists():
            raise DataError(f"{images}: no such file")
        if not _NAME.search(images.name):
            raise DataError(f"{images}: files that belong together are told by 'images' and 'labels' in their names")
        train_images = _found(images, "images", ("train",))
        test_images = _sibling(images, "images", ("t10k", "test"))
        test = None if test_images in {None, train_images} else _part(test_images)
        return data_set(path, _part(train_images), test, self.scale, self.test_fraction, self.split_seed)

    def read_rows(self, path: Path, features: int) -> tuple[Array, Array | None]:
        """Return the rows of an images file, and their labels if the labels file is beside it."""
        images = _in_folder(path) if path.is_dir() else path
        if path.is_dir():
            images = _sibling(images, "images", ("t10k", "test")) or images
        labels = _sibling(images, "labels", ())
        known = labels is not None and labels != images
        return flat_rows(path, read_idx(images), read_idx(cast("Path", labels)) if known else None, features)


def read_idx(path: Path) -> Array:
    """Return the array in one IDX file; raises DataError if it is none, or not of the size that it declares."""
    head = read_bytes(path, most=4)
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in TYPES or not 1 <= head[3] <= 4:
        raise DataError(
            f"{path}: not an IDX file: it begins with {head.hex(' ') or 'nothing'}, expected 00 00 08 03 or the like"
        )
    dtype, start = np.dtype(TYPES[head[2]]), 4 + 4 * head[3]
    sizes = read_bytes(path, most=start)[4:]
    if len(sizes) < start - 4:
        raise DataError(f"{path}: cut off in its first {start} bytes")
    shape = tuple(int.from_bytes(sizes[i : i + 4], "big") for i in range(0, len(sizes), 4))
    expected = math.prod(shape) * dtype.itemsize
    wanted = f"{' x '.join(map(str, shape))} values of {dtype.itemsize} bytes"
    with reading(path):
        if compression(path) == "" and path.stat().st_size != start + expected:
            raise DataError(f"{path}: {path.stat().st_size - start} bytes of data, expected {expected}: {wanted}")
    data = read_bytes(path)
    if len(data) != start + expected:
        raise DataError(f"{path}: {len(data) - start} bytes of data, expected {expected}: {wanted}")
    return np.frombuffer(data, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _part(images: Path) -> Pair:
    return read_idx(images), read_idx(_found(images, "labels", ()))


def _in_folder(folder: Path) -> Path:
    """Return the path that the folder's training images have, or would have."""
    path = folder / STANDARD
    return _sibling(path, "images", ()) or path


def _found(path: Path, content: str, parts: tuple[str, ...]) -> Path:
    """Return the file beside `path` of that content and part; raises DataError where there is none."""
    found = _sibling(path, content, parts)
    if found is None:
        raise DataError(f"{path.parent}: no {next(iter(_names(path.name, content, parts)))} beside {path.name}")
    return found


def _sibling(path: Path, content: str, parts: tuple[str, ...]) -> Path | None:
    """Return the file beside `path` that has "images" or "labels", and one of `parts` if any, in its name; or None."""
    return next(
        (path.parent / name for name in _names(path.name, content, parts) if (path.parent / name).is_file()),
        None,
    )


def _names(name: str, content: str, parts: tuple[str, ...]) -> dict[str, None]:
    """Return the names that a sibling may have, likeliest first: spelled as `name` is, gzipped or not."""
    rank = "idx3" if content == "images" else "idx1"
    named = _NAME.search(name)
    wanted = parts if named and named["part"] and parts else (named["part"] if named else "",)
    of_parts = [_NAME.sub(rf"{part or ''}\g<hyphen>{content}", name) for part in wanted]
    spelled = [re.sub(r"([-.])idx\d", rf"{dot}{rank}", each) for each in of_parts for dot in (r"\1", "-", ".")]
    return dict.fromkeys(
        other for each in spelled for other in (each, each.removesuffix(".gz"), f"{each.removesuffix('.gz')}.gz")
    )
