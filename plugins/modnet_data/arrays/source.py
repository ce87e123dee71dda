"""Sources of arrays: rows, their labels, and those of a test part."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

import attrs

from modnet import Array, Dataset, DataSource
from modnet_data import validators
from modnet_data.formats import format_of
from modnet_data.rows import data_set, file_path, flat_rows


@attrs.frozen
class ArraySource(DataSource):
    """A source whose files hold arrays: its settings, and what is made of the arrays. Abstract."""

    format: ClassVar[str]
    """Its name in `formats`."""

    scale: float | Literal["auto"] = attrs.field(default="auto", validator=validators.scale)
    test_fraction: float = attrs.field(default=0.2, validator=validators.fraction)
    stratified: bool = False
    split_seed: int = 0
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
            (rows, labels),
            (test[0], test[1]) if test else None,
            scale=self.scale,
            test_fraction=self.test_fraction,
            split_seed=self.split_seed,
            stratified=self.stratified,
            classes=self.classes,
        )

    def read_rows(self, path: Path, features: int) -> tuple[Array, Array | None]:
        """Return the rows of the test part, or else all, and their labels if there are any."""
        rows, *labels = self.arrays_to_predict(path)
        return flat_rows(path, rows, labels[0] if labels else None, features)

    @abstractmethod
    def arrays(self, path: Path) -> Sequence[Array]:
        """Return the rows and labels of the training part, and then those of the test part if there is one."""

    @abstractmethod
    def arrays_to_predict(self, path: Path) -> Sequence[Array]:
        """Return the rows to predict, and their labels if there are any."""
