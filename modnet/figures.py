"""Plots, as matplotlib figures that are returned and never shown."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from modnet.errors import MissingExtraError, SettingError
from modnet.side_by_side import EstimatorRow
from modnet.types import History

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")
# Errors below this are drawn here: a logarithm has no place for 0.
_NOTHING = 1e-17
_LOSS, _TRAIN, _TEST = "#3b4252", "#0072b2", "#d55e00"  # Okabe and Ito's palette: told apart by everyone


def curves(history: History, title: str = "") -> Figure:
    """Return the learning curves: the loss of every iteration, and both accuracies; raises MissingExtraError."""
    figure = _figure((9, 3.6))
    left, right = figure.subplots(1, 2)
    _draw_loss(left, history.loss)
    _draw_accuracy(right, history)
    for axes in (left, right):
        axes.set_xlabel("iteration")
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, fontsize=10)
    return figure


def accuracy_per_evaluation(rows: Sequence[EstimatorRow], title: str = "") -> Figure:
    """Return the error of gradient estimators against what they cost: evaluations of the loss, and seconds.

    A line is the spread of the repeats. Raises MissingExtraError.
    """
    figure = _figure((9, 4))
    left, right = figure.subplots(1, 2, sharey=True)
    for i, row in enumerate(sorted((row for row in rows if not row.problem), key=lambda row: -row.error)):
        style: Any = {"color": f"C{i % 10}", "marker": "osD^vP"[i % 6], "linestyle": "none"}
        spread = [max(bound, _NOTHING) for bound in (min(row.errors), max(row.errors))]
        for axes, cost in ((left, row.evaluations), (right, row.seconds)):
            if cost is not None:
                axes.plot([cost] * 2, spread, color=style["color"], linewidth=1.5)
                axes.plot(cost, max(row.error, _NOTHING), **style)
        right.plot([], [], **style, label=row.name)
    left.set(xlabel="evaluations of the loss, as a black box", ylabel="error, relative to the gradient")
    right.set(xlabel="seconds for one estimate")
    for axes in (left, right):
        axes.set(xscale="log", yscale="log")
        axes.margins(0.1)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right center", frameon=False)
    figure.suptitle(title, fontsize=10)
    return figure


def _figure(size: tuple[float, float]) -> Figure:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("a plot", "plot") from None
    return Figure(figsize=size, layout="constrained")


def rendered(figure: Figure, kind: str) -> bytes:
    """Return a figure as the content of a file, the same bytes for the same figure; raises SettingError."""
    if kind not in FORMATS:
        raise SettingError([f"a plot is written as {', '.join(FORMATS)}, not {kind!r}"], "plot")
    import matplotlib as mpl

    undated = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
    content = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "modnet"}):
        figure.savefig(content, format=kind, dpi=150, metadata=undated[kind])
    return content.getvalue()


def _draw_loss(axes: Any, loss: list[float]) -> None:
    iterations = np.arange(1, len(loss) + 1)
    width = max(1, len(loss) // 50)
    axes.plot(iterations, loss, color=_LOSS, alpha=0.25 if width > 1 else 1, linewidth=0.8)
    if width > 1:
        mean = np.convolve(loss, np.ones(width) / width, mode="valid")
        axes.plot(iterations[width - 1 :], mean, color=_LOSS, label=f"mean of {width} iterations")
        axes.legend(frameon=False)
    axes.set(title="loss of each mini-batch", ylim=(0, None))


def _draw_accuracy(axes: Any, history: History) -> None:
    marker = "." if len(history.iterations) <= 60 else None
    rows = (("train", history.train_accuracy, _TRAIN), ("test", history.test_accuracy, _TEST))
    for name, accuracy, color in rows:
        if accuracy and not math.isnan(accuracy[-1]):
            label = f"{name}: {accuracy[-1]:.4f}"
            axes.plot(history.iterations, accuracy, color=color, marker=marker, label=label)
    axes.set(title="accuracy", ylim=(0, 1))
    if history.iterations:
        axes.legend(frameon=False, loc="lower right")
