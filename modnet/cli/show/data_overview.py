"""The overview of a data set as text and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import attrs
import numpy as np
from modnet_figures.contents import find_most_frequent, pick_varied

from modnet.cli.show.columns import ColumnSummary, format_columns, format_preparation
from modnet.cli.show.proposal import format_block, format_command
from modnet.cli.show.summary import MOST_VALUES, Summary
from modnet.cli.show.table_overview import format_advice, format_facts
from modnet.cli.show.terminal import Screen, format_bar, format_images
from modnet.cli.show.values import format_number, format_settings, to_json
from modnet.data.dataset import Dataset
from modnet.data.samples import describe_part
from modnet.text import format_count, format_size, format_table, measure_width, printable
from modnet.types import Array

CLASSES = 20  # at most are shown, the most frequent ones
BAR = 40
CELL = 12
KEY = 10


@attrs.frozen(eq=False, kw_only=True)
class Overview:
    """A data set with all that is shown of it."""

    what: str
    """The name or the file that it was read by."""
    source: str
    settings: Mapping[str, Any]
    """The source's settings as they were inferred."""
    notes: Sequence[str]
    data: Dataset
    summary: Summary
    samples: int
    """The number of training samples to show."""
    columns: Sequence[ColumnSummary] = ()
    """The columns as they stand in the file, or none where that is no table."""
    block: Mapping[str, Any] = attrs.field(factory=dict)
    """The settings, given and inferred, that say how a file is read; none of a data set by name."""

    targets: Array | None = None
    """The targets (N, targets) of a regression's training samples, in their unit."""

    @property
    def names(self) -> Sequence[str]:
        """The columns' names; their numbers from 0 where they have none."""
        return self.data.feature_names or [str(i) for i in range(self.data.train.table.shape[1])]

    @property
    def has_words(self) -> bool:
        """Say whether columns hold codes of text."""
        return any(column.words is not None for column in self.data.columns)

    @cached_property
    def chosen(self) -> Array:
        """The indices of the training samples to show: of each class in turn."""
        return pick_varied(self.data.train.t, len(self.data.classes), self.samples)

    @property
    def headline(self) -> str:
        """The name and the size of the data set in a line."""
        whole = len(self.data.test) == 0
        sizes = format_count(len(self.data.train), "sample") if whole else f"{self.data.format_sizes()} samples"
        features = format_count(self.data.features, "feature")
        classes = format_count(len(self.data.classes), "class", "classes")
        if self.targets is not None:
            classes = "regression"
        if (columns := self.data.train.table.shape[1]) != self.data.features:
            features += f" of {format_count(columns, 'column')}"
        return f"{printable(self.what, 200)} ({self.source}): {sizes}, {features}, {classes}"


def overview_to_text(view: Overview, screen: Screen) -> str:
    """Return an overview, as wide as the screen and in characters that it can show."""
    blocks = [_format_facts(view, screen)]
    blocks.append(_format_classes(view, screen) if view.targets is None else _format_targets(view.targets))
    is_table = view.columns and not view.summary.side
    preparation = view.data.preparation
    if is_table:
        blocks.append(format_columns(view.columns, screen))
    if preparation and (is_table or view.has_words):
        blocks.append(format_preparation(preparation, screen))
    elif view.summary.distinct:
        blocks.append(_format_features(view, screen))
    blocks.append(_format_images(view, screen) if view.summary.side else _format_rows(view, screen))
    if view.block:
        blocks += format_advice(view.what, view.block)
    return screen.to_encodable("\n\n".join("\n".join(lines) for lines in blocks if lines))


