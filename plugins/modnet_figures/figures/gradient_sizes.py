"""The size of the gradient in each layer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

import modnet
from modnet import Array, SettingError
from modnet_figures.canvas import COLORS, GREY, drawing, open_panels, put_legend_below
from modnet_figures.subjects import read_subject

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["from_estimator"]

SAMPLES = 100


def from_estimator(
    estimator: Any, x: Any = None, t: Any = None, *, gradient: object = "backpropagation", ax: Any = None
) -> Figure:
    """Return how large the gradient of the loss is in each array of parameters, on the first 100 samples.

    A dot is the root mean square of its entries, a line goes from the 5th percentile of their absolute values to the
    95th. `gradient` is the estimator that obtains it. By default samples are a run's own, of its test part.
    Raises SettingError.

    >>> data = modnet.load("mnist-small")
    >>> net = modnet.Network([784, 30, 30, 30, 10], seed=0)
    >>> modnet.figures.gradient_sizes.from_estimator(net, data.train).savefig("gradient.png")
    """
    subject = read_subject(estimator, x, t)
    network, features = subject.require_network("gradients"), subject.require_samples()
    if subject.learned is None:
        raise SettingError(["there are no targets: give x and t"])
    some = features[:SAMPLES], subject.learned[:SAMPLES]
    with np.errstate(over="ignore", invalid="ignore"):  # of a run that diverged
        grads = {name: np.abs(modnet.to_numpy(g)).ravel() for name, g in network.gradient(*some, gradient).items()}
    with drawing(ax):
        figure, (axes,) = open_panels(ax, (6, max(2.4, 1.2 + 0.3 * len(grads))))
        positive = [value[value > 0].min() for value in grads.values() if np.isfinite(value).all() and value.any()]
        for place, (name, values) in enumerate(grads.items()):
            color, size = COLORS[0] if modnet.is_weight(name) else COLORS[1], _find_root_mean_square(values)
            if not size or not math.isfinite(size):
                axes.text(0.02, place, f"{size:g}", transform=axes.get_yaxis_transform(), color=GREY, va="center")
                continue
            low, high = np.percentile(values, (5, 95))
            axes.plot([max(low, min(positive)), max(high, size)], [place, place], color=color, linewidth=2, alpha=0.5)
            axes.plot(size, place, "o", color=color)
        axes.set_yticks(range(len(grads)), list(grads))
        axes.set(ylim=(len(grads) - 0.5, -0.5), xlabel="size of the gradient's entries")
        if positive:
            axes.set_xscale("log")
        count = len(some[0])
        axes.set_title(f"gradient of the loss, {count} {'sample' if count == 1 else 'samples'}", fontsize=10)
        for color, label in ((COLORS[0], "weights"), (COLORS[1], "biases")):
            axes.plot([], [], "o", color=color, label=label)
        put_legend_below(axes, points=36)
        return figure


def _find_root_mean_square(values: Array) -> float:
    """Return the root mean square of numbers, however large they are."""
    largest = float(np.abs(values).max(initial=0))
    if not 0 < largest < math.inf:
        return largest
    return largest * float(np.sqrt(((values / largest) ** 2).mean()))
