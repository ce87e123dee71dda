"""Writer of the digits that ship with modnet.

The first rows of MNIST as gzipped CSV, the same bytes every time:

python tools/make_mnist_small.py FOLDER_WITH_IDX_FILES [--out FOLDER]
"""

from __future__ import annotations

import argparse
import zlib
from pathlib import Path

import numpy as np
from modnet_data.arrays.idx import read_idx

OUT = Path(__file__).parents[1] / "plugins" / "modnet_data"
PARTS = {"train": ("train", 5000), "test": ("t10k", 1000)}


def csv_of(images: np.ndarray, labels: np.ndarray) -> bytes:
    """Return images and labels as CSV: the header label,pixel0,pixel1,..., then a digit a row."""
    rows = np.column_stack([labels, images.reshape(len(images), -1)])
    header = ",".join(["label", *(f"pixel{i}" for i in range(rows.shape[1] - 1))])
    return "".join(f"{line}\n" for line in [header, *(",".join(map(str, row)) for row in rows.tolist())]).encode()


def gzip_bytes(text: bytes) -> bytes:
    """Return text gzipped, with neither a name nor a time in it; `gzip` writes another header from Python 3.13 on."""
    return zlib.compress(text, level=9, wbits=31)


def main() -> None:
    """Write both parts."""
    parser = argparse.ArgumentParser(description="Write the digits that ship with modnet")
    parser.add_argument("folder", type=Path, help="the folder with MNIST's four IDX files")
    parser.add_argument("--out", type=Path, default=OUT, help="where to write (default: into the package)")
    arguments = parser.parse_args()
    for part, (prefix, count) in PARTS.items():
        images = read_idx(arguments.folder / f"{prefix}-images-idx3-ubyte.gz")[:count]
        labels = read_idx(arguments.folder / f"{prefix}-labels-idx1-ubyte.gz")[:count]
        target = arguments.out / f"mnist_small_{part}.csv.gz"
        target.write_bytes(gzip_bytes(csv_of(images, labels)))
        print(f"{target}: {count} digits")


if __name__ == "__main__":
    main()
