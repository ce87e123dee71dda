"""IDX files, the format that MNIST was published in."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import attrs
import numpy as np

from modnet import Array, DataError, Dataset, Samples
from modnet.files import created, replacing
from modnet_data.arrays.raw import Raw, check_shape, raw_array
from modnet_data.arrays.source import ArraySource
from modnet_data.formats import IDX_TYPES
from modnet_data.rows import EXACT
from modnet_data.writing import class_labels, parts_of, table_blocks, table_dtype

VERSION = 1
"""Of the conversion to arrays: another one makes all files be converted anew."""

_NAME = re.compile(r"(?P<part>train|t10k|test)?(?P<hyphen>[-_.]?)(?P<content>images|labels)")
STANDARD = "train-images-idx3-ubyte.gz"


@attrs.frozen
class Idx(ArraySource):
    """IDX files as MNIST, Fashion-MNIST and EMNIST come in them, gzipped or not.

    The path is the folder with the files, or any one of them: the others are found beside it by name. Images are paired
    with labels, "train" with "t10k" or "test". Without test files a `test_fraction` of the rows, drawn by `split_seed`,
    is the test part; `stratified`, of each class alike. `classes` fixes the labels that there are, and their order.
    Files of 4 MiB or more are mapped into memory.
    """

    format = "idx"
    suffixes = ("-idx3-ubyte", "-idx1-ubyte")

    def arrays(self, path: Path) -> list[Array]:
        """Return the images and labels of the training part and of the test part."""
        images = _in_folder(path) if path.is_dir() else path
        if not images.exists():
            raise DataError(f"{images}: no such file", path=images)
        if not _NAME.search(images.name):
            what = "files that belong together are told by 'images' and 'labels' in their names"
            raise DataError(f"{images}: {what}", path=images)
        train = _require_sibling(images, "images", ("train",))
        test = _sibling(images, "images", ("t10k", "test"))
        parts = [train] if test is None or test == train else [train, test]
        return [array for part in parts for array in (read_idx(part), read_idx(_require_sibling(part, "labels", ())))]

    def arrays_to_predict(self, path: Path) -> list[Array]:
        """Return the images of a file, and their labels if the labels file is beside it."""
        images = _in_folder(path) if path.is_dir() else path
        if path.is_dir():
            images = _sibling(images, "images", ("t10k", "test")) or images
        labels = _sibling(images, "labels", ())
        files = [images] if labels is None or labels == images else [images, labels]
        return [read_idx(file) for file in files]

    def write(self, data: Dataset, path: Path) -> list[Path]:
        """Write a file of images and one of labels for each part, all of them or none.

        Whole numbers from 0 to 255 are square images if their number is a square, other features are rows. Raises
        DataError where labels are text, which an IDX file cannot hold, or where the name says neither what is in the
        file nor which part it is.
        """
        labels, parts = class_labels(data), parts_of(data)
        if labels.dtype.kind not in "iuf":
            raise DataError(
                f"{path}: the class {data.classes[0]!r} cannot be written: IDX files hold numbers only", path=path
            )
        targets = _targets(path, parts=len(parts))
        with ExitStack() as stack:
            for part, (images_path, labels_path) in zip(parts, targets, strict=True):
                _write(stack, images_path, _shape(data, len(part)), _idx_type(table_dtype(data)), _features(part, path))
                _write(stack, labels_path, (len(part),), _idx_type(labels.dtype), [labels[part.t]])
        return [target for pair in targets for target in pair]


def read_idx(path: Path) -> Array:
    """Return the array in one IDX file, read only, mapped into memory if it is large.

    Raises DataError if it is none, or not of the size that it declares.
    """
    return raw_array(path, f"idx {VERSION}", lambda file: _header(file, path))


def _header(file: IO[bytes], path: Path) -> Raw:
    head = file.read(4)
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in IDX_TYPES or not 1 <= head[3] <= 4:
        raise DataError(
            f"{path}: not an IDX file: it begins with {head.hex(' ') or 'nothing'}, expected 00 00 08 03 or the like"
        )
    start = 4 + 4 * head[3]
    sizes = file.read(start - 4)
    if len(sizes) < start - 4:
        raise DataError(f"{path}: cut off in its first {start} bytes", path=path)
    shape = tuple(int.from_bytes(sizes[i : i + 4], "big") for i in range(0, len(sizes), 4))
    raw = Raw(shape, np.dtype(IDX_TYPES[head[2]]), start)
    check_shape(raw, f"{path}:")
    return raw


def _targets(path: Path, parts: int) -> list[tuple[Path, Path]]:
    """Return the paths of images and labels of each part, by the path of any one of them or of a folder."""
    path = path / STANDARD if path.is_dir() else path
    named = _NAME.search(path.name)
    if named is None or not (named["part"] or parts == 1):
        expected = f"{STANDARD} or a folder"
        raise DataError(
            f"{path}: the name of an IDX file says which part and what is in it; expected {expected}", path=path
        )
    test = "test" if named["part"] == "test" else "t10k"
    names = (["train", test] if named["part"] else [""])[:parts]
    return [
        (
            path.with_name(_rename(path.name, "images", part)),
            path.with_name(_rename(path.name, "labels", part)),
        )
        for part in names
    ]


def _rename(name: str, content: str, part: str) -> str:
    """Return the name of the file of another content and part, spelled as `name` is."""
    rank = "idx3" if content == "images" else "idx1"
    return re.sub(r"(?<=[-.])idx\d", rank, _NAME.sub(rf"{part}\g<hyphen>{content}", name, count=1))


def _shape(data: Dataset, count: int) -> tuple[int, ...]:
    columns = data.train.table.shape[1]
    side = math.isqrt(columns)
    square = side * side == columns and table_dtype(data) == np.uint8
    return (count, side, side) if square else (count, columns)


def _idx_type(dtype: np.dtype[Any]) -> int:
    """Return the code of the smallest IDX type that holds a dtype; whole numbers of 8 bytes become float64."""
    return next(code for code, name in IDX_TYPES.items() if np.can_cast(dtype, name, "safe"))


def _features(part: Samples, path: Path) -> Iterator[Array]:
    """Yield the features of a part, some rows at a time; raises DataError where float64 does not hold them."""
    for block in table_blocks(part, part.table.dtype.newbyteorder("="), path):
        whole = block.dtype.kind in "iu" and block.dtype.itemsize == 8
        if whole and ((block > EXACT) | (block < -EXACT)).any():
            raise DataError(
                f"{path}: whole numbers that need more than 53 bits cannot be written to an IDX file", path=path
            )
        yield block


def _write(stack: ExitStack, path: Path, shape: tuple[int, ...], code: int, some: Iterable[Array]) -> None:
    """Write an IDX file, which takes its place when the stack is left."""
    if max(shape) >= 2**32:
        raise DataError(f"{path}: an IDX file holds less than 2**32 rows", path=path)
    with created(stack.enter_context(replacing(path)), path) as file:
        file.write(struct.pack(f">4B{len(shape)}I", 0, 0, code, len(shape), *shape))
        for block in some:
            file.write(block.astype(IDX_TYPES[code], copy=False).tobytes())


def _in_folder(folder: Path) -> Path:
    """Return the path that the folder's training images have, or would have."""
    path = folder / STANDARD
    return _sibling(path, "images", ()) or path


def _require_sibling(path: Path, content: str, parts: tuple[str, ...]) -> Path:
    """Return the file beside `path` of that content and part; raises DataError where there is none."""
    found = _sibling(path, content, parts)
    if found is None:
        raise DataError(
            f"{path.parent}: no {next(iter(_names(path.name, content, parts)))} beside {path.name}", path=path.parent
        )
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
