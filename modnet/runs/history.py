"""The history of a run as a CSV file."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import Any

from modnet.errors import DataError
from modnet.files.opening import LIMIT, read_plain
from modnet.text import printable, to_csv
from modnet.types import History


def history_to_csv(history: History) -> str:
    """Return a history as CSV: a row per iteration, evaluations where they were made; numbers read back exactly."""
    values = zip(*history.columns.values(), strict=True)
    cells = (["" if math.isnan(value) else repr(value) for value in row] for row in values)
    evaluations = dict(zip(history.evaluated_at, cells, strict=True))
    rows: list[list[Any]] = [["iteration", "loss", *history.columns]]
    if 0 in evaluations:
        rows.append([0, "", *evaluations[0]])
    nothing = [""] * len(history.columns)
    for iteration, loss in enumerate(history.loss, start=1):
        rows.append([iteration, repr(loss), *evaluations.get(iteration, nothing)])
    return to_csv(rows)


def read_history(path: Path) -> History:
    """Return the history of a run, equal to the last bit; raises DataError with file and line."""
    # Decoded as it is read: as text, the whole may take four times as much memory.
    text = io.TextIOWrapper(io.BytesIO(read_plain(path, LIMIT)), encoding="utf-8", newline="")
    reader = csv.DictReader(text)
    history = History()
    try:
        for row in reader:
            _record(row, history)
        damage = "" if (reader.fieldnames or [])[:2] == ["iteration", "loss"] else "the first line is not its header"
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        damage = printable(str(error), 200)
    if damage:
        line = reader.line_num
        raise DataError(f"{path}, line {line}: not a run's history ({damage})", path=path, line=line)
    return history


def _record(row: dict[str | Any, str | Any], history: History) -> None:
    """Append a row to a history; raises ValueError where it is damaged, or another one is missing before it."""
    if row["loss"]:
        history.loss.append(float(row["loss"]))
    if None in row or None in row.values() or int(row["iteration"]) != len(history.loss):
        raise ValueError("a row is damaged, or one is missing before it")
    cells = {name: cell for name, cell in row.items() if name not in {"iteration", "loss"}}
    if any(cells.values()):
        history.record(len(history.loss), {name: float(cell or "nan") for name, cell in cells.items()})
