"""Pickles of arrays, written block by block for NumPy 1 and 2."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from modnet import Array, DataError, Dataset, Samples
from modnet.files import created, replacing
from modnet_data.pickle.arrays import MOST_TEXT
from modnet_data.pickle.machine import MOST_OPCODES
from modnet_data.pickle.opcodes import SHORT
from modnet_data.writing import class_labels, parts_of, table_blocks, table_dtype

BEGIN, END = b"\x80\x04}(", b"u."  # protocol 4, a dict
BOOK = (("train_img", "train_label"), ("test_img", "test_label"))
# By its name in NumPy 1, which NumPy 2 knows too; not the other way round.
EMPTY_ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85C\x01btR"


def write_pickle(data: Dataset, path: Path) -> None:
    """Write the book's dict, or one of `x` and `t` if there is no test part; raises DataError if none would read it."""
    labels, dtype, parts = class_labels(data), table_dtype(data), parts_of(data)
    if labels.dtype.kind == "U":
        _check_text(sum(map(len, parts)), labels.dtype.itemsize // 4, path)
    with replacing(path) as new, created(new, path) as file:
        file.write(BEGIN)
        for part, (x, t) in zip(parts, BOOK if len(parts) > 1 else (("x", "t"),), strict=True):
            file.write(_text(x))
            _write_array(file, (len(part), part.table.shape[1]), dtype, table_blocks(part, dtype, path))
            file.write(_text(t))
            if labels.dtype.kind == "U":
                _write_list(file, labels, part)
            else:
                _write_array(file, (len(part),), labels.dtype, iter([labels[part.t]]))
        file.write(END)


def _check_text(count: int, longest: int, path: Path) -> None:
    if count > MOST_OPCODES // 2 or count * longest > MOST_TEXT or longest > SHORT // 4:
        what = f"{count} labels of text, of up to {longest} letters, are more than a pickle is read with"
        raise DataError(f"{path}: {what}; take another format, such as .npz", path=path)


def _write_array(file: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[Any], blocks: Iterator[Array]) -> None:
    size = int(np.prod(shape)) * dtype.itemsize
    file.write(EMPTY_ARRAY + b"(K\x01(" + b"".join(map(_number, shape)) + b"t" + _dtype(dtype) + b"\x89")
    file.write(b"\x8e" + size.to_bytes(8, "little"))
    for block in blocks:
        file.write(block.tobytes())
    file.write(b"tb")


def _write_list(file: IO[bytes], labels: Array, part: Samples) -> None:
    """Write labels of text, each one once; after that it is remembered by the number of its class."""
    written: set[int] = set()
    file.write(b"](")
    for i in part.t.tolist():
        index = i.to_bytes(4, "little")
        file.write(b"j" + index if i in written else _text(str(labels[i])) + b"r" + index)
        written.add(i)
    file.write(b"e")


def _dtype(dtype: np.dtype[Any]) -> bytes:
    made = b"cnumpy\ndtype\n" + _text(dtype.str[1:]) + b"\x89\x88\x87R"
    return made + b"(K\x03" + _text(dtype.str[0]) + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"


def _number(number: int) -> bytes:
    return b"\x8a\x08" + number.to_bytes(8, "little")


def _text(text: str) -> bytes:
    encoded = text.encode()
    return b"X" + len(encoded).to_bytes(4, "little") + encoded
