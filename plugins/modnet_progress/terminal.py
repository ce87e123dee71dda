"""The progress of runs and files: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self, TextIO

from modnet import ObservedRun, Observer, hookimpl
from modnet.files import telling
from modnet.text import escape, format_duration
from modnet_progress.course import PATIENCE, estimate_time_left
from modnet_progress.rows import Rows

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

REFRESH = 0.1
# A command that a cell of a notebook calls has a terminal, whose every stroke would stay in the notebook.
IN_NOTEBOOK = "JPY_PARENT_PID"
# Without a terminal, a line is printed at least this often, in seconds.
SIGN_OF_LIFE = 30.0
# The progress of many runs is measured this often, in seconds.
MEASURE_EVERY = 1.0
# A run that takes longer than this says so at its beginning, in seconds.
LONG = 60.0


class _Progress:
    """A bar on a terminal, or lines elsewhere, refreshed by a thread until the `with` block ends."""

    def __init__(self, out: TextIO | None = None, *, quiet: bool = False) -> None:
        self._out = out or sys.stdout
        self._is_quiet = quiet
        self._bar = None if quiet else _create_bar(self._out)
        self._begin = self._last_line = time.monotonic()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_lost = False  # so that nobody can read it

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join()
        if self._bar:
            with suppress(OSError, ValueError):  # the terminal is gone
                self._bar.stop()

    def _show(self, what: str, total: int, completed: int, every: float, refresh: Callable[[], None]) -> None:
        if self._is_quiet:
            return

        def repeat() -> None:
            while not self._stop.wait(every):
                refresh()

        if self._bar:
            self._bar.add_task(what, total=total, completed=completed)
            self._bar.start()
        self._begin = self._last_line = time.monotonic()
        self._thread = threading.Thread(target=repeat, daemon=True)
        self._thread.start()

    def _is_due(self) -> bool:
        return bool(self._bar) or time.monotonic() - self._last_line > SIGN_OF_LIFE

    def _update(self, completed: float, sign_of_life: str) -> None:
        if self._bar:
            self._bar.update(self._bar.task_ids[0], completed=completed)
        elif self._is_due():
            self._print(sign_of_life)

    def _print(self, line: str) -> None:
        if self._is_quiet:
            return
        self._last_line = time.monotonic()
        try:
            if self._bar:
                self._bar.console.print(escape(line), highlight=False, markup=False, soft_wrap=True)
            else:
                print(escape(line), file=self._out, flush=True)
        except (OSError, ValueError):  # closed by its reader or by a plugin: the work is worth more
            if not self._is_lost:
                self._is_lost = True
                warnings.warn("the output cannot be written: the work continues without it", stacklevel=2)


class RunProgress(_Progress, Observer):
    """Follows one run, inside a `with` block: prints rows at the ends of epochs, and the progress in between."""

    _has_forecast = False

    def __init__(self, out: TextIO | None = None, *, every: int | None = None, quiet: bool = False) -> None:
        super().__init__(out, quiet=quiet)
        self._rows = Rows(every)

    @hookimpl
    def run_started(self, run: ObservedRun) -> None:
        """Begin to show the run."""
        self._show("training", run.iterations, run.iteration, REFRESH, partial(self._refresh, run))

    @hookimpl
    def epoch_ended(self, run: ObservedRun) -> None:
        """Print a row, of each `every`-th epoch, or of about 40 of them; none where it is to be quiet."""
        if row := self._rows.make(run):
            self._print(row)

    def _refresh(self, run: ObservedRun) -> None:
        seconds = estimate_time_left(run)
        if seconds is not None and not self._has_forecast:
            self._has_forecast = True
            if seconds > LONG:
                each = format_duration(run.seconds / run.iteration)
                self._print(f"this will take about {format_duration(seconds)}, {each} for each iteration")
        left = "?" if seconds is None else format_duration(seconds)
        loss = "-" if run.loss is None else f"{run.loss:.4f}"
        self._update(run.iteration, f"iteration {run.iteration:,} of {run.iterations:,}  loss {loss}  {left} left")


class RunsProgress(_Progress):
    """Shows the number of finished runs and the time left, inside a `with` block; without a bar, a line for each."""

    _total = _done = _done_before = 0

    def start(self, total: int, finished: int, measure: Callable[[], float]) -> None:
        """Show that some runs are finished already; `measure` returns the progress of the others, in runs."""
        self._total, self._done, self._done_before = total, finished, finished
        if finished:
            self._print(f"{finished} of {total} runs are finished already")
        if finished < total:
            self._show("runs", total, finished, MEASURE_EVERY, partial(self._refresh, measure))

    def advance(self, result: str) -> None:
        """Show that one more run is finished, with its result."""
        self._done += 1
        if self._bar:
            self._bar.update(self._bar.task_ids[0], completed=self._done)
        else:
            left = self._format_time_left(self._done) if self._done < self._total else ""
            self._print(f"{self._done:>{len(str(self._total))}} of {self._total}  {result}{left}")

    def _refresh(self, measure: Callable[[], float]) -> None:
        if not self._is_due():  # measuring reads the histories of all runs
            return
        completed = self._done + measure()
        self._update(completed, f"{self._done} of {self._total}{self._format_time_left(completed)}")

    def _format_time_left(self, completed: float) -> str:
        since = completed - self._done_before
        seconds = (time.monotonic() - self._begin) / since * (self._total - completed) if since else None
        return f", {format_duration(seconds)} left" if seconds is not None else ""


@contextmanager
def file_progress() -> Iterator[None]:
    """Show on a terminal the progress of a file that takes long to read or write inside the block."""
    with ExitStack() as stack:
        if sys.stderr.isatty():
            stack.enter_context(telling(_FileProgress(stack).show))
        yield


class _FileProgress:
    """A bar for each file, from the first one on that takes long."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._begin = time.monotonic()
        self._bar: Progress | None = None
        self._tasks: dict[Path, TaskID] = {}

    def show(self, path: Path, done: int, total: int) -> None:
        """Show that so many bytes of a file are done."""
        if time.monotonic() - self._begin < PATIENCE:
            return
        if self._bar is None and (bar := _create_bar(sys.stderr, percent=True)):
            self._bar = self._stack.enter_context(bar)
        if self._bar:
            if path not in self._tasks:
                self._tasks[path] = self._bar.add_task(escape(path.name))
            self._bar.update(self._tasks[path], completed=done, total=total)


def _create_bar(out: TextIO, *, percent: bool = False) -> Progress | None:
    """Return a progress bar where there is a terminal and the extra `rich` is installed."""
    if not out.isatty() or IN_NOTEBOOK in os.environ:
        return None
    try:
        from rich import progress
        from rich.console import Console
    except ImportError:
        return None
    return progress.Progress(
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.TaskProgressColumn() if percent else progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        progress.TextColumn("time left"),
        progress.TimeRemainingColumn(),
        console=Console(file=out),
        transient=True,
    )
