"""Numbers, durations, settings, titles and JSON as the commands print them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modnet.compose.defaults import MAIN_JOB, merge_job
from modnet.compose.tables import Table
from modnet.text import printable

LONGEST_TITLE = 500


def format_number(value: float, digits: int = 4) -> str:
    """Return a number with so many digits, or all that it has before its point; "-" where it is none.

    >>> [format_number(x) for x in (255.0, 0.1 + 0.2, -0.0, 123456.7, float("nan"))]
    ['255', '0.3', '0', '123457', '-']
    """
    if not math.isfinite(value):
        return "-"
    if abs(value) < 1e15 and (value == int(value) or abs(value) >= 10**digits):
        return str(round(value))
    return f"{value:.{digits}g}"


def format_metric(value: float) -> str:
    """Return a metric with four digits: a place for each, unless its unit is far smaller or larger.

    >>> format_metric(0.98), format_metric(50.94213), format_metric(1.23456e-6), format_metric(9.64e61)
    ('0.9800', '50.9421', '1.235e-06', '9.64e+61')
    """
    return f"{value:.4f}" if value == 0 or 0.01 <= abs(value) < 1e6 else f"{value:.4g}"


def format_duration(seconds: float) -> str:
    """Return a time in words, in its two largest units.

    >>> [format_duration(seconds) for seconds in (0.0025, 0.25, 75, 7500, 180000)]
    ['2.5 ms', '0.2 s', '1 min 15 s', '2 h 5 min', '2 d 2 h']
    """
    if seconds < 0.1:
        return f"{seconds * 1e3:.1f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    whole = round(seconds)
    for name, size, smaller, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {name}" + (f" {rest} {smaller}" if rest else "")
    return f"{whole} s"


def format_settings(settings: Mapping[str, Any]) -> str:
    """Return settings as they would be given behind --set.

    >>> format_settings({"label": "species", "header": True})
    'label="species", header=true'
    """
    return ", ".join(f"{key}={json.dumps(value, ensure_ascii=False, default=str)}" for key, value in settings.items())


def to_json(value: Any, indent: int | None = None) -> str:
    """Return JSON, which has no NaN and no infinity: they become null.

    >>> to_json({"accuracy": [0.5, float("nan")]})
    '{"accuracy": [0.5, null]}'
    """
    plain = json.loads(json.dumps(value, default=str), parse_constant=lambda _: None)
    return json.dumps(plain, indent=indent)


def format_title(table: Table) -> str:
    """Return an experiment's table in one line, for a plot; no part of it is made.

    >>> format_title({"network": {"hidden": [30], "activation": {"name": "relu"}}})
    'mnist-small · 30 hidden units · relu, softmax, cross-entropy · central-difference, sgd · 2,000 × 100 · seed 0'
    """

    def list_names(entry: Any) -> str:
        if isinstance(entry, (list, tuple)):
            return ", ".join(map(list_names, entry))
        return str(entry.get("name") if isinstance(entry, Mapping) else entry)

    whole = merge_job(MAIN_JOB, table)
    entries = (whole[key] for key in ("data", "network", "training"))
    data, network, training = (entry if isinstance(entry, Mapping) else {} for entry in entries)
    source = Path(str(data.get("path") or list_names(whole["data"]))).name
    layers, parts = network.get("layers"), [network.get(key) for key in ("activation", "output", "loss")]
    hidden = f"{list_names(network.get('hidden')) or 'no'} hidden units · {list_names(parts)}"
    iterations = training.get("iterations")
    count = f"{iterations:,}" if isinstance(iterations, int) else iterations
    title = (
        f"{source} · {f'{list_names(layers)} · {list_names(parts[-1])}' if layers else hidden} · "
        f"{list_names(whole['gradient'])}, {list_names(whole['optimizer'])} · "
        f"{count} × {training.get('batch_size')} · seed {whole['seed']}"
    )
    return printable(title, LONGEST_TITLE)
