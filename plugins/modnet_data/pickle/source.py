"""Pickled arrays, read without running the pickle."""

from __future__ import annotations

import io
from collections.abc import Callable
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from modnet import Array, DataError, Dataset, cached
from modnet.files import CHUNK, LIMIT, compression, opened, reading
from modnet_data.arrays.raw import RATIO, UNPACKED
from modnet_data.arrays.source import ArraySource
from modnet_data.formats import SUFFIXES
from modnet_data.names import EXPECTED, part_names, row_names
from modnet_data.pickle.arrays import PickledArray, array_of, describe, labels_of
from modnet_data.pickle.machine import load, refusals
from modnet_data.pickle.opcodes import Content
from modnet_data.pickle.write import write_pickle

VERSION = 1
"""Of the conversion to arrays: another one makes all files be converted anew."""

Blocks = list[list[Array]]
"""Rows, their labels, and those of the test part if there is one; each as arrays that are to be joined."""


@attrs.frozen
class Pickle(ArraySource):
    """Arrays in a pickle of any protocol, by Python 2 or 3 and NumPy 1 or 2, compressed or not.

    It may be a dict (the book's `train_img`, `train_label`, `test_img`, `test_label`; `x_train`, `y_train`, `x_test`,
    `y_test`; `x`, `t`), a pair of rows and labels, two such pairs (training, test) or three (training, validation,
    test, as in Nielsen's book: the validation rows are joined to the training rows). Labels may also be a list of text
    or whole numbers. Anything else is refused, and nothing in a pickle is ever run. Without a test part, a
    `test_fraction` of the rows, drawn by `split_seed`, is the test part; `stratified`, of each class alike. `classes`
    fixes the labels that there are, and their order. A pickle of 4 MiB or more is mapped into memory, and arrays of
    bytes stay there; one that is compressed is unpacked once before.

    >>> import pickle, tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".pkl") as file:
    ...     _ = file.write(pickle.dumps({"x": np.eye(5), "t": np.arange(5)}))
    ...     file.flush()
    ...     data = Pickle(test_fraction=0.4).read(Path(file.name))
    >>> data.train.x.shape, data.test.x.shape
    ((3, 5), (2, 5))
    """

    format = "pickle"
    suffixes = SUFFIXES["pickle"]

    def arrays(self, path: Path) -> list[Array]:
        """Return the arrays of the training part and of the test part."""
        return _arrays(path, parts)

    def arrays_to_predict(self, path: Path) -> list[Array]:
        """Return the arrays of the test part, or else of all rows."""
        return _arrays(path, rows_to_predict)

    def write(self, data: Dataset, path: Path) -> list[Path]:
        """Write the book's dict, or one of `x` and `t` if there is no test part; compressed if the suffix says so."""
        write_pickle(data, path)
        return [path]


def _arrays(path: Path, choose: Callable[[Content, Path], Blocks]) -> list[Array]:
    """Return the arrays in a pickle that `choose` chooses, read only."""
    with reading(path):
        packed = compression(path)
    if not packed:
        return [_join(blocks) for blocks in choose(_content(path), path)]

    def convert(put: cached.Put) -> cached.Facts:
        for i, blocks in enumerate(choose(_unpack(path), path)):
            for block in blocks:
                put(str(i), block)
        return {}

    kept, _ = cached.arrays_of(path, f"pickle {VERSION} {choose.__name__}", convert)
    return [kept[str(i)] for i in range(len(kept))]


def _join(blocks: list[Array]) -> Array:
    if len(blocks) == 1:
        return blocks[0]
    array: Array = np.concatenate(blocks)
    array.flags.writeable = False  # nobody else has it, so that it need not be copied once more
    return array


def _content(path: Path) -> Content:
    """Return what an uncompressed file holds, mapped into memory if it is large."""
    with reading(path), path.open("rb") as file:
        if path.stat().st_size < cached.SMALL:
            return file.read()
        return mmap(file.fileno(), 0, access=ACCESS_READ)


def _unpack(path: Path) -> bytes:
    """Return what a compressed file holds, in memory; raises DataError where so few bytes become so many."""
    unpacked = io.BytesIO()
    with reading(path), opened(path) as file:
        most = min(LIMIT, max(UNPACKED, RATIO * path.stat().st_size))
        while chunk := file.read(CHUNK):
            unpacked.write(chunk)
            if unpacked.tell() > most:
                what = f"unpacks to more than {most // 2**20} MiB"
                raise DataError(f"{path}: {what}; if that is meant, decompress it first", path=path)
    return unpacked.getvalue()


def parts(content: Content, path: Path) -> Blocks:
    """Return the rows and labels of the training part, and then those of the test part if a pickle has one."""
    with refusals(path):
        found = load(content)
        if type(found) is dict:
            return _pick_named(found, part_names(_names(found), path))
        return [blocks for pair in _pairs(found, path) for blocks in pair]


def rows_to_predict(content: Content, path: Path) -> Blocks:
    """Return the rows that a pickle has to be predicted, and their labels if there are any."""
    with refusals(path):
        found = load(content)
        if type(found) is dict:
            return _pick_named(found, row_names(_names(found), path))
        if type(found) is PickledArray:
            return [[array_of(found)]]
        return _pairs(found, path)[-1]


def _names(content: dict[Any, Any]) -> list[str]:
    return [name for name in content if type(name) is str]


def _pick_named(content: dict[Any, Any], names: tuple[str, ...]) -> Blocks:
    """Return the arrays of these names, of which each first one is rows and each second one labels."""
    return [[(labels_of if i % 2 else array_of)(content[name])] for i, name in enumerate(names)]


def _pairs(content: Any, path: Path) -> list[Blocks]:
    """Return rows and labels of the training part, and of the test part if there is one."""
    if _is_pair(content):
        return [[[array_of(content[0])], [labels_of(content[1])]]]
    if type(content) in {tuple, list} and len(content) in {2, 3} and all(map(_is_pair, content)):
        *train, test = ([array_of(rows), labels_of(labels)] for rows, labels in content)
        if len({(rows.shape[1:], labels.shape[1:], labels.dtype.kind) for rows, labels in train}) > 1:
            raise DataError(f"{path}: training rows and validation rows are not of one shape", path=path)
        return [[[part[i] for part in train] for i in range(2)], [[test[0]], [test[1]]]]
    raise DataError(
        f"{path}: no rows and labels in a pickle of {describe(content)}; expected a pair (rows, labels), "
        f"two pairs (training, test), three (training, validation, test), or a dict with names: {EXPECTED}",
        path=path,
    )


def _is_pair(value: object) -> bool:
    return isinstance(value, (tuple, list)) and len(value) == 2 and type(value[0]) is PickledArray
