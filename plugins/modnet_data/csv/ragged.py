"""Rows of a CSV file with too many or too few cells."""

from __future__ import annotations

from collections.abc import Sequence

from modnet.files import quote
from modnet_data.csv.cells import kind_of
from modnet_data.csv.layout import Layout
from modnet_data.csv.text import Record

MARKS = ",;\t |"
LONGEST_PAIR = 100
"""Characters of a cell that could be two without a delimiter between them."""

Kinds = Sequence[frozenset[str]]


def describe_ragged(record: Record, layout: Layout) -> tuple[int, str]:
    """Return the column where a row that is too long or too short should end, or does, and the problem."""
    found, expected = len(record.cells), layout.count
    count = "1 column" if found == 1 else f"{found} columns"
    problem = f"{count}, expected {expected}, as the {'header' if layout.names else 'first row'} has"
    return min(found, expected), problem + _hint(record, layout)


def _hint(record: Record, layout: Layout) -> str:
    """Return a question about what is evidently wrong, or nothing.

    It is evident where one cell is of a kind that no other row has there, and without its mistake all would fit.
    """
    if long := [i for i, cell in enumerate(record.cells) if "\n" in cell or "\r" in cell]:
        return f"; is a quote left open in column {long[0] + 1}?" if _count_rows(record, layout) else ""
    cells = [*map(layout.dialect.notation.to_plain, record.cells)]
    fitting = [_fits(cell, kinds) for cell, kinds in zip(cells, layout.kinds, strict=False)]
    if all(fitting):
        return ""
    at = fitting.index(False)
    where = f"{layout.column(at)}, {quote(record.cells[at])}"
    if len(cells) < layout.count:
        behind = at + 1 + layout.count - len(cells)
        joined = _all_fit(cells[at + 1 :], layout.kinds[behind:]) and _can_split(cells[at], layout.kinds[at:behind])
        return f"; is a delimiter missing in {where}?" if joined else ""
    behind = at + len(cells) - layout.count
    if not _all_fit(cells[behind:], layout.kinds[at:]):
        return ""
    if not any(map(str.strip, cells[at:behind])):
        return f"; is there one delimiter too many at {layout.column(at)}?"
    is_text = at > 0 and layout.kinds[at - 1] == {"text"}
    return f"; is {where}, part of the text before? Put it in quotes" if is_text else ""


def _count_rows(record: Record, layout: Layout) -> int:
    """Return how many lines of a record, its first one aside, have as many cells as a row."""
    lines = record.text.replace("\r", "\n").split("\n")
    return sum(line.count(layout.dialect.character) + 1 == layout.count for line in lines[1:])


def _fits(cell: str, kinds: frozenset[str]) -> bool:
    return kind_of(cell) in kinds


def _all_fit(cells: Sequence[str], kinds: Kinds) -> bool:
    return len(cells) == len(kinds) and all(map(_fits, cells, kinds))


def _can_split(cell: str, kinds: Kinds) -> bool:
    """Say whether a cell is several of these kinds: with another mark between them, or two with none."""
    if any(_all_fit(cell.split(mark), kinds) for mark in MARKS):
        return True
    pairs = range(1, len(cell)) if len(kinds) == 2 and len(cell) <= LONGEST_PAIR else ()
    return any(_all_fit([cell[:i], cell[i:]], kinds) for i in pairs)
