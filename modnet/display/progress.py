"""The progress of runs and files: a bar on a terminal, plain lines elsewhere."""

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
# Without a terminal, a line is printed at least this often, in seconds.
SIGN_OF_LIFE = 30.0
# The progress of many runs is measured this often, in seconds.
MEASURE_EVERY = 1.0
# A file that takes a shorter time than this has no progress bar, in seconds.
PATIENCE = 0.5
# A run that takes longer than this says so at its beginning, in seconds.
LONG = 60.0


def format_epoch(run: ObservedRun) -> str:
    """Return the table row for the end of an epoch; the loss is the mean since the row before."""
    history = run.history
    since = history.evaluated_at[-2] if len(history.evaluated_at) > 1 else 0
    losses = history.loss[since:]
    loss = f"{sum(losses) / len(losses):.4f}" if losses else "-"
    names = ", ".join(name.replace("_accuracy", " acc") for name in history.columns)
    values = ", ".join(f"{column[-1]:.4f}" for column in history.columns.values())
    return f"epoch {run.epoch:6.1f}  iteration {run.iteration:>7,}  loss {loss:>8}  {names} | {values}"


class RunProgress(Observer):
    """Follows one run: prints a row at the end of each epoch, and shows the progress in between.

    Use as a context manager around the run.
    """

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._bar = _create_bar(self._out)
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
        self._print(format_epoch(run))

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
            if not self._foretold and (left := estimate_time_left(run)) is not None:
                self._foretold = True
                if left > LONG:
                    each = format_duration(run.seconds / run.iteration)
                    self._print(f"this will take about {format_duration(left)}, {each} for each iteration")
            if self._bar:
                self._bar.update(self._bar.task_ids[0], completed=run.iteration)
            elif time.monotonic() - self._last_sign > SIGN_OF_LIFE:
                self._print(_format_sign_of_life(run))


def estimate_time_left(run: ObservedRun) -> float | None:
    """Return the seconds that are left, by the iterations so far; None while these are too few."""
    if not run.iteration or (run.seconds < 1 and run.iteration < 100):
        return None
    return run.seconds / run.iteration * (run.iterations - run.iteration)


def _format_sign_of_life(run: ObservedRun) -> str:
    seconds = estimate_time_left(run)
    left = "?" if seconds is None else format_duration(seconds)
    loss = f"{run.history.loss[-1]:.4f}" if run.history.loss else "-"
    return f"iteration {run.iteration:,} of {run.iterations:,}  loss {loss}  {left} left"


class RunsProgress:
    """Shows the number of finished runs and the time left: by a bar on a terminal, by a line for each run elsewhere.

    Use as a context manager around the runs.
    """

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._bar = _create_bar(self._out)
        self._total = self._done = self._done_before = 0
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

    def start(self, total: int, finished: int, measure: Callable[[], float]) -> None:
        """Show that some runs are finished already; `measure` returns the progress of the others, in runs."""
        self._total, self._done, self._done_before = total, finished, finished
        self._begin = self._last_sign = time.monotonic()
        if finished:
            self._print(f"{finished} of {total} runs are there already")
        if finished < total:
            if self._bar:
                self._bar.add_task("runs", total=total, completed=finished)
                self._bar.start()
            self._ticker = threading.Thread(target=self._tick, args=(measure,), daemon=True)
            self._ticker.start()

    def advance(self, result: str) -> None:
        """Show that one more run is finished, with its result."""
        self._done += 1
        if self._bar:
            self._bar.update(self._bar.task_ids[0], completed=self._done)
        else:
            left = self._format_time_left(self._done) if self._done < self._total else ""
            self._print(f"{self._done:>{len(str(self._total))}} of {self._total}  {result}{left}")

    def _tick(self, measure: Callable[[], float]) -> None:
        while not self._stop.wait(MEASURE_EVERY):
            if self._bar:
                self._bar.update(self._bar.task_ids[0], completed=self._done + measure())
            elif time.monotonic() - self._last_sign > SIGN_OF_LIFE:
                self._print(f"{self._done} of {self._total}{self._format_time_left(self._done + measure())}")

    def _format_time_left(self, completed: float) -> str:
        since = completed - self._done_before
        seconds = (time.monotonic() - self._begin) / since * (self._total - completed) if since else None
        return f", {format_duration(seconds)} left" if seconds is not None else ""

    def _print(self, line: str) -> None:
        self._last_sign = time.monotonic()
        print(line, file=self._out, flush=True)


@contextmanager
def file_progress(out: TextIO | None = None) -> Iterator[None]:
    """Show on a terminal the progress of a file that takes long to read or write inside the block."""
    out = out or sys.stderr
    if not out.isatty():
        yield
        return
    with ExitStack() as stack, telling(_FileProgress(out, stack).show):
        yield


class _FileProgress:
    """A bar for each file, from the first one on that takes long."""

    def __init__(self, out: TextIO, stack: ExitStack) -> None:
        self._out, self._stack = out, stack
        self._begin = time.monotonic()
        self._bar: Progress | None = None
        self._tasks: dict[Path, TaskID] = {}

    def show(self, path: Path, done: int, total: int) -> None:
        """Show that so many bytes of a file are done."""
        if time.monotonic() - self._begin < PATIENCE:
            return
        if self._bar is None and (bar := _create_bar(self._out, percent=True)):
            self._bar = self._stack.enter_context(bar)
        if self._bar:
            if path not in self._tasks:
                self._tasks[path] = self._bar.add_task(path.name)
            self._bar.update(self._tasks[path], completed=done, total=total)


def _create_bar(out: TextIO, *, percent: bool = False) -> Progress | None:
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
