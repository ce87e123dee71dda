"""Grey images and bars as text on a terminal."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from contextlib import suppress
from itertools import accumulate, pairwise
from typing import Literal, TextIO

import attrs
import numpy as np
from modnet_figures.images import resample

from modnet.text import GAP, JOINERS, fit, measure_width, printable
from modnet.types import Array

Greys = Literal["none", "256", "24-bit"]
SHADES = " .:-=+*#%@"
# An image narrower than this, in characters, is hard to make out: in greys, and in plain characters.
NARROW, NARROW_PLAIN = 14, 18
# The greys of a terminal with 256 colours: black, 24 steps, white.
GREYS_256 = (16, *range(232, 256), 231)
LONGEST = 24  # columns that a name or a label may take


@attrs.frozen
class Screen:
    """A terminal or a file that text is shown on: its width, its greys and its characters."""

    columns: int = 80
    greys: Greys = "none"
    encoding: str = "utf-8"

    @classmethod
    def from_stream(cls, out: TextIO) -> Screen:
        """Return the screen of a stream: with greys on a terminal that has them, unless NO_COLOR is set."""
        kind = os.environ.get("TERM", "")
        greys: Greys = "none"
        encoding = out.encoding or "ascii"
        if out.isatty() and not os.environ.get("NO_COLOR") and _can_encode("▀", encoding):
            if os.environ.get("COLORTERM", "") in {"truecolor", "24bit"} or kind.endswith("-direct"):
                greys = "24-bit"
            elif "256color" in kind:
                greys = "256"
        return cls(_count_columns(out), greys, encoding)

    def to_encodable(self, text: str) -> str:
        """Return text with a question mark for each character that cannot be shown."""
        return text.encode(self.encoding, "replace").decode(self.encoding)

    def fit_name(self, name: object, longest: int = LONGEST) -> str:
        """Return a label or a feature's name so that it can be shown: without control characters, not too long."""
        text = self.to_encodable(printable(str(name), 2 * longest, JOINERS)) or '""'
        return fit(text, min(measure_width(text), longest))


def _count_columns(out: TextIO) -> int:
    """Return the width of a stream, which is not that of descriptor 1; COLUMNS wins, and 80 is that of a file."""
    with suppress(ValueError, OSError):
        return int(os.environ.get("COLUMNS", 0)) or os.get_terminal_size(out.fileno()).columns or 80
    return 80


def format_images(images: Array, captions: Sequence[str], low: float, high: float, screen: Screen) -> list[str]:
    """Return the lines that show square images (N, side, side), as many in a row as fit, with captions below.

    Black or a blank is `low`, white or the fullest character is `high`. Images are enlarged by a whole factor, or
    reduced as far as they stay readable.
    """
    if not len(images):
        return []
    across, width = _choose_layout(len(images), images.shape[1], screen)
    lines = []
    for start in range(0, len(images), across):
        some = slice(start, start + across)
        levels = [np.clip(np.nan_to_num((image - low) / ((high - low) or 1)), 0, 1) for image in images[some]]
        drawn = [_draw_grey(level, width, screen.greys) for level in levels]
        rows = [(" " * GAP).join(parts) for parts in zip(*drawn, strict=True)]
        below = (" " * GAP).join(fit(caption, width) for caption in captions[some])
        lines += [*(row.rstrip(" ") for row in rows), below.rstrip(), ""]
    return lines[:-1]


def format_bar(counts: Sequence[int], most: int, width: int, screen: Screen) -> str:
    """Return a bar that has a piece for each of up to three counts; the bar of `most` is as long as `width`.

    >>> format_bar([6, 2], 10, 10, Screen(encoding="ascii"))
    '######--'
    """
    pieces = "█░▒" if _can_encode("█░▒", screen.encoding) else "#-+"
    ends = [math.ceil(total * width / max(most, 1)) for total in accumulate(counts, initial=0)]
    return "".join(piece * (end - start) for piece, (start, end) in zip(pieces, pairwise(ends), strict=False))


def _can_encode(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _choose_layout(count: int, side: int, screen: Screen) -> tuple[int, int]:
    """Return the number of images beside each other, and the width of each in characters."""
    narrow = NARROW_PLAIN if screen.greys == "none" else NARROW
    whole = side * max(1, round(narrow / side))
    least = whole if side < narrow else narrow
    most = max(1, (screen.columns + GAP) // (least + GAP))
    across = math.ceil(count / math.ceil(count / most))  # so that all lines of images are about equally full
    return across, max(1, min(whole, (screen.columns + GAP) // across - GAP))


def _draw_grey(level: Array, width: int, greys: str) -> list[str]:
    """Return the lines of an image of levels from 0 to 1. A character is about twice as high as wide."""
    height = math.ceil(width / 2)
    if greys == "none":
        places = (resample(level, height, width) * (len(SHADES) - 1e-9)).astype(int)
        return ["".join(SHADES[place] for place in row) for row in places]
    pixels = resample(level, 2 * height, width)
    return [_draw_half_blocks(upper, lower, greys) for upper, lower in zip(pixels[::2], pixels[1::2], strict=True)]


def _draw_half_blocks(upper: Array, lower: Array, greys: str) -> str:
    """Return a line of two rows of pixels: a half block in the grey of the upper on the grey of the lower one."""
    line, before = "", ""
    for pair in zip(upper, lower, strict=True):
        codes = (f"{ground};{_find_code(pixel, greys)}" for ground, pixel in zip(("38", "48"), pair, strict=True))
        code = f"\x1b[{';'.join(codes)}m"
        line += ("" if code == before else code) + "▀"
        before = code
    return line + "\x1b[0m"


def _find_code(level: float, greys: str) -> str:
    if greys == "256":
        return f"5;{GREYS_256[round(level * (len(GREYS_256) - 1))]}"
    grey = round(level * 255)
    return f"2;{grey};{grey};{grey}"
