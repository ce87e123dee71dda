"""Matplotlib figures: created, drawn into, and written as files."""

from __future__ import annotations

import io
import logging
import math
import os
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, cast

import modnet
from modnet import DataError, MissingExtraError, ModnetError, SettingError
from modnet.files import write_atomically
from modnet.text import format_error, measure_width, printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")
# Each has a contrast of 3 or more with white and with #121212: pictures stand on light grounds and on dark ones.
GREY = "#7a7f87"
COLORS = ("#0c7bc0", "#d55e00", "#009469", "#c0659b", "#a97b00", "#7d6fd6", "#6b8a99")
SHORT = 4  # letters of labels that stand beside each other
NARROW = 4.5  # inches; several plots in axes that are narrower have small letters
MARKERS = "osD^vPX"
JOINERS = "\u200c\u200d"  # characters without a width within words and emoji
INK, PAPER = "#1c1c1c", "#fcfcfc"
"""The text on a colored cell, whatever the ground is."""

# A letter that the first font lacks is drawn by the first of these that is installed and has it: one of each row.
FALLBACKS = (
    ("NanumGothic", "Noto Sans CJK KR", "Noto Sans KR", "Malgun Gothic", "Apple SD Gothic Neo", "NanumBarunGothic"),
    ("Noto Sans CJK JP", "Noto Sans JP", "Yu Gothic", "Meiryo", "Hiragino Sans", "IPAexGothic"),
    ("Noto Sans CJK SC", "Noto Sans SC", "Microsoft YaHei", "PingFang SC", "WenQuanYi Zen Hei"),
    ("Arial Unicode MS", "Segoe UI", "Noto Sans", "FreeSans"),
)

_settings = RLock()  # Matplotlib's settings and the filters of warnings belong to the process


@contextmanager
def drawing(ax: Any = None) -> Iterator[None]:
    """Draw inside the block with Matplotlib's defaults, whatever a user has; raises MissingExtraError, ModnetError.

    With the axes `ax` of a user's figure it is with their settings, and the colors of these axes. Raises SettingError
    where they are none.
    """
    try:
        with _settings:
            mpl = _import_matplotlib()
            _check_axes(ax)
            wanted = _read_colors(ax) if ax is not None else mpl.rcParamsDefault
            wanted = {key: value for key, value in wanted.items() if not key.startswith("backend")}
            family = (mpl.rcParams if ax is not None else mpl.rcParamsDefault)["font.family"]
            families = [*family, *_find_fallbacks()]
            with mpl.rc_context({**wanted, "font.family": families}), warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Glyph")  # a letter that all fonts lack is a box, and seen to be one
                yield
                for text in ax.findobj(mpl.text.Text) if ax is not None else ():  # some were there before
                    if not text.get_text().isascii():
                        text.set_fontfamily(families)
    except (KeyboardInterrupt, ModnetError):
        raise
    except BaseException as error:  # a broken installation may even try to end the program
        raise ModnetError(f"Matplotlib fails ({format_error(error)}): check it and its settings") from None


def _check_axes(ax: Any) -> None:
    if not (ax is None or hasattr(ax, "get_subplotspec")):
        raise SettingError([f"must be axes of Matplotlib, not {type(ax).__name__}: give one of them"], "ax")


@cache
def _find_fallbacks() -> tuple[str, ...]:
    """Return the installed fonts that have letters which the first one lacks.

    Matplotlib's list of fonts may be older than fonts that have been installed since: it is looked through once more.
    """
    from matplotlib.font_manager import findSystemFonts, fontManager

    wanted = {name.replace(" ", "").lower() for names in FALLBACKS for name in names}
    installed = {*fontManager.get_font_names()}
    if not installed & {*FALLBACKS[0]}:
        for path in findSystemFonts():
            if any(Path(path).stem.lower().startswith(name) for name in wanted):
                with suppress(Exception):  # a broken font is no font
                    fontManager.addfont(path)
        installed = {*fontManager.get_font_names()}
    found = (next((name for name in names if name in installed), "") for names in FALLBACKS)
    return tuple(name for name in found if name)


