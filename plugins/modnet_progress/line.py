"""Progress of a run in one line of a terminal."""

from __future__ import annotations

import shutil
import threading
from typing import TextIO

from modnet import ObservedRun, Observer
from modnet.text import escape, measure_width
from modnet_progress.course import PATIENCE, Course

EVERY = 0.2  # seconds from one line to the next
SLOTS = 20  # of the bar


class LineProgress(Observer):
    """A bar with loss, metrics and time left, and how the run ended; nothing of one that is over in a moment.

    Nothing that a terminal does ends a run: what cannot be written is left out.
    """

    def __init__(self, out: TextIO, *, at_once: bool = False) -> None:
        self._out, self._at_once = out, at_once
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._width = 0  # of the line that stands there

    def run_started(self, run: ObservedRun) -> None:
        """Begin to show the run, in a moment."""

        def repeat() -> None:
            wait = EVERY if self._at_once else PATIENCE
            while not self._stop.wait(wait):
                self._write(format_line(Course.read(run), self._measure_columns(), self._encoding))
                wait = EVERY

        self._thread = threading.Thread(target=repeat, daemon=True, name="modnet progress")
        try:
            self._thread.start()
        except RuntimeError:  # no thread can be started here: its end is shown
            self._thread = None

    def run_ended(self, run: ObservedRun) -> None:
        """Write how the run ended in place of the bar."""
        self._stop.set()
        if self._thread:
            self._thread.join()
        if self._width or self._at_once:
            course = Course.read(run)
            values = ", ".join(f"{name} {value}" for name, value in course.format_values().items())
            self._write(f"{course.conclude()}{': ' * bool(values)}{values}", "\n")

    @property
    def _encoding(self) -> str:
        return getattr(self._out, "encoding", None) or "ascii"

    def _measure_columns(self) -> int:
        return max(20, shutil.get_terminal_size().columns - 1)  # the last one would break the line

    def _write(self, line: str, end: str = "") -> None:
        text = escape(line).encode(self._encoding, "replace").decode(self._encoding)
        blanks = " " * (self._width - measure_width(text))
        self._width = 0 if end else measure_width(text)
        try:
            self._out.write(f"\r{text}{blanks}{end}")
            self._out.flush()
        except (OSError, ValueError):  # the terminal is gone: the run is worth more
            self._stop.set()


def format_line(course: Course, columns: int, encoding: str = "utf-8") -> str:
    """Return a bar with what is known of a run, of so many columns at most.

    >>> from modnet import History, Status
    >>> course = Course(300, 600, 3.0, 10.0, Status.RUNNING, History([0.5], [300], {"test_accuracy": [0.9]}), ())
    >>> format_line(course, 99)
    'training  ━━━━━━━━━━──────────  50 %  10 s left  loss 0.5000  test accuracy 0.9000'
    >>> format_line(course, 60)
    '━━━━━─────  50 %  10 s left  loss 0.5000  test acc 0.9000'
    """
    values = [f"{name} {value}" for name, value in course.format_values().items()]
    rest = [f"{course.share:.0%}".replace("%", " %"), course.format_time(), *values]
    short = [word.replace(" accuracy", " acc").replace("validation ", "val ") for word in rest]
    lines = [["training", _draw_bar(course, SLOTS, encoding), *rest]]
    lines += [[_draw_bar(course, SLOTS // 2, encoding), *short[: len(short) - i]] for i in range(len(short))]
    written = ("  ".join(filter(None, words)) for words in lines)
    return next((line for line in written if measure_width(line) <= columns), rest[0])


def _draw_bar(course: Course, slots: int, encoding: str) -> str:
    full, empty = ("━", "─") if _can_write("━─", encoding) else ("#", ".")
    done = round(course.share * slots)
    return full * done + empty * (slots - done)


def _can_write(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except (UnicodeError, LookupError):
        return False
    return True
