"""Pickled arrays, read without running the pickle."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from modnet import Array, DataError, Dataset
from modnet.files import CHUNK, LIMIT, compression, opened, reading
from modnet_data import cached
from modnet_data.arrays.raw import RATIO, UNPACKED
from modnet_data.arrays.source import ArraySource
from modnet_data.formats import SUFFIXES
from modnet_data.names import EXPECTED, NAMES, part_names, row_names
from modnet_data.pickle.machine import load, refusals
from modnet_data.pickle.opcodes import Content, MisfitError
from modnet_data.pickle.rows import LISTS, array_of, is_table, labels_of
from modnet_data.pickle.values import DICT_TYPES, describe
from modnet_data.pickle.write import write_pickle

VERSION = 1
"""Of the conversion to arrays: another one makes all files be converted anew."""

PARTS = {"train": 0, "training": 0, "valid": 1, "validation": 1, "val": 1, "dev": 1, "test": 2, "testing": 2}
"""Ranks of the parts in a dict that has a dict or a pair for each."""

Blocks = list[list[Array]]
"""Rows, their labels, and those of the test part if there is one; each as arrays that are to be joined."""


@attrs.frozen
class Pickle(ArraySource):
    """Arrays in a pickle of any protocol, by Python 2 or 3 and NumPy 1 or 2, compressed or not.

    It may be a dict (the book's `train_img`, `train_label`, `test_img`, `test_label`; `x_train`, `y_train`, `x_test`,
    `y_test`; `x`, `t`; `data`, `target` as in scikit-learn's Bunch), a pair of rows and labels, two such pairs
    (training, test) or three (training, validation, test, as in Nielsen's book: the validation rows are joined to the
    training rows), or a dict of `train` and `test`, each a dict or a pair. Rows may also be a list of lists of
    numbers, labels a list of text, bytes or whole numbers. Anything else is refused, and nothing in a pickle is ever
    run. Without a test part, a `test_fraction` of the rows, drawn by `split_seed`, is the test part; `stratified`, of
    each class alike. `classes` fixes the labels that there are, and their order. A pickle of 4 MiB or more is mapped
    into memory, and arrays of bytes stay there; one that is compressed is unpacked once before.

    >>> import pickle, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "points.pkl")
    ...     _ = path.write_bytes(pickle.dumps({"x": np.eye(5), "t": np.arange(5)}))
    ...     data = Pickle(test_fraction=0.4).read(path)
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
        found = _with_names(load(content))
        if type(found) in DICT_TYPES and not _has_parts(found):
            return _pick_named(found, part_names(_names(found), path))
        return [blocks for part in _join_pairs(_pairs(found, path), path) for blocks in part]


def rows_to_predict(content: Content, path: Path) -> Blocks:
    """Return the rows that a pickle has to be predicted, and their labels if there are any."""
    with refusals(path):
        found = _with_names(load(content))
        if type(found) in DICT_TYPES and not _has_parts(found):
            return _pick_named(found, row_names(_names(found), path))
        if is_table(found):
            return [[array_of(found)]]
        return _join_pairs(_pairs(found, path), path)[-1]


def _with_names(found: Any) -> Any:
    """Return what a pickle holds, whose names are text: bytes are those of Python 2, in ASCII."""
    if type(found) not in DICT_TYPES or not any(type(name) is bytes and name.isascii() for name in found):
        return found
    names = [name.decode() if type(name) is bytes and name.isascii() else name for name in found]
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        raise MisfitError(f"{describe(twice[0])} is there as text and as bytes; keep one")
    return dict(zip(names, found.values(), strict=True))


def _names(content: dict[Any, Any]) -> list[str]:
    return [name for name in content if type(name) is str]


def _pick_named(content: dict[Any, Any], names: tuple[str, ...]) -> Blocks:
    """Return the arrays of these names, of which each first one is rows and each second one labels."""
    return [[(labels_of if i % 2 else array_of)(content[name])] for i, name in enumerate(names)]


def _by_part(content: dict[Any, Any]) -> dict[int, Any]:
    """Return the values of a dict that are named as parts, by their rank: training, validation, test."""
    return {PARTS[name.lower()]: content[name] for name in _names(content) if name.lower() in PARTS}


def _has_parts(content: dict[Any, Any]) -> bool:
    """Say whether a dict has a dict or a pair for each part, and no rows or labels beside them."""
    found, names = _by_part(content), [name.lower() for name in _names(content)]
    whole = found.keys() in ({0}, {0, 2}, {0, 1, 2}) and len(found) == sum(name in PARTS for name in names)
    pairs = all(type(part) in DICT_TYPES or _is_pair(part) for part in found.values())
    return whole and pairs and NAMES.isdisjoint(names)


def _pairs(content: Any, path: Path) -> list[Any]:
    """Return rows and labels of each part: training, validation, test, of which the last two may be missing."""
    if type(content) in DICT_TYPES:
        found = _by_part(content)
        return [_pair_of(found[rank], path) for rank in sorted(found)]
    if _is_pair(content):
        return [content]
    if type(content) in LISTS and len(content) in {2, 3} and all(map(_is_pair, content)):
        return list(content)
    raise DataError(
        f"{path}: no rows and labels in a pickle of {describe(content)}; expected a pair (rows, labels), "
        f"two pairs (training, test), three (training, validation, test), or a dict with names: {EXPECTED}",
        path=path,
    )


def _pair_of(part: Any, path: Path) -> Any:
    if type(part) not in DICT_TYPES:
        return part
    names = part_names(_names(part), path)
    if len(names) > 2:
        raise DataError(f"{path}: a part that has parts itself: {', '.join(names)}; expected names: x, t", path=path)
    return tuple(part[name] for name in names)


def _join_pairs(pairs: list[Any], path: Path) -> list[Blocks]:
    """Return rows and labels of the training part, with those of the validation part, and of the test part."""
    *train, test = ([array_of(rows), labels_of(labels)] for rows, labels in pairs)
    if not train:
        return [[[each] for each in test]]
    if len({(rows.shape[1:], labels.shape[1:], labels.dtype.kind) for rows, labels in train}) > 1:
        raise DataError(f"{path}: training rows and validation rows are not of one shape", path=path)
    return [[[part[i] for part in train] for i in range(2)], [[each] for each in test]]


def _is_pair(value: Any) -> bool:
    return type(value) in LISTS and len(value) == 2 and is_table(value[0])
