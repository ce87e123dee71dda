"""The learning curves of a run."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from modnet.display.figure import COLORS, GREY, create_panels, drawing, escape
from modnet.text import printable
from modnet.types import History

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LONGEST = 24  # letters of a column's name


@drawing()
def draw_learning_curves(history: History, title: str = "") -> Figure:
    """Return the learning curves: the loss of every iteration, and both accuracies, or R²; raises MissingExtraError."""
    figure, left, right = create_panels((9, 3.6), title)
    _draw_loss(left, history.loss)
    _draw_scores(right, history)
    for axes in (left, right):
        axes.set_xlabel("iteration")
    return figure


def _draw_loss(axes: Any, loss: list[float]) -> None:
    iterations = np.arange(1, len(loss) + 1)
    width = max(1, len(loss) // 50)
    axes.plot(iterations, loss, color=GREY, alpha=0.25 if width > 1 else 1, linewidth=0.8)
    if width > 1:
        mean = np.convolve(loss, np.ones(width) / width, mode="valid")
        axes.plot(iterations[width - 1 :], mean, color=GREY, label=f"mean of {width} iterations")
        axes.legend(frameon=False)
    axes.set(title="loss of each mini-batch", ylim=(0, None))


def _draw_scores(axes: Any, history: History) -> None:
    """Draw the accuracies, or R², whose values below -1 are left out of the picture."""
    marker = "." if len(history.evaluated_at) <= 60 else None
    suffix = "_r2" if "test_r2" in history.columns else "_accuracy"
    curves = {name: values for name, values in history.columns.items() if name.endswith(suffix)}
    # More than there are colors are not told apart, and could take for ever.
    for (name, values), color in zip(curves.items(), COLORS, strict=False):
        if values and not math.isnan(values[-1]):
            label = escape(f"{printable(name.removesuffix(suffix), LONGEST)}: {values[-1]:.4f}")
            axes.plot(history.evaluated_at, values, color=color, marker=marker, label=label)
    lowest = min((value for values in curves.values() for value in values if value < 0), default=0.0)
    axes.set(title="R²" if suffix == "_r2" else "accuracy", ylim=(max(lowest, -1.0), 1))
    if history.evaluated_at:
        axes.legend(frameon=False, loc="lower right")
