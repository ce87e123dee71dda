"""Text among the features of a CSV file."""

from __future__ import annotations

from modnet_data.csv.layout import Layout
from modnet_data.table.columns import list_names, quote
from modnet_data.table.plan import Plan


def refuse_text(plan: Plan[Layout]) -> None:
    """Raise DataError where features are text in the first rows, with the settings that leave them out."""
    layout = plan.table
    text = [i for i in plan.features if i in layout.text]
    if not text:
        return
    row = next((row for row in layout.rows if layout.is_text(row.cells[text[0]])), layout.rows[0])
    found = f"expected a number, found {quote(row.cells[text[0]].strip())}"
    number = f"{len(text)} of {len(plan.features)} feature columns {'is' if len(text) == 1 else 'are'} text"
    names = f" ({list_names([layout.names[i] for i in text])})" if layout.names else ""
    advice = plan.advise_leaving_out(text)
    problem = f"{found}; {number}{names}, which has to be encoded as numbers first" + ", or left out" * bool(advice)
    place = f", line {row.line}, {layout.column(text[0])}"
    raise layout.error(problem, place, line=row.line, column=text[0], advice=advice)
