"""Names of files: without the suffix of a compression, and for two parts."""

from __future__ import annotations

from pathlib import Path

from modnet.files.opening import COMPRESSED


def uncompressed_name(path: Path) -> str:
    """Return a file's name in lower case, without the suffix of a compression.

    >>> uncompressed_name(Path("data/Iris.CSV.gz"))
    'iris.csv'
    """
    name = path.name.lower()
    return name.removesuffix(suffix) if (suffix := Path(name).suffix) in COMPRESSED else name


def part_paths(path: Path) -> tuple[Path, Path]:
    """Return the paths of two files for a training and a test part, where one file cannot hold both.

    >>> [str(part) for part in part_paths(Path("mnist.csv.gz"))]
    ['mnist_train.csv.gz', 'mnist_test.csv.gz']
    >>> [str(part) for part in part_paths(Path("train-2.csv"))]
    ['train-2.csv', 'test-2.csv']
    """
    for train, test in (("train", "test"), ("Train", "Test"), ("TRAIN", "TEST")):
        if train in path.name:
            return path, path.with_name(path.name.replace(train, test))
    stem, dot, suffixes = path.name.partition(".")
    return path.with_name(f"{stem}_train{dot}{suffixes}"), path.with_name(f"{stem}_test{dot}{suffixes}")