def overview_to_json(view: Overview) -> str:
    """Return an overview as a JSON object."""
    data, summary, chosen = view.data, view.summary, view.chosen
    counts = {name: values.tolist() for name, values in summary.counts.items()}
    columns = (summary.minimum, summary.maximum, summary.mean, summary.deviation)
    keys = ("name", "minimum", "maximum", "mean", "deviation")
    rows = zip(view.names, *(column.tolist() for column in columns), strict=True)
    ranges: list[dict[str, Any]] = [dict(zip(keys, row, strict=True)) for row in rows]
    for feature, distinct in zip(ranges, summary.distinct, strict=False):
        feature["distinct"] = distinct
    raw = data.train.unscaled(chosen).tolist()
    cells = [[_get_cell(each, column.words) for each, column in zip(row, data.columns, strict=True)] for row in raw]
    values = zip(chosen.tolist(), data.train.t[chosen].tolist(), cells, strict=True)
    record = {
        "data": view.what,
        "source": view.source,
        "trainable": True,
        "settings": dict(view.settings),
        "notes": list(view.notes),
        **{name: len(samples) for name, samples in data.parts.items()},
        "features": data.features,
        "dtype": data.train.table.dtype.name,
        "bytes": summary.size,
        "scale": data.scale,
        "image_side": summary.side,
        "minimum": float(summary.minimum.min()),
        "maximum": float(summary.maximum.max()),
        "mean": summary.whole_mean,
        "deviation": summary.whole_deviation,
        "constant": summary.constant,
        "repeated": summary.repeated,
        "shared": summary.shared,
        "task": "classification" if view.targets is None else "regression",
        "baseline": float(summary.all_counts.max() / summary.all_counts.sum()) if view.targets is None else 0.0,
        "classes": [
            {"label": label, **{name: values[i] for name, values in counts.items()}}
            for i, label in enumerate(data.classes)
        ],
        "ranges": ranges,
        "columns": [attrs.asdict(column) for column in view.columns],
        "preparation": data.preparation.to_dict() if data.preparation else None,
        "toml": "\n".join(format_block(view.what, view.block)) + "\n" if view.block else None,
        "command": format_command(view.what, view.block) if view.block else None,
        "samples": [{"row": i + 1, "label": data.classes[t], "values": row} for i, t, row in values],
    }
    return to_json(record)


def _format_facts(view: Overview, screen: Screen) -> list[str]:
    """Return the headline, and below it what is not about single classes or features."""
    data, summary = view.data, view.summary
    lacking = any(column.fill is not None for column in data.preparation.columns) if data.preparation else False
    facts = [
        ("data", view.headline),
        ("settings", format_settings(view.settings)),
        *(("notes" if i == 0 else "", note) for i, note in enumerate(view.notes)),
        ("missing", "" if view.notes or lacking else "no values"),
        ("baseline", _format_baseline(view)),
        ("kept as", f"{data.train.table.dtype.name}, {format_size(summary.size)}"),
        ("values", "" if view.has_words else _format_values(view)),
        ("features", "" if summary.distinct else _format_spread(view, screen)),
        ("repeated", _format_repeated(summary, data)),
    ]
    return format_facts(facts, screen)


def _format_baseline(view: Overview) -> str:
    total = view.summary.all_counts
    if view.targets is not None:
        return "R² 0, of always answering the mean"
    label = printable(str(view.data.classes[total.argmax()]), 40)
    return f"accuracy {total.max() / max(total.sum(), 1):.4f}, of always answering {label}"


def _format_targets(targets: Array) -> list[str]:
    rows = [["target", "min", "mean", "max", "deviation"]]
    for i, column in enumerate(targets.T):
        numbers = (column.min(), column.mean(), column.max(), column.std())
        rows.append([str(i + 1), *(format_number(float(number)) for number in numbers)])
    return format_table(rows)


def _format_values(view: Overview) -> str:
    summary = view.summary
    numbers = (summary.minimum.min(), summary.maximum.max(), summary.whole_mean, summary.whole_deviation)
    low, high, mean, deviation = (format_number(float(number)) for number in numbers)
    divided = f"; divided by {format_number(view.data.scale)} for training" if view.data.scale != 1 else ""
    return f"from {low} to {high}, mean {mean}, standard deviation {deviation}{divided}"


def _format_spread(view: Overview, screen: Screen) -> str:
    """Return how features differ, where they are too many for a table."""
    deviation, constant = view.summary.deviation, view.summary.constant
    varying = np.flatnonzero(view.summary.minimum < view.summary.maximum)
    text = f"{constant:,} of {len(deviation):,} never vary" if constant else "all vary"
    if not len(varying):
        return text
    ends = (varying[deviation[varying].argmin()], varying[deviation[varying].argmax()])
    least, most = (f"{format_number(float(deviation[i]))} ({screen.fit_name(view.names[i])})" for i in ends)
    return f"{text}; standard deviations from {least} to {most}"