def _read_colors(ax: Any) -> dict[str, Any]:
    """Return settings by which whatever is added to the figure of some axes has their colors."""
    ink, edge, ground = find_ink(ax), ax.spines["left"].get_edgecolor(), ax.get_facecolor()
    small = {"axes.titlesize": 9, "axes.labelsize": 8, "xtick.labelsize": 7, "ytick.labelsize": 7}
    sizes: dict[str, Any] = small if measure_inches(ax)[0] < NARROW else {}
    of_text = dict.fromkeys(("text.color", "axes.labelcolor", "axes.titlecolor", "xtick.color", "ytick.color"), ink)
    return {**sizes, **of_text, "axes.edgecolor": edge, "axes.facecolor": ground, "legend.labelcolor": ink}


def find_ink(ax: Any) -> Any:
    """Return the color of the text of some axes."""
    return ax.xaxis.label.get_color()


def _import_matplotlib() -> Any:
    """Return matplotlib, imported without the user's backend, which may not be there: nothing here needs one."""
    backend = None if "matplotlib" in sys.modules else os.environ.pop("MPLBACKEND", None)
    log = logging.getLogger("matplotlib")  # which would quote the settings in the current folder, whoever wrote them
    was_off, log.disabled = log.disabled, True
    try:
        import matplotlib as mpl
    except ModuleNotFoundError as error:
        if error.name == "matplotlib":
            raise MissingExtraError("a plot", "plot") from None
        raise
    finally:
        log.disabled = was_off
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
    if backend is not None:
        with suppress(Exception):
            mpl.rcParams["backend"] = backend  # for whoever uses Matplotlib in this process
    return mpl


def create_figure(size: tuple[float, float]) -> Figure:
    """Return an empty figure of a size in inches, which needs no screen."""
    from matplotlib.figure import Figure

    figure: Any = Figure(figsize=size, layout="constrained")
    figure._repr_html_ = partial(_to_html, figure)  # so that a notebook shows it, without pyplot
    return cast("Figure", figure)


def _to_html(figure: Figure) -> str:
    """Return a figure as a notebook shows it, in the colors of its page."""
    return modnet.html.frame(modnet.html.picture(figure, "a figure"))


def create_panels(
    size: tuple[float, float], title: str, count: int = 2, **options: Any
) -> tuple[Figure, *tuple[Any, ...]]:
    """Return a figure with a title, and the axes of so many plots, three beside each other at most."""
    figure, panels = open_panels(None, size, count, **options)
    put_title(figure, None, escape(title))
    return figure, *panels


def put_title(figure: Figure, ax: Any, title: str) -> None:
    """Write a title above a figure, or above the axes `ax` in which several plots are."""
    if title and ax is None:
        figure.suptitle(title, fontsize=10)
    elif title:
        ax.set_title(wrap(ax, title), fontsize=10, pad=34)


def put_legend_below(axes: Any, *, points: float = 30) -> None:
    """Draw the legend of axes so many points below them, under the label of the axis: it covers nothing."""
    from matplotlib.transforms import ScaledTranslation

    _, words = axes.get_legend_handles_labels()
    if not words:
        return
    widest = (max(map(measure_width, words)) * 0.6 + 4) * 8 / 72
    columns = max(1, min(3, len(words), int(measure_inches(axes)[0] / widest)))
    figure = axes.figure.get_figure(root=True)
    place = axes.transAxes + ScaledTranslation(0, -points / 72, figure.dpi_scale_trans)
    style: dict[str, Any] = {
        "frameon": False,
        "fontsize": 8,
        "borderaxespad": 0,
        "columnspacing": 1,
        "handlelength": 1.5,
    }
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 0), bbox_transform=place, ncols=columns, **style)


