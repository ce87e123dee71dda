"""Parts of a data set as they are written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from modnet import Array, DataError, Dataset, Samples
from modnet.files import part_paths, quote, tell_progress, uncompressed_name

INTEGERS = (np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.int64, np.uint64)


def parts_of(data: Dataset) -> list[Samples]:
    """Return the training part, and the test part if it has samples; raises DataError where arrays cannot hold all."""
    _check_can_be_written(data)
    problem = "there is a validation part" if "validation" in data.parts else ""
    if text := [i for i, column in enumerate(data.columns) if column.words is not None]:
        name = quote(data.columns[text[0]].name) if data.columns[text[0]].name else text[0] + 1
        problem = f"the column {name} is of text"
    if problem:
        raise DataError(f"{problem}, which this kind of file does not hold: write a CSV or a Parquet file")
    return [data.train, data.test] if len(data.test) else [data.train]


def tables_of(data: Dataset, path: Path) -> dict[Path, Samples]:
    """Return the parts that have samples, by the files for them; raises DataError where they cannot be written.

    >>> data = modnet.load("mnist-small").with_validation(0.1)
    >>> [path.name for path in tables_of(data, Path("digits.csv"))]
    ['digits_train.csv', 'digits_test.csv', 'digits_validation.csv']
    """
    _check_can_be_written(data)
    others = {name: part for name, part in data.parts.items() if len(part) and name != "train"}
    first = part_paths(path)[0] if others else path
    return {first: data.train, **{part_paths(path, name)[1]: part for name, part in others.items()}}


def _check_can_be_written(data: Dataset) -> None:
    if not data.classes:
        raise DataError(
            "the labels are numbers to be predicted, which cannot be written: write a data set with classes"
        )
    if data.train.weights is not None:
        raise DataError("the rows have weights, which cannot be written: take 'weights' and 'class_weight' out")


def table_dtype(data: Dataset) -> np.dtype[Any]:
    """Return the native dtype that holds the features of all parts, of 8 bytes at most."""
    dtype = np.result_type(*(part.table.dtype for part in data.parts.values()))
    return np.dtype(np.float64) if dtype.itemsize > 8 else dtype.newbyteorder("=")


def table_blocks(part: Samples, dtype: np.dtype[Any], target: Path) -> Iterator[Array]:
    """Yield the unscaled features of a part, some rows at a time, and report the progress."""
    for block in part.blocks():
        yield part.unscaled(block).astype(dtype, order="C", copy=False)
        tell_progress(target, block.stop, len(part))


def class_labels(data: Dataset) -> Array:
    """Return the label of each class: of the smallest dtype of whole numbers, float64, truth values, or text.

    >>> class_labels(modnet.load("mnist-small")).dtype
    dtype('uint8')
    """
    kinds = {type(name) for name in data.classes}
    if kinds in ({bool}, {float}):
        return np.array(data.classes)
    if kinds == {int}:
        least, most = min(data.classes), max(data.classes)
        for dtype in INTEGERS:
            if np.iinfo(dtype).min <= least and most <= np.iinfo(dtype).max:
                return np.array(data.classes, dtype)
    return np.array([str(name) for name in data.classes])


def not_compressed(path: Path, hint: str) -> None:
    """Raise DataError where a file's name says that it is compressed, and its format is not to be."""
    if uncompressed_name(path) != path.name.lower():
        raise DataError(f"{path}: a file of this kind is not compressed as a whole; {hint}", path=path)


def column_names(data: Dataset) -> tuple[list[str], str]:
    """Return the names of the features, and a name for the label that is none of them.

    >>> column_names(modnet.Dataset.from_arrays(([[1, 2]], [0]), test_fraction=0))
    (['x0', 'x1'], 'label')
    """
    names = list(data.feature_names)
    count = data.train.table.shape[1]
    if len({*names, ""}) != count + 1:
        names = [f"x{i}" for i in range(count)]
    label = data.settings.get("label")
    label = label if isinstance(label, str) and label not in {"", "first", "last"} else "label"
    while label in names:
        label += "_"
    return names, label
