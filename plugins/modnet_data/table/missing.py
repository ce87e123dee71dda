"""Missing values of a table: counted, and noted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from modnet.cached import Facts
from modnet_data.table.columns import Columns, quote

MOST_COLUMNS = 6  # that a note names


@attrs.define
class Missing:
    """Counts of missing values: rows that were left out, cells that were filled in, and how many columns lack."""

    dropped: int = 0
    filled: int = 0
    lacking: dict[str, int] = attrs.field(factory=dict)

    def count(self, columns: Columns, column: int, cells: int = 1) -> None:
        """Count cells of a column that are missing."""
        name = str(columns.name_of(column))
        self.lacking[name] = self.lacking.get(name, 0) + cells


def notes(all_facts: Sequence[Facts], missing: float | str) -> tuple[str, ...]:
    """Say what became of missing values, and which columns lack how many.

    >>> notes([{"dropped": 3, "filled": 0, "lacking": {"age": 2, "fare": 1}}], "drop")
    ("3 rows with missing values left out; missing: 'age' 2, 'fare' 1",)
    """
    dropped, filled = (sum(facts[name] for facts in all_facts) for name in ("dropped", "filled"))
    lacking: dict[str, int] = {}
    for facts in all_facts:
        for column, count in facts["lacking"].items():
            lacking[column] = lacking.get(column, 0) + count
    where = f"; missing: {_most(lacking)}" if lacking else ""
    if dropped:
        return (f"{dropped:,} {'row' if dropped == 1 else 'rows'} with missing values left out{where}",)
    if filled:
        return (f"{filled:,} missing {'value' if filled == 1 else 'values'} filled in with {missing:g}{where}",)
    return ()


def _most(lacking: Mapping[str, int]) -> str:
    """Return the columns that lack most, and how many others there are."""
    most = sorted(lacking, key=lambda column: -lacking[column])
    listed = ", ".join(f"{quote(column)} {lacking[column]:,}" for column in most[:MOST_COLUMNS])
    others = len(most) - MOST_COLUMNS
    return listed + (f", and {others:,} other columns" if others > 1 else ", and another column") * (others > 0)
