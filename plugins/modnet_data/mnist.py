"""MNIST, downloaded once."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

import attrs

from modnet import DataError, Dataset, DataSource
from modnet.files import cache_folder
from modnet_data import download, validators
from modnet_data.arrays.idx import Idx

MIRRORS = ("https://storage.googleapis.com/cvdf-datasets/mnist", "https://ossci-datasets.s3.amazonaws.com/mnist")

# Each file by the SHA-256 and the size of what is packed in it: mirrors pack anew.
FILES = {
    "train-images-idx3-ubyte.gz": ("ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", 47_040_016),
    "train-labels-idx1-ubyte.gz": ("65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", 60_008),
    "t10k-images-idx3-ubyte.gz": ("0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", 7_840_016),
    "t10k-labels-idx1-ubyte.gz": ("ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", 10_008),
}


def _web_address(_: object, attribute: attrs.Attribute[Any], value: str | None) -> None:
    if value is not None and not download.is_web_address(value):
        raise ValueError(f"'{attribute.name}' must be the address of a folder, http:// or https://: {value!r}")


@attrs.frozen
class Mnist(DataSource):
    """MNIST: 60,000 training and 10,000 test digits of 28 x 28 pixels, once `modnet data fetch mnist` has got them.

    The four files, 12 MB, come from public mirrors, or from the folder at `url`, and stay in the cache folder. Their
    content is checked. By Yann LeCun, Corinna Cortes and Christopher J.C. Burges, shared under CC BY-SA 3.0.
    """

    reads_files: ClassVar[bool] = False

    scale: float | Literal["auto"] = attrs.field(default="auto", validator=validators.scale)
    url: str | None = attrs.field(default=None, validator=_web_address)

    def read(self, path: Path | None) -> Dataset:  # noqa: ARG002 - it has no file of the user's
        """Return the data set; raises DataError where it has not been downloaded."""
        folder = _folder()
        if not all((folder / name).is_file() for name in FILES):
            raise DataError(f"mnist: not downloaded yet; run: modnet data fetch mnist\n{_without_network(folder)}")
        data = Idx(scale=self.scale).read(folder)
        return attrs.evolve(data, settings={"scale": data.scale})

    def fetch(self) -> Path:
        """Download the files that are not there, or not right, and return their folder."""
        folder = _folder()
        mirrors = (self.url.rstrip("/"),) if self.url else MIRRORS
        for name, (sha256, size) in FILES.items():
            urls = [f"{mirror}/{name}" for mirror in mirrors]
            download.fetch(urls, folder / name, sha256, size, advice=_without_network(folder))
        return folder


def _folder() -> Path:
    return cache_folder() / "downloads" / "mnist"


def _without_network(folder: Path) -> str:
    return (
        f"without a network: put {', '.join(FILES)} into {folder} by hand, from any copy; "
        "or name another mirror, --set url=http://...; or take mnist-small, which needs no download"
    )
