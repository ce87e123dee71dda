"""The picture of a data set."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from modnet_figures.figures import COLORS, GREY, create_figure, drawing, escape

from modnet.cli.show.summary import (
    Summary,
    choose_bin_edges,
    count_histograms,
    find_first_of_each,
    find_most_frequent,
    resample,
)
from modnet.data.dataset import Dataset
from modnet.data.samples import describe_part
from modnet.text import JOINERS, printable
from modnet.types import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CLASSES, _FEATURES, _ACROSS, _SIDE, _LONGEST = 20, 11, 12, 64, 24  # how much of a data set a picture shows


@drawing()
def draw_data(data: Dataset, summary: Summary, title: str = "") -> Figure:
    """Return what a data set looks like: how many samples each class has, and samples or the spread of features.

    Images are shown class by class. Of other data, the first features have a histogram for each class, if these are
    few enough to be told apart. Raises MissingExtraError.
    """
    classes = find_most_frequent(summary.all_counts, _CLASSES)
    cut: list[str] = []
    if summary.side:
        figure = create_figure((9, max(2.5, 1.0 + 0.5 * len(classes))))
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 1))
        _draw_samples(left, data, summary, classes)
        left.set_box_aspect(len(classes) / _ACROSS)
        right.set_box_aspect(3 * len(classes) / _ACROSS)
        right.tick_params(left=False, labelleft=False)
        _draw_counts(right, data, summary, classes, [COLORS[0]] * len(classes))
    else:
        with np.errstate(over="ignore"):
            is_drawable = np.isfinite(summary.maximum - summary.minimum)
        features = np.flatnonzero(is_drawable)[:_FEATURES].tolist()
        colors = list(COLORS) if len(data.classes) <= len(COLORS) else [GREY] * _CLASSES
        columns = min(3, len(features) + 1)
        rows = math.ceil((len(features) + 1) / columns)
        figure = create_figure((3.4 * columns, max(0.6 + 2.4 * rows, 1.0 + 0.25 * len(classes))))
        first, *others = figure.subplots(rows, columns, squeeze=False).flat
        _draw_counts(first, data, summary, classes, colors)
        first.set_yticks(range(len(classes)), [_format_name(data.classes[i]) for i in classes])
        _draw_histograms(others, data, summary, features, colors)
        if len(features) < data.features:
            cut.append(f"{len(features)} of {data.features:,} features")
    if len(classes) < len(data.classes):
        cut.append(f"the {len(classes)} most frequent of {len(data.classes):,} classes")
    lines = [*textwrap.wrap(title, int(12 * figure.get_figwidth())), *filter(None, [", ".join(cut)])]
    figure.suptitle(escape("\n".join(lines)), fontsize=10)
    return figure


def _draw_samples(axes: Any, data: Dataset, summary: Summary, classes: Array) -> None:
    """Draw the first images of each class, a row a class."""
    side = min(summary.side or 0, _SIDE)
    cell = side + 1  # a gap between images
    mosaic = np.full((cell * len(classes), cell * _ACROSS), np.nan)
    each = find_first_of_each(data.train.t, len(data.classes), _ACROSS)
    for row, index in enumerate(classes):
        images = data.train.unscaled(each[index]).reshape(-1, summary.side or 0, summary.side or 0)
        for column, image in enumerate(images):
            place = slice(row * cell, row * cell + side), slice(column * cell, column * cell + side)
            mosaic[place] = resample(image.astype(np.float64), side, side)
    low, high = summary.minimum.min(), summary.maximum.max()
    extent = (0, _ACROSS, len(classes) - 0.5, -0.5)
    axes.imshow(mosaic, cmap="gray", vmin=low, vmax=high, extent=extent, aspect="auto", interpolation="nearest")
    axes.set_yticks(range(len(classes)), [_format_name(data.classes[i]) for i in classes])
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _draw_counts(axes: Any, data: Dataset, summary: Summary, classes: Array, colors: Sequence[str]) -> None:
    """Draw the number of samples of each class, in its color, each further part of the data paler."""
    parts = [name for name, samples in data.parts.items() if len(samples)] or ["train"]
    drawn = np.zeros(len(classes), np.int64)
    for i, name in enumerate(parts):
        counts = summary.counts[name][classes]
        axes.barh(range(len(classes)), counts, left=drawn, color=colors[: len(classes)], alpha=0.4**i)
        drawn += counts
    for place, j in enumerate(classes):
        words = " + ".join(f"{summary.counts[name][j]:,}" for name in parts)
        axes.text(drawn[place], place, f" {words}", va="center", fontsize=8)
    axes.set_xlim(0, 1.5 * max(drawn.max(), 1))
    axes.set_ylim(len(classes) - 0.5, -0.5)
    axes.set_title(" + ".join(map(describe_part, parts)) + " samples" if len(parts) > 1 else "samples", fontsize=9)
    axes.set_xticks([])
    axes.spines[["top", "right", "bottom"]].set_visible(False)


def _draw_histograms(
    grid: Sequence[Any], data: Dataset, summary: Summary, features: Sequence[int], colors: Sequence[str]
) -> None:
    """Draw how the values of some features are spread: for each class, or for all together where colors are one."""
    edges = [choose_bin_edges(summary, j) for j in features]
    names = data.feature_names or [f"feature {j}" for j in range(data.features)]
    apart = len(set(colors)) > 1
    for axes, j, some, counts in zip(grid, features, edges, count_histograms(data, features, edges), strict=False):
        for color, values in zip(colors, counts if apart else [counts.sum(axis=0)], strict=False):
            axes.stairs(values, some, color=color, fill=True, alpha=0.25)
            axes.stairs(values, some, color=color, linewidth=1.3)
        axes.set_title(_format_name(names[j]), fontsize=9)
        axes.tick_params(labelsize=8)
        axes.yaxis.get_major_locator().set_params(integer=True)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in grid[len(features) :]:
        axes.set_axis_off()


def _format_name(name: object) -> str:
    """Return a label or a name as it is, and no more of it than fits."""
    return escape(printable(str(name), _LONGEST, JOINERS))
