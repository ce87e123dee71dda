"""The choice of what shows progress: a notebook, a terminal, lines, or nothing."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from modnet import ObservedRun, Observer, ProgressObserver, SettingError

Place = Literal["notebook", "terminal", "lines", "nowhere"]
HOOKS = ("run_started", "epoch_ended", "run_ended")
METHODS = ("start", "advance")
# Modules of shells that say they are a terminal, and show lines only.
IMITATIONS = ("idlelib.run",)


def find_place(progress: bool | None) -> Place:
    """Return where progress is shown: None leaves it to what is there, True asks for it, False wants none.

    Nobody looks at a pipe, a worker process, a thread beside the main one, or a terminal while tests run.
    """
    if progress is False:
        return "nowhere"
    if has_notebook():
        return "notebook" if progress or not _is_aside() else "nowhere"
    is_terminal = _is_terminal() and os.environ.get("TERM") != "dumb" and not any(map(sys.modules.get, IMITATIONS))
    if progress:
        return "terminal" if is_terminal else "lines"
    return "terminal" if is_terminal and not _is_aside() else "nowhere"


def has_notebook() -> bool:
    """Return whether this process is the kernel of a notebook; IPython is not imported for it."""
    shell: Any = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


def _is_terminal() -> bool:
    try:
        return sys.stderr.isatty()
    except (AttributeError, ValueError):  # there is none, as in a program without a console, or it is closed
        return False


def _is_aside() -> bool:
    """Return whether this is a test, a worker process, or not the main thread."""
    workers = sys.modules.get("multiprocessing.process")
    is_worker = workers is not None and workers.parent_process() is not None
    return _is_test() or is_worker or threading.current_thread() is not threading.main_thread()


def _is_test() -> bool:
    return "_pytest" in sys.modules and "PYTEST_CURRENT_TEST" in os.environ


def follow(observer: Observer, progress: bool | Observer | None) -> Observer:
    """Return an observer that shows the progress of one run besides, as `progress` says; raises SettingError.

    >>> class Counting(modnet.Observer):
    ...     def epoch_ended(self, run):
    ...         print(f"{run.iteration} iterations")
    >>> net, data = modnet.TwoLayerNet(784, 5, 10, seed=0), modnet.load("mnist-small")
    >>> run = modnet.train(net, data, iterations=60, progress=Counting())
    50 iterations
    60 iterations
    """
    if _is_observer(progress, HOOKS):
        return Both(progress, observer)
    place = find_place(_check(progress, "an observer, such as a modnet.Observer"))
    if place == "notebook":
        from modnet_progress.notebook import NotebookProgress

        return Both(NotebookProgress(at_once=progress is True), observer)
    if place == "terminal":
        from modnet_progress.line import LineProgress

        return Both(LineProgress(sys.stderr, at_once=progress is True), observer)
    if place == "lines":
        from modnet_progress.terminal import RunProgress

        return Both(Closing(RunProgress(sys.stderr)), observer)
    return observer


@contextmanager
def follow_runs(progress: bool | ProgressObserver | None) -> Iterator[ProgressObserver | None]:
    """Show the progress of many runs inside the block, as `progress` says; raises SettingError."""
    given: Any = progress
    if _is_observer(given, METHODS):
        yield given
        return
    place = find_place(_check(progress, "an object with the methods start and advance"))
    if place == "notebook":
        from modnet_progress.notebook import NotebookRuns

        with NotebookRuns() as in_notebook:
            yield in_notebook
    elif place == "nowhere":
        yield None
    else:
        from modnet_progress.terminal import RunsProgress

        with RunsProgress(sys.stderr) as shown:
            yield shown


def _is_observer(progress: object, methods: tuple[str, ...]) -> bool:
    return any(callable(getattr(progress, name, None)) for name in methods)


def _check(progress: Any, what: str) -> bool | None:
    if progress is None or isinstance(progress, bool):
        return progress
    raise SettingError([f"must be True, False, None or {what}: {progress!r:.80}"], "progress")


class Both(Observer):
    """Two observers of one run: what shows it, and what follows it."""

    def __init__(self, shown: Any, observer: Any) -> None:
        self._shown, self._observer = shown, observer

    def run_started(self, run: ObservedRun) -> None:
        """Follow a run: its first iteration is about to begin."""
        self._call("run_started", run)

    def epoch_ended(self, run: ObservedRun) -> None:
        """Follow a run: it was evaluated."""
        self._call("epoch_ended", run)

    def run_ended(self, run: ObservedRun) -> None:
        """Follow a run: it ended, and what shows it knows so even where the other fails."""
        try:
            self._observer.run_ended(run=run)
        finally:
            getattr(self._shown, "run_ended", _ignore)(run=run)

    def _call(self, hook: str, run: ObservedRun) -> None:
        getattr(self._observer, hook)(run=run)
        getattr(self._shown, hook, _ignore)(run=run)


def _ignore(run: ObservedRun) -> None:
    """Follow nothing: the observer has no such method."""


class Closing(Observer):
    """Something that shows a run inside a `with` block, until the run ends."""

    def __init__(self, shown: Any) -> None:
        self._shown = shown

    def run_started(self, run: ObservedRun) -> None:
        """Begin to show the run."""
        self._shown.__enter__()
        self._shown.run_started(run=run)

    def epoch_ended(self, run: ObservedRun) -> None:
        """Show an epoch."""
        self._shown.epoch_ended(run=run)

    def run_ended(self, run: ObservedRun) -> None:  # noqa: ARG002
        """Show that the run has ended."""
        self._shown.__exit__(None, None, None)
