"""The progress of runs in a notebook: one output, updated where it stands."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Self

from modnet import ObservedRun, Observer, figures, html
from modnet.text import format_column, format_count, format_duration
from modnet_progress.course import PATIENCE, Course

EVERY = 0.5  # seconds from one update to the next, at least
SHARE = 0.005  # of the time is spent on updates at most, however long they take
POINTS = 120  # of a curve
WIDTH, HEIGHT = 260, 96  # of a curve, in pixels
LATEST = 5  # results of many runs that are shown


class _Output:
    """An output of a notebook that is updated by a thread, and at the end by whoever ends it.

    Nothing that the notebook does ends the work: what cannot be shown is left out.
    """

    def __init__(self, *, at_once: bool) -> None:
        self._at_once = at_once
        self._handle: Any = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.seconds = 0.0
        """The time that updates have taken."""

    def begin(self, make: Callable[[], tuple[str, str]]) -> None:
        """Begin to show what `make` returns as HTML and as plain text, from time to time."""

        def repeat() -> None:
            wait = PATIENCE
            while not self._stop.wait(wait):
                is_first = self._handle is None  # which imports what draws it
                taken = self.show(make)
                wait = EVERY if is_first else max(EVERY, taken / SHARE)

        if self._at_once:
            self.show(make)
        self._thread = threading.Thread(target=repeat, daemon=True, name="modnet progress")
        try:
            self._thread.start()
        except RuntimeError:  # no thread can be started, as in a browser: its end is shown
            self._thread = None

    def end(self, make: Callable[[], tuple[str, str]]) -> None:
        """Show for the last time what `make` returns, if anything was shown before."""
        self._stop.set()
        if self._thread:
            self._thread.join()
        if self._handle or self._at_once:
            self.show(make)

    def show(self, make: Callable[[], tuple[str, str]]) -> float:
        """Show what `make` returns, and return the seconds that it has taken."""
        begin = time.perf_counter()
        try:
            self._publish(*make())
        except Exception:  # of the notebook: the work is worth more
            self._stop.set()
        taken = time.perf_counter() - begin
        self.seconds += taken
        return taken

    def _publish(self, as_html: str, as_text: str) -> None:
        from IPython.display import display

        bundle = {"text/html": as_html, "text/plain": as_text}
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)


class NotebookProgress(Observer):
    """Shows a run in a notebook: a bar with the time left, what was measured last, and curves; then how it ended."""

    def __init__(self, *, at_once: bool = False) -> None:
        self._output = _Output(at_once=at_once)

    @property
    def seconds(self) -> float:
        """The time that the display has taken."""
        return self._output.seconds

    def run_started(self, run: ObservedRun) -> None:
        """Begin to show the run, in a moment."""
        self._output.begin(lambda: draw_course(Course.read(run)))

    def run_ended(self, run: ObservedRun) -> None:
        """Show how the run ended, so that it stays in the notebook."""
        self._output.end(lambda: draw_course(Course.read(run), is_over=True))


class NotebookRuns:
    """Shows the progress of many runs in a notebook, inside a `with` block: how many are done, and the latest."""

    def __init__(self) -> None:
        self._output = _Output(at_once=True)
        self._total = self._done = self._before = 0
        self._results: list[str] = []
        self._begin = time.monotonic()
        self._measure: Callable[[], float] = lambda: 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._output.end(self._draw)

    def start(self, total: int, finished: int, measure: Callable[[], float]) -> None:
        """Show that some runs are finished already; `measure` returns the progress of the others, in runs."""
        self._total, self._done, self._before, self._measure = total, finished, finished, measure
        self._output.begin(self._draw)

    def advance(self, result: str) -> None:
        """Note that one more run is finished, with its result."""
        self._done += 1
        self._results.append(result)

    def _draw(self) -> tuple[str, str]:
        seconds = time.monotonic() - self._begin
        is_over = self._done == self._total
        done = self._done if is_over else self._done + self._measure()
        words = [f"{self._done} of {format_count(self._total, 'run')}"]
        if is_over:
            words.append(f"in {format_duration(seconds)}")
        elif done > self._before:
            left = seconds / (done - self._before) * (self._total - done)
            words.append(f"{format_duration(left)} left")
        title = ", ".join(words)
        bar = "" if is_over else draw_bar(done / self._total if self._total else 1.0)
        latest = html.join(html.element("div", line) for line in self._results[-LATEST:])
        return html.frame(title, bar, latest, class_="modnet-progress"), title


def draw_course(course: Course, *, is_over: bool = False) -> tuple[str, str]:
    """Return how far a run is, or how it ended, as HTML and as plain text."""
    values = course.format_values()
    words = [f"training {course.share:.0%}".replace("%", " %"), course.format_time()]
    title = course.conclude() if is_over else ", ".join(filter(None, words))
    heads, row = ["epoch", *values], [f"{course.epoch:.1f}", *values.values()]
    bar = "" if is_over else draw_bar(course.share)
    content = html.frame(
        html.element("b", title),
        bar,
        html.table(heads, [row], row_heads=False),
        draw_curves(course),
        class_="modnet-progress",
    )
    last = ", ".join(f"{name} {value}" for name, value in values.items())
    return content, f"{title}{': ' * bool(last)}{last}"


def draw_bar(share: float) -> html.Html:
    """Return a bar that is filled up to a share, from 0 to 1."""
    done = round(100 * min(max(share, 0.0), 1.0), 1)
    inside = html.element("div", style=f"width:{done}%")
    of_readers = {"role": "progressbar", "aria_label": "progress", "aria_valuenow": done}  # of 100, by default
    return html.element("div", inside, class_="bar", style=f"max-width:{2 * WIDTH}px", **of_readers)


def draw_curves(course: Course) -> html.Html:
    """Return small curves of the loss and of the main metric, which are drawn in about a millisecond."""
    history = course.history
    loss = thin(range(1, len(history.loss) + 1), history.loss)
    parts = []
    if len(loss) > 1:
        parts.append(_draw_curve("loss", {"": loss}, course.iterations))
    curves = {
        format_column(name, course.metrics): thin(history.evaluated_at, history.columns[name]) for name in course.shown
    }
    if curves and len(next(iter(curves.values()))) > 1:
        parts.append(_draw_curve(", ".join(curves), curves, course.iterations))
    return html.join(parts, " ")


Points = Sequence[tuple[float, float]]


def thin(places: Sequence[int], values: Sequence[float]) -> Points:
    """Return at most so many points as can be seen: the means of neighbours, where they are finite.

    >>> thin([1, 2, 3], [3.0, 2.0, float("nan")])
    [(1, 3.0), (2, 2.0)]
    >>> len(thin(range(100_000), [1.0] * 100_000)) <= POINTS
    True
    """
    step = -(-len(values) // POINTS)
    found = []
    for begin in range(0, len(values), max(1, step)):
        part = values[begin : begin + step]
        mean = sum(part) / len(part)
        if abs(mean) < float("inf"):
            found.append((places[min(begin + step, len(values)) - 1], mean))
    return found


def _draw_curve(title: str, curves: dict[str, Points], last: int) -> html.Html:
    """Return curves over iterations as an SVG, with the lowest and the highest value at the side."""
    values = [y for points in curves.values() for _, y in points]
    low, high = min(values), max(values)
    height = (high - low) or 1.0
    left, top, right, bottom = 46, 18, WIDTH - 6, HEIGHT - 6

    def place(x: float, y: float) -> str:
        across = left + (right - left) * x / max(last, 1)
        return f"{across:.1f},{bottom - (bottom - top) * (y - low) / height:.1f}"

    lines: list[html.Html] = [
        html.element(
            "path", d=f"M{left} {top}V{bottom}H{right}", fill="none", stroke="currentColor", stroke_opacity=0.35
        )
    ]
    for value, y in ((high, top + 4), (low, bottom)):
        lines.append(html.element("text", f"{value:.3g}", x=left - 5, y=y, text_anchor="end", fill="currentColor"))
    names = []
    for (name, points), color in zip(curves.items(), figures.COLORS, strict=False):
        line = " ".join(place(x, y) for x, y in points)
        lines.append(html.element("polyline", points=line, fill="none", stroke=color, stroke_width=1.6))
        names.append(html.element("tspan", f"{name or title}  ", fill=color))
    lines.append(html.element("text", *names, x=left, y=11))
    style = f"max-width:100%;font:11px var(--modnet-font, system-ui, sans-serif);width:{WIDTH}px"
    return html.element(
        "svg",
        *lines,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        width=WIDTH,
        height=HEIGHT,
        role="img",
        aria_label=title,
        style=style,
    )
