"""Base of data sets whose rows ship with modnet."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import attrs

from modnet import Dataset, DataSource
from modnet_data import validators
from modnet_data.csv.source import Csv


@attrs.frozen(kw_only=True)
class Textbook(DataSource):
    """A data set of textbooks, in a CSV file beside this one; SOURCES.md says where it is from. Abstract."""

    reads_files: ClassVar[bool] = False
    file: ClassVar[str]
    label: ClassVar[str]
    """The column of the label."""

    test_fraction: float = attrs.field(default=0.2, validator=validators.fraction)
    stratified: bool = False
    split_seed: int = 0

    def read(self, path: Path | None) -> Dataset:  # noqa: ARG002 - it has no file of the user's
        """Return the data set."""
        split = attrs.asdict(self)
        source = Csv(label=self.label, delimiter=",", header=True, test="", **split)
        data = source.read(Path(__file__).with_name(self.file))
        own = {"scale", *split}
        return attrs.evolve(data, settings={key: value for key, value in data.settings.items() if key in own})
