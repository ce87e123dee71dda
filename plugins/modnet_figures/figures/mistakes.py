"""The most confident mistakes: images with what they were taken for, or rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from modnet import Array, DataError, SettingError, Shape
from modnet.text import format_count
from modnet_figures.canvas import COLORS, drawing, open_panels, put_legend_below, shorten, wrap
from modnet_figures.images import draw_images, scale_colors, to_picture
from modnet_figures.subjects import (
    check_finite,
    check_most,
    check_scores,
    find_image_shape,
    read_subject,
    to_array,
    to_columns,
    to_indices,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["from_estimator", "from_predictions"]


def from_estimator(
    estimator: Any, x: Any = None, t: Any = None, *, shape: Shape | None = None, most: int = 16, ax: Any = None
) -> Figure:
    """Return the mistakes of a run, a network or an estimator of scikit-learn that it is most confident in.

    By default they are of a run's test samples. Where samples are images, of a `shape` (channels, H, W) that may be
    given, each is shown with its label and what it was taken for; other samples are rows of a table. Of a regression
    they are the largest errors. Raises SettingError, DataError.

    >>> data = modnet.load("mnist-small")
    >>> run = modnet.train(modnet.TwoLayerNet(784, 50, 10), data, iterations=300)
    >>> modnet.figures.mistakes.from_estimator(run).savefig("mistakes.png")
    """
    check_most(most, 0)
    subject = read_subject(estimator, x, t)
    t = subject.require_targets()
    y, rows = subject.predict(subject.rows), to_array(subject.rows, "x")
    shape = subject.shape if shape is None else shape
    if not subject.classes:
        return _draw_errors(t, y, most, ax)
    return _draw_mistakes(rows, t, y, subject.classes, shape, most, ax, subject.names)


def from_predictions(
    x: Any,
    t: Any,
    y: Any,
    *,
    classes: Sequence[Any] | None = None,
    shape: Shape | None = None,
    most: int = 16,
    ax: Any = None,
) -> Figure:
    """Return the most confident mistakes among samples `x` (N, ...) with labels `t` (N,) and scores `y` (N, classes).

    Raises SettingError, DataError.
    """
    check_most(most, 0)
    x, y = to_array(x, "x"), check_finite(to_array(y, "y"), "y")
    if y.ndim != 2 or y.shape[1] < 2:
        raise SettingError([f"y must be scores of shape (N, classes), not {y.shape}: give what predict_proba returns"])
    labels: tuple[Any, ...] = tuple(range(y.shape[1])) if classes is None else tuple(classes)
    check_scores(y, labels)
    true = to_indices(t, labels)
    if not len(x) == len(true) == len(y):
        raise DataError(f"x has {len(x):,} rows, t {len(true):,} and y {len(y):,}: give as many")
    return _draw_mistakes(x, true, y, labels, shape, most, ax)


def _draw_mistakes(
    x: Array,
    true: Array,
    y: Array,
    labels: Sequence[Any],
    shape: Shape | None,
    most: int,
    ax: Any,
    names: Sequence[str] = (),
) -> Figure:
    """Draw the mistakes among samples with class indices."""
    predicted = y.argmax(axis=1)
    wrong = np.flatnonzero(true != predicted)
    confidence = y[np.arange(len(y)), predicted]
    chosen = wrong[np.argsort(-confidence[wrong], kind="stable")][:most]
    words = [f"{shorten(labels[true[i]], 14)} → {shorten(labels[predicted[i]], 14)}" for i in chosen]
    title = f"{format_count(len(wrong), 'mistake')} in {format_count(len(y), 'sample')}"
    if len(wrong) > len(chosen):
        title += f": the {len(chosen)} most confident"
    is_share = bool(((y >= 0) & (y <= 1 + 1e-6)).all())
    known = tuple(shape) if len(x) and shape and np.prod(shape) == x[0].size else x.shape[1:]
    image = find_image_shape(known, names) if len(x) else None
    with drawing(ax):
        if image is None or not len(chosen):
            return _draw_rows(words, chosen, confidence[chosen], title, is_share=is_share, ax=ax)
        figure, (axes,) = open_panels(ax, (6, 5))
        images = np.stack([to_picture(each) for each in x[chosen].reshape(-1, *image).astype(np.float64)])
        captions = [
            f"{word}\n{_format(value, is_share=is_share)}"
            for word, value in zip(words, confidence[chosen], strict=True)
        ]
        draw_images(axes, scale_colors(images), captions, cmap="gray", vmin=0, vmax=1)
        axes.set_title(wrap(axes, title), fontsize=10)
        return figure


def _format(value: float, *, is_share: bool) -> str:
    return f"{value:.0%}" if is_share else f"{value:.3g}"


def _draw_rows(words: Sequence[str], rows: Array, values: Array, title: str, *, is_share: bool, ax: Any) -> Figure:
    """Draw a bar for each mistake, as long as the score of what it was taken for."""
    figure, (axes,) = open_panels(ax, (6, max(2.0, 1.1 + 0.28 * len(words))))
    axes.grid(visible=False)
    axes.barh(range(len(words)), values, color=COLORS[1], height=0.7)
    axes.set_yticks(range(len(words)), [f"row {row + 1}: {word}" for row, word in zip(rows, words, strict=True)])
    axes.tick_params(labelsize=8, length=0)
    axes.set(ylim=(max(len(words), 1) - 0.5, -0.5), ylabel="")
    axes.set_xlabel("probability of the wrong class" if is_share else "score", fontsize=8)
    if is_share:
        axes.set_xlim(0, 1)
    axes.set_title(wrap(axes, title), fontsize=10)
    return figure


def _draw_errors(t: Array, y: Array, most: int, ax: Any) -> Figure:
    """Draw the largest errors of a regression: what is true, and what was predicted."""
    t, y = to_columns(t), to_columns(y)
    spread = t.std(axis=0)
    size = np.sqrt((((y - t) / np.where(spread > 0, spread, 1)) ** 2).mean(axis=1))
    chosen = np.argsort(-size, kind="stable")[:most]
    with drawing(ax):
        figure, (axes,) = open_panels(ax, (6, max(2.0, 1.3 + 0.28 * len(chosen))))
        for place, i in enumerate(chosen):
            axes.plot([t[i, 0], y[i, 0]], [place, place], color=COLORS[1], linewidth=1.5)
        axes.plot(t[chosen, 0], range(len(chosen)), "o", color=COLORS[0], label="true")
        axes.plot(y[chosen, 0], range(len(chosen)), "s", color=COLORS[1], label="predicted", markersize=5)
        axes.set_yticks(range(len(chosen)), [f"row {i + 1}" for i in chosen])
        axes.tick_params(labelsize=8)
        axes.set(ylim=(len(chosen) - 0.5, -0.5), xlabel="target" if t.shape[1] == 1 else "target 1")
        axes.set_title(f"the {len(chosen)} largest errors of {format_count(len(t), 'sample')}", fontsize=10)
        put_legend_below(axes)
        return figure
