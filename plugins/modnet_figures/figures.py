"""Matplotlib figures: made, and written as files."""

from __future__ import annotations

import io
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from modnet import DataError, MissingExtraError, ModnetError, SettingError
from modnet.files import write_atomically
from modnet.text import format_error

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")
GREY = "#3b4252"
# The palette of Okabe and Ito, which everyone can tell apart.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")

_settings = RLock()  # Matplotlib's settings and the filters of warnings belong to the process


@contextmanager
def drawing() -> Iterator[None]:
    """Draw inside the block with Matplotlib's defaults, whatever a user has; raises MissingExtraError, ModnetError."""
    try:
        with _settings:
            mpl = _import_matplotlib()
            defaults = {key: value for key, value in mpl.rcParamsDefault.items() if not key.startswith("backend")}
            with mpl.rc_context(defaults), warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Glyph")  # a letter that the font lacks is a box, and seen to be one
                yield
    except (KeyboardInterrupt, ModnetError):
        raise
    except BaseException as error:  # a broken installation may even try to end the program
        raise ModnetError(f"Matplotlib fails ({format_error(error)}): check it and its settings") from None


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

    return Figure(figsize=size, layout="constrained")


def create_panels(
    size: tuple[float, float], title: str, count: int = 2, **options: Any
) -> tuple[Figure, *tuple[Any, ...]]:
    """Return a figure with a title, and the axes of so many plots, three beside each other at most."""
    figure, columns = create_figure(size), min(count, 3)
    panels = figure.subplots(-(-count // columns), columns, squeeze=False, **options).ravel()
    for axes in panels[:count]:
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in panels[count:]:
        axes.remove()
    figure.suptitle(escape(title), fontsize=10)
    return figure, *panels[:count]


def render(figure: Figure, kind: str) -> bytes:
    """Return a figure as a file's content, the same bytes for the same figure; raises SettingError, ModnetError."""
    if kind not in FORMATS:
        raise SettingError([f"a plot is written as {', '.join(FORMATS)}, not {kind!r}"], "plot")
    undated = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
    content = io.BytesIO()
    with drawing():
        import matplotlib as mpl

        mpl.rcParams["svg.hashsalt"] = "modnet"
        figure.savefig(content, format=kind, dpi=150, metadata=undated[kind])
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
