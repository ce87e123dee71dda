"""Pictures of the network."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

import modnet
from modnet import Dataset, Network, Samples, figures
from modnet_display.html import Html
from modnet_display.pages.facts import Unknown, attempt
from modnet_display.pages.sections.phrases import Sentence
from modnet_display.pages.sections.pictures import SMALL, draw_within, explain_lack, show_picture
from modnet_display.pages.sections.view import RunView


def draw_weights(view: RunView) -> Iterator[Html]:
    """Yield the weights of the first layer."""
    network, data = view.facts.network, view.facts.data
    if isinstance(network, Unknown) or not (names := [*filter(modnet.is_weight, network.params)]):
        return
    name = names[0]
    values = modnet.to_numpy(network.params[name])
    numbers = {
        "name": name, "count": f"{values.size:,}", "low": f"{values.min():.3g}", "high": f"{values.max():.3g}"
    }  # fmt: skip
    shape = data.shape if isinstance(data, Dataset) and len(data.shape) == 3 and len(network.shape) == 1 else None
    shape = shape if view.facts.has_images else None
    is_filter, rows = values.ndim == 4, min(math.prod(network.shape), 30)  # (filters, channels, height, width)
    is_image = is_filter or (view.facts.has_images and values.ndim == 2)
    channels = values.shape[1] if is_filter else (shape or network.shape)[0] if len(shape or network.shape) == 3 else 1
    caption = "weights color" if is_image and channels == 3 else "weights image" if is_image else "weights table"
    yield show_picture(
        view,
        "weights",
        lambda: draw_within(
            SMALL if is_image else (4.8, 1.4 + 0.22 * rows),
            figures.weights.from_estimator,
            view.facts.run if isinstance(data, Dataset) else network,  # of a run without data it is the network
            shape=shape,
        ),
        [("weights range", numbers)],
        caption,
    )


def draw_boundary(view: RunView) -> Iterator[Html]:
    """Yield what is predicted in the plane of two features."""
    samples = view.facts.samples
    if isinstance(samples, Unknown) or isinstance(view.facts.network, Unknown):
        return
    if samples.unscaled(slice(0, 1)).shape[1] != 2:
        return
    caption = "surface caption" if view.facts.is_regression else "boundary caption"
    sentences: list[Sentence] = []
    if (found := view.facts.classification) is not None:
        t, y = found
        sentences.append(("mistaken", {"wrong": f"{int((y.argmax(axis=1) != t).sum()):,}", "all": f"{len(t):,}"}))
    yield show_picture(
        view,
        "boundary",
        lambda: draw_within(SMALL, figures.decision_boundary.from_estimator, view.facts.run, samples),
        sentences,
        caption,
    )


def draw_activations(view: RunView) -> Iterator[Html]:
    """Yield how the outputs of each layer are spread."""
    samples = view.facts.samples
    if isinstance(samples, Unknown) or isinstance(view.facts.network, Unknown):
        return
    figure = attempt(lambda: figures.activations.from_estimator(view.facts.run, samples))
    if isinstance(figure, Unknown):
        yield explain_lack(view, figure)
        return
    yield show_picture(
        view,
        "activations",
        lambda: figure,
        [],
        "activations caption",
        spread=", ".join(panel.get_title().replace("\n", ": ") for panel in figure.axes[:15]),
    )


def draw_gradients(view: RunView) -> Iterator[Html]:
    """Yield the size of the gradient in each layer."""
    samples = view.facts.samples
    if isinstance(samples, Unknown) or isinstance(view.facts.network, Unknown):
        return
    sizes = attempt(lambda: _measure_gradients(view.facts.network, samples))
    if isinstance(sizes, Unknown):
        yield explain_lack(view, sizes)
        return
    shown = ", ".join(f"{name} {size:.2g}" for name, size in list(sizes.items())[:12])
    yield show_picture(
        view,
        "gradients",
        lambda: draw_within(
            (5.0, max(2.4, 1.2 + 0.3 * len(sizes))), figures.gradient_sizes.from_estimator, view.facts.run, samples
        ),
        [("gradient sizes", {"sizes": shown})],
        "gradients caption",
    )


def _measure_gradients(network: Network, samples: Samples) -> dict[str, float]:
    """Return the root mean square of the gradient in each array of parameters."""
    some = samples.choose(np.arange(min(100, len(samples))))
    with np.errstate(over="ignore", invalid="ignore"):  # of a run that diverged
        grads = network.gradient(some.x, some.t, "backpropagation")
    found = {}
    for name, g in grads.items():
        values = modnet.to_numpy(g)
        largest = float(np.abs(values).max())  # without which squares may overflow
        found[name] = largest * float(np.sqrt(((values / (largest or 1)) ** 2).mean()))
    return found