def open_panels(
    ax: Any,
    size: tuple[float, float],
    count: int = 1,
    *,
    columns: int = 3,
    width_ratios: Sequence[float] | None = None,
    **options: Any,
) -> tuple[Figure, list[Any]]:
    """Return the axes of so many plots, in rows of `columns` at most, and their figure.

    Without axes `ax` that is a new one of a size in inches; several plots in place of `ax` share its space.
    """
    columns = min(count, columns)
    rows = -(-count // columns)
    if ax is None:
        figure = create_figure(size)
        panels = figure.subplots(rows, columns, squeeze=False, width_ratios=width_ratios, **options).ravel().tolist()
    elif count == 1:
        figure, panels = ax.figure, [ax]
    else:
        figure = ax.figure
        ax.set_axis_off()
        spec = ax.get_subplotspec()
        if spec is None:
            panels = [ax.inset_axes(place) for place in _divide(rows, columns)]
        else:
            grid = spec.subgridspec(rows, columns, wspace=0.35, hspace=0.55, width_ratios=width_ratios)
            panels = grid.subplots(squeeze=False, **options).ravel().tolist()
    for axes in panels[:count]:
        axes.grid(alpha=0.25)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in panels[count:]:
        axes.remove()
    return figure, panels[:count]


def _divide(rows: int, columns: int) -> Iterator[tuple[float, float, float, float]]:
    """Yield the places of plots in the unit square: left, bottom, width and height."""
    for row in range(rows - 1, -1, -1):
        for column in range(columns):
            yield (column + 0.12) / columns, (row + 0.15) / rows, 0.8 / columns, 0.65 / rows


def shorten(name: object, longest: int = 24) -> str:
    """Return a label or a name as it is, and no more of it than fits, in which no dollar begins a formula."""
    text = printable(str(name), longest, JOINERS)
    return escape(text)


def measure_inches(axes: Any) -> tuple[float, float]:
    """Return about how wide and high axes are, in inches, before anything is laid out."""
    figure = axes.figure.get_figure(root=True)
    box = axes.get_window_extent().transformed(figure.dpi_scale_trans.inverted())
    return float(box.width), float(box.height)


def wrap(axes: Any, text: str, size: float = 10) -> str:
    """Return text in lines that are no wider than axes."""
    return textwrap.fill(text, max(12, int(measure_inches(axes)[0] * 72 / (0.58 * size))))


def find_longest(axes: Any, longest: int = 24, size: float = 8) -> int:
    """Return how many letters labels beside axes may have, so that two thirds of the width are left."""
    return max(5, min(longest, int(measure_inches(axes)[0] * 72 / (3 * 0.62 * size))))


def label_places(axis: Any, names: Sequence[object], inches: float, size: float = 8, *, across: bool = False) -> None:
    """Label the places 0, 1, ... of an axis that is so long: of many only every so many-th, and `across` it slanted."""
    longest = max((measure_width(str(name)) for name in names), default=0)
    letters = 0.62 * (longest + 1) if across and longest <= SHORT else 1.3  # of slanted ones the height alone
    step = max(1, math.ceil(len(names) * letters * size / 72 / max(inches, 0.1)))
    places = range(0, len(names), step)
    words = [shorten(names[place], 18) for place in places]
    if across:
        wide = max(map(measure_width, words), default=0) * 0.62 * size / 72 * len(words) > inches
        axis.set_ticks(places, words, fontsize=size, rotation=45 if wide else 0, ha="right" if wide else "center")
        if wide:
            for label in axis.get_ticklabels():
                label.set_rotation_mode("anchor")
    else:
        axis.set_ticks(places, words, fontsize=size)
    axis.set_tick_params(length=0 if step == 1 else 3)


def render(figure: Figure, kind: str, *, transparent: bool = False) -> bytes:
    """Return a figure as a file's content, the same bytes for the same figure; raises SettingError, ModnetError.

    One that is `transparent` stands on whatever ground is there.
    """
    if kind not in FORMATS:
        raise SettingError([f"a plot is written as {', '.join(FORMATS)}, not {kind!r}"], "plot")
    undated = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
    content = io.BytesIO()
    with drawing():
        import matplotlib as mpl

        mpl.rcParams["svg.hashsalt"] = "modnet"
        figure.savefig(content, format=kind, dpi=150, metadata=undated[kind], transparent=transparent)
    return content.getvalue()


def escape(text: str) -> str:
    """Return text in which no dollar begins a formula."""
    return text.replace("$", r"\$")


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure into a file, in the format of its suffix; raises SettingError, DataError and ModnetError."""
    if not path.parent.is_dir():
        raise DataError(f"{path}: there is no folder {path.parent}")
    write_atomically(path, render(figure, path.suffix[1:].lower()))


def try_to_draw(draw: Callable[[], Figure], path: Path) -> str:
    """Draw a figure into a file, and return in a line why that failed, or "": results never depend on a picture."""
    try:
        save_figure(draw(), path)
    except KeyboardInterrupt:
        return f"{path.name} was not drawn: interrupted"
    except (ModnetError, OSError) as error:
        return f"{path.name} was not drawn: {getattr(error, 'strerror', '') or error}"
    return ""
