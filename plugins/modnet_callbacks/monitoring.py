"""The column of the history that a callback goes by."""

from __future__ import annotations

import math
from abc import ABC
from typing import Any

import attrs
from attrs.validators import ge, lt

from modnet import Callback, ObservedRun, SettingError

PARTS = ("validation", "train")  # never the test part, which would no longer say how good the network is on new data


def _check_part(_: object, __: attrs.Attribute[Any], column: str) -> None:
    part = column.partition("_")[0]
    if part == "test":
        raise ValueError(
            f"'monitor' is of the test part, which no decision may look at: choose validation_{column[5:]}"
        )
    if part not in PARTS:
        raise ValueError(f"'monitor' must begin with validation_ or train_, as validation_loss does: {column!r}")


@attrs.frozen
class Monitoring(Callback, ABC):
    """A callback that goes by a column of the history, of the validation or the training part."""

    monitor: str = attrs.field(default="validation_loss", validator=_check_part)
    min_delta: float = attrs.field(default=0.0, validator=[ge(0), lt(math.inf)])

    @property
    def needs_validation(self) -> bool:  # type: ignore[override]
        """True where its column is of the validation part."""
        return self.monitor.startswith("validation_")

    def check_column(self, run: ObservedRun) -> None:
        """Raise SettingError where the history of a run will not have the column."""
        available = [*run.history.columns, *["validation_loss"] * ("validation" in run.data.parts)]
        if self.monitor not in available:
            wanted = dict.fromkeys(name for name in available if name.startswith(PARTS))
            what = f"'monitor': the history has no {self.monitor!r}: available: {', '.join(wanted)}"
            raise SettingError([what], "callbacks")

    def read(self, run: ObservedRun) -> float:
        """Return the value at the last evaluation."""
        return run.history.columns[self.monitor][-1]

    def is_better(self, run: ObservedRun, value: float, best: float) -> bool:
        """Return whether a value is better than the best so far, NaN before the first, by more than `min_delta`."""
        if math.isnan(best):
            return not math.isnan(value)
        return (value - best if self._is_larger_better(run) else best - value) > self.min_delta

    def _is_larger_better(self, run: ObservedRun) -> bool:
        name = self.monitor.partition("_")[2]
        return any(metric.column == name and metric.larger_is_better for metric in run.metrics)
