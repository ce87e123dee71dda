"""First cells of each column of a CSV file, whatever can be made of them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from modnet_data.csv.cells import Notation, number_of
from modnet_data.csv.layout import Layout, LayoutSettings, layout_of
from modnet_data.csv.text import LONGEST_LINE, Record, records, text_of
from modnet_data.table.columns import Value
from modnet_data.table.plan import list_words
from modnet_data.table.words import MISSING, MissingValues

LEAST = 100
"""Rows that are read of a table, however many columns it has."""


def read_first_cells(
    path: Path, given: LayoutSettings, missing: MissingValues, most: int
) -> list[tuple[str, str, list[Value]]]:
    """Return the name of each column, no type, and its first cells, of all columns about so many.

    A row of another length is cut, or lacks some; one that cannot be split is left out. Raises DataError where nothing
    says how the file is laid out.
    """
    layout = layout_of(path, given)
    listed, notation = list_words(layout, missing), layout.dialect.notation
    columns: list[list[Value]] = [[] for _ in range(layout.count)]
    for record in islice(_read_records(layout), max(LEAST, most // layout.count)):
        cells = [*record.cells[: layout.count], *[""] * (layout.count - len(record.cells))]
        for i, cell in enumerate(cells):
            columns[i].append(_to_value(cell.strip(), {"", *listed[i]} if i in listed else MISSING, notation))
    names = layout.names or [""] * layout.count
    return [(names[i], "", column) for i, column in enumerate(columns) if i not in layout.empty]


def _read_records(layout: Layout) -> Iterator[Record]:
    """Yield the rows that can be split into cells, the header left out."""
    with text_of(layout.path, layout.dialect.encoding) as text:
        lines = iter(lambda: text.readline(LONGEST_LINE), "")
        for record in records(islice(lines, layout.first - 1, None), layout.dialect, layout.first):
            if isinstance(record, Record) and any(cell.strip() for cell in record.cells):
                yield record


def _to_value(cell: str, missing: frozenset[str] | set[str], notation: Notation) -> Value:
    if cell in missing:
        return None
    number = number_of(notation.to_plain(cell))
    return cell if number is None else number
