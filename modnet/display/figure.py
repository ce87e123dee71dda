"""Matplotlib figures: made, and written as files."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modnet.errors import DataError, MissingExtraError, SettingError
from modnet.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")
GREY = "#3b4252"
# The palette of Okabe and Ito, which everyone can tell apart.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")


def create_figure(size: tuple[float, float]) -> Figure:
    """Return an empty figure of a size in inches; raises MissingExtraError."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("a plot", "plot") from None
    return Figure(figsize=size, layout="constrained")


def create_panels(size: tuple[float, float], title: str, **options: Any) -> tuple[Figure, Any, Any]:
    """Return a figure with a title, and the axes of two plots beside each other; raises MissingExtraError."""
    figure = create_figure(size)
    left, right = figure.subplots(1, 2, **options)
    for axes in (left, right):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(escape(title), fontsize=10)
    return figure, left, right


def render(figure: Figure, kind: str) -> bytes:
    """Return a figure as the content of a file, the same bytes for the same figure; raises SettingError."""
    if kind not in FORMATS:
        raise SettingError([f"a plot is written as {', '.join(FORMATS)}, not {kind!r}"], "plot")
    import matplotlib as mpl

    undated = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
    content = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "modnet"}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # a letter that the font lacks is a box, and seen to be one
        figure.savefig(content, format=kind, dpi=150, metadata=undated[kind])
    return content.getvalue()


def escape(text: str) -> str:
    """Return text in which no dollar begins a formula."""
    return text.replace("$", r"\$")


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure into a file, in the format of its suffix; raises SettingError and DataError."""
    if not path.parent.is_dir():
        raise DataError(f"{path}: there is no folder {path.parent}")
    write_atomically(path, render(figure, path.suffix[1:].lower()))
