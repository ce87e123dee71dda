"""Display of a data set: samples, and the counts of classes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from modnet import Column, Dataset, figures
from modnet.text import format_metric, list_some
from modnet_display.displays.drawing import draw, note
from modnet_display.html import Html, element, table

ROWS, COLUMNS = 5, 12  # of a table
CLASSES = 20  # that are counted in a row each
NOTES = 5
WHOLE = 1e12  # beyond which whole numbers have an exponent


def describe(data: Dataset) -> Iterator[Html]:
    """Yield what a notebook shows of a data set; only the samples that are shown are read."""
    yield element("b", repr(data)[1:-1])
    has_images = len(data.shape) == 3
    if len(data.train):
        yield draw("samples, and the number of those of each class", lambda: figures.samples.from_dataset(data))
        if not has_images:
            yield _tabulate_rows(data)
    if data.classes:
        yield _count_classes(data)
    for each in data.notes[:NOTES]:
        yield note(each)


def _tabulate_rows(data: Dataset) -> Html:
    """Return the first training rows as the source had them, with their labels or targets."""
    shown = slice(0, ROWS)
    rows = np.asarray(data.train.unscaled(shown))
    columns = data.columns[:COLUMNS] or (Column(),) * min(COLUMNS, rows.shape[1])
    targets = [data.classes[t] for t in data.train.t[shown]] if data.classes else data.to_unit(data.train.t[shown])
    heads = [column.name or f"feature {place + 1}" for place, column in enumerate(columns)]
    has_more = rows.shape[1] > len(columns)
    cells = [
        [
            *(_write_cell(value, column) for value, column in zip(row, columns, strict=False)),
            *["..."] * has_more,
            _write(t),
        ]
        for row, t in zip(rows, targets, strict=True)
    ]
    what = f"the first {len(cells)} training rows" + f", {len(columns)} of {rows.shape[1]:,} columns" * has_more
    label = "label" if data.classes else "target"
    return table([*heads, *["..."] * has_more, label], cells, caption=what, row_heads=False)


def _write_cell(value: Any, column: Column) -> str:
    if value != value:  # not a number: it is missing
        return ""
    if column.words is not None:
        place = int(value)
        return column.words[place] if 0 <= place < len(column.words) else str(value)
    return _write(value)


def _write(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return list_some(map(_write, value), 4)
    if not isinstance(value, (float, np.floating)):
        return str(value)
    number = float(value)
    if number != round(number, 0):
        return format_metric(number)
    return str(int(number)) if abs(number) < WHOLE else f"{number:g}"


def _count_classes(data: Dataset) -> Html:
    """Return the number of samples of each class in each part."""
    counts = {name: np.bincount(part.t, minlength=len(data.classes)) for name, part in data.parts.items() if len(part)}
    classes = range(len(data.classes))
    left = ""
    if len(data.classes) > CLASSES:
        order = np.argsort(-sum(counts.values(), np.zeros(len(data.classes), np.int64)), kind="stable")
        classes, left = order[:CLASSES].tolist(), f"the {CLASSES} largest of {len(data.classes):,} classes"
    if len(classes) <= COLUMNS:  # beside each other
        rows = [[name, *(f"{each[place]:,}" for place in classes)] for name, each in counts.items()]
        return table(["samples", *(data.classes[place] for place in classes)], rows, caption=left)
    rows = [[str(data.classes[place]), *(f"{each[place]:,}" for each in counts.values())] for place in classes]
    return table(["class", *counts], rows, caption=left)
