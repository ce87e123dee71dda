"""Summary of a network: its layers, their outputs and their parameters."""

from __future__ import annotations

import math
import textwrap
from enum import Enum
from itertools import zip_longest

import attrs

from modnet.compose.parts import find_name, make_settings_reader
from modnet.compose.settings import get_settings
from modnet.interfaces import PlacedLayer
from modnet.nn.network import LayeredNetwork
from modnet.text import GAP, format_count, format_table
from modnet.types import Shape

WIDTH = 80
NARROWEST = 16  # columns for a layer or its parameters


def format_part(part: object) -> str:
    """Return the name of a part with its settings, but for those that are None, and defaults that are words, 0 or 1.

    >>> import modnet
    >>> format_part(modnet.optimizer("sgd", lr=0.1))
    'sgd(lr=0.1)'
    >>> [format_part(modnet.callback("gradient-quality", repeats=1, every=every)) for every in (1, 2)]
    ['gradient-quality(rows=100, repeats=1)', 'gradient-quality(rows=100, repeats=1, every=2)']
    """
    kind, write = type(part), make_settings_reader().write
    defaults = {field.name: field.default for field in attrs.fields(kind)} if attrs.has(kind) else {}
    settings = {key: value for key, value in get_settings(part).items() if value is not None}
    usual = {k for k, v in settings.items() if v == defaults.get(k) and (isinstance(v, str) or v in (0, 1))}
    shown = {key: value for key, value in settings.items() if key not in usual}
    words = ", ".join(f"{key}={write(value) if isinstance(value, Enum) else value}" for key, value in shown.items())
    return find_name(part) + f"({words})" * bool(shown)


def format_layer(place: PlacedLayer) -> str:
    """Return the name of a layer, or of the activation that it is, with its settings."""
    layer = place.layer
    return format_part(layer.activation if layer.activation and find_name(layer) == "activation" else layer)


def format_shape(shape: Shape) -> str:
    """Return a shape in words.

    >>> format_shape((1, 28, 28))
    '1x28x28'
    """
    return "x".join(map(str, shape))


def summarize(network: LayeredNetwork) -> str:
    """Return a table of the layers of a network, in lines of at most 80 columns."""
    rows = [["", "layer", "output", "parameters", "count"], ["", "samples", format_shape(network.shape), "", ""]]
    for place in network.placed:
        number = place.label.split()[1]
        index = "" if number in [row[0] for row in rows] else number  # an activation's is that of its dense layer
        count = sum(math.prod(param.shape) for param in place.params)
        cells = format_layer(place), format_shape(place.outputs), _list_arrays(place), f"{count:,}" if count else ""
        rows.append([index, *cells])
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    widths[3] = min(widths[3], max(NARROWEST, WIDTH // 3))
    widths[1] = max(NARROWEST, WIDTH - 4 * GAP - sum(widths) + widths[1])
    wrapped = []
    for row in rows:
        lines = (textwrap.wrap(cell, width) for cell, width in zip(row, widths, strict=True))
        wrapped += [[cell.replace("\0", " ") for cell in line] for line in zip_longest(*lines, fillvalue="")]
    total = format_count(sum(math.prod(array.shape) for array in network.params.values()), "parameter")
    if buffers := sum(math.prod(array.shape) for array in network.buffers.values()):
        total += f", {format_count(buffers, 'number')} in buffers"
    return "\n".join([*format_table(wrapped, left=4), f"total: {total}"])


def _list_arrays(place: PlacedLayer) -> str:
    """Return the names and shapes of a layer's arrays, each of which stays in one line."""
    params, buffers = (
        ", ".join(f"{place.name(param.name)}\0{format_shape(param.shape)}" for param in of_layer)
        for of_layer in (place.params, place.buffers)
    )
    return ", ".join(filter(None, [params, buffers and f"buffers {buffers}"]))
