"""The training of a run: its data, its network, its settings."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import tomli_w

import modnet
from modnet import Dataset, Network
from modnet.text import printable
from modnet_display.entries import find_table, format_entry, is_given, name_data
from modnet_display.html import Html, join
from modnet_display.pages.facts import Unknown, attempt
from modnet_display.pages.sections.elements import code, details, facts_table
from modnet_display.pages.sections.phrases import format_count, say_or_show
from modnet_display.pages.sections.view import RunView
from modnet_display.pages.words import say


def describe_training(view: RunView) -> Iterator[Html]:
    """Yield the data, the network and the settings of training in a table, and the experiment as its file has it."""
    facts, table_ = view.facts, view.facts.experiment
    rows: list[tuple[object, object]] = [
        (say("data"), say("given") if is_given(table_) else name_data(table_)),
        *_describe_data(view),
    ]
    network, of_network = facts.network, find_table(table_, "network")
    if isinstance(network, Unknown):
        parts = {key: value for key, value in of_network.items() if key not in {"loss", "weight_init_std"}}
        shown = "; ".join(f"{key}: {format_entry(value)}" for key, value in parts.items())
        rows.append((say("network"), shown))
    else:
        count = sum(math.prod(param.shape) for param in network.params.values())
        rows += [(say("network"), _name_layers(network)), (say("parameters"), f"{count:,}")]
    training = find_table(table_, "training")
    made = say(
        "batches", iterations=format_count(training.get("iterations")),
        size=format_count(training.get("batch_size")), sampling=say_or_show(training.get("sampling")),
    )  # fmt: skip
    rows += [
        (say("loss"), format_entry(of_network.get("loss", ""))),
        (say("gradient"), format_entry(table_.get("gradient", ""))),
        (say("optimizer"), format_entry(table_.get("optimizer", ""))),
        (say("training"), made),
    ]
    if callbacks := table_.get("callbacks"):
        rows.append((say("callbacks"), format_entry(callbacks)))
    yield facts_table(rows)
    if isinstance(network, Network):
        yield details(say("layers"), code(network.summary()))
    if facts.run.experiment is not None and isinstance(text := attempt(lambda: tomli_w.dumps(dict(table_))), str):
        yield details(say("experiment"), code(text))


def _describe_data(view: RunView) -> Iterator[tuple[object, object]]:
    """Yield the counts of the data: as it is, or as the receipt has them."""
    data, receipt = view.facts.data, view.facts.receipt
    known = find_table(receipt, "data") if isinstance(receipt, Mapping) else {}
    if isinstance(data, Dataset):
        counts = {name: len(part) for name, part in data.parts.items()}
        features: Any = data.features
        scale: Any = data.scale
        classes: Any = len(data.classes)
    else:
        rows = {key.removesuffix(" rows"): value for key, value in known.items() if key.endswith(" rows")}
        counts = {"train" if name == "training" else name: value for name, value in rows.items()}
        features, scale, classes = (known.get(key) for key in ("features", "divisor", "classes"))
    if counts:
        words = [say("part", count=format_count(n), name=say_or_show(name)) for name, n in counts.items() if n]
        yield say("samples"), join(words, ", ")
    if features is not None:
        count = format_count(features)
        is_divided = isinstance(scale, (int, float)) and scale != 1
        yield say("features"), say("divided", features=count, scale=f"{scale:g}") if is_divided else count
    if classes:
        labels = [printable(str(name), 20) for name in view.facts.classes[:12]]
        more = ", ..." if len(view.facts.classes) > len(labels) else ""
        yield say("labels"), f"{format_count(classes)}" + (f": {', '.join(labels)}{more}" if labels else "")


def _name_layers(network: Any) -> str:
    """Return the shapes and the layers in a row: 784 → dense 50, sigmoid → dense 10, softmax."""
    found = ["x".join(map(str, network.shape))]
    for place in network.placed:
        activation = place.layer.activation
        if activation is not None and modnet.find_name(place.layer) == "activation":
            found[-1] += f", {modnet.find_name(activation)}"
        else:
            found.append(f"{modnet.find_name(place.layer)} {'x'.join(map(str, place.outputs))}")
    return " → ".join(found)
