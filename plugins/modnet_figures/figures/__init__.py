"""The pictures, a module each, and what draws them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from modnet_figures.canvas import COLORS as COLORS
from modnet_figures.canvas import FORMATS as FORMATS
from modnet_figures.canvas import GREY as GREY
from modnet_figures.canvas import create_figure as create_figure
from modnet_figures.canvas import create_panels as create_panels
from modnet_figures.canvas import drawing as drawing
from modnet_figures.canvas import escape as escape
from modnet_figures.canvas import find_ink as find_ink
from modnet_figures.canvas import render as render
from modnet_figures.canvas import save_figure as save_figure
from modnet_figures.canvas import try_to_draw as try_to_draw

if TYPE_CHECKING:
    from modnet_figures.figures import activations as activations
    from modnet_figures.figures import comparison as comparison
    from modnet_figures.figures import confusion_matrix as confusion_matrix
    from modnet_figures.figures import contour as contour
    from modnet_figures.figures import decision_boundary as decision_boundary
    from modnet_figures.figures import gradient_check as gradient_check
    from modnet_figures.figures import gradient_sizes as gradient_sizes
    from modnet_figures.figures import learning_curves as learning_curves
    from modnet_figures.figures import mistakes as mistakes
    from modnet_figures.figures import network as network
    from modnet_figures.figures import residuals as residuals
    from modnet_figures.figures import samples as samples
    from modnet_figures.figures import several_runs as several_runs
    from modnet_figures.figures import weights as weights

_PICTURES = (
    "activations",
    "comparison",
    "confusion_matrix",
    "contour",
    "decision_boundary",
    "gradient_check",
    "gradient_sizes",
    "learning_curves",
    "mistakes",
    "network",
    "residuals",
    "samples",
    "several_runs",
    "weights",
)

__all__ = [
    "COLORS",
    "FORMATS",
    "GREY",
    "create_figure",
    "create_panels",
    "drawing",
    "escape",
    "find_ink",
    "render",
    "save_figure",
    "try_to_draw",
    *_PICTURES,
]


def __getattr__(name: str) -> Any:
    if name not in _PICTURES:
        raise AttributeError(f"modnet.figures has no {name!r}: it has {', '.join(_PICTURES)}")
    return import_module(f"{__name__}.{name}")


def __dir__() -> list[str]:
    return __all__
