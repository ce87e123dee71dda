"""The confusion matrix: how often each class is taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from modnet import Array, DataError, SettingError
from modnet.text import measure_width
from modnet_figures.canvas import COLORS, INK, PAPER, drawing, label_places, measure_inches, open_panels
from modnet_figures.subjects import check_finite, check_scores, read_subject, to_array, to_indices

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["from_estimator", "from_predictions"]

SMALLEST = 4.5  # points of text that can be read
PALEST = 0.12  # of a cell that is not empty


def from_estimator(estimator: Any, x: Any = None, t: Any = None, *, ax: Any = None) -> Figure:
    """Return the confusion matrix of a run, a network or an estimator of scikit-learn; of a run by default its test's.

    `x` are samples as its `predict` takes them, and `t` their labels. Raises SettingError, DataError.

    >>> data = modnet.load("iris")
    >>> run = modnet.train(modnet.Network.for_data(data), data, iterations=300)
    >>> modnet.figures.confusion_matrix.from_estimator(run).savefig("confusion.png")
    """
    subject = read_subject(estimator, x, t)
    if not subject.classes:
        raise SettingError(["a confusion matrix is of classes, and this is a regression: take mistakes"])
    t = subject.require_targets()
    return _draw(t, subject.predict(subject.rows).argmax(axis=1), subject.classes, ax)


def from_predictions(t: Any, y: Any, *, classes: Sequence[Any] | None = None, ax: Any = None) -> Figure:
    """Return the confusion matrix of labels `t` (N,) and predictions `y`: labels (N,), or scores (N, classes).

    A row is a true class: the blue is the share that is recognised, the orange that is taken for another class. Where
    `classes` are text, `t` and `y` may be class indices. Raises DataError.

    >>> modnet.figures.confusion_matrix.from_predictions(["cat", "dog"], ["cat", "cat"]).axes[0].get_title()
    '1 of 2 right (50.0%)'
    """
    true, predicted = to_array(t, "t"), to_array(y, "y")
    scored = predicted.ndim == 2 and predicted.shape[1] > 1
    check_finite(true, "t")
    check_finite(predicted, "y")
    if classes is None and scored:
        classes = range(predicted.shape[1])
    elif classes is None:
        found = {_to_label(label) for each in (true, predicted) for label in each.reshape(-1).tolist()}
        classes = sorted(found, key=str if any(isinstance(label, str) for label in found) else None)
    labels = tuple(classes)
    if not labels:
        raise DataError("t and y are empty: give a label at least")
    if scored:
        check_scores(predicted, labels)
    true, predicted = to_indices(true, labels), predicted.argmax(axis=1) if scored else to_indices(predicted, labels)
    if len(true) != len(predicted):
        raise DataError(f"t has {len(true):,} labels and y {len(predicted):,}: give as many")
    return _draw(true, predicted, labels, ax)


def _to_label(label: Any) -> Any:
    """Return a label, of a number that is whole the whole number: one of t may be 1 where that of y is 1.0."""
    return int(label) if isinstance(label, float) and label.is_integer() else label


def _draw(true: Array, predicted: Array, labels: Sequence[Any], ax: Any) -> Figure:
    """Draw the matrix of class indices."""
    count = len(labels)
    counts = np.bincount(true * count + predicted, minlength=count * count).reshape(count, count)
    with drawing(ax):
        longest = max((min(18, measure_width(str(label))) for label in labels), default=0)
        side = min(max(3.2, 1.6 + 0.42 * count) + 0.065 * longest, 9.0)
        figure, (axes,) = open_panels(ax, (side + 0.6, side))
        axes.imshow(_color(counts), interpolation="nearest")
        axes.grid(visible=False)
        width, height = measure_inches(axes)
        label_places(axes.xaxis, labels, width, across=True)
        label_places(axes.yaxis, labels, height)
        axes.set(xlabel="predicted", ylabel="true")
        right = int(np.trace(counts))
        axes.set_title(f"{right:,} of {len(true):,} right ({right / max(len(true), 1):.1%})", fontsize=10)
        _write_counts(axes, counts, 72 * min(width, height) / count)
        return figure


def _color(counts: Array) -> Array:
    """Return the colors (K, K, 4) of cells by their share of the row; those of empty cells are transparent."""
    from matplotlib.colors import to_rgb

    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    wrong = shares * (1 - np.eye(len(counts)))
    strength = np.where(np.eye(len(counts)) > 0, shares, wrong / (wrong.max(initial=0) or 1))
    strength = np.where(counts > 0, PALEST + (1 - PALEST) * strength, 0)[..., None]
    full = np.where(np.eye(len(counts))[..., None] > 0, to_rgb(COLORS[0]), to_rgb(COLORS[1]))
    return np.concatenate([1 - strength * (1 - full), counts[..., None] > 0], axis=2)


def _write_counts(axes: Any, counts: Array, side: float) -> None:
    """Write the number into each cell that is not empty, where cells of so many points have a place for it."""
    size = min(10.0, 1.3 * side / max(3, len(f"{counts.max(initial=0):,}")))
    if size < SMALLEST:
        return
    colors = _color(counts)
    for row, column in zip(*np.nonzero(counts), strict=True):
        is_dark = colors[row, column, :3] @ (0.2126, 0.7152, 0.0722) < 0.5
        style = {"color": PAPER if is_dark else INK, "ha": "center", "va": "center", "fontsize": size}
        axes.text(column, row, f"{counts[row, column]:,}", **style)
