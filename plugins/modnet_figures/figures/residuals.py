"""The predictions of a regression beside what is true, and what is left over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from modnet import Array, DataError, SettingError
from modnet_figures.canvas import COLORS, GREY, drawing, find_ink, open_panels, shorten, wrap
from modnet_figures.subjects import read_subject, to_columns

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["from_estimator", "from_predictions"]

DOTS = 2000
TARGETS = 3  # that are drawn of many


def from_estimator(estimator: Any, x: Any = None, t: Any = None, *, ax: Any = None) -> Figure:
    """Return what a regression predicts beside what is true, and its errors; of a run by default its test's.

    `estimator` is a run, a network or an estimator of scikit-learn, and `x` are samples as its `predict` takes them.
    Raises SettingError, DataError.

    >>> x = np.random.default_rng(0).normal(size=(60, 2))
    >>> data = modnet.Dataset.from_arrays(x, x[:, 0] ** 2, task="regression")
    >>> run = modnet.train(modnet.Network.for_data(data), data, iterations=300)
    >>> modnet.figures.residuals.from_estimator(run).savefig("residuals.png")
    """
    subject = read_subject(estimator, x, t)
    if subject.classes:
        raise SettingError(["residuals are of a regression, and these are classes: take confusion_matrix"])
    true = subject.require_targets()
    return from_predictions(true, subject.predict(subject.rows), ax=ax)


def from_predictions(t: Any, y: Any, *, names: Sequence[str] = (), ax: Any = None) -> Figure:
    """Return predictions `y` beside targets `t`, (N,) or (N, targets), and the errors y - t beside the predictions.

    On the line both are the same. Of several targets, which may have `names`, each has its row. Raises DataError.

    >>> figure = modnet.figures.residuals.from_predictions([1.0, 2.0, 3.0], [1.1, 1.9, 3.2])
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['predicted', 'predicted - true']
    """
    true, predicted = to_columns(t), to_columns(y)
    if true.shape != predicted.shape or not true.size:
        raise DataError(f"t is of shape {true.shape} and y of {predicted.shape}: give as many, one at least")
    labels = [*names] if len(names) == true.shape[1] else [f"target {j + 1}" for j in range(true.shape[1])]
    count = min(true.shape[1], TARGETS)
    chosen = np.linspace(0, len(true) - 1, min(len(true), DOTS)).astype(np.int64)
    with drawing(ax):
        figure, panels = open_panels(ax, (8.4, 3.7 * count), 2 * count, columns=2)
        for j in range(count):
            title = shorten(labels[j]) if true.shape[1] > 1 else ""
            _draw_predictions(panels[2 * j], true[:, j], predicted[:, j], chosen, title)
            _draw_errors(panels[2 * j + 1], predicted[:, j], (predicted - true)[:, j], chosen, title)
        return figure


def _draw_predictions(axes: Any, true: Array, predicted: Array, chosen: Array, title: str) -> None:
    low, high = float(min(true.min(), predicted.min())), float(max(true.max(), predicted.max()))
    axes.plot([low, high], [low, high], color=GREY, linewidth=1)
    axes.plot(true[chosen], predicted[chosen], "o", color=COLORS[0], markersize=4, alpha=0.6, markeredgewidth=0)
    axes.set(xlabel="true", ylabel="predicted")
    some = f", {len(chosen):,} of {len(true):,} samples" if len(chosen) < len(true) else ""
    axes.set_title(wrap(axes, f"{title or 'predicted and true'}{some}"), fontsize=10)


def _draw_errors(axes: Any, predicted: Array, errors: Array, chosen: Array, title: str) -> None:
    axes.axhline(0, color=find_ink(axes), linewidth=0.8)
    axes.plot(predicted[chosen], errors[chosen], "o", color=COLORS[1], markersize=4, alpha=0.6, markeredgewidth=0)
    axes.set(xlabel="predicted", ylabel="predicted - true")
    axes.set_title(
        f"{title}: errors" if title else f"errors: mean {errors.mean():.3g}, std {errors.std():.3g}", fontsize=10
    )
