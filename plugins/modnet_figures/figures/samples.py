"""Samples of a data set: images, points, or histograms."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from modnet import Array, Dataset, SettingError
from modnet_figures.canvas import (
    COLORS,
    GREY,
    MARKERS,
    drawing,
    escape,
    find_ink,
    find_longest,
    measure_inches,
    open_panels,
    put_legend_below,
    put_title,
    shorten,
    wrap,
)
from modnet_figures.contents import (
    Contents,
    choose_bin_edges,
    class_indices,
    count_histograms,
    find_first_of_each,
    find_most_frequent,
    pick_varied,
)
from modnet_figures.images import resample

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["from_dataset"]

CLASSES = 20
FEATURES = 11
ACROSS = 12  # images in a row
WIDEST = 40  # of them where more are asked for
SIDE = 64  # pixels of an image
DOTS = 2000
WORDS = 6  # values of a column of text that are named


def from_dataset(data: Dataset | Any, *, most: int | None = None, title: str = "", ax: Any = None) -> Figure:
    """Return what a data set looks like: images class by class, points in the plane of two features, or histograms.

    `most` is the number of training samples that are shown, of each class in turn; by default those that there is room
    for. Beside images and histograms are the numbers of samples of each class, which are further parts' where paler. A
    histogram has the share of each class, so that a small one is as well seen as a large one. Raises SettingError.

    >>> data = modnet.load("mnist-small")
    >>> modnet.figures.samples.from_dataset(data).savefig("samples.png")
    """
    if not isinstance(data, Dataset):
        what = f"samples are of a data set, not of {type(data).__name__}"
        raise SettingError([f"{what}: give modnet.load(...) or modnet.Dataset.from_arrays(x, t)"])
    if most is not None and most < 0:
        raise SettingError([f"'most' must be a number of samples, 0 or more: {most}"])
    contents = Contents.from_dataset(data)
    with drawing(ax):
        columns = room = data.train.table.shape[1]
        if contents.image:
            figure, cut = _draw_images(data, contents, most, ax)
        elif _is_plane(data, contents) and most != 0:
            figure, cut = _draw_plane(data, most, ax)
        else:
            room = _find_room(ax)
            figure, cut = _draw_features(data, contents, most, ax)
        notes = [f"{room} of {columns:,} features"] * (columns > room)
        shown = min(CLASSES, len(data.classes))
        notes += [f"the {shown} most frequent of {len(data.classes):,} classes"] * (len(data.classes) > shown)
        lines = [*textwrap.wrap(title, int(12 * figure.get_figwidth())), ", ".join(filter(None, [*notes, cut]))]
        put_title(figure, ax, escape("\n".join(filter(None, lines))))
        return figure


def _find_room(ax: Any) -> int:
    """Return the number of histograms that there is room for."""
    if ax is None:
        return FEATURES
    width, height = measure_inches(ax)
    return min(FEATURES, max(2, int(width / 1.6) * int(height / 1.4)) - 1)


def _find_drawable(contents: Contents) -> Array:
    """Return the columns with a finite range."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.flatnonzero(np.isfinite(contents.high - contents.low))


def _is_plane(data: Dataset, contents: Contents) -> bool:
    """Return whether samples are points: of two features and a class, or of one and a target."""
    if any(column.words for column in data.train.columns) or len(_find_drawable(contents)) < len(contents.low):
        return False
    if not data.classes:
        return len(contents.low) == 1 and data.train.t.shape[1:] == (1,)
    return len(contents.low) == 2 and len(data.classes) <= CLASSES


def _draw_images(data: Dataset, contents: Contents, most: int | None, ax: Any) -> tuple[Figure, str]:
    """Draw the first images of each class, a row a class, and the numbers of samples; return what is left out, too."""
    classes, cut = find_most_frequent(contents.all_counts, CLASSES), ""
    t = class_indices(data, data.train)
    if most is None:
        chosen = find_first_of_each(t, len(contents.all_counts), ACROSS if data.classes else 3 * ACROSS)
    else:
        some = np.sort(pick_varied(t, len(contents.all_counts), most))
        chosen = [some[t[some] == index] for index in range(len(contents.all_counts))]
    rows = [chosen[index] for index in classes]
    if len(rows) == 1:
        rows = [rows[0][start : start + ACROSS] for start in range(0, min(len(rows[0]), CLASSES * ACROSS), ACROSS)]
    elif max(map(len, rows)) > WIDEST:
        rows, cut = [row[:WIDEST] for row in rows], f"the first {WIDEST} of each class"
    across = max(map(len, rows), default=0)
    _, height, width = contents.image or (1, 1, 1)
    size = (3.2 + 0.5 * max(across, 2), max(2.5, 1.0 + 0.5 * max(len(classes), len(rows))))
    if not across:
        figure, (counts,) = open_panels(ax, size, 1)
        _draw_counts(counts, data, contents, classes)
        return figure, cut
    figure, (images, counts) = open_panels(ax, size, 2, width_ratios=(max(across, 2) / 5, 1))
    _draw_mosaic(images, data, contents, rows, across)
    _name_rows(images, data, classes if len(rows) == len(classes) and data.classes else [])
    _draw_counts(counts, data, contents, classes)
    if len(rows) == len(classes):
        counts.set_yticks([])
        counts.set_box_aspect(len(rows) * height / width / 5)
    return figure, cut


