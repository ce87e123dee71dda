"""Cells of a CSV file: numbers in several notations, and labels."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from typing import Any

import attrs

from modnet import find_unclear_labels
from modnet.files import quote
from modnet_data.rows import EXACT
from modnet_data.table.words import LONGEST_LABEL

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
    if cell.isdecimal() and cell.isascii():  # as most cells are, in a sixth of the time
        return True
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


SEPARATORS = {",": ",", ".": r"\.", " ": "[ \u00a0\u2009\u202f]", "'": "['\u2019]"}
"""The marks between thousands, each as a pattern: a space may be a narrow one that does not break."""

NOTATIONS = (
    {"decimal": ","},
    {"thousands": ","},
    {"thousands": " "},
    {"thousands": "'"},
    {"decimal": ",", "thousands": "."},
    {"decimal": ",", "thousands": " "},
    {"decimal": ",", "thousands": "'"},
)
"""Other notations than the usual one, as settings."""


@attrs.frozen
class Notation:
    """The marks in numbers."""

    decimal: str = "."
    thousands: str | None = None

    def to_plain(self, cell: str) -> str:
        """Return a number with a point before decimals and nothing between thousands; text that is none stays none.

        >>> Notation(",", ".").to_plain("1.234,5"), Notation(thousands=",").to_plain("1,23")
        ('1234.5', '1,23')
        """
        if self.thousands and self._grouped.fullmatch(cell.strip()):
            cell = self._separator.sub("", cell.strip())
        # A point is no decimal mark where a comma is one.
        return cell.replace(".", "\0").replace(",", ".", 1) if self.decimal == "," else cell

    def is_number(self, cell: str) -> bool:
        """Say whether a cell holds a number in this notation."""
        return is_number(self.to_plain(cell))

    @cached_property
    def _separator(self) -> re.Pattern[str]:
        return re.compile(SEPARATORS[self.thousands or ","])

    @cached_property
    def _grouped(self) -> re.Pattern[str]:
        between, decimal = self._separator.pattern, re.escape(self.decimal)
        return re.compile(rf"[+-]?\d{{1,3}}({between}\d{{3}})+({decimal}\d*)?(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


Way = tuple[Notation, dict[str, Any]]
"""A notation, and the settings that choose it."""

OTHERS: list[Way] = [(Notation(**way), way) for way in NOTATIONS]
WITH_COMMAS = [notation for notation, way in OTHERS if way.get("thousands") in {None, ",", "."}]


def is_number_with_commas(cell: str) -> bool:
    """Say whether a cell holds a number in a notation with commas: 1,5 and 1,234.5 and 1.234,5.

    >>> is_number_with_commas("1,234"), is_number_with_commas("1.5"), is_number_with_commas("1, 2")
    (True, False, False)
    """
    return "," in cell and any(notation.is_number(cell) for notation in WITH_COMMAS)


def describe_notations(ways: Sequence[dict[str, Any]]) -> str:
    """Return the question which of some notations is meant, or nothing where there is one between thousands."""
    if {"decimal": ","} not in ways:
        return ""
    return "; is the comma a decimal mark" + ", or between thousands" * ({"thousands": ","} in ways) + "?"


def find_notations(cells: Collection[str], among: Iterable[Way] = OTHERS) -> list[Way]:
    """Return those of some notations in which all of some cells are numbers."""
    return [(notation, way) for notation, way in among if all(map(notation.is_number, cells))]


def advise_notation(cells: Collection[str], among: Iterable[Way], delimiter: str) -> list[dict[str, Any]]:
    """Return those of some notations in which all of some cells are numbers, as settings.

    Between commas, a comma that can be between thousands is no decimal mark.
    """
    found = [way for _, way in find_notations(cells, among)]
    few = [way for way in found if len(way) == 1] or found
    return [{"thousands": ","}] if delimiter == "," and {"thousands": ","} in few else few
