"""Dots and intervals on a line, small enough for the cell of a table."""

from __future__ import annotations

import math
from collections.abc import Sequence

from modnet_display.html import Html, element

WIDTH, HEIGHT = 272, 32
SIDE = 8  # between the ends of the line and the drawing's
Interval = tuple[float, float]


class Scale:
    """A line from the lowest to the highest of some numbers, which all rows of a table share."""

    def __init__(self, numbers: Sequence[float]) -> None:
        finite = [number for number in numbers if math.isfinite(number)]
        self.low, self.high = min(finite, default=0.0), max(finite, default=1.0)
        if self.low == self.high:
            self.low, self.high = self.low - 0.5, self.high + 0.5

    def place(self, number: float) -> float:
        """Return where a number is, in units of the drawing."""
        share = (number - self.low) / (self.high - self.low)
        return round(SIDE + (WIDTH - 2 * SIDE) * min(max(share, 0.0), 1.0), 1)


def draw_strip(
    scale: Scale,
    mean: float,
    *,
    dots: Sequence[tuple[float, str]] = (),
    thick: Interval | None = None,
    thin: Interval | None = None,
    band: Interval | None = None,
    words: dict[str, str],
) -> Html:
    """Return a drawing of a mean, dots with their names, and intervals; `words` name it as `document.label` does."""
    middle = HEIGHT / 2
    parts = [_line(SIDE, WIDTH - SIDE, middle, "var(--line)", 1)]
    if band:
        left, right = map(scale.place, band)
        parts.append(
            element("rect", x=left, y=2, width=round(max(right - left, 1), 1), height=HEIGHT - 4, fill="var(--mark)")
        )
        if scale.low <= 0 <= scale.high:
            x = scale.place(0)
            parts.append(element("line", x1=x, x2=x, y1=2, y2=HEIGHT - 2, stroke="var(--soft)", stroke_width=1))
    for interval, width in ((thin, 2), (thick, 5)):
        if interval:
            left, right = map(scale.place, interval)
            parts.append(_line(left, right, middle + 7 * bool(dots), "var(--strip)", width))
    for number, name in dots:
        if math.isfinite(number):
            parts.append(
                element(
                    "circle", element("title", name), cx=scale.place(number), cy=middle - 5, r=3.5, fill="var(--strip)",
                    fill_opacity=0.55,
                )
            )  # fmt: skip
    if math.isfinite(mean):
        x = scale.place(mean)
        parts.append(element("line", x1=x, x2=x, y1=3, y2=HEIGHT - 3, stroke="currentColor", stroke_width=2))
    return element("svg", *parts, viewBox=f"0 0 {WIDTH} {HEIGHT}", class_="strip", role="img", **words)


def _line(left: float, right: float, y: float, color: str, width: float) -> Html:
    return element("line", x1=left, x2=right, y1=y, y2=y, stroke=color, stroke_width=width)
