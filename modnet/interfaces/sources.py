"""Data sources."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import attrs

from modnet.data.columns import Column
from modnet.data.dataset import Dataset
from modnet.errors import DataError
from modnet.files import uncompressed_name
from modnet.interfaces.part import Part, name_of
from modnet.text import list_some, printable
from modnet.types import Array


@attrs.frozen(eq=False)
class RowsToPredict:
    """Rows to predict: raw `x` (N, columns), their labels (N,), targets (N, targets) or None, and notes for the user.

    `columns` say which of them hold codes of text, and by which words; NaN is a missing value. Without them, numbers
    stand for themselves in a column that was text in training.
    """

    x: Array
    labels: Array | None = None
    notes: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()


class DataSource(Part, ABC):
    """A kind of file, or a data set by name, that can be read as a `Dataset`. Its fields are its settings."""

    reads_files: ClassVar[bool] = True
    """True where `read` wants a path; a data set by name has none."""

    suffixes: ClassVar[tuple[str, ...]] = ()
    """The endings of its files' names, in lower case: (".npy",). That of a compression may follow."""

    @classmethod
    def recognises(cls, path: Path, head: bytes) -> bool:  # noqa: ARG003 - the default goes by the name
        """Return whether the file at `path`, whose first bytes are `head`, is of this kind. Never raises.

        `head` is decompressed, and empty for a folder and for a file that is yet to be written. The default goes by
        `suffixes`.
        """
        return uncompressed_name(path).endswith(cls.suffixes)

    @classmethod
    def accepts(cls, given: object) -> bool:  # noqa: ARG003 - the default is for sources of files alone
        """Return whether `read_object` reads a Python object, such as a data frame. Never raises."""
        return False

    @abstractmethod
    def read(self, path: Path | None) -> Dataset:
        """Return the data set; raises DataError that finds the place of a mistake."""

    def read_object(self, given: object) -> Dataset:
        """Return the data set of a Python object, which stays as it is; raises DataError. Optional."""
        raise DataError(f"the source {name_of(self)} reads no object of type {type(given).__name__}")

    def read_rows(self, path: Path, features: int) -> tuple[Array, Array | None]:
        """Return rows to predict, unscaled (N, features), and their labels (N,) or None. Optional."""
        problem = "reads whole data sets only, not rows to predict"
        raise DataError(f"{path}: the source {name_of(self)} {problem}", path=path)

    def read_named_rows(self, path: Path, features: int, names: Sequence[str]) -> RowsToPredict:
        """Return rows to predict with their features in the order of `names`, which are none where a run keeps none.

        Raises DataError where the file has names and some are missing. Optional: the default goes by position, and
        says so unless the names are themselves positions, as those of pixels.
        """
        order = printable(list_some(names, 12), 200)
        are_numbered = len({name.rstrip("0123456789") for name in names}) < 2
        note = f"columns are taken by position, as {order}: the source {name_of(self)} knows no names"
        notes = () if are_numbered else (note,)
        return RowsToPredict(*self.read_rows(path, features), notes)

    def read_columns(self, path: Path, cells: int) -> Sequence[tuple[str, str, Sequence[Any]]]:
        """Return of each column its name, or "", its type where it cannot be read, and its first cells. Optional.

        These are numbers, text, truth values, or None where one is missing: about so many `cells` of all columns.
        """
        return ()

    def write(self, data: Any, path: Path) -> list[Path]:
        """Write a `modnet.Dataset`, unscaled and each file whole or not at all, and return the files' paths. Optional.

        One file holds all, if the format can hold a training and a test part; otherwise the test part goes into a
        second one, named by `modnet.files.part_paths`.
        """
        raise DataError(f"{path}: the source {name_of(self)} reads files only; it does not write any", path=path)

    def fetch(self) -> Path:
        """Download a data set by name, unless that was done before, and return the folder that it is in. Optional."""
        raise DataError(f"the source {name_of(self)} has nothing to download")
