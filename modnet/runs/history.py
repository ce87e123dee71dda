"""What a run recorded, as a CSV file and back, to the last bit."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

from modnet.errors import DataError
from modnet.types import History


def history_csv(history: History) -> str:
    """Return a history as CSV: a row per iteration, accuracies where they were taken; numbers read back exactly."""
    accuracies = {
        iteration: (repr(train), "" if math.isnan(test) else repr(test))
        for iteration, train, test in zip(
            history.iterations, history.train_accuracy, history.test_accuracy, strict=True
        )
    }
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["iteration", "loss", "train_accuracy", "test_accuracy"])
    if 0 in accuracies:
        writer.writerow([0, "", *accuracies[0]])
    for iteration, loss in enumerate(history.loss, start=1):
        writer.writerow([iteration, repr(loss), *accuracies.get(iteration, ("", ""))])
    return out.getvalue()


def read_history(path: Path) -> History:
    """Return what a run recorded; raises DataError with file and line."""
    history = History()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from None
    reader = csv.DictReader(io.StringIO(text))
    try:
        for row in reader:
            if row["loss"]:
                history.loss.append(float(row["loss"]))
            if row["train_accuracy"]:
                history.iterations.append(int(row["iteration"]))
                history.train_accuracy.append(float(row["train_accuracy"]))
                history.test_accuracy.append(float(row["test_accuracy"] or "nan"))
    except (KeyError, ValueError, TypeError) as error:
        raise DataError(f"{path}, line {reader.line_num}: not a run's history ({error})") from None
    return history
