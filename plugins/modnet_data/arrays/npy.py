"""NumPy's files of one array each: rows in one file, their labels in another."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from modnet import Array, DataError, Dataset
from modnet.files import COMPRESSED, created, opened, reading, replacing, uncompressed_name
from modnet_data.arrays.npy_format import npy_header, write_npy
from modnet_data.arrays.raw import Raw, raw_array
from modnet_data.arrays.source import ArraySource
from modnet_data.names import NAMES, ROWS, TRAIN_TEST, part_names, row_names
from modnet_data.writing import class_labels, parts_of, table_blocks, table_dtype

SUFFIX = ".npy"
MOST_ADVICE = 6
VERSION = 1
"""Of the conversion to arrays: another one makes all files be converted anew."""


@attrs.frozen
class Npy(ArraySource):
    """Arrays in .npy files, rows in one and their labels in another beside it; compressed files are unpacked.

    The path is the folder with the files, or any one of them; what belongs together is found by name: `x_train.npy`,
    `y_train.npy`, `x_test.npy`, `y_test.npy`, or `x.npy`, `t.npy`, or the other names that arrays in an .npz archive
    may have, in any case, each after the same beginning if there is one: `mnist_x_train.npy`. `labels` is the file with
    the labels of the rows in this one, relative to its folder, whatever both are called. Without a test part, a
    `test_fraction` of the rows, drawn by `split_seed`, is the test part; `stratified`, of each class alike. `classes`
    fixes the labels that there are, and their order. Files of 4 MiB or more are mapped into memory.
    """

    format = "npy"
    suffixes = (SUFFIX,)

    labels: str | None = None

    def arrays(self, path: Path) -> list[Array]:
        """Return the arrays of the training part and of the test part."""
        if self.labels is not None:
            return [read_npy(path), read_npy(path.parent / self.labels)]
        files = _beside(path)
        return [read_npy(files[name]) for name in part_names(files, path)]

    def arrays_to_predict(self, path: Path) -> list[Array]:
        """Return the rows of one file, and their labels if these are beside it; of a folder the test part, or all."""
        if path.is_dir():
            files = _beside(path)
            return [read_npy(files[name]) for name in row_names(files, path)]
        labels = _labels_of(path) if self.labels is None else [path.parent / self.labels]
        return [read_npy(file) for file in (path, *labels)]

    def write(self, data: Dataset, path: Path) -> list[Path]:
        """Write x_train.npy, y_train.npy, x_test.npy and y_test.npy, or x.npy and t.npy, all of them or none.

        They are written into `path`, if that is a folder, or else beside it, named as it is: `mnist.npy` becomes
        `mnist_x.npy` and so on.
        """
        labels, dtype, parts = class_labels(data), table_dtype(data), parts_of(data)
        names = ("x_train", "y_train", "x_test", "y_test") if len(parts) > 1 else ("x", "t")
        targets = _targets(path, names)
        with ExitStack() as stack:
            for part, x, t in zip(parts, targets[::2], targets[1::2], strict=True):
                _write(stack, x, (len(part), part.table.shape[1]), dtype, table_blocks(part, dtype, path))
                _write(stack, t, (len(part),), labels.dtype, [labels[part.t]])
        return targets


def read_npy(path: Path) -> Array:
    """Return the array in one .npy file, read only, mapped into memory if it is large.

    Raises DataError if it is none, or not of the size that it declares.
    """
    return raw_array(path, f"npy {VERSION}", lambda file: npy_header(file, f"{path}:"))


def _split(name: str) -> tuple[str, str]:
    """Return how the name of a file begins, and which of the known names of arrays follows, or "".

    >>> _split("mnist_x_train.npy"), _split("T.npy"), _split("digits.npy")
    (('mnist_', 'x_train'), ('', 'T'), ('digits', ''))
    """
    stem = name[: name.lower().rindex(SUFFIX)] if SUFFIX in name.lower() else name
    for known in sorted(NAMES, key=len, reverse=True):
        start = stem[: -len(known)]
        if stem.lower().endswith(known) and (not start or not start[-1].isalnum()):
            return start, stem[len(start) :]
    return stem, ""


def _beside(path: Path) -> Mapping[str, Path]:
    """Return the files of a folder, or those beside a file that begin as it does, by the names of their arrays."""
    folder, start = path, ""
    with reading(path):
        if not path.is_dir():
            path.stat()
            folder, (start, name) = path.parent, _split(path.name)
            if not name:
                raise _ask_for_labels(path)
        found: dict[str, Path] = {}
        for file in sorted(folder.iterdir()):
            if not uncompressed_name(file).endswith(SUFFIX):
                continue
            before, name = _split(file.name)
            if not name or before != start:
                continue
            if name in found:
                raise DataError(f"{path}: both {found[name].name} and {file.name} are there; keep one", path=path)
            found[name] = file
    return found


def _ask_for_labels(path: Path) -> DataError:
    """Return the error that asks for a file's labels: one of the files beside it that have one for each row."""
    rows, settings = _header(path).shape[0], []
    for file in sorted(path.parent.iterdir()):
        if file.is_file() and file.name != path.name and uncompressed_name(file).endswith(SUFFIX):
            with suppress(DataError):
                raw = _header(file)
                if raw.shape[0] == rows == math.prod(raw.shape) and raw.dtype.kind in "buiUS":
                    settings.append({"labels": file.name})
    names = "name the files x_train.npy, y_train.npy, x_test.npy, y_test.npy, or x.npy, t.npy, or the like"
    what = "which file has the labels?" if settings else f"no file beside it has a label for each row; {names}"
    return DataError(f"{path}: {what}", path=path, advice=settings[:MOST_ADVICE])


def _header(path: Path) -> Raw:
    with reading(path), opened(path) as file:
        return npy_header(file, f"{path}:")


def _labels_of(path: Path) -> list[Path]:
    """Return the file with the labels of the rows in a file, if there is one."""
    _, name = _split(path.name)
    if not name or not path.is_file():
        return []
    files = {known.lower(): file for known, file in _beside(path).items()}
    pairs = {(part[i], part[i + 1]) for part in (*TRAIN_TEST, *ROWS) for i in range(0, len(part), 2)}
    found = [files[labels] for rows, labels in sorted(pairs) if rows == name.lower() and labels in files]
    return found if len(found) == 1 else []


def _targets(path: Path, names: Iterable[str]) -> list[Path]:
    if path.is_dir():
        return [path / f"{name}{SUFFIX}" for name in names]
    start, known = _split(path.name)
    packed = path.suffix if path.suffix.lower() in COMPRESSED else ""
    if start and not known:
        start += "_"
    return [path.with_name(f"{start}{name}{SUFFIX}{packed}") for name in names]


def _write(stack: ExitStack, path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], some: Iterable[Array]) -> None:
    """Write an .npy file, which takes its place when the stack is left."""
    with created(stack.enter_context(replacing(path)), path) as file:
        write_npy(file, shape, dtype, some)
