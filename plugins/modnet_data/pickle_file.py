"""Pickled arrays, read without running the pickle."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import attrs
import numpy as np

from modnet import Array, DataError, Dataset, DataSource
from modnet.files import read_bytes
from modnet_data import validators
from modnet_data.formats import format_of
from modnet_data.named_arrays import EXPECTED, Pair, named_parts, named_rows
from modnet_data.rows import data_set, file_path, flat_rows
from modnet_data.safe_pickle import array_of, described, is_array, load


@attrs.frozen
class Pickle(DataSource):
    """Arrays in a pickle of any protocol, by Python 2 or 3 and NumPy 1 or 2, gzipped or not.

    It may be a dict (the book's `train_img`, `train_label`, `test_img`, `test_label`; `x_train`, `y_train`,
    `x_test`, `y_test`; `x`, `t`), a pair of rows and labels, two such pairs (training, test) or three (training,
    validation, test, as in Nielsen's book: the validation rows are joined to the training rows). Anything else
    is refused, and nothing in a pickle is ever run. Without a test part, a `test_fraction` of the rows, drawn by
    `split_seed`, is the test part.

    >>> import pickle, tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".pkl") as file:
    ...     _ = file.write(pickle.dumps({"x": np.eye(5), "t": np.arange(5)}))
    ...     file.flush()
    ...     data = Pickle(test_fraction=0.4).read(Path(file.name))
    >>> data.train.x.shape, data.test.x.shape
    ((3, 5), (2, 5))
    """

    scale: float | Literal["auto"] = attrs.field(default="auto", validator=validators.scale)
    test_fraction: float = attrs.field(default=0.2, validator=validators.fraction)
    split_seed: int = 0

    @classmethod
    def recognises(cls, path: Path, head: bytes) -> bool:
        """Say whether the content, or else the name, is a pickle's."""
        return format_of(path, head) == "pickle"

    def read(self, path: Path | None) -> Dataset:
        """Return the data set."""
        path = file_path(path, "pickle")
        return data_set(
            path, *_parts(load(read_bytes(path), path), path), self.scale, self.test_fraction, self.split_seed
        )

    def read_rows(self, path: Path, features: int) -> tuple[Array, Array | None]:
        """Return the rows of the test part, or else all, and their labels if there are any."""
        content = load(read_bytes(path), path)
        if isinstance(content, dict):
            rows, labels = named_rows(_names(content), lambda name: array_of(content[name], path), path)
        elif is_array(content):
            rows, labels = array_of(content, path), None
        else:
            train, test = _parts(content, path)
            rows, labels = test or train
        return flat_rows(path, rows, labels, features)


def _parts(content: Any, path: Path) -> tuple[Pair, Pair | None]:
    """Return the training part and the test part, or None."""
    if isinstance(content, dict):
        return named_parts(_names(content), lambda name: array_of(content[name], path), path)
    if _is_sequence(content, 2) and all(is_array(item) for item in content):
        return _pair(content, path), None
    if isinstance(content, (tuple, list)) and len(content) in {2, 3} and all(_is_sequence(item, 2) for item in content):
        first, *validation, last = (_pair(item, path) for item in content)
        return _joined(first, validation, path), last
    raise DataError(
        f"{path}: no rows and labels in a pickle of {described(content)}; expected a pair (rows, labels), "
        f"two pairs (training, test), three (training, validation, test), or a dict with names: {EXPECTED}"
    )


def _is_sequence(value: object, length: int) -> bool:
    return isinstance(value, (tuple, list)) and len(value) == length


def _pair(pair: Any, path: Path) -> Pair:
    return array_of(pair[0], path), array_of(pair[1], path)


def _joined(first: Pair, others: list[Pair], path: Path) -> Pair:
    try:
        for other in others:
            first = np.concatenate([first[0], other[0]]), np.concatenate([first[1], other[1]])
    except ValueError:
        raise DataError(f"{path}: training rows and validation rows are not of one shape") from None
    return first


def _names(content: dict[Any, Any]) -> list[str]:
    return [name for name in content if isinstance(name, str)]
