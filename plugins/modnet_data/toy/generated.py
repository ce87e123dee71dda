"""Base of data sets whose samples are drawn at random."""

from __future__ import annotations

import math
from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import attrs
import numpy as np
from attrs.validators import ge, le

from modnet import Array, Dataset, DataSource, PreparationSettings, Stream
from modnet_data.rows import preparation_of

FEWEST, MOST = 10, 10**7  # samples


def check_noise(_: object, attribute: attrs.Attribute[Any], value: float) -> None:
    """Take a standard deviation."""
    if not 0 <= value < math.inf:
        raise ValueError(f"'{attribute.name}' must be a number >= 0: {value}")


@attrs.frozen(kw_only=True)
class Generated(PreparationSettings, DataSource):
    """A data set of points in the plane, drawn anew for each seed. Abstract."""

    reads_files: ClassVar[bool] = False
    classes: ClassVar[int] = 2
    """The number of its classes, which have as many points each, to within one."""

    samples: int = attrs.field(default=1000, validator=[ge(FEWEST), le(MOST)])
    noise: float = attrs.field(default=0.1, validator=check_noise)
    """The standard deviation of normal numbers, added to both coordinates."""
    seed: int = 0

    def read(self, path: Path | None) -> Dataset:  # noqa: ARG002 - it has no file
        """Return the data set, the same one for the same settings."""
        t = np.arange(self.samples) % self.classes
        stream = Stream(self.seed, (type(self).__name__.lower(),))
        x = self.place(t, stream.child("points").generator())
        x = x + self.noise * stream.child("noise").generator().standard_normal(x.shape)
        return Dataset.from_arrays((x, t), feature_names=["x1", "x2"], **preparation_of(self))

    @abstractmethod
    def place(self, t: Array, random: np.random.Generator) -> Array:
        """Return a point (N, 2) for each class index `t` (N,), without noise."""
