"""Sources of arrays: rows, their labels, and those of a test part."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import attrs
import numpy as np

from modnet import Array, DataError, Dataset, DataSource, PreparationSettings
from modnet_data import validators
from modnet_data.formats import format_of
from modnet_data.rows import data_set, file_path, flat_rows, preparation_of

LAST_LETTER = 0x10FFFF
SURROGATES = 0xD800, 0xE000
"""Halves of letters, which are none by themselves."""


@attrs.frozen
class ArraySource(PreparationSettings, DataSource):
    """A source whose files hold arrays: its settings, and what is made of the arrays. Abstract."""

    format: ClassVar[str]
    """Its name in `formats`."""

    classes: tuple[str | int, ...] | None = attrs.field(default=None, validator=validators.classes)
    """The labels that there are, in this order; None takes those that are found, sorted."""

    @classmethod
    def recognises(cls, path: Path, head: bytes) -> bool:
        """Say whether the content, or else the name, is of this format."""
        return format_of(path, head) == cls.format

    def read(self, path: Path | None) -> Dataset:
        """Return the data set."""
        path = file_path(path, self.format)
        rows, labels, *test = self.arrays(path)
        return data_set(
            path,
            (rows, text_labels(labels, path)),
            (test[0], text_labels(test[1], path)) if test else None,
            classes=self.classes,
            **preparation_of(self),
        )

    def read_rows(self, path: Path, features: int) -> tuple[Array, Array | None]:
        """Return the rows of the test part, or else all, and their labels if there are any."""
        rows, *labels = self.arrays_to_predict(path)
        return flat_rows(path, rows, text_labels(labels[0], path) if labels else None, features, self)

    @abstractmethod
    def arrays(self, path: Path) -> Sequence[Array]:
        """Return the rows and labels of the training part, and then those of the test part if there is one."""

    @abstractmethod
    def arrays_to_predict(self, path: Path) -> Sequence[Array]:
        """Return the rows to predict, and their labels if there are any."""


def text_labels(labels: Array, path: Path) -> Array:
    """Return labels of text, bytes decoded as UTF-8; other labels as they are.

    Raises DataError with the number of the first label that is no text.
    """
    if labels.dtype.kind == "S":
        try:
            return np.char.decode(labels, "utf-8")
        except UnicodeDecodeError:
            wrong: Array = np.vectorize(_is_no_utf8, otypes=[bool])(labels)
    else:
        wrong = find_no_letters(labels) if labels.dtype.kind == "U" else np.zeros(1, bool)
        if not wrong.any():
            return labels
    raise DataError(f"{path}: label {np.argwhere(wrong)[0][0] + 1} is no text in UTF-8; save labels as text", path=path)


def find_no_letters(texts: Array) -> Array:
    """Return which code points of an array of text are no letters: Python cannot make text of them, or write it."""
    codes = np.ascontiguousarray(texts).view(np.dtype("u4").newbyteorder(texts.dtype.byteorder))
    wrong: Array = (codes > LAST_LETTER) | ((codes >= SURROGATES[0]) & (codes < SURROGATES[1]))
    return wrong


def _is_no_utf8(label: bytes) -> bool:
    try:
        label.decode()
    except UnicodeDecodeError:
        return True
    return False
