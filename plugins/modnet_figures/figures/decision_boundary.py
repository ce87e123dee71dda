"""The decision boundary between classes in the plane of two features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from modnet import Array, SettingError
from modnet_figures.canvas import (
    COLORS,
    GREY,
    MARKERS,
    drawing,
    find_ink,
    open_panels,
    put_legend_below,
    shorten,
    wrap,
)
from modnet_figures.subjects import Subject, read_subject

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["from_estimator"]

GRID = 200  # places along each feature
DOTS = 2000  # samples that are drawn


def from_estimator(estimator: Any, x: Any = None, t: Any = None, *, ax: Any = None) -> Figure:
    """Return the classes of all points in the plane of two features, and samples upon it; mistakes have a ring.

    `estimator` is a run, a network or an estimator of scikit-learn that was trained on two features; a run has its
    test samples. The color is the paler, the less certain the class is. Of a regression the predictions are the color.
    Raises SettingError where features are not two.

    >>> data = modnet.load("moons")
    >>> run = modnet.train(modnet.Network.for_data(data), data)
    >>> modnet.figures.decision_boundary.from_estimator(run).savefig("boundary.png")
    """
    subject = read_subject(estimator, x, t)
    if subject.rows is None:
        raise SettingError(["there are no samples, which say where the plane ends: give x"])
    rows = np.asarray(subject.rows)
    if rows.ndim != 2 or rows.shape[1] != 2:
        found = f"these have {rows.shape[1]}" if rows.ndim == 2 else f"these are of shape {rows.shape[1:]}"
        raise SettingError([f"a decision boundary is in the plane of two features, and {found}"])
    rows = rows.astype(np.float64)
    low, high = rows.min(axis=0), rows.max(axis=0)
    margin = np.where(high > low, 0.08 * (high - low), np.maximum(1.0, abs(low)))
    first, second = (np.linspace(*ends, GRID) for ends in zip(low - margin, high + margin, strict=True))
    plane = np.stack([each.ravel() for each in np.meshgrid(first, second)], axis=1)
    scores = subject.predict(plane).reshape(GRID, GRID, -1)
    with drawing(ax):
        figure, (axes,) = open_panels(ax, (5.5, 4.6))
        axes.grid(visible=False)
        ends = first[0], first[-1], second[0], second[-1]
        if subject.classes:
            _draw_classes(axes, scores, ends, first, second)
        else:
            style: dict[str, Any] = {"extent": ends, "origin": "lower", "aspect": "auto", "cmap": "viridis"}
            drawn = axes.imshow(scores[..., 0], **style)
            label = "prediction" if scores.shape[2] == 1 else "prediction of target 1"
            figure.colorbar(drawn, ax=axes, label=label)
        _draw_samples(axes, subject, rows)
        if len(rows) > DOTS:
            axes.set_title(wrap(axes, f"the first {DOTS:,} of {len(rows):,} samples"), fontsize=10)
        names = subject.names if len(subject.names) == 2 else ("feature 1", "feature 2")
        axes.set(xlabel=shorten(names[0]), ylabel=shorten(names[1]), xlim=ends[:2], ylim=ends[2:])
        return figure


def _draw_classes(axes: Any, scores: Array, ends: tuple[float, ...], first: Array, second: Array) -> None:
    """Color each point by its class, and draw the lines between classes."""
    from matplotlib.colors import to_rgb

    classes = scores.shape[2]
    colors = np.array([to_rgb(COLORS[k % len(COLORS)]) for k in range(classes)])
    best = scores.argmax(axis=2)
    others = np.sort(scores, axis=2)
    margin = np.round(32 * np.clip(others[..., -1] - others[..., -2], 0, 1)) / 32  # a tenth of the size as a file
    image = np.concatenate([colors[best], (0.12 + 0.33 * margin)[..., None]], axis=2)
    axes.imshow(image, extent=ends, origin="lower", aspect="auto", interpolation="nearest")
    for k in range(classes if classes > 2 else 1):
        if (best == k).any() and (best != k).any():
            lead = scores[..., k] - np.delete(scores, k, axis=2).max(axis=2)
            axes.contour(first, second, lead, levels=[0.0], colors=[find_ink(axes)], linewidths=0.8)


def _draw_samples(axes: Any, subject: Subject, rows: Array) -> None:
    if subject.t is None:
        axes.plot(*rows[:DOTS].T, ".", color=GREY)
        return
    rows, t = rows[:DOTS], subject.t[:DOTS]
    if not subject.classes:
        low, high = axes.images[0].get_clim()
        low, high = min(low, float(t[:, 0].min())), max(high, float(t[:, 0].max()))
        axes.images[0].set_clim(low, high)  # points beyond all predictions have a color of their own
        axes.scatter(*rows.T, c=t[:, 0], vmin=low, vmax=high, cmap="viridis", edgecolors=find_ink(axes), linewidths=0.5)
        return
    wrong = subject.predict(subject.rows[:DOTS]).argmax(axis=1) != t
    for k, label in enumerate(subject.classes):
        style: dict[str, Any] = {"color": COLORS[k % len(COLORS)], "marker": MARKERS[k % len(MARKERS)]}
        axes.plot(*rows[t == k].T, linestyle="none", markersize=4, label=shorten(label, 14), **style)
    style = {"markerfacecolor": "none", "markeredgecolor": find_ink(axes), "markersize": 8, "linestyle": "none"}
    if wrong.any():
        axes.plot(*rows[wrong].T, marker="o", label=f"mistake ({int(wrong.sum())})", **style)
    if len(subject.classes) <= len(COLORS):
        put_legend_below(axes)
