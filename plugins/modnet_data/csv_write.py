"""Data sets as CSV files that read back the same."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from modnet import Array, DataError, Dataset, Samples
from modnet.files import created, part_paths, replacing, tell_progress
from modnet_data.csv_cells import label_problem


def write_csv(data: Dataset, path: Path, delimiter: str | None, encoding: str) -> list[Path]:
    """Write the training part, and the test part if there is one, each with a header; return the files' paths.

    Numbers are written so that they read back the same: whole ones without a point, others with the digits that tell
    them apart (`repr`). Raises DataError where a class cannot stand in a CSV file.
    """
    if delimiter is None:
        delimiter = "\t" if ".tsv" in path.suffixes else ","
    classes = [_label(path, name) for name in data.classes]
    names = data.feature_names or tuple(f"x{i}" for i in range(data.features))
    label = data.settings.get("label")
    header = [*names, label if isinstance(label, str) and label not in names else _unused("label", names)]
    paths = part_paths(path) if len(data.test) else (path,)
    for part, target in zip((data.train, data.test), paths, strict=False):
        with (
            replacing(target) as new,
            created(new, target) as binary,
            io.TextIOWrapper(binary, encoding, newline="") as text,
        ):
            writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
            writer.writerow(header)
            for block in part.blocks():
                writer.writerows(_rows(part, block, classes))
                tell_progress(target, min(block.stop, len(part)), len(part))
    return list(paths)


def _rows(part: Samples, block: slice, classes: Sequence[str]) -> list[list[object]]:
    x = part.unscaled(block)
    rows = _numbers(x)
    for row, index in zip(rows, part.t[block].tolist(), strict=True):
        row.append(classes[index])
    return rows


def _numbers(x: Array) -> list[list[object]]:
    """Return numbers as Python's, whose `repr` reads back the same in the dtype that they have."""
    if x.dtype.kind == "f" and x.itemsize < 8:
        return [[str(value) for value in row] for row in x]
    if x.dtype.kind == "b":
        x = x.astype(np.uint8)
    rows: list[list[object]] = x.tolist()
    return rows


def _label(path: Path, name: object) -> str:
    text = str(name)
    if isinstance(name, str) and (label_problem(text) or text != text.strip()):
        raise DataError(
            f"{path}: the class {name!r} cannot be written: a label in a CSV file has no line breaks and "
            "no space around it"
        )
    return text


def _unused(name: str, names: Sequence[str]) -> str:
    while name in names:
        name += "_"
    return name
