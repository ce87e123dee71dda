"""The label's column of a CSV file without a header."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import attrs
import numpy as np

from modnet import Array, DataError
from modnet_data.csv.careful import Block
from modnet_data.csv.cells import number_of
from modnet_data.csv.fast import FLOAT64
from modnet_data.csv.layout import Layout
from modnet_data.csv.rows import convert
from modnet_data.table.plan import Plan, ask_label


class WrongGuessError(Exception):
    """A guess that does not hold for all rows; it never leaves this package."""


@final
class LabelGuess:
    """A guess which column is the label, by the first rows, checked against all rows as they are read.

    It spares reading a file twice. Where it does not hold, or a row has a mistake or a missing value, WrongGuessError
    is raised, and `counting_column` has to find the label.
    """

    def __init__(self) -> None:
        self._guessed = self._is_last = False
        self._labels: list[Array] = []
        self._others: list[Array] = []

    def infer(self, layout: Layout, among: Sequence[int]) -> int:
        """Return the first or the last of some columns, whichever is more likely to count classes."""
        if layout.names:
            return ask_label(layout, among)
        self._guessed = True
        self._is_last = _likelihood(layout, among[-1]) > _likelihood(layout, among[0])
        return among[-1] if self._is_last else among[0]

    def watch(self, rows: Block, clean: bool) -> None:
        """Take the values of both columns from a block of rows."""
        if not self._guessed:
            return
        x, labels = rows
        if not clean or labels is None:
            raise WrongGuessError
        self._labels.append(np.unique(labels))
        self._others.append(np.unique(x[:, 0] if self._is_last else x[:, -1]))

    def check(self) -> None:
        """Raise WrongGuessError unless the column that was guessed counts classes, and the other one does not."""
        if self._guessed and not (_counts_classes(self._labels) and not _counts_classes(self._others)):
            raise WrongGuessError


def counting_column(layout: Layout, among: Sequence[int]) -> int:
    """Return the first or the last of some columns, whichever alone counts classes from 0 or 1 without a gap.

    Raises DataError where that is neither or both, and where a cell of them is no number.
    """
    if layout.names:
        return ask_label(layout, among)
    first, last = among[0], among[-1]
    values: list[Array] = []
    plan = Plan(layout, (first, last), (), "drop", FLOAT64)
    try:
        convert(plan, lambda _, block: values.append(np.unique(block, axis=0)))
    except DataError:  # no row is whole, or a mistake: of all columns, the first of them is shown
        convert(attrs.evolve(plan, features=tuple(among), missing="refuse"), lambda *_: None)
        raise
    found = [among[side] for side in (0, -1) if _counts_classes([block[:, side] for block in values])]
    if len(found) != 1:
        convert(attrs.evolve(plan, features=tuple(among)), lambda *_: None)  # a mistake in a cell goes first
        which = "both the first and the last could be" if found else "neither the first nor the last seems to be"
        last = layout.count - 1
        raise layout.error(f"which column is the label? {which}; say so: label = a number from 0 to {last}")
    return found[0]


def _likelihood(layout: Layout, column: int) -> int:
    """Return how likely a column counts classes, by the first rows: 0 not at all, 3 as they do so without a gap."""
    found = {number_of(row[column]) for row in layout.sample}
    numbers = sorted(value for value in found if value is not None and value >= 0 and value.is_integer())
    if not numbers or len(numbers) < len(found):
        return 0
    without_gap = numbers[0] in {0, 1} and numbers[-1] - numbers[0] + 1 == len(numbers)
    return min(len(numbers), 2) + (without_gap and len(numbers) > 1)


def _counts_classes(blocks: Sequence[Array]) -> bool:
    """Say whether the values of some blocks are whole numbers from 0 or 1 on without a gap."""
    values = np.unique(np.concatenate(blocks)) if blocks else np.empty(0)
    return len(values) > 1 and values[0] in {0, 1} and np.array_equal(values, np.arange(len(values)) + values[0])
