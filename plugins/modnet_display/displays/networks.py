"""Display of a network: a drawing, and its layers."""

from __future__ import annotations

import math
from collections.abc import Iterator

from modnet import Network, PlacedLayer, figures, find_name
from modnet_display.displays.drawing import draw, note
from modnet_display.html import Html, element, table

LAYERS = 40  # that have a row; of more, the first ones


def describe(network: Network) -> Iterator[Html]:
    """Yield what a notebook shows of a network."""
    total = sum(math.prod(array.shape) for array in network.params.values())
    kind = type(network).__name__
    yield element("b", f"{kind} with {total:,} parameters")
    if len(network.placed) <= LAYERS:
        yield draw(repr(network)[1:-1], lambda: figures.network.from_network(network))
    rows = [["", "samples", "x".join(map(str, network.shape)), "", ""], *map(_list_cells, network.placed[:LAYERS])]
    yield table(["", "layer", "output", "arrays", "parameters"], rows, row_heads=False)
    if len(network.placed) > LAYERS:
        yield note(f"and {len(network.placed) - LAYERS:,} more layers")
    yield note(f"loss: {network.loss_function!r}")


def _list_cells(place: PlacedLayer) -> list[str]:
    activation = place.layer.activation
    arrays = ", ".join(f"{place.name(param.name)} {'x'.join(map(str, param.shape))}" for param in place.params)
    count = sum(math.prod(param.shape) for param in place.params)
    is_activation = activation is not None and find_name(place.layer) == "activation"
    name, number = (repr(activation), "") if is_activation else (repr(place.layer), str(place.number))
    return [number, name, "x".join(map(str, place.outputs)), arrays, f"{count:,}" if count else ""]
