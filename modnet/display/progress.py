"""How a run goes on, told as it goes: a bar with the time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from modnet.files import telling
from modnet.host.hooks import hookimpl
from modnet.interfaces import ObservedRun, Observer
from modnet.text import format_duration

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

REFRESH = 0.1
# Without a terminal, a run whose epochs are long gives a sign of life this often, in seconds.
SIGN_OF_LIFE = 30.0
# How often many runs are looked at to see how far they are, in seconds.
BETWEEN_LOOKS = 1.0
# What takes a shorter time than this has no progress bar, in seconds.
PATIENCE = 0.5
# A run that takes longer than this says so at its beginning, in seconds.
LONG = 60.0


def epoch_line(run: ObservedRun) -> str:
    """Return the table row of an epoch's end: the loss is the mean since the row before."""
    history = run.history
    since = history.iterations[-2] if len(history.iterations) > 1 else 0
    losses = history.loss[since:]
    loss = f"{sum(losses) / len(losses):.4f}" if losses else "-"
    names = ", ".join(name.replace("_accuracy", " acc") for name in history.columns)
    values = ", ".join(f"{column[-1]:.4f}" for column in history.columns.values())
    return f"epoch {run.epoch:6.1f}  iteration {run.iteration:>7,}  loss {loss:>8}  {names} | {values}"


class ProgressReport(Observer):
    """Follows one run: prints a row at each epoch's end, and shows how far the run is in between.

    Use as a context manager around the run, whatever way it ends.
    """

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._bar = _bar_on(self._out)
        self._run: ObservedRun | None = None
        self._stop = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)
        self._last_sign = time.monotonic()
        self._foretold = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._ticker.is_alive():
            self._ticker.join()
        if self._bar:
            self._bar.stop()

    @hookimpl
    def run_started(self, run: ObservedRun) -> None:
        """Begin to show the run."""
        self._run = run
        if self._bar:
            self._bar.add_task("training", total=run.iterations, completed=run.iteration)
            self._bar.start()
        self._last_sign = time.monotonic()
        self._ticker.start()

    @hookimpl
    def epoch_ended(self, run: ObservedRun) -> None:
        """Print a row."""
        self._print(epoch_line(run))

    def _print(self, line: str) -> None:
        self._last_sign = time.monotonic()
        if self._bar:
            self._bar.console.print(line, highlight=False, markup=False, soft_wrap=True)
        else:
            print(line, file=self._out, flush=True)

    def _tick(self) -> None:
        while not self._stop.wait(REFRESH):
            run = self._run
            if run is None:
                continue
            if not self._foretold and (left := time_left(run)) is not None:
                self._foretold = True
                if left > LONG:
                    each = format_duration(run.seconds / run.iteration)
                    self._print(f"this will take about {format_duration(left)}, {each} for each iteration")
            if self._bar:
                self._bar.update(self._bar.task_ids[0], completed=run.iteration)
            elif time.monotonic() - self._last_sign > SIGN_OF_LIFE:
                self._print(_sign_of_life(run))


def time_left(run: ObservedRun) -> float | None:
    """Return the seconds that are left, by the iterations so far; None while they are too few to tell."""
    if not run.iteration or (run.seconds < 1 and run.iteration < 100):
        return None
    return run.seconds / run.iteration * (run.iterations - run.iteration)


def _sign_of_life(run: ObservedRun) -> str:
    seconds = time_left(run)
    left = "?" if seconds is None else format_duration(seconds)
    loss = f"{run.history.loss[-1]:.4f}" if run.history.loss else "-"
    return f"iteration {run.iteration:,} of {run.iterations:,}  loss {loss}  {left} left"


class RunsReport:
    """Tells how many of many runs are there, and the time left: by a bar on a terminal, by a line a run elsewhere.

    Use as a context manager around the runs.
    """

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._bar = _bar_on(self._out)
        self._total = self._done = self._there = 0
        self._begin = self._last_sign = time.monotonic()
        self._stop = threading.Event()
        self._ticker: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._ticker:
            self._ticker.join()
        if self._bar:
            self._bar.stop()

    def begin(self, total: int, there: int, under_way: Callable[[], float]) -> None:
        """Say how many runs there are to be, and how many of them were there before.

        `under_way` returns how much, in runs, has been done of those that go on.
        """
        self._total, self._done, self._there = total, there, there
        self._begin = self._last_sign = time.monotonic()
        if there:
            self._print(f"{there} of {total} runs are there already")
        if there < total:
            if self._bar:
                self._bar.add_task("runs", total=total, completed=there)
                self._bar.start()
            self._ticker = threading.Thread(target=self._tick, args=(under_way,), daemon=True)
            self._ticker.start()

    def done(self, what: str) -> None:
        """Say that one more is there."""
        self._done += 1
        if self._bar:
            self._bar.update(self._bar.task_ids[0], completed=self._done)
        else:
            left = self._left(self._done) if self._done < self._total else ""
            self._print(f"{self._done:>{len(str(self._total))}} of {self._total}  {what}{left}")

    def _tick(self, under_way: Callable[[], float]) -> None:
        while not self._stop.wait(BETWEEN_LOOKS):
            if self._bar:
                self._bar.update(self._bar.task_ids[0], completed=self._done + under_way())
            elif time.monotonic() - self._last_sign > SIGN_OF_LIFE:
                self._print(f"{self._done} of {self._total}{self._left(self._done + under_way())}")

    def _left(self, completed: float) -> str:
        since = completed - self._there
        seconds = (time.monotonic() - self._begin) / since * (self._total - completed) if since else None
        return f", {format_duration(seconds)} left" if seconds is not None else ""

    def _print(self, line: str) -> None:
        self._last_sign = time.monotonic()
        print(line, file=self._out, flush=True)


@contextmanager
def file_progress(out: TextIO | None = None) -> Iterator[None]:
    """Show on a terminal how far a file is read or written inside the block, if it takes long; elsewhere nothing."""
    out = out or sys.stderr
    if not out.isatty():
        yield
        return
    begin = time.monotonic()
    bars: list[Progress] = []
    tasks: dict[Path, TaskID] = {}

    def tell(path: Path, done: int, total: int) -> None:
        if time.monotonic() - begin < PATIENCE:
            return
        if not bars and (bar := _bar_on(out, percent=True)):
            bars.append(stack.enter_context(bar))
        for bar in bars:
            if path not in tasks:
                tasks[path] = bar.add_task(path.name)
            bar.update(tasks[path], completed=done, total=total)

    with ExitStack() as stack, telling(tell):
        yield


def _bar_on(out: TextIO, *, percent: bool = False) -> Progress | None:
    """Return a progress bar where there is a terminal and the extra `rich` is installed."""
    if not out.isatty():
        return None
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn
        from rich.progress import TimeElapsedColumn as Elapsed
        from rich.progress import TimeRemainingColumn as Left
    except ImportError:
        return None
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn() if percent else MofNCompleteColumn(),
        Elapsed(),
        TextColumn("time left"),
        Left(),
        console=Console(file=out),
        transient=True,
    )
