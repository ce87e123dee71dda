"""The weights of the first layer, as images or as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import modnet
from modnet import Array, PlacedLayer, SettingError, Shape
from modnet_figures.canvas import drawing, label_places, measure_inches, open_panels, shorten, wrap
from modnet_figures.images import draw_images, to_picture
from modnet_figures.subjects import Subject, check_most, find_image_shape, read_subject

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["from_estimator"]

MAP = "RdBu_r"  # red above 0, blue below it
TABLE = 60  # features or units of a table


def from_estimator(estimator: Any, *, shape: Shape | None = None, most: int = 25, ax: Any = None) -> Figure:
    """Return the weights of the first layer of a run, a network or an estimator of scikit-learn.

    Where samples are images, of a `shape` (channels, H, W) that may be given, they are the images of the first `most`
    units or filters: red where a brighter pixel raises the unit's sum, blue where it lowers it; of three channels the
    color that raises it most, and grey is 0. Of other samples they are a table of features and units. Raises
    SettingError.

    >>> data = modnet.load("mnist-small")
    >>> run = modnet.train(modnet.TwoLayerNet(784, 50, 10), data, iterations=300)
    >>> modnet.figures.weights.from_estimator(run).savefig("weights.png")
    """
    subject = read_subject(estimator)
    check_most(most, 1)
    weights, image, title = _find_weights(estimator, subject, shape)
    if image is not None and int(np.prod(image)) != weights[0].size:
        what = f"a unit has {weights[0].size:,} weights, and an image of shape {tuple(image)} {int(np.prod(image)):,}"
        raise SettingError([f"{what}: give (channels, height, width)"], "shape")
    with drawing(ax):
        if image is None:
            return _draw_table(weights, subject.names, title, ax)
        count, weights = len(weights), weights[:most]
        title += "" if count == len(weights) else f", the first {len(weights)}"
        figure, (axes,) = open_panels(ax, (6, 4.8))
        images = np.stack([to_picture(each) for each in weights.reshape(-1, *image)])
        largest = float(np.abs(images).max(initial=0)) or 1.0
        if images.ndim == 4:
            draw_images(axes, 0.5 + images / (2 * largest))
            axes.set_title(wrap(axes, f"{title}: grey is 0"), fontsize=10)
        else:
            draw_images(axes, images, cmap=MAP, vmin=-largest, vmax=largest)
            bar = figure.colorbar(axes.images[0], ax=axes, fraction=0.04, pad=0.02)
            bar.ax.tick_params(labelsize=8)
            bar.outline.set_visible(False)
            axes.set_title(wrap(axes, title), fontsize=10)
        return figure


def _find_weights(estimator: Any, subject: Subject, shape: Shape | None) -> tuple[Array, Shape | None, str]:
    """Return the weights (units, inputs), the shape of their images, or None, and a title."""
    if subject.network is None:
        found = getattr(estimator, "coefs_", None) or [getattr(estimator, "coef_", None)]
        if found[0] is None:
            what = f"{type(estimator).__name__} has no weights: give a run, a network, or an estimator with coefs_"
            raise SettingError([what])
        weights = np.atleast_2d(found[0])
        weights = weights.T if hasattr(estimator, "coefs_") else weights
        image = tuple(shape) if shape else find_image_shape((weights.shape[1],), subject.names)
        return weights, image, f"weights of {len(weights):,} units"
    weighted = [place for place in subject.network.placed if any(param.is_weight for param in place.params)]
    if not weighted:
        raise SettingError([f"{subject.network!r} has no weights: give a network with a layer that has some"])
    place = weighted[0]
    name = next(param.name for param in place.params if param.is_weight)
    weights = modnet.to_numpy(subject.network.params[place.name(name)]).astype(np.float64)
    if place.layer.is_dense:
        image = shape or _find_shape(subject, place)
        return weights.T, image, f"{place.name(name)}: the weights of {weights.shape[1]:,} units"
    if weights.ndim == 4:  # (filters, channels, height, width)
        image = weights.shape[1:] if weights.shape[1] in {1, 3} else (1, *weights.shape[2:])
        what = f"{weights.shape[0]:,} filters"
        if weights.shape[1] not in {1, 3}:
            weights, what = weights[:, :1], f"the first channel of {what}"
        return weights.reshape(len(weights), -1), image, f"{place.name(name)}: {what}"
    return weights.reshape(len(weights), -1), None, f"{place.name(name)}: {shorten(place.label)}"


def _find_shape(subject: Subject, place: PlacedLayer) -> Shape | None:
    """Return the shape of the images that go into a dense layer, where they are some."""
    inputs = place.inputs[0]
    known = subject.shape if int(np.prod(subject.shape)) == inputs else (inputs,)
    return find_image_shape(known, subject.names)


def _draw_table(weights: Array, names: tuple[str, ...], title: str, ax: Any) -> Figure:
    """Draw a row for each feature, and a column for each unit."""
    table = weights[:TABLE, :TABLE].T
    count = weights.shape[1]
    title += f", the first {TABLE}" if len(weights) > TABLE else ""
    title += f": the first {TABLE} of {count:,} features" if count > TABLE else ""
    features = names if len(names) == count else tuple(f"feature {j + 1}" for j in range(count))
    largest = float(np.abs(table).max(initial=0)) or 1.0
    size = min(max(4.0, 2 + 0.22 * table.shape[1]), 9.0), min(max(2.6, 1.2 + 0.22 * table.shape[0]), 9.0)
    figure, (axes,) = open_panels(ax, size)
    drawn = axes.imshow(table, cmap=MAP, vmin=-largest, vmax=largest, aspect="auto", interpolation="nearest")
    axes.grid(visible=False)
    width, height = measure_inches(axes)
    label_places(axes.xaxis, range(1, table.shape[1] + 1), 0.75 * width, across=True)
    label_places(axes.yaxis, features[: table.shape[0]], height)
    axes.set(xlabel="unit")
    axes.set_title(wrap(axes, title), fontsize=10)
    bar = figure.colorbar(drawn, ax=axes, fraction=0.05, pad=0.02)
    bar.ax.tick_params(labelsize=8)
    bar.outline.set_visible(False)
    return figure