def _draw_mosaic(axes: Any, data: Dataset, contents: Contents, rows: Sequence[Array], across: int) -> None:
    channels, *size = contents.image or (1, 1, 1)
    height, width = (min(each, SIDE) for each in size)
    mosaic = np.full(((height + 1) * len(rows), (width + 1) * across, channels), np.nan)
    for row, indices in enumerate(rows):
        images = data.train.unscaled(np.asarray(indices, np.int64)).reshape(-1, channels, *size).astype(np.float64)
        for column, image in enumerate(images):
            place = slice(row * (height + 1), row * (height + 1) + height)
            where = place, slice(column * (width + 1), column * (width + 1) + width)
            mosaic[where] = np.moveaxis(np.stack([resample(each, height, width) for each in image]), 0, -1)
    low, high = contents.low.min(), contents.high.max()
    style: dict[str, Any] = {"cmap": "gray", "vmin": low, "vmax": high}
    if channels == 1:
        shown = mosaic[..., 0]
    else:
        colors = np.clip((mosaic - low) / ((high - low) or 1), 0, 1)
        shown, style = np.concatenate([np.nan_to_num(colors), ~np.isnan(colors[..., :1])], axis=2), {}
    extent = (0, across, len(rows) - 0.5, -0.5)
    axes.imshow(shown, extent=extent, aspect="auto", interpolation="nearest", **style)
    axes.set_box_aspect(len(rows) * height / (across * width))
    axes.set_xticks([])
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _name_rows(axes: Any, data: Dataset, classes: Sequence[int] | Array) -> None:
    longest = find_longest(axes)
    axes.set_yticks(range(len(classes)), [shorten(data.classes[index], longest) for index in classes], fontsize=8)


def _choose_colors(data: Dataset) -> list[str]:
    """Return a color for each class, or grey for all of many."""
    return list(COLORS[: len(data.classes)]) if 1 <= len(data.classes) <= len(COLORS) else [GREY]


def _draw_counts(axes: Any, data: Dataset, contents: Contents, classes: Array) -> None:
    """Draw the number of samples of each class, in its color, each further part of the data paler."""
    found = _choose_colors(data)
    colors = [COLORS[0]] * len(classes) if contents.image else [found[index % len(found)] for index in classes]
    parts = [name for name, samples in data.parts.items() if len(samples)] or ["train"]
    drawn = np.zeros(len(classes), np.int64)
    for number, name in enumerate(parts):
        counts = contents.counts[name][classes]
        style = {"color": colors, "alpha": 0.4**number, "edgecolor": colors, "linewidth": 0.8}
        axes.barh(range(len(classes)), counts, left=drawn, **style)
        drawn += counts
    for place, index in enumerate(classes):
        words = " + ".join(f"{contents.counts[name][index]:,}" for name in parts)
        axes.text(drawn[place], place, f" {words}", va="center", fontsize=8)
    longest = max(len(f"{count:,}") for count in drawn) + 3 * (len(parts) - 1)
    axes.set_xlim(0, (1.25 + 0.08 * longest) * max(drawn.max(), 1))
    axes.set_ylim(len(classes) - 0.5, -0.5)
    names = {"train": "training"}
    titles = [names.get(name, name) for name in parts]
    axes.set_title(wrap(axes, " + ".join(titles) + " samples" if len(parts) > 1 else "samples", 9), fontsize=9)
    axes.set_xticks([])
    axes.grid(visible=False)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    _name_rows(axes, data, classes if data.classes else [])


