"""The overview of a table that cannot be trained on as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from modnet.cli.show.columns import ColumnSummary, format_columns
from modnet.cli.show.proposal import Proposal, choose_file_name, format_block, format_command, format_reasons
from modnet.cli.show.terminal import Screen
from modnet.cli.show.values import to_json
from modnet.text import format_count, printable, quote_argument, wrap

KEY = 10


@attrs.frozen(eq=False, kw_only=True)
class TableOverview:
    """The columns of a table, why it cannot be trained on, and by which settings it can."""

    what: str
    source: str
    problem: str
    columns: Sequence[ColumnSummary]
    is_whole: bool
    """True where all rows were read."""
    proposal: Proposal | None

    @property
    def headline(self) -> str:
        """The name and the size of the table in a line."""
        rows = max(column.rows for column in self.columns)
        count = format_count(rows, "row") if self.is_whole else f"the first {rows:,} rows"
        return f"{printable(self.what, 200)} ({self.source}): {count}, {format_count(len(self.columns), 'column')}"


def table_to_text(view: TableOverview, screen: Screen) -> str:
    """Return the overview, as wide as the screen and in characters that it can show."""
    facts = [("data", view.headline), ("problem", view.problem)]
    blocks = [[], format_columns(view.columns, screen)]
    if view.proposal:
        if view.proposal.labels:
            text = f"{view.proposal.settings['label']!r} is the likeliest; only you know: confirm it, or change it"
            if view.proposal.target is not None:
                text += f" (to predict numbers, such as {view.proposal.target!r}, set task = 'regression' beside it)"
            facts.append(("label", text))
        elif view.proposal.settings.get("task") == "regression":
            label = view.proposal.data.settings.get("label")
            facts.append(("label", f"{label!r}: no column could be classes, so numbers are predicted: confirm it"))
        if view.proposal.reasons:
            facts.append(("left out", format_reasons(view.proposal.reasons)))
        blocks += format_advice(view.what, view.proposal.settings, view.proposal.labels)
    else:
        facts.append(("advice", "no settings were found that read it: save it with a label and columns of numbers"))
    blocks[0] = format_facts(facts, screen)
    return screen.to_encodable("\n\n".join("\n".join(lines) for lines in blocks))


def format_facts(facts: Sequence[tuple[str, str]], screen: Screen) -> list[str]:
    """Return the lines of facts, each behind its key; those without text are left out."""
    lines = []
    for key, text in facts:
        first, rest = f"{key:<{KEY}}", " " * KEY
        lines += wrap(printable(text, 1500), max(screen.columns, 40), first, rest)
    return lines


def format_advice(what: str, settings: Mapping[str, Any], labels: Sequence[Any] = ()) -> list[list[str]]:
    """Return the blocks that tell how to train with these settings: by a file, and by options."""
    name = choose_file_name(what)
    how = f"Train it by modnet train {quote_argument(name)}, a file with these lines:"
    return [[how], format_block(what, settings, labels), [f"or {format_command(what, settings)}"]]


def table_to_json(view: TableOverview) -> str:
    """Return the overview as a JSON object."""
    proposal = view.proposal
    record: dict[str, Any] = {
        "data": view.what,
        "source": view.source,
        "trainable": False,
        "problem": view.problem,
        "whole": view.is_whole,
        "columns": [attrs.asdict(column) for column in view.columns],
        "proposal": None,
    }
    if proposal:
        record["proposal"] = {
            "settings": proposal.settings,
            "labels": proposal.labels,
            "left_out": proposal.reasons,
            "toml": "\n".join(format_block(view.what, proposal.settings, proposal.labels)) + "\n",
            "command": format_command(view.what, proposal.settings),
        }
    return to_json(record)