def _format_repeated(summary: Summary, data: Dataset) -> str:
    if summary.repeated is None:
        return ""
    text = "none"
    if summary.repeated:
        text = f"{format_count(summary.repeated, 'sample')} with the features of an earlier one"
    if summary.shared:
        parts = " or ".join(describe_part(name) for name in data.parts if name != "train")
        text += f"; {format_count(summary.shared, f'{parts} sample')} with those of a training sample"
    return text


def _format_classes(view: Overview, screen: Screen) -> list[str]:
    """Return a table of classes with bars; of many the most frequent ones."""
    summary, data = view.summary, view.data
    total = summary.all_counts
    shown = find_most_frequent(total, CLASSES)
    parts = [name for name, samples in data.parts.items() if len(samples)] or ["train"]
    heads = [describe_part(name) for name in parts] if len(parts) > 1 else ["samples"]
    rows = [["class", *heads, "share"]]
    for i in shown:
        counts = [f"{summary.counts[name][i]:,}" for name in parts]
        rows.append([screen.fit_name(data.classes[i]), *counts, f"{100 * total[i] / max(total.sum(), 1):.1f} %"])
    lines = format_table(rows)
    width = min(BAR, screen.columns - measure_width(max(lines, key=measure_width)) - 2)
    if width >= KEY:
        keys = [f"{format_bar([*[0] * i, 1], 1, 1, screen)} {head}" for i, head in enumerate(heads)]
        lines[0] += f"  {' '.join(keys)}" if len(parts) > 1 else ""
        for line, i in enumerate(shown, 1):
            lines[line] += "  " + format_bar(
                [summary.counts[name][i] for name in parts], total.max(initial=1), width, screen
            )
    if others := np.delete(total, shown).tolist():
        sizes = f"{min(others):,}" if min(others) == max(others) else f"{min(others):,} to {max(others):,}"
        lines.append(f"and {format_count(len(others), 'more class', 'more classes')}, of {sizes} samples each")
    return lines


def _format_features(view: Overview, screen: Screen) -> list[str]:
    """Return a table of few features."""
    summary = view.summary
    columns = (summary.minimum, summary.mean, summary.maximum, summary.deviation)
    rows = [["feature", "min", "mean", "max", "deviation", "values"]]
    for i, (name, distinct) in enumerate(zip(view.names, summary.distinct, strict=True)):
        numbers = (format_number(float(column[i])) for column in columns)
        rows.append([screen.fit_name(name), *numbers, f">{MOST_VALUES:,}" if distinct is None else f"{distinct:,}"])
    return format_table(rows)


def _format_images(view: Overview, screen: Screen) -> list[str]:
    summary, train, side = view.summary, view.data.train, view.summary.side or 0
    images = train.unscaled(view.chosen).reshape(-1, side, side).astype(np.float64)
    captions = [screen.fit_name(view.data.classes[i]) for i in train.t[view.chosen]]
    low, high = float(summary.minimum.min()), float(summary.maximum.max())
    return format_images(images, captions, low, high, screen)


def _format_rows(view: Overview, screen: Screen) -> list[str]:
    """Return a table of the chosen samples, with as many features as fit."""
    train, names, chosen = view.data.train, view.names, view.chosen
    if not len(chosen):
        return []
    x = train.unscaled(chosen)
    columns = [["class", *(screen.fit_name(view.data.classes[i]) for i in train.t[chosen])]]
    if view.targets is not None:
        columns = [["target", *(format_number(float(value), 6) for value in view.targets[chosen, 0])]]
    for j, name in enumerate(names):
        words = view.data.columns[j].words
        cells = [_get_cell(value, words) for value in x[:, j].tolist()]
        shown = (format_number(cell, 6) if isinstance(cell, float) else cell or "-" for cell in cells)
        column = [screen.fit_name(name, CELL), *(screen.fit_name(cell, CELL) for cell in shown)]
        if measure_width(format_table(list(zip(*columns, column, strict=True)))[0]) > screen.columns and j:
            break
        columns.append(column)
    lines = format_table(list(zip(*columns, strict=True)))
    left = len(names) - len(columns) + 1
    return [*lines, f"and {format_count(left, 'more feature')}"] if left else lines


def _get_cell(value: float, words: Sequence[str] | None) -> float | str | None:
    """Return the value of a raw table as it stands in the file."""
    if value != value:
        return None
    return float(value) if words is None else words[int(value)]
