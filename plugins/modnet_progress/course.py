"""The course of a run, in a few words."""

from __future__ import annotations

from typing import NamedTuple

from modnet import History, Metric, ObservedRun, Status
from modnet.text import format_column, format_count, format_duration, format_metric
from modnet_progress.rows import choose_columns

# A run or a file that takes a shorter time than this is not shown, in seconds.
PATIENCE = 0.5
# Of the latest losses the mean is shown: one alone says little.
LATEST = 20


def estimate_time_left(run: ObservedRun | Course) -> float | None:
    """Return the seconds that are left, by the iterations so far; None while these are too few."""
    if not run.iteration or (run.seconds < 1 and run.iteration < 100):
        return None
    return run.seconds / run.iteration * (run.iterations - run.iteration)


class Course(NamedTuple):
    """The part of a run that is made, and its results until then."""

    iteration: int
    iterations: int
    epoch: float
    seconds: float
    status: Status
    history: History
    metrics: tuple[Metric, ...]

    @classmethod
    def read(cls, run: ObservedRun) -> Course:
        """Return how far a run is: its history is a copy, made once."""
        return cls(run.iteration, run.iterations, run.epoch, run.seconds, run.status, run.history, run.metrics)

    @property
    def share(self) -> float:
        """The share of the iterations that are made, from 0 to 1."""
        return self.iteration / self.iterations if self.iterations else 1.0

    @property
    def loss(self) -> float | None:
        """The mean of the latest losses; None before the first."""
        latest = self.history.loss[-LATEST:]
        return sum(latest) / len(latest) if latest else None

    @property
    def shown(self) -> list[str]:
        """The columns of the main metric that have a value."""
        return [name for name in choose_columns(self.history) if self.history.columns[name]]

    def format_values(self) -> dict[str, str]:
        """Return the loss and what was measured last, by their names in words."""
        found = {} if self.loss is None else {"loss": format_metric(self.loss)}
        last = {name: self.history.columns[name][-1] for name in self.shown}
        return found | {format_column(name, self.metrics): format_metric(value) for name, value in last.items()}

    def format_time(self) -> str:
        """Return the time that is left, or "" where nobody knows, or none is."""
        left = estimate_time_left(self)
        return f"{format_duration(left)} left" if left else ""

    def conclude(self) -> str:
        """Return in a sentence how the run ended.

        >>> Course(5, 9, 0.1, 2.0, Status.INTERRUPTED, History(), ()).conclude()
        'interrupted after 5 of 9 iterations in 2.0 s'
        """
        if self.status is Status.FINISHED and self.iteration == self.iterations:
            what = f"trained {format_count(self.iterations, 'iteration')}"
        else:
            what = f"{self.status} after {self.iteration:,} of {format_count(self.iterations, 'iteration')}"
        return f"{what} in {format_duration(self.seconds)}"
