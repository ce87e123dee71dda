"""Cells of a CSV file: numbers, missing values and labels."""

from __future__ import annotations

import math
import re

from modnet import find_unclear_labels
from modnet_data.rows import EXACT
from modnet_data.table.columns import quote

LONGEST_LABEL = 1000
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.ASCII | re.IGNORECASE)
WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
ODD = re.compile(r"\+.*|-?0\d.*", re.ASCII | re.DOTALL)
"""Numbers that may be text, as another spelling is the same number: 01, +1."""


def is_number(cell: str) -> bool:
    """Say whether a cell holds a number, NaN and infinity among them.

    >>> is_number(" -1.5e3 "), is_number("nan"), is_number("1_000"), is_number("")
    (True, True, False, False)
    """
    cell = cell.strip()
    return bool(NUMBER.fullmatch(cell) or NOT_FINITE.fullmatch(cell))


def kind_of(cell: str) -> str:
    """Return "number", "text" or "empty"."""
    return ("number" if is_number(cell) else "text") if cell.strip() else "empty"


def number_of(cell: str) -> float | None:
    """Return the number in a cell, or None where `number_problem` has something to say.

    >>> number_of(" 1.5 "), number_of("inf"), number_of("1 000"), number_of(f"{2**53 + 1}")
    (1.5, None, None, None)
    """
    cell = cell.strip()
    if not NUMBER.fullmatch(cell):
        return None
    value = float(cell)
    if abs(value) >= EXACT and (math.isinf(value) or (WHOLE.fullmatch(cell) and _loses(cell, value))):
        return None
    return value


def number_problem(cell: str) -> str:
    """Say why a cell is no number that can be taken."""
    text = cell.strip()
    if NOT_FINITE.fullmatch(text) or (NUMBER.fullmatch(text) and math.isinf(float(text))):
        return f"expected a finite number, found {quote(cell)}"
    if WHOLE.fullmatch(text):
        return f"{quote(cell)} has more digits than a float64 can hold: is it an identifier?"
    if "\n" in cell:
        return f"expected a number, found {len(cell)} characters in quotes; is a quote left open?"
    return f"expected a number, found {quote(cell) if text else 'an empty cell'}"


def label_problem(cell: str) -> str | None:
    """Say what keeps text from being a label, or None where nothing does."""
    text = cell.strip()
    if len(cell) >= LONGEST_LABEL:
        return f"expected a label, found {len(cell)} characters in quotes; is a quote left open?"
    unclear = find_unclear_labels([text])
    return unclear and unclear[0]


def _loses(cell: str, value: float) -> bool:
    return len(cell) > 400 or int(cell) != int(value)
