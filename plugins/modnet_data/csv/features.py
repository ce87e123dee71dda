"""Text among the features of a CSV file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modnet_data.csv.layout import Layout
from modnet_data.table.columns import Column, list_names, quote
from modnet_data.table.plan import Plan

MOST_COLUMNS = 20
"""Columns that a piece of advice lists, at most."""


def refuse_text(plan: Plan[Layout], left_out: Sequence[Column], listed: bool) -> None:
    """Raise DataError where features are text in the first rows, with the settings that leave them out.

    `left_out` is the setting of the columns that are left out already; `listed` says that the features are listed.
    """
    layout = plan.table
    text = [i for i in plan.features if i in layout.text]
    if not text:
        return
    row = next(record for record in layout.rows if layout.is_text(record.cells[text[0]]))
    found = f"expected a number, found {quote(row.cells[text[0]].strip())}"
    number = f"{len(text)} of {len(plan.features)} feature columns {'is' if len(text) == 1 else 'are'} text"
    names = f" ({list_names([layout.names[i] for i in text])})" if layout.names else ""
    problem = f"{found}; {number}{names}, which has to be encoded as numbers first"
    place = f", line {row.line}, {layout.column(text[0])}"
    advice = _leave_out(plan, text, left_out, listed)
    raise layout.error(problem + ", or left out" * bool(advice), place, line=row.line, column=text[0], advice=advice)


def _leave_out(
    plan: Plan[Layout], text: Sequence[int], left_out: Sequence[Column], listed: bool
) -> list[Mapping[str, Any]]:
    """Return the settings without these columns, as far as others are left and they can be listed in a line."""
    name_of = plan.table.name_of
    rest = [name_of(i) for i in plan.features if i not in text]
    out = [*left_out, *map(name_of, text)]
    if rest and not listed and len(out) <= MOST_COLUMNS:
        return [{"leave_out": out}]
    return [{"features": rest}] if 0 < len(rest) <= MOST_COLUMNS else []
