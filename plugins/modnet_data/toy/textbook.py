"""Base of data sets whose rows ship with modnet."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import attrs

from modnet import Dataset, DataSource, PreparationSettings
from modnet_data.csv.source import Csv
from modnet_data.rows import preparation_of


@attrs.frozen(kw_only=True)
class Textbook(PreparationSettings, DataSource):
    """A data set of textbooks, in a CSV file beside this one; SOURCES.md says where it is from. Abstract."""

    reads_files: ClassVar[bool] = False
    file: ClassVar[str]
    label: ClassVar[str]
    """The column of the label."""

    def read(self, path: Path | None) -> Dataset:  # noqa: ARG002 - it has no file of the user's
        """Return the data set."""
        given = preparation_of(self)
        source = Csv(label=self.label, delimiter=",", header=True, test="", **given)
        data = source.read(Path(__file__).with_name(self.file))
        return attrs.evolve(data, settings={key: value for key, value in data.settings.items() if key in given})
