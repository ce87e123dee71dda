"""A limit of a run's time."""

from __future__ import annotations

import math

import attrs
from attrs.validators import gt, lt

from modnet import Callback, ObservedRun, State, Stop


@attrs.frozen
class TimeLimit(Callback):
    """Stops a run that has taken so many `seconds`, those before it was resumed included.

    >>> modnet.callback("time-limit", seconds=60)
    TimeLimit(seconds=60.0)
    """

    repeatable = False

    seconds: float = attrs.field(default=600.0, validator=[gt(0), lt(math.inf)], converter=float)

    def on_iteration(self, run: ObservedRun, state: State) -> tuple[State, Stop | None]:
        """Return a decision to stop once the time is over."""
        return state, Stop(f"{self.seconds:g} seconds are over") if run.seconds >= self.seconds else None
