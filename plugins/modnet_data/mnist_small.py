"""The digits that ship with modnet."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import attrs

from modnet import Dataset, DataSource
from modnet_data.csv.source import Csv


@attrs.frozen
class MnistSmall(DataSource):
    """The first 5,000 training and the first 1,000 test digits of MNIST: 28 x 28 pixels, divided by 255.

    By Yann LeCun, Corinna Cortes and Christopher J.C. Burges, shared under CC BY-SA 3.0; see MNIST-LICENSE.md.

    >>> data = MnistSmall().read(None)
    >>> data.train.x.shape, data.test.x.shape, data.train.t[:10]
    ((5000, 784), (1000, 784), array([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]))
    """

    reads_files: ClassVar[bool] = False

    def read(self, path: Path | None) -> Dataset:  # noqa: ARG002 - it has no file of the user's
        """Return the data set."""
        folder = Path(__file__).parent
        test, shape = "mnist_small_test.csv.gz", (1, 28, 28)
        source = Csv(label="label", delimiter=",", header=True, test=test, scale=255.0, shape=shape)
        data = source.read(folder / "mnist_small_train.csv.gz")
        return attrs.evolve(data, settings={"scale": data.scale})
