"""Notation of numbers: marks before decimals and between thousands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import attrs

from modnet_data.csv.cells import is_number

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


OTHERS = [(Notation(**way), way) for way in NOTATIONS]
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


def advise_notation(cells: Sequence[str], numbers: Iterable[str], delimiter: str) -> list[dict[str, Any]]:
    """Return the notations in which all of some cells are numbers, and `numbers` of the same file are still some.

    Between commas, a comma that can be between thousands is no decimal mark.
    """
    numbers = list(numbers)
    found = [way for notation, way in OTHERS if all(map(notation.is_number, [*cells, *numbers]))]
    few = [way for way in found if len(way) == 1] or found
    return [{"thousands": ","}] if delimiter == "," and {"thousands": ","} in few else few
