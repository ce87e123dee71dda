"""Functions of an exported file of Python."""

from __future__ import annotations

import csv
import os
import sys
from typing import Any

import numpy as np

# An exported file has its own in place of these, and the forward pass of its network.
CLASSES: Any = ()  # the labels of the classes, in the order of the outputs
COLUMNS: Any = ()  # of prepared rows: (name, words, is one-hot, fill, has indicator, mean, deviation) each
DTYPE, SHAPE, SCALE, BLOCK = (
    "float64",
    (1,),
    1.0,
    4096,
)  # of the network: its numbers, a sample, a divisor; rows at once
NAMES: Any = ()  # the names of the columns
UNSEEN = "zeros"  # what becomes of words that training has not seen, or "refuse"
TARGETS: Any = None  # of a regression: the mean and the deviation of each target
USUAL = ("", "?", "-", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None")
MISSING: Any = (USUAL,)  # in a file: the words of each column, or of all, that stand for a missing value


def forward(x: Any) -> Any:
    """Return the outputs of the network."""
    return x


def divide(rows: Any) -> Any:
    """Return samples for raw rows, (N, columns) or images: numbers that are divided by SCALE."""
    x = np.asarray(rows, np.float64)
    if not np.isfinite(x).all():
        raise ValueError("a number is missing or infinite")
    if x.ndim < 2 or not len(x) or x[0].size != np.prod(SHAPE):
        raise ValueError(f"the rows have the shape {x.shape}: expected {len(NAMES) or np.prod(SHAPE)} columns")
    return (x / SCALE).astype(DTYPE).reshape(-1, *SHAPE)


def prepare(rows: Any) -> Any:
    """Return samples for raw rows: imputed, encoded and standardized as in training. None and NaN are missing."""
    is_text = any(words is not None for _, words, *_ in COLUMNS)
    rows = np.asarray(rows, object if is_text else np.float64)
    if rows.ndim < 2 or not len(rows) or rows[0].size != len(COLUMNS):
        raise ValueError(f"the rows have the shape {rows.shape}: expected {len(COLUMNS)} columns")
    features = []
    for cells, (name, words, is_one_hot, fill, has_indicator, mean, deviation) in zip(
        rows.reshape(len(rows), -1).T, COLUMNS, strict=True
    ):
        lacking = np.array([cell is None or cell != cell for cell in cells])  # NaN
        if lacking.any() and fill is None:
            raise ValueError(f"column {name!r}: a value is missing")
        if words is None:
            values = np.array([fill if lacks else float(cell) for cell, lacks in zip(cells, lacking, strict=True)])
            if not np.isfinite(values).all():
                raise ValueError(f"column {name!r}: a number is infinite")
        else:
            places = {word: place for place, word in enumerate(words)}
            found = [fill if lacks else to_word(cell) for cell, lacks in zip(cells, lacking, strict=True)]
            values = np.array([places.get(word, -1) for word in found])
            if (unseen := (values < 0) & ~lacking).any() and (UNSEEN == "refuse" or not is_one_hot):
                raise ValueError(f"column {name!r}: training has not seen the word {found[int(np.argmax(unseen))]!r}")
        if is_one_hot:
            features += [values == place for place in range(len(words))]
        else:
            half = 0.5 if deviation > 2.0**1000 else 1.0  # the difference of huge numbers may be none
            with np.errstate(all="ignore"):
                values = (values * half - mean * half) / (deviation * half or np.inf)
            features.append(np.nan_to_num(values))
        if has_indicator:
            features.append(lacking)
    return np.stack(features, axis=1).astype(np.float64).astype(DTYPE).reshape(-1, *SHAPE)


def to_word(cell: Any) -> str:
    """Return the word of a cell: of a whole number without a point."""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def find_columns(rows: Any) -> Any:
    """Return the columns of a data frame by their names, as training had them; other rows as they are."""
    if np.ma.is_masked(rows):
        return np.ma.filled(rows.astype(object), np.nan)
    known = list(getattr(rows, "column_names", getattr(rows, "columns", ())))
    if not known or not NAMES or not all(isinstance(name, str) for name in known):
        return rows
    for name in NAMES:
        if known.count(name) != 1:
            raise ValueError(f"the rows have {'two columns' if name in known else 'no column'} {name!r}")
    columns = [np.asarray(rows[name]) for name in NAMES]
    if any(column.dtype.kind not in "biuf" for column in columns):  # pandas has NA for what is missing
        columns = [
            np.array([None if type(cell).__name__ == "NAType" else cell for cell in column], object)
            for column in columns
        ]
    return np.stack(columns, axis=1)


def predict_outputs(rows: Any) -> Any:
    """Return the outputs of the network for raw rows, some at a time."""
    x = prepare(find_columns(rows))
    with np.errstate(all="ignore"):  # where a number is huge, exp(-x) is the 0 that is meant
        y = np.concatenate([forward(x[first : first + BLOCK]) for first in range(0, len(x), BLOCK)])
    if CLASSES and y.shape[1] == 1:
        y = np.hstack([1 - y, y])
    return y if TARGETS is None else y * np.array(TARGETS[1]) + np.array(TARGETS[0])


def predict_proba(rows: Any) -> Any:
    """Return the probability of each class, (N, classes), for raw rows."""
    y = predict_outputs(rows)
    if (y < 0).any() or (abs(y.sum(axis=1) - 1) > 1e-4).any():
        raise ValueError("the outputs of this network are no probabilities: take predict_outputs")
    return y


def predict(rows: Any) -> Any:
    """Return the label of each raw row (N,), or of a regression the numbers: (N,), or (N, targets) of several."""
    y = predict_outputs(rows)
    if not CLASSES:
        return y[:, 0] if y.shape[1] == 1 else y
    labels = np.array(CLASSES)
    if labels.tolist() != [*CLASSES]:
        labels = np.array(CLASSES, object)
    return labels[y.argmax(axis=1)]


def read_csv(text: Any) -> Any:
    """Return the rows of a CSV file: by the names of the columns, or all of them where it has no header."""
    lines = [[cell.strip() for cell in line] for line in csv.reader(text) if line]
    names = [name.strip() for name in NAMES]
    if lines and names:
        header = lines[0]
        absent = [name for name in names if name not in header]
        is_header = len(absent) < len(names) or all(to_number(cell) is None for cell in header)
        if absent and (is_header or len(header) != len(names)):
            raise ValueError(f"the file has no column {absent[0]!r}")
        for number, line in enumerate(lines, start=1):
            if len(line) != len(header):
                raise ValueError(f"line {number} has {len(line)} columns, and the first one {len(header)}")
        if not absent:
            places = [header.index(name) for name in names]
            lines = [[line[place] for place in places] for line in lines[1:]]
    return [list(map(to_cell, line, MISSING * len(line) if len(MISSING) == 1 else MISSING)) for line in lines]


def to_cell(cell: Any, missing: Any) -> Any:
    """Return the text of a cell, or None where it is one of the words or numbers for a missing value."""
    return None if cell in missing or to_number(cell) in missing else cell


def to_number(cell: Any) -> Any:
    """Return the number that a text is, or None."""
    try:
        return float(cell)
    except ValueError:
        return None


def main(arguments: Any) -> int:
    """Print the prediction of each row of a CSV file, or of standard input, as CSV."""
    if len(arguments) != 1:
        print("usage: python", sys.argv[0], "FILE.csv   (- is standard input)", file=sys.stderr)
        return 2
    try:
        if arguments[0] == "-":
            found = predict(read_csv(sys.stdin))
        else:
            with open(arguments[0], encoding="utf-8-sig", newline="") as file:
                found = predict(read_csv(file))
    except (OSError, ValueError, IndexError) as error:
        print("error:", error, file=sys.stderr)
        return 1
    out = csv.writer(sys.stdout, lineterminator="\n")
    try:
        out.writerow(["row", "prediction"])
        for row, answer in enumerate(found.tolist(), start=1):
            out.writerow([row, *answer] if isinstance(answer, list) else [row, answer])
        sys.stdout.flush()
    except BrokenPipeError:  # nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
