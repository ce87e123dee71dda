"""Data sets as CSV files that read back the same."""

from __future__ import annotations

import csv
import io
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from modnet import Array, DataError, Dataset
from modnet.files import created, part_paths, replacing
from modnet_data.csv_cells import label_problem
from modnet_data.writing import column_names, parts_of, table_blocks, table_dtype


def write_csv(data: Dataset, path: Path, delimiter: str | None, encoding: str) -> list[Path]:
    """Write a file for each part, all of them or none, each with a header; return their paths.

    Numbers are written so that they read back the same: whole ones without a point, others with the digits that tell
    float64 numbers apart (`repr`). Raises DataError where a class cannot stand in a CSV file.
    """
    if delimiter is None:
        delimiter = "\t" if ".tsv" in path.suffixes else ","
    classes, dtype = [_label(path, name) for name in data.classes], table_dtype(data)
    names, label = column_names(data)
    paths = [*part_paths(path)] if len(data.test) else [path]
    with ExitStack() as stack:
        for part, target in zip(parts_of(data), paths, strict=True):
            binary = stack.enter_context(created(stack.enter_context(replacing(target)), target))
            text = stack.enter_context(io.TextIOWrapper(binary, encoding, newline=""))
            writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
            writer.writerow([*names, label])
            labels = iter(part.t.tolist())
            for block in table_blocks(part, dtype, target):
                writer.writerows([*row, classes[next(labels)]] for row in _numbers(block))
    return paths


def _numbers(x: Array) -> list[list[object]]:
    """Return numbers as Python's, whose `repr` reads back the same."""
    rows: list[list[object]] = (x.astype(np.uint8) if x.dtype.kind == "b" else x).tolist()
    return rows


def _label(path: Path, name: object) -> str:
    text = str(name)
    if isinstance(name, str) and (label_problem(text) or text != text.strip()):
        raise DataError(
            f"{path}: the class {name!r} cannot be written: a label in a CSV file has no line breaks and "
            "no space around it"
        )
    return text
