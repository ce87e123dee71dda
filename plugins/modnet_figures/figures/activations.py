"""The activations of each layer, as histograms side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import modnet
from modnet import Array, Network, SettingError
from modnet_figures.canvas import COLORS, drawing, measure_inches, open_panels, shorten
from modnet_figures.subjects import read_subject

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["from_estimator"]

SAMPLES = 1000
LAYERS = 15
BINS = 30


def from_estimator(estimator: Any, x: Any = None, *, ax: Any = None) -> Figure:
    """Return how the outputs of each layer are spread, over the units and the first 1,000 samples.

    `estimator` is a run, a network or an estimator of modnet; a run has its test samples. A layer and the activation
    behind it are one. Chapter 6.2 of Saitoh, "Deep Learning from Scratch", has such pictures. Raises SettingError.

    >>> net = modnet.Network([100] * 6, weight_init_std=1.0)
    >>> x = np.random.default_rng(0).normal(size=(1000, 100))
    >>> modnet.figures.activations.from_estimator(net, x).savefig("activations.png")
    """
    subject = read_subject(estimator, x)
    network = subject.require_network("activations")
    samples = subject.require_samples()[:SAMPLES]
    if samples[0].size != network.inputs:
        raise SettingError([f"x has {samples[0].size:,} numbers in a row, and the network takes {network.inputs:,}"])
    found = find_activations(network, samples)[:LAYERS]
    with drawing(ax):
        across = 5 if ax is None else max(1, min(5, int(measure_inches(ax)[0] / 0.85)))
        columns = min(len(found), across)
        rows = -(-len(found) // columns)
        figure, panels = open_panels(ax, (max(3.6, 2.2 * columns), 0.4 + 2.1 * rows), len(found), columns=columns)
        for axes, (name, values) in zip(panels, found, strict=True):
            low, high = float(values.min()), float(values.max())
            half = max(0.5, abs(low) / 2) if low == high else 0.0
            counts, edges = np.histogram(values, BINS, (low - half, high + half))
            axes.stairs(counts / values.size, edges, fill=True, color=COLORS[0], alpha=0.75)
            title = shorten(name)
            if across < 5:  # side by side in little space
                title = title.replace(": ", "\n")
            else:
                title += f"\nmean {values.mean():.2g}, std {values.std():.2g}"
            axes.set_title(title, fontsize=8)
            axes.tick_params(labelsize=7)
            axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
            axes.locator_params(axis="both", nbins=4)
        return figure


def find_activations(network: Network, x: Any) -> list[tuple[str, Array]]:
    """Return the name and the outputs (N, ...) of each layer for samples, one that an activation follows with it."""
    z = modnet.match_array(x, next(iter(network.params.values()))).reshape(-1, *network.shape)
    stream, found = modnet.Stream(network.seed, ("layers",)), list[tuple[str, Array]]()
    number = 0
    for place, after in zip(network.placed, (*network.placed[1:], None), strict=True):
        own = place.take(network.params, network.buffers)
        z, _ = place.layer.forward(own, z, "predict", stream.child(place.index))
        name = modnet.find_name(place.layer.activation or place.layer)
        number += bool(place.params)
        if (after is None or after.layer.activation is None) and name not in {"flatten", "dropout"}:
            found.append((f"layer {number}: {name}" if number else name, modnet.to_numpy(z).astype(np.float64)))
    return found
