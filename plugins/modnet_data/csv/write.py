"""Data sets as CSV files that read back the same."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path

import numpy as np

from modnet import Array, DataError, Dataset
from modnet.files import created, replacing, write_csv
from modnet_data.csv.cells import is_number, is_number_with_commas, label_problem
from modnet_data.csv.text import WHITESPACE
from modnet_data.rows import EXACT
from modnet_data.table.words import MISSING, find_doubtful
from modnet_data.writing import column_names, table_blocks, table_dtype, tables_of


def write_csv_files(data: Dataset, path: Path, delimiter: str | None, decimal: str | None, encoding: str) -> list[Path]:
    """Write a file for each part, all of them or none, each with a header; return their paths.

    Numbers are written so that they read back the same: whole ones without a point, others with the digits that tell
    float64 numbers apart (`repr`). Raises DataError where a class or a number cannot stand in a CSV file.
    """
    if delimiter is None:
        delimiter = "\t" if ".tsv" in path.suffixes else ";" if decimal == "," else ","
    doubtful = find_doubtful([name for name in data.classes if isinstance(name, str)])
    classes, dtype = [_label(path, name, doubtful) for name in data.classes], table_dtype(data)
    if decimal == ",":
        classes = [
            text.replace(".", ",") if isinstance(name, float) else text
            for name, text in zip(data.classes, classes, strict=True)
        ]
    names, label = column_names(data)
    words = {i: _check_words(path, column.words) for i, column in enumerate(data.columns) if column.words is not None}
    _check_encoding(path, [*names, label, *classes, *chain.from_iterable(words.values())], encoding)
    tables = tables_of(data, path)
    character = " " if delimiter == WHITESPACE else delimiter
    with ExitStack() as stack:
        for target, part in tables.items():
            binary = stack.enter_context(created(stack.enter_context(replacing(target)), target))
            text = stack.enter_context(io.TextIOWrapper(binary, encoding, newline=""))
            write_csv(text, [[*names, label]], character)
            labels = iter(part.t.tolist())
            for block in table_blocks(part, dtype, target):
                cells = _with_words(_numbers(target, block, decimal), block, words)
                rows = ([*row, classes[next(labels)]] for row in cells)
                write_csv(text, rows, character)
    return [*tables]


def _numbers(path: Path, x: Array, decimal: str | None) -> list[list[object]]:
    """Return numbers as Python's, whose `repr` reads back the same, or as text where a comma is before decimals."""
    if x.dtype.kind in "iu" and (beyond := x[(x > EXACT) | (x < -EXACT)]).size:
        raise DataError(
            f"{path}: the whole number {beyond[0]} cannot be written: float64 tells them apart up to 2**53", path=path
        )
    rows: list[list[object]] = (x.astype(np.uint8) if x.dtype.kind == "b" else x).tolist()
    if decimal == ",":
        return [[str(value).replace(".", ",") for value in row] for row in rows]
    return rows


def _with_words(rows: list[list[object]], x: Array, words: Mapping[int, Sequence[str]]) -> list[list[object]]:
    """Return rows with words in place of their numbers, and nothing where a value is missing."""
    for i, names in words.items():
        for row, number in zip(rows, x[:, i].tolist(), strict=True):
            row[i] = "" if number != number else names[int(number)]
    for j, i in np.argwhere(np.isnan(x)) if x.dtype.kind == "f" else ():
        rows[j][i] = ""
    return rows


def _check_words(path: Path, words: Sequence[str]) -> Sequence[str]:
    for word in words:
        if word in MISSING or word != word.strip() or label_problem(word):
            raise DataError(f"{path}: the word {word!r} cannot be written: it would be read as another, or as missing")
    return words


def _label(path: Path, name: object, doubtful: list[str]) -> str:
    text = str(name)
    if not isinstance(name, str):
        odd = isinstance(name, int) and abs(name) >= EXACT
    else:  # in a file of whole numbers, "1,5" would show that decimals stand behind a comma
        odd = (
            text in doubtful
            or bool(label_problem(text))
            or text != text.strip()
            or is_number(text)
            or is_number_with_commas(text)
        )
    if odd:
        raise DataError(
            f"{path}: the class {name!r} cannot be written: a label in a CSV file has no control characters and no "
            "space around it; text is neither a number nor a missing value, and a number is below 2**53"
        )
    return text


def _check_encoding(path: Path, texts: list[str], encoding: str) -> None:
    for text in texts:
        try:
            text.encode(encoding)
        except UnicodeEncodeError:
            raise DataError(f"{path}: {text!r} cannot be written as {encoding.upper()} text", path=path) from None
