"""The label's column of pictures in a CSV file without a header."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import final

import numpy as np

from modnet import Array, ModnetError
from modnet_data.csv.careful import Block
from modnet_data.csv.fast import FLOAT64
from modnet_data.csv.layout import Layout
from modnet_data.csv.rows import convert
from modnet_data.table.plan import Plan

FEWEST = 16  # pixels
WHITE = 255
BRIGHT = 127


class WrongGuessError(ModnetError):
    """A guess that does not hold for all rows; it never leaves this package."""


@final
class LabelGuess:
    """A guess which column is the label of pictures, by the first rows, checked against all rows as they are read.

    It spares reading a file twice. Where it does not hold, or a row has a mistake or a missing value, WrongGuessError
    is raised, and `picture_label` has to find the label.
    """

    def __init__(self) -> None:
        self._guessed = self._is_last = False
        self._seen = _Seen()

    def infer(self, layout: Layout, among: Sequence[int]) -> int | None:
        """Return the first or the last of some columns, whichever is likelier to count classes beside pixels."""
        rows = _first_numbers(layout, among)
        if rows is None:
            return None
        self._guessed = True
        self._is_last = _likelihood(rows[:, -1]) > _likelihood(rows[:, 0])
        return among[-1] if self._is_last else among[0]

    def watch(self, rows: Block, clean: bool) -> None:
        """Take the values of a block of rows."""
        if not self._guessed:
            return
        x, labels = rows
        if not clean or labels is None:
            raise WrongGuessError
        ends = (x[:, 0], labels) if self._is_last else (labels, x[:, -1])
        self._seen.add(x[:, 1:] if self._is_last else x[:, :-1], *ends)

    def check(self) -> None:
        """Raise WrongGuessError unless the column that was guessed counts classes, and all the others are pixels."""
        if self._guessed and self._seen.side() != (-1 if self._is_last else 0):
            raise WrongGuessError


def picture_label(layout: Layout, among: Sequence[int]) -> int | None:
    """Return the first or the last of some columns, whichever alone counts classes beside pixels, by all rows, or None.

    Raises DataError where a cell is no number.
    """
    if _first_numbers(layout, among) is None:
        return None
    seen = _Seen()
    plan = Plan(layout, tuple(among), (), "drop", FLOAT64)
    convert(plan, lambda _, x: seen.add(x[:, 1:-1], x[:, 0], x[:, -1]))
    side = seen.side()
    return None if side is None else among[side]


@final
class _Seen:
    """The values of the first and the last column so far, and whether the others are pixels."""

    def __init__(self) -> None:
        self._first: list[Array] = []
        self._last: list[Array] = []
        self._are_pixels, self._brightest = True, 0.0

    def add(self, between: Array, first: Array, last: Array) -> None:
        """Take the values of some rows."""
        self._first.append(np.unique(first))
        self._last.append(np.unique(last))
        if between.dtype != np.uint8:
            self._are_pixels &= _are_whole(between)
        if self._brightest <= BRIGHT:
            self._brightest = max(self._brightest, float(between.max(initial=0)))

    def side(self) -> int | None:
        """Return 0 where the first column alone counts classes, -1 where the last does, None where neither does."""
        first, last = (np.unique(np.concatenate(blocks or [np.empty(0)])) for blocks in (self._first, self._last))
        are_pixels = self._are_pixels and _are_whole(first) and _are_whole(last)
        if not are_pixels or _counts_classes(first) == _counts_classes(last):
            return None
        label, pixel = (first, last) if _counts_classes(first) else (last, first)
        return (0 if label is first else -1) if max(self._brightest, pixel.max()) > BRIGHT else None


def _first_numbers(layout: Layout, among: Sequence[int]) -> Array | None:
    """Return the first rows where they may be pictures, None where they are not."""
    if layout.names or not layout.sample or not _may_be_picture(len(among) - 1):
        return None
    try:
        rows = np.array([[row[i] for i in among] for row in layout.sample]).astype(np.float64)
    except ValueError:
        return None
    return rows if _are_whole(rows) else None


def _may_be_picture(pixels: int) -> bool:
    """Say whether so many pixels are a square picture, of one channel or of three."""
    return pixels >= FEWEST and any(pixels == channels * math.isqrt(pixels // channels) ** 2 for channels in (1, 3))


def _are_whole(values: Array) -> bool:
    """Say whether values are whole numbers from 0 to 255."""
    return bool(((values >= 0) & (values <= WHITE) & (values == np.trunc(values))).all())


def _likelihood(column: Array) -> int:
    """Return how likely a column counts classes: 2 as its first rows do so, 1 as all are of one class, 0 hardly."""
    values = np.unique(column)
    return 2 if _counts_classes(values) else int(len(values) == 1 and values[0] in {0, 1})


def _counts_classes(values: Array) -> bool:
    """Say whether sorted values are whole numbers from 0 or 1 on without a gap."""
    return len(values) > 1 and values[0] in {0, 1} and np.array_equal(values, np.arange(len(values)) + values[0])