def _draw_plane(data: Dataset, most: int | None, ax: Any) -> tuple[Figure, str]:
    """Draw samples as points, those for training filled, others hollow; return what is left out, too."""
    figure, (axes,) = open_panels(ax, (5.5, 4.6))
    colors, names = _choose_colors(data), [*data.feature_names, "feature 1", "feature 2"][:2]
    parts = {name: part for name, part in data.parts.items() if len(part)}
    if most is not None:
        t = class_indices(data, data.train)
        parts = {"train": data.train.choose(np.sort(pick_varied(t, max(1, len(data.classes)), most)))}
    for name, part in parts.items():
        some = part.choose(np.arange(min(len(part), DOTS)))
        rows = some.unscaled(slice(None)).astype(np.float64)
        if not data.classes:
            dots = {"marker": ".", "color": COLORS[0] if name == "train" else COLORS[1]}
            axes.plot(rows[:, 0], data.to_unit(some.t)[:, 0], linestyle="none", label=f"{name}: {len(part):,}", **dots)
            continue
        for index, label in enumerate(data.classes):
            style: dict[str, Any] = {
                "color": colors[index % len(colors)],
                "marker": MARKERS[index % len(MARKERS)],
                "markersize": 4,
            }
            if name != "train":
                style["markerfacecolor"] = "none"
            counts = " + ".join(f"{int((each.t == index).sum()):,}" for each in parts.values())
            words = f"{shorten(label, 18)}: {counts}" if name == "train" and len(data.classes) <= len(COLORS) else None
            axes.plot(*rows[some.t == index].T, linestyle="none", label=words, **style)
    axes.set(xlabel=shorten(names[0]), ylabel=shorten(names[1]) if data.classes else "target")
    if len(parts) > 1 and data.classes:
        others = ", ".join(name for name in parts if name != "train")
        axes.plot([], [], "o", color=find_ink(axes), markerfacecolor="none", markersize=4, label=f"hollow: {others}")
    if len(data.classes) <= len(COLORS):
        put_legend_below(axes)
    has_more = any(len(part) > DOTS for part in parts.values())
    return figure, f"the first {DOTS:,} of each part" if has_more else ""


def _draw_features(data: Dataset, contents: Contents, most: int | None, ax: Any) -> tuple[Figure, str]:
    """Draw the numbers of samples, and how the values of features are spread; return what is left out, too."""
    classes = find_most_frequent(contents.all_counts, CLASSES)
    features = _find_drawable(contents)[: _find_room(ax)].tolist()
    count = len(features) + 1
    columns = min(3, count)
    size = (3.4 * columns, max(0.6 + 2.4 * -(-count // columns), 1.0 + 0.25 * len(classes)))
    figure, (first, *others) = open_panels(ax, size, count)
    if data.classes:
        _draw_counts(first, data, contents, classes)
    else:
        values = np.concatenate([data.to_unit(part.t)[:, 0] for part in data.parts.values()])
        first.stairs(*np.histogram(values, min(24, 5 + int(len(values) ** 0.5))), fill=True, color=COLORS[0], alpha=0.6)
        name = "target" if data.train.t.shape[1] == 1 else "target 1"
        first.set_title(f"{name}: {len(values):,} samples", fontsize=9)
    t, chosen = class_indices(data, data.train), None
    if most is not None:
        chosen = pick_varied(t, len(contents.all_counts), most)
    edges = [choose_bin_edges(contents, j) for j in features]
    names = data.feature_names or [f"feature {j + 1}" for j in range(len(contents.low))]
    for axes, j, some, found in zip(others, features, edges, count_histograms(data, features, edges), strict=True):
        _draw_histogram(axes, data, found, some)
        if chosen is not None and len(chosen):
            values, colors = data.train.unscaled(chosen)[:, j].astype(np.float64), _choose_colors(data)
            style = {"color": [colors[index % len(colors)] for index in t[chosen]], "linewidth": 1.2}
            axes.vlines(values, 0, 0.07, transform=axes.get_xaxis_transform(), **style)
        axes.set_title(shorten(names[j]), fontsize=9)
        _name_values(axes, data, j, some)
    if others and len(_choose_colors(data)) > 1:
        others[0].set_ylabel("share of each class", fontsize=8)
    elif others:
        others[0].set_ylabel("samples", fontsize=8)
    words = f"ticks: {len(chosen):,} training samples" if chosen is not None and len(chosen) and features else ""
    return figure, words


def _draw_histogram(axes: Any, data: Dataset, counts: Array, edges: Array) -> None:
    """Draw the values of a feature: the share of each class, or the counts of all together where they are many."""
    colors = _choose_colors(data)
    if len(colors) == 1:
        axes.stairs(counts.sum(axis=0), edges, color=colors[0], fill=True, alpha=0.4)
        axes.stairs(counts.sum(axis=0), edges, color=colors[0], linewidth=1.3)
        axes.yaxis.get_major_locator().set_params(integer=True)
    else:
        for color, values in zip(colors, counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), strict=True):
            axes.stairs(values, edges, color=color, fill=True, alpha=0.2)
            axes.stairs(values, edges, color=color, linewidth=1.3)
        axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.tick_params(labelsize=8)
    axes.locator_params(axis="y", nbins=4)


def _name_values(axes: Any, data: Dataset, j: int, edges: Array) -> None:
    """Label a column of text with its words, and keep the numbers of others apart."""
    words = data.columns[j].words
    if words and len(words) <= WORDS:
        axes.set_xticks(range(len(words)), [shorten(word, 8) for word in words])
    elif words:
        axes.set_xticks([])
        axes.set_xlabel(f"{len(words):,} words", fontsize=8)
    else:
        axes.locator_params(axis="x", nbins=4, integer=len(edges) - 1 == round(edges[-1] - edges[0]))
