"""The history of a run as a CSV file."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import Any

from modnet.errors import DataError
from modnet.text import to_csv
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
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error})", path=path) from None
    reader = csv.DictReader(io.StringIO(text))
    history = History()
    try:
        for row in reader:
            if row["loss"]:
                history.loss.append(float(row["loss"]))
            cells = {name: row[name] for name in (reader.fieldnames or ()) if name not in {"iteration", "loss"}}
            if any(cells.values()):
                history.record(int(row["iteration"]), {name: float(cell or "nan") for name, cell in cells.items()})
    except (KeyError, ValueError, TypeError) as error:
        line = reader.line_num
        raise DataError(f"{path}, line {line}: not a run's history ({error})", path=path, line=line) from None
    return history
