"""The drawing of a network: its layers with their sizes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

import modnet
from modnet import Array, Network, PlacedLayer, Shape
from modnet.text import format_count
from modnet_figures.canvas import COLORS, GREY, drawing, escape, find_ink, measure_inches, open_panels, shorten, wrap
from modnet_figures.subjects import read_subject

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["from_network"]

MOST = 9  # layers beside each other; more are rows below each other
ROWS = 40  # of these
DOTS = 8  # units of a layer that are dots
LINES = 100  # weights of a layer that have the color of their sign
RISING, FALLING = "#c2452d", "#2c72b5"  # weights above 0 and below it


@attrs.frozen(eq=False, kw_only=True)
class Stage:
    """A layer with the activation behind it, or the inputs."""

    name: str
    shape: Shape
    arrays: str = ""
    """Its parameters in words."""
    params: int = 0
    weights: Array | None = None
    """The weights (inputs, outputs) of a dense layer."""


def from_network(network: Any, *, title: str = "", ax: Any = None) -> Figure:
    """Return the layers of a network, a run or an estimator of modnet with their sizes and numbers of parameters.

    A dot is a unit, of many some. Between layers of few units lines are weights: red above 0, blue below it, and the
    wider, the larger. Raises SettingError.

    >>> net = modnet.TwoLayerNet(2, 3, 2, seed=0)
    >>> modnet.figures.network.from_network(net).savefig("network.png")
    """
    found = read_subject(network).require_network("drawings")
    stages = list_stages(found)
    total = format_count(sum(modnet.to_numpy(value).size for value in found.params.values()), "parameter")
    loss = modnet.find_name(found.loss_function)
    with drawing(ax):
        if len(stages) > MOST:
            figure, (axes,) = open_panels(ax, (6, 0.6 + 0.3 * min(len(stages), ROWS + 1)))
            _draw_rows(axes, stages)
        else:
            figure, (axes,) = open_panels(ax, (max(4.0, 1.6 * len(stages)), 3.2))
            _draw_columns(axes, stages)
        axes.set_title(wrap(axes, escape(title) if title else f"{total}; loss {loss}"), fontsize=10)
        return figure


def list_stages(network: Network) -> list[Stage]:
    """Return the inputs and the layers, each with the activation behind it."""
    stages = [Stage(name="input", shape=network.shape)]
    for place in network.placed:
        name = modnet.find_name(place.layer.activation or place.layer)
        if place.layer.activation and len(stages) > 1 and stages[-1].shape == place.outputs and not place.params:
            stages[-1] = attrs.evolve(stages[-1], name=f"{stages[-1].name}, {name}")
            continue
        stages.append(_describe(network, place, name))
    return stages


def _describe(network: Network, place: PlacedLayer, name: str) -> Stage:
    shapes = [(place.name(param.name), param.shape) for param in place.params]
    arrays = ", ".join(f"{key} {'×'.join(map(str, shape)) or '1'}" for key, shape in shapes)
    weight = next((param.name for param in place.params if param.is_weight), None)
    return Stage(
        name=name,
        shape=place.outputs,
        arrays=arrays,
        params=sum(math.prod(shape) for _, shape in shapes),
        weights=modnet.to_numpy(network.params[place.name(weight)]) if weight and place.layer.is_dense else None,
    )


def _format_shape(shape: Shape) -> str:
    return f"{shape[0]:,}" if len(shape) == 1 else "×".join(map(str, shape))


def _place_units(count: int, gap: float) -> tuple[list[int], list[float]]:
    """Return the units of a layer that are drawn, and how high; of many the first and the last, with a gap between."""
    if count <= DOTS:
        return list(range(count)), [gap * ((count - 1) / 2 - i) for i in range(count)]
    half = DOTS // 2
    shown = [*range(half), *range(count - half, count)]
    return shown, [DOTS / 2 - i - (i >= half) for i in range(DOTS)]


def _draw_columns(axes: Any, stages: Sequence[Stage]) -> None:
    """Draw the layers beside each other, from left to right."""
    width, _ = measure_inches(axes)
    ink = find_ink(axes)
    placed: list[tuple[list[int], list[float]]] = []
    gap = min(2.0, DOTS / max(min(stage.shape[0], DOTS) for stage in stages))
    size = max(5.0, min(8.0, 72 * width / len(stages) / 11))
    for x, stage in enumerate(stages):
        flat = len(stage.shape) == 1
        units, heights = _place_units(stage.shape[0], gap) if flat else ([], [])
        if stage.weights is not None and placed[-1][0] and units:
            _draw_weights(axes, x, stage.weights, placed[-1], (units, heights))
        elif x:
            axes.annotate("", (x - 0.25, 0), (x - 0.75, 0), arrowprops={"arrowstyle": "->", "color": GREY})
        placed.append((units, heights))
        color = COLORS[0] if x and stage.params else GREY
        if flat:
            axes.scatter([x] * len(units), heights, s=90 if len(units) < 6 else 50, color=color, zorder=3)
            if stage.shape[0] > DOTS:
                axes.text(x, 0, "⋮", ha="center", va="center", color=ink, fontsize=10, zorder=4)
        else:
            _draw_sheets(axes, x, stage.shape, color)
        words = [_format_shape(stage.shape), *_wrap(stage.name), *_wrap(stage.arrays)]
        axes.text(x, -DOTS / 2 - 1, "\n".join(words), ha="center", va="top", fontsize=size, linespacing=1.25)
    lines = max(2 + len(_wrap(stage.name)) + len(_wrap(stage.arrays)) for stage in stages)
    axes.set(xlim=(-0.6, len(stages) - 0.4), ylim=(-DOTS / 2 - 1.2 - 0.75 * lines, DOTS / 2 + 0.6))
    axes.set_axis_off()


def _wrap(text: str) -> list[str]:
    return [shorten(word.strip(), 20) for word in text.split(", ") if word]


def _draw_sheets(axes: Any, x: float, shape: Shape, color: str) -> None:
    """Draw images as sheets behind each other, one for a channel, of many three."""
    from matplotlib.patches import Rectangle

    for sheet in range(min(shape[0], 3) - 1, -1, -1):
        corner = x - 0.28 + 0.06 * sheet, -1.8 + 0.5 * sheet
        axes.add_patch(Rectangle(corner, 0.45, 3.0, facecolor=color, edgecolor=find_ink(axes), alpha=0.8, zorder=3))


def _draw_weights(
    axes: Any, x: int, weights: Array, before: tuple[list[int], list[float]], after: tuple[list[int], list[float]]
) -> None:
    """Draw a line for each weight between units that are drawn."""
    from matplotlib.collections import LineCollection

    ends = [((x - 1, a), (x, b)) for a in before[1] for b in after[1]]
    if weights.size > LINES:
        axes.add_collection(LineCollection(ends, colors=[GREY], linewidths=0.4, alpha=0.5))
        return
    some = weights[np.ix_(before[0], after[0])].ravel()
    size = np.abs(some) / (np.abs(some).max(initial=0) or 1.0)
    colors = [RISING if value > 0 else FALLING for value in some]
    axes.add_collection(LineCollection(ends, colors=colors, linewidths=0.4 + 2.2 * size))


def _draw_rows(axes: Any, stages: Sequence[Stage]) -> None:
    """Draw the layers below each other, from top to bottom: a bar is as long as the logarithm of its outputs."""
    shown = [*stages[: ROWS // 2], *stages[len(stages) - ROWS // 2 :]] if len(stages) > ROWS else [*stages]
    longest = max(math.log(1 + math.prod(stage.shape)) for stage in shown)
    for row, stage in enumerate(shown):
        color = COLORS[0] if stage.params else GREY
        axes.barh(row, 0.3 * math.log(1 + math.prod(stage.shape)) / longest, left=0, height=0.7, color=color)
        axes.text(0.32, row, _format_shape(stage.shape), va="center", fontsize=8)
        axes.text(0.5, row, shorten(stage.name, 30), va="center", fontsize=8)
        axes.text(0.78, row, f"{stage.params:,}" if stage.params else "", va="center", fontsize=8)
    for x, head in ((0.32, "outputs"), (0.5, "layer"), (0.78, "parameters")):
        axes.text(x, -1, head, va="center", fontsize=8, color=GREY)
    if len(stages) > ROWS:
        axes.text(0.5, ROWS / 2 - 0.5, f"⋮ {len(stages) - ROWS} more", va="center", fontsize=7, color=GREY)
    axes.set(xlim=(0, 1), ylim=(len(shown) - 0.5, -1.6))
    axes.set_axis_off()
